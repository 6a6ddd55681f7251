"""Two e-identities at once: one account goes to one of them, and the race is there without the locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from accounts.identity import matching
from accounts.models import Citizen, Identity, IdentityClaim, User
from accounts.services import identities, identity_claims
from tests.accounts.identity.support import CONFIG, configure, person, proved, registered
from tests.factories.accounts import officer
from tests.support.parallel import codes, meeting, meeting_before_moves, together, unlocked

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]

OTHER = CONFIG | {"id": "other", "name": "Other ID", "issuer": "https://other.example.org"}


@pytest.fixture(autouse=True)
def providers(committed_db: None, settings: Any) -> None:
    configure(settings, CONFIG, OTHER)


def enrolment(number: int, config: dict[str, Any] = CONFIG, **more: Any) -> Any:
    said = proved(config, subject=f"s-{number}", **more)
    return partial(identities.enrol, proved=said, email=f"p{number}@example.org", language="fr")


@contextmanager
def meeting_after_the_search() -> Iterator[None]:
    """Both have looked who is registered before either writes."""
    find = matching.find
    with meeting(2) as meet, pytest.MonkeyPatch.context() as patch:

        def find_and_meet(*args: Any, **kwargs: Any) -> Any:
            found = find(*args, **kwargs)
            meet()
            return found

        patch.setattr(matching, "find", find_and_meet)
        yield


@contextmanager
def nobody_waits() -> Iterator[None]:
    """The control: years and rows are not locked."""
    with unlocked(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(identities, "_lock_year", lambda _person: None)
        yield


def given(outcomes: list[Any]) -> int:
    """How many were told that the account is theirs."""
    return sum(isinstance(each, tuple) and each[1].citizen is not None for each in outcomes)


def test_one_account_is_given_once() -> None:
    citizen = registered()
    with meeting_after_the_search():
        outcomes = together(enrolment(1), enrolment(2))
    assert codes(outcomes) == ["ok", "ok"]
    assert given(outcomes) == 1
    claim = IdentityClaim.objects.get()
    citizen.refresh_from_db()
    assert claim.reason == "already_claimed"
    assert citizen.user_id not in (None, claim.user_id)


def test_without_the_locks_two_are_told_that_it_is_theirs() -> None:
    registered()
    with nobody_waits(), meeting_after_the_search():
        outcomes = together(enrolment(1), enrolment(2))
    assert given(outcomes) == 2, outcomes


def test_one_person_with_two_e_identities_gets_one_account() -> None:
    with meeting_after_the_search():
        outcomes = together(enrolment(1), enrolment(2, OTHER))
    assert codes(outcomes) == ["ok", "ok"]
    assert Citizen.objects.count() == 1
    assert IdentityClaim.objects.get().reason == "already_claimed"


def test_without_the_locks_one_person_gets_two_accounts() -> None:
    with nobody_waits(), meeting_after_the_search():
        together(enrolment(1), enrolment(2, OTHER))
    assert Citizen.objects.count() == 2


def test_one_e_identity_in_two_windows_enrols_once() -> None:
    said = proved(CONFIG)
    acts = [
        partial(identities.enrol, proved=said, email=f"p{number}@example.org", language="fr")
        for number in (1, 2)
    ]
    outcomes = together(*acts)
    assert codes(outcomes) == ["ok", "ok"]
    assert Identity.objects.count() == User.objects.filter(is_service=False).count() == 1


def test_two_clerks_give_one_account_to_two_people() -> None:
    citizen = registered(marks={})
    claims = [
        identities.enrol(
            proved=proved(CONFIG, subject=f"s-{number}", person=person(facts={})),
            email=f"p{number}@example.org",
            language="fr",
        )[1].claim
        for number in (1, 2)
    ]
    acts = [
        partial(
            identity_claims.match_claim,
            actor=officer("case_worker"),
            claim_id=claim.public_id,
            citizen_id=citizen.public_id,
            reason="passport seen",
        )
        for claim in claims
        if claim is not None
    ]
    with meeting_before_moves():
        together(*acts)
    states = sorted(IdentityClaim.objects.values_list("state", flat=True))
    citizen.refresh_from_db()
    assert states.count("matched") == 1
    assert IdentityClaim.objects.get(state="matched").user_id == citizen.user_id
