"""First sign-ins: accounts that were prepared, new ones, and claims that a clerk decides, alone or in twos."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest
from allauth.account.models import EmailAddress

from accounts.identity.facts import BirthDate
from accounts.models import (
    Citizen,
    CitizenMark,
    Identity,
    IdentityClaim,
    Message,
    OpenFact,
    User,
)
from accounts.models.identities import Level
from accounts.services import citizens, identities, identity_claims
from ila.core.errors import DomainError
from tests.accounts.identity.support import CONFIG, NIR, configure, person, proved, registered
from tests.factories.accounts import MembershipFactory, UserFactory, officer

pytestmark = pytest.mark.django_db

EMAIL = "camille@example.org"
NUMBER = "national_id:fr.nir"
OTHER = CONFIG | {"id": "other", "name": "Other ID", "issuer": "https://other.example.org"}


@pytest.fixture(autouse=True)
def providers(settings: Any) -> None:
    configure(settings, CONFIG, OTHER)


def enrol(email: str = EMAIL, **more: Any) -> Any:
    return identities.enrol(proved=proved(CONFIG, **more), email=email, language="fr")


def clerk() -> User:
    return officer("case_worker")


def claimed() -> IdentityClaim:
    _identity, settled = enrol()
    assert settled.claim is not None
    return settled.claim


def mails(user: User) -> list[str]:
    return list(Message.objects.filter(recipient=user).order_by("pk").values_list("template", flat=True))


def refused(code: str, **params: Any) -> Any:
    return pytest.raises(DomainError, match=code, check=lambda error: params.items() <= error.params.items())


def test_a_prepared_account_goes_to_its_owner() -> None:
    citizen = registered()
    identity, settled = enrol()
    assert settled.citizen == citizen
    citizen.refresh_from_db()
    user = citizen.user
    assert user is not None
    assert (user, user.email, user.language) == (identity.user, EMAIL, "fr")
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified
    assert mails(user) == ["identity_account_ready"]
    assert "s-camille" not in identity.subject_index


def test_the_same_e_identity_enrols_once() -> None:
    registered()
    first, _settled = enrol()
    again, settled = enrol(email="other@example.org")
    assert (again, settled.citizen) == (first, Citizen.objects.get())
    assert User.objects.filter(is_service=False).count() == 1


def test_nobody_like_them_gets_a_new_account_whose_facts_are_open() -> None:
    _identity, settled = enrol(person=person(facts={NUMBER: NIR.replace(" ", ""), "birth_place": "69123"}))
    citizen = settled.citizen
    assert (citizen.given_name, citizen.birth_date) == ("Camille Marie", date(1990, 2, 3))
    assert citizen.status == "inactive", "nobody gains by what is not known"
    assert set(citizen.open_facts.values_list("fact", flat=True)) == set(citizens.FACTS) - {"birth_date"}
    assert set(citizen.marks.values_list("kind", flat=True)) == {NUMBER, "birth_place"}
    assert not CitizenMark.objects.filter(index__contains="6912").exists()
    citizens.correct_facts(actor=clerk(), citizen_id=citizen.pk, evidence="contract", status="employed")
    assert not OpenFact.objects.filter(citizen=citizen, fact="status").exists()


@pytest.mark.parametrize("level", [Level.WEAK, Level.LOW])
def test_a_weak_proof_opens_no_account(level: Level) -> None:
    registered()
    with refused("weak_identity"):
        enrol(level=level)
    assert not User.objects.filter(is_service=False).exists()


def test_a_provider_that_tells_too_little_opens_no_account() -> None:
    with refused("incomplete"):
        enrol(person=None)


def test_an_address_of_somebody_else_is_never_joined() -> None:
    UserFactory.create(email="Camille@Example.org")
    with refused("address_taken"):
        enrol()
    assert not Identity.objects.exists()


def test_the_address_that_was_confirmed_may_be_the_second_fact() -> None:
    citizen = registered(marks={"email": EMAIL})
    _identity, settled = enrol(person=person(facts={}))
    assert settled.citizen == citizen


# -- proving oneself once more ---------------------------------------------------------------------------------------


def test_the_first_e_identity_of_a_learner_is_linked_to_them() -> None:
    citizen = registered(user=UserFactory.create(), marks={})
    identity = identities.step_up(user=citizen.user, proved=proved(CONFIG))  # type: ignore[arg-type]
    assert identity.user == citizen.user
    assert mails(citizen.user) == ["identity_linked"]
    assert identities.step_up(user=citizen.user, proved=proved(CONFIG)) == identity


@pytest.mark.parametrize(
    "more",
    [
        {"given_name": "Noé"},
        {"family_name": "Durant"},
        {"birth_date": BirthDate(1990, 2, 4)},
        {"birth_date": BirthDate(1990, 0, 0)},
    ],
)
def test_somebody_elses_e_identity_is_refused(more: dict[str, Any]) -> None:
    citizen = registered(user=UserFactory.create())
    with refused("identity_of_another"):
        identities.step_up(user=citizen.user, proved=proved(CONFIG, person=person(**more)))  # type: ignore[arg-type]
    assert not Identity.objects.exists()


def test_an_e_identity_that_is_known_is_nobody_elses() -> None:
    registered()
    enrol()
    twin = registered(user=UserFactory.create())
    with refused("identity_of_another"):
        identities.step_up(user=twin.user, proved=proved(CONFIG))  # type: ignore[arg-type]


def test_a_second_name_at_one_provider_is_another_person() -> None:
    citizen = registered(user=UserFactory.create())
    identities.step_up(user=citizen.user, proved=proved(CONFIG))  # type: ignore[arg-type]
    with refused("identity_of_another"):
        identities.step_up(user=citizen.user, proved=proved(CONFIG, subject="s-2"))  # type: ignore[arg-type]
    identities.step_up(user=citizen.user, proved=proved(OTHER))  # type: ignore[arg-type]
    assert Identity.objects.filter(user=citizen.user).count() == 2


def test_a_number_of_another_citizen_speaks_against_it() -> None:
    number = NIR.replace(" ", "")
    registered(given_name="Noé", marks={NUMBER: number})
    citizen = registered(user=UserFactory.create())
    with refused("identity_of_another"):
        identities.step_up(
            user=citizen.user,  # type: ignore[arg-type]
            proved=proved(CONFIG, person=person(facts={NUMBER: number})),
        )


def test_who_signed_up_by_mail_gets_their_account_by_e_identity() -> None:
    citizen, user = registered(), UserFactory.create()
    identities.step_up(user=user, proved=proved(CONFIG))
    citizen.refresh_from_db()
    assert citizen.user == user


def test_who_acts_for_an_organisation_claims_no_account_by_the_way() -> None:
    registered()
    with refused("not_allowed"):
        identities.step_up(user=MembershipFactory.create().user, proved=proved(CONFIG))
    assert not Identity.objects.exists()


# -- the clerk ---------------------------------------------------------------------------------------------------------


def test_a_clerk_finds_the_account() -> None:
    one, other = registered(), registered(marks={"birth_place": "75056"})
    claim = claimed()
    assert claim.reason == "same_name"
    assert {row.citizen for row in claim.candidates.all()} == {one, other}
    assert claim.candidates.get(citizen=one).agreement == {"birth_place": True}
    assert claim.candidates.get(citizen=other).agreement == {"birth_place": False}
    assert mails(claim.user) == ["identity_claim_opened"]
    actor = clerk()
    identity_claims.match_claim(
        actor=actor, claim_id=claim.public_id, citizen_id=one.public_id, reason="passport seen"
    )
    one.refresh_from_db()
    other.refresh_from_db()
    claim.refresh_from_db()
    assert (one.user, other.user, claim.state, claim.decided_by) == (claim.user, None, "matched", actor)
    assert mails(claim.user)[-1] == "identity_account_ready"


def test_a_question_and_its_answer() -> None:
    registered(marks={})
    claim = claimed()
    identity_claims.ask_person(actor=clerk(), claim_id=claim.public_id, question="Where were you born?")
    assert mails(claim.user)[-1] == "identity_claim_question"
    with refused("not_found"):
        identity_claims.answer_question(user=UserFactory.create(), answer="Paris")
    with refused("incomplete"):
        identity_claims.answer_question(user=claim.user, answer=" ")
    identity_claims.answer_question(user=claim.user, answer="In Lyon")
    claim.refresh_from_db()
    assert (claim.state, claim.answer) == ("opened", "In Lyon")
    with refused("not_found"):
        identity_claims.answer_question(user=claim.user, answer="In Paris")


def test_an_account_with_a_sign_in_needs_two_clerks() -> None:
    owner = UserFactory.create(email="old@example.org")
    citizen = registered(user=owner)
    claim, first, second = claimed(), clerk(), clerk()
    assert claim.reason == "already_claimed"
    act: dict[str, Any] = {"claim_id": claim.public_id, "reason": "passport seen"}
    identity_claims.match_claim(actor=first, citizen_id=citizen.public_id, **act)
    claim.refresh_from_db()
    citizen.refresh_from_db()
    assert (claim.state, citizen.user) == ("proposed", owner)
    with refused("not_allowed", what="four_eyes"):
        identity_claims.confirm_match(actor=first, **act)
    former = claim.user
    identity_claims.confirm_match(actor=second, **act)
    citizen.refresh_from_db()
    assert citizen.user == owner, "what was consented to before stays theirs"
    assert Identity.objects.get().user == owner
    former.refresh_from_db()
    assert not former.is_active
    assert not identities.is_taken(EMAIL), "the address may be used again"
    assert "identity_linked" in mails(owner)
    told = Message.objects.filter(recipient=owner, template="identity_account_ready").get()
    assert told.address == EMAIL


def test_a_proposal_is_sent_back() -> None:
    citizen = registered(user=UserFactory.create())
    claim = claimed()
    act: dict[str, Any] = {"claim_id": claim.public_id, "reason": "not sure"}
    identity_claims.match_claim(actor=clerk(), citizen_id=citizen.public_id, **act)
    identity_claims.send_back(actor=clerk(), **act)
    claim.refresh_from_db()
    assert (claim.state, claim.citizen, claim.proposed_by) == ("opened", None, None)


def test_one_provider_knows_its_people_apart() -> None:
    registered()
    enrol()
    _identity, settled = enrol(subject="s-2", email="second@example.org")
    claim = settled.claim
    assert claim.reason == "already_claimed"
    with refused("identity_of_another"):
        identity_claims.match_claim(
            actor=clerk(),
            claim_id=claim.public_id,
            citizen_id=Citizen.objects.get().public_id,
            reason="same passport",
        )
    identity_claims.create_account(actor=clerk(), claim_id=claim.public_id, reason="a namesake")
    assert Citizen.objects.filter(user=claim.user).exists()


def test_a_day_known_in_part_is_established_by_the_clerk() -> None:
    _identity, settled = enrol(person=person(birth_date=BirthDate(1990, 0, 0)))
    act: dict[str, Any] = {
        "actor": clerk(),
        "claim_id": settled.claim.public_id,
        "reason": "birth certificate",
    }
    with refused("incomplete", what="birth_date"):
        identity_claims.create_account(**act)
    with refused("invalid"):
        identity_claims.create_account(birth_date=date(1991, 2, 3), **act)
    identity_claims.create_account(birth_date=date(1990, 12, 3), **act)
    assert Citizen.objects.get().birth_date == date(1990, 12, 3)


def test_a_refusal_gives_nothing_and_says_why() -> None:
    citizen = registered(marks={})
    claim = claimed()
    identity_claims.refuse_claim(actor=clerk(), claim_id=claim.public_id, reason="The passport is forged.")
    citizen.refresh_from_db()
    assert citizen.user is None
    message = Message.objects.filter(recipient=claim.user).latest("pk")
    assert (message.template, message.context) == (
        "identity_claim_refused",
        {"reason": "The passport is forged."},
    )
    with refused("not_allowed"):
        identity_claims.create_account(actor=clerk(), claim_id=claim.public_id, reason="second thoughts")
    assert Citizen.objects.count() == 1


def test_only_case_workers_decide_and_never_their_own() -> None:
    citizen = registered(marks={})
    claim = claimed()
    act: dict[str, Any] = {"claim_id": claim.public_id, "reason": "x"}
    for actor in (claim.user, officer("auditor"), officer(), UserFactory.create()):
        with refused("not_allowed"):
            identity_claims.match_claim(actor=actor, citizen_id=citizen.public_id, **act)
    MembershipFactory.create(user=claim.user, role="case_worker")
    with refused("not_allowed", what="own_claim"):
        identity_claims.match_claim(actor=claim.user, citizen_id=citizen.public_id, **act)


def test_only_candidates_are_chosen_and_reasons_are_given() -> None:
    registered(marks={})
    stranger = registered(given_name="Zoé", family_name="Petit")
    claim, actor = claimed(), clerk()
    for citizen_id in (stranger.public_id, uuid.uuid4()):
        with refused("not_found"):
            identity_claims.match_claim(
                actor=actor, claim_id=claim.public_id, citizen_id=citizen_id, reason="x"
            )
    for reason in ("", " ", "x" * 501):
        with refused("incomplete"):
            identity_claims.refuse_claim(actor=actor, claim_id=claim.public_id, reason=reason)
    with refused("not_found"):
        identity_claims.refuse_claim(actor=actor, claim_id=uuid.uuid4(), reason="x")
    assert IdentityClaim.objects.get().state == "opened"
