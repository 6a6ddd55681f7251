"""The demonstration as a whole: load what is missing, play the main job, say what to look at."""

import tempfile
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from schwifty import IBAN

from accounts.models import User
from accounts.services import service_users
from catalogue.models import MicroCredential, Provider
from catalogue.services import imports
from catalogue.services.providers import change_iban
from funding.models import BookingState, Budget, LearningAccount, Scheme
from funding.schemes.presets import load_preset, override, preset_codes
from funding.services import accruals, schemes, seals
from ila.core import clock
from ila.core.money import format_cents
from ila.demo import (
    catalogue,
    charge_back,
    desk,
    employers,
    learning,
    never_held,
    own_part,
    people,
    settlement,
    suspicion,
)
from ila.demo.crowd import Crowd, days_since
from ila.demo.journey import Stage, Tell, Walker

DATA = Path(__file__).parent / "data"
BUDGET = "Demonstration budget"
APPROPRIATION_CENTS = 2_000_000_000
WEEKS_AGO = 11
ACCRUED_YEARS = 6
HERO = "Camille Durand"
STORY = "cpf"
TWO_APPROVE_ABOVE_CENTS = 100_000


def play(tell: Tell) -> Walker:  # noqa: PLR0915 - the acts of the demonstration, one after the other
    """Load and play everything that is missing. Returns the story's booking, settled."""
    staff = people.load_staff()
    scheme = schemes.load_preset_scheme(code=STORY, author=staff.author, approver=staff.approver)
    # The others are there to be read, changed and tried: nobody has an account in them yet.
    for code in preset_codes():
        schemes.load_preset_scheme(code=code, author=staff.author, approver=staff.approver)
    stage = Stage(scheme, staff, _first_day(scheme), tell)
    _ask_for_two_approvals(stage)
    tell("1. Public money is appropriated, credited and spent only on accredited training")
    with stage.on_day(0):
        _load_catalogue(stage)
        _load_money(stage)
    hero = _hero(stage)
    played_before = hero.booking is not None and hero.booking.state == BookingState.SETTLED
    crowd = Crowd(stage, _credentials(), days_since(stage))
    walkers = crowd.walkers()
    mates = learning.classmates(hero)
    untaught = never_held.walker_of(stage, hero)
    suspicion.load_learners(stage)
    _accrue(stage)
    learning.stack(hero)
    desk.load_outcomes(stage)
    crowd.lose_work(walkers)

    tell("2. A learner asks, the provider proposes, the learner consents")
    learning.save_search(hero)
    hero.request(day=1)
    hero.propose(day=2)
    own_part.accept(hero, day=3)
    tell("3. The service is proved step by step")
    hero.train(day=28, hours=Decimal(catalogue.HERO_HOURS) * 9 / 10, certified=True)
    hero.declare(day=35)
    learning.play_class(mates)
    never_held.declare_untaught(untaught)
    hero.claim(day=44)
    crowd.play_past(walkers)
    learning.award(hero)
    learning.talk(hero, mates)
    tell("4. Four people and a bank pay it once")
    closed = walkers[3].session.micro_credential.provider
    order = employers.order_top_up(stage, hero)
    settlement.settle(stage, closed_account=closed, arriving=employers.transfer_of(order))
    if played_before:
        hero.retell()
    hero.show_end()
    crowd.play_present(walkers)
    tell("5. An employer adds money, and an employee spends it")
    employers.spend_top_up(stage, hero, order, today=crowd.today)
    tell("6. An employer's debit is taken back by its bank after the money was spent")
    charge_back.play(stage, hero, today=crowd.today)
    tell("7. A session never took place: rights come back first, then the provider's refund")
    never_held.take_back(untaught)
    tell("8. Meanwhile providers are looked at")
    desk.apply(stage)
    desk.plan_audit(stage, hero.session.micro_credential.provider)
    tell("9. People are signed up who did not ask for it: detection says so, and two persons will decide")
    suspicion.play(stage, crowd.credentials, today=crowd.today)
    seals.seal_entries()
    return hero


def sign_ins() -> list[tuple[str, str]]:
    """Who may sign in: what they are, and their address."""
    emails = User.objects.filter(is_service=False, email__endswith="@demo.example")
    words = {
        "camille.durand": "Learner with the story's booking",
        "nadia.benali": "Learner with an award of attendance",
        "malik.ferrand": "Learner with an employer's money",
        "sonia.keller": "Learner whose employer's debit was taken back",
        "provider.82044": "Training provider",
        "employer": "Employer",
        "applicant": "Organisation that has applied, and was asked something",
        "case.worker": "Case worker of the agency",
        "payment.officer": "Payment officer",
        "second.payment.officer": "Another payment officer, who confirms",
        "auditor": "Auditor",
        "investigator": "Investigator of fraud",
        "second.investigator": "Another investigator, who decides",
        "author": "Manager who writes rules",
        "approver": "Manager who puts them into force",
    }
    known = set(emails.values_list("email", flat=True))
    return [(word, f"{name}@demo.example") for name, word in words.items() if f"{name}@demo.example" in known]


