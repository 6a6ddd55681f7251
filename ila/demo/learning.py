"""What learning leaves behind: awards, a link that shows them, what they add up to, what learners said of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from accounts.models import Citizen
from catalogue.models import (
    Award,
    MicroCredential,
    PortfolioShare,
    Provider,
    SavedSearch,
    StackRule,
    SurveyInvitation,
)
from catalogue.services import searches, stacks, surveys
from catalogue.services.awards import create_share
from catalogue.stacking.files import RuleFile
from funding.services.awards import sweep_awards
from funding.services.surveys import invite_completers
from ila.demo import catalogue, people
from ila.demo.journey import Walker

CLASSMATES = ("Awa Ndiaye", "Mathis Renard", "Lucie Garnier", "Omar Belkacem", "Zoé Marchand", "Pavel Novák")
AWARD_DAY, TALK_DAY = 44, 45
STACK = "assistant-comptable"
SEARCH = "q=donn%C3%A9es&mode=in_person&sort=price"
# Rating, teaching, whether they would recommend it: one answer for each classmate.
OPINIONS = ((5, 5, True), (4, 5, True), (5, 4, True), (3, 4, False), (4, 4, True), (5, 5, True))


def classmates(hero: Walker) -> list[Walker]:
    """Others in the hero's session, so that a survey of it has enough answers to be shown."""
    stage = hero.stage
    return [
        Walker(stage, people.load_learner(name, stage.scheme), hero.session, hero.provider_user)
        for name in CLASSMATES
    ]


def play_class(mates: list[Walker]) -> None:
    """They take the course with the hero; all but one pass its examination."""
    for place, mate in enumerate(mates):
        mate.request(day=1)
        mate.propose(day=2)
        mate.accept(day=3)
        hours = Decimal(catalogue.HERO_HOURS) * (100 - 2 * place) / 100
        mate.train(day=28, hours=hours, certified=place != len(mates) - 1)
        mate.declare(day=35)
        mate.claim(day=44, approved=place < 3)


def award(hero: Walker) -> None:
    """What was proved is awarded, as the job does it; the hero shows hers by a link."""
    stage = hero.stage
    with stage.on_day(AWARD_DAY, 7):
        swept = sweep_awards()
        if swept["issued"]:
            outcomes = Award.objects.filter(kind="achievement").count()
            attendance = Award.objects.filter(kind="attendance").count()
            stage.say(
                f"What was proved is awarded: {outcomes} credentials of learning outcomes, {attendance} of"
                " attendance alone, each signed (Open Badges 3.0)."
            )
    own = Award.objects.filter(citizen=_citizen(hero), state="issued")
    if not own.exists() or (
        _link_file().exists() and PortfolioShare.objects.filter(citizen=_citizen(hero)).exists()
    ):
        return
    with stage.on_day(AWARD_DAY, 19):
        chosen = list(own.values_list("public_id", flat=True))
        _share, secret = create_share(actor=hero.learner, awards=chosen, days=365, label="Mon employeur")
        # The platform keeps the secret nowhere; the demonstration does, to be able to name the link again.
        _link_file().write_text(secret)
        stage.say(f"{hero.learner} shows it to an employer by a link that ends by itself.")


def talk(hero: Walker, mates: list[Walker]) -> None:
    """Who completed is asked; from five answers on the results are on the course's page."""
    stage = hero.stage
    with stage.on_day(TALK_DAY, 18):
        invite_completers(since=stage.first_day - timedelta(days=1))
        surveys.send_due_invitations()
        answered = 0
        for mate, (rating, teaching, recommends) in zip(mates, OPINIONS, strict=True):
            waiting = _waiting(mate)
            if waiting is not None:
                surveys.answer_survey(
                    public_id=waiting.public_id, rating=rating, teaching=teaching, recommends=recommends
                )
                answered += 1
        surveys.publish_results()
        if answered:
            stage.say(
                f"{answered} of the class answer the survey: its results are shown from five answers on."
            )


def stack(hero: Walker) -> None:
    """The hero's provider says which small credentials lead to a larger one of its own."""
    stage, provider = hero.stage, hero.session.micro_credential.provider
    if StackRule.objects.filter(provider=provider, code=STACK).exists():
        return
    told = RuleFile(
        code=STACK,
        title="Assistant comptable, pas à pas",
        description="Deux certifications courtes sur trois dispensent de la première partie du titre.",
        kind="n_of",
        direction="vertical",
        needed=2,
        prior_learning=True,
        final_examination=True,
        leads_to=_entry("RNCP37121_COMPTA", provider).entry,
        members=[
            _entry(catalogue.HERO, provider).entry,
            _entry("RS6776_BUREAU").entry,
            _entry("RS6438_ANGLAIS", provider).entry,
        ],
    )
    with stage.on_day(0, 16):
        stacks.enter_rule(actor=hero.provider_user, provider_id=provider.pk, told=told)
        stage.say(f"{provider} says what stacks onto what: “{told.title}”, two of three.")


def save_search(hero: Walker) -> None:
    """The hero keeps a search: mails tell her what is new in it."""
    if SavedSearch.objects.filter(owner=hero.learner).exists():
        return
    with hero.stage.on_day(1, 9):
        searches.save_search(actor=hero.learner, query=SEARCH, name="Données, en présentiel")
        hero.stage.say(f"{hero.learner} keeps a search, to be told of new offers.")


def sights(hero: Walker) -> list[tuple[str, str]]:
    """Where to look: addresses, and what is there."""
    found = [
        ("/portfolio/", "the learner's awards and links"),
        ("/pathway/", "what the learner's awards add up to"),
        ("/catalogue/saved/", "the learner's saved search"),
        ("/stacks/", "what stacks onto what, as a picture"),
        ("/awards/", "the provider's awards, outcomes and attendance"),
        (
            f"/catalogue/{hero.session.micro_credential_id}/",
            "the story's course, with what its learners said",
        ),
    ]
    own = Award.objects.filter(citizen=_citizen(hero)).order_by("pk").first()
    if own is not None:
        found.insert(0, (reverse("verify_award", args=[own.public_id]), "the learner's award, verified"))
    if _link_file().exists():
        address = reverse("shared_portfolio", args=[_link_file().read_text()])
        found.insert(1, (address, "the same, as an employer sees it by the link"))
    waiting = _waiting(hero)
    if waiting is not None:
        found.append((reverse("survey", args=[waiting.public_id]), "the survey that waits for the learner"))
    return found


def _waiting(walker: Walker) -> SurveyInvitation | None:
    """The survey of the course that waits for the walker's answer."""
    return SurveyInvitation.objects.filter(
        kind="end",
        citizen=_citizen(walker),
        micro_credential=walker.session.micro_credential,
        answer__isnull=True,
    ).first()


def _citizen(walker: Walker) -> Citizen:
    citizen: Citizen = walker.account.citizen
    return citizen


def _link_file() -> Path:
    return Path(settings.DATA_DIR) / "demo_link"


def _entry(number: str, provider: Provider | None = None) -> MicroCredential:
    found = MicroCredential.objects.filter(external_id=number, provider__register="siret")
    if provider is not None:
        found = found.filter(provider=provider)
    return found.order_by("pk")[0]