def _ask_for_two_approvals(stage: Stage) -> None:
    """The agency's own rule beside the law: above this, two persons approve a claim."""
    last = stage.scheme.versions.latest("valid_from")
    first_day = stage.first_day.astimezone(ZoneInfo(stage.scheme.timezone)).date()
    if last.parsed.second_approval_above_cents is not None or last.valid_from >= first_day:
        return
    preset = load_preset(STORY)
    rules = override(last.parsed, {"second_approval_above_cents": TWO_APPROVE_ABOVE_CENTS})
    schemes.put_into_force(
        preset=replace(preset, versions=(*preset.versions, (first_day, rules))),
        author=stage.staff.author,
        approver=stage.staff.approver,
    )


def _first_day(scheme: Scheme) -> datetime:
    """The Monday on which the story began, kept by its budget: an interrupted run goes on from there."""
    budget = Budget.objects.filter(scheme=scheme, name=BUDGET).first()
    if budget is not None:
        return budget.created_at
    zone = ZoneInfo(scheme.timezone)
    day = clock.now().astimezone(zone).date() - timedelta(weeks=WEEKS_AGO)
    return datetime.combine(day - timedelta(days=day.weekday()), time(9), tzinfo=zone)


def _load_money(stage: Stage) -> None:
    budget = schemes.appropriate(
        scheme=stage.scheme,
        budget_name=BUDGET,
        amount_cents=APPROPRIATION_CENTS,
        actor=stage.staff.author,
        idempotency_key="demo:appropriation",
    )
    stage.say(f"{format_cents(APPROPRIATION_CENTS, budget.currency)} are appropriated to “{stage.scheme}”.")


def _accrue(stage: Stage) -> None:
    with stage.on_day(0, 12):
        count = people.load_population(stage.scheme)
        budget = Budget.objects.get(scheme=stage.scheme, name=BUDGET)
        this_year = clock.now().year
        credited = sum(
            accruals.accrue_year(
                scheme=stage.scheme, year=year, actor=service_users.get("ledger"), budget=budget
            ).cents
            for year in range(this_year - ACCRUED_YEARS, this_year)
        )
        accounts = LearningAccount.objects.filter(scheme=stage.scheme).count()
        stage.say(
            f"{count:,} citizens are registered; {format_cents(credited, budget.currency)} of rights credited"
            f" now to {accounts:,} learning accounts for {ACCRUED_YEARS} years (F-01 to F-04)."
        )


def _load_catalogue(stage: Stage) -> None:
    with tempfile.TemporaryDirectory() as folder:
        register, offers = catalogue.write_files(
            Path(folder), from_day=stage.first_day.astimezone(ZoneInfo(stage.scheme.timezone)).date()
        )
        report = imports.import_catalogue(kind="edof", files=[offers], register=register)
    for place, provider in enumerate(Provider.objects.filter(register="siret", iban="").order_by("pk")):
        change_iban(actor=stage.staff.case_worker, provider_id=provider.pk, iban=_iban(place))
    stage.say(
        f"The catalogue is imported: {report.created} entries new, {report.unchanged} unchanged,"
        f" {report.rejected} rejected; one provider is suspended and cannot be booked."
    )
    listed = imports.import_catalogue(
        kind="etpl", files=[DATA / "etpl_programs.csv"], register=DATA / "etpl_providers.csv"
    )
    stage.say(
        f"A real register beside it (New Jersey, 2021): {listed.created} entries new,"
        f" {listed.unchanged} unchanged, {listed.warnings.count} warnings; shown, not bookable in this scheme."
    )


def _iban(place: int) -> str:
    """A valid account that belongs to nobody: the bank is a simulated one."""
    return str(IBAN.generate("FR", bank_code="30006", branch_code="00001", account_code=f"{place + 1:011d}"))


def _hero(stage: Stage) -> Walker:
    credential = MicroCredential.objects.get(
        provider__external_id=catalogue.PROVIDERS[0].siret, external_id=catalogue.HERO
    )
    account = people.load_learner(HERO, stage.scheme)
    member = people.load_provider_member(credential.provider, "provider.82044")
    return Walker(stage, account, credential.sessions.get(external_id="S1"), member, told=True)


def _credentials() -> list[MicroCredential]:
    """Courses that the others book: certifications of accredited providers."""
    return list(
        MicroCredential.objects.filter(
            provider__register="siret", kind__in=["rs", "rncp"], provider__accreditations__state="accredited"
        )
        .exclude(provider__external_id=catalogue.PROVIDERS[0].siret)
        .select_related("provider")
        .order_by("pk")[:8]
    )
