"""Facts about citizens are corrected on evidence; what stood before is kept for good."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from accounts.models import Citizen, CitizenFact
from accounts.services import service_users
from accounts.services.citizens import correct_facts, facts_at
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import CitizenFactory, MembershipFactory, UserFactory, officer

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def correct(citizen: Citizen, **given: Any) -> list[CitizenFact]:
    actor = given.pop("actor", None) or officer("case_worker")
    return correct_facts(
        actor=actor, citizen_id=citizen.pk, evidence=given.pop("evidence", "letter 12"), **given
    )


def test_a_correction_keeps_before_after_evidence_and_who() -> None:
    citizen, worker = CitizenFactory.create(), officer("case_worker")
    with clock.at(NOON):
        (row,) = correct(citizen, actor=worker, birth_date=date(1991, 2, 3), status="employed")
    assert (row.fact, row.before, row.after, row.evidence) == (
        "birth_date",
        "1990-02-03",
        "1991-02-03",
        "letter 12",
    )
    assert (row.recorded_by, row.recorded_at) == (worker, NOON)
    citizen.refresh_from_db()
    assert citizen.birth_date == date(1991, 2, 3)


def test_what_stands_already_is_not_written() -> None:
    citizen = CitizenFactory.create()
    assert correct(citizen, birth_date="1990-02-03", hours_ratio=Decimal(1), driving_licences=[]) == []
    assert not CitizenFact.objects.exists()


def test_the_facts_of_an_earlier_moment_can_be_read() -> None:
    citizen = CitizenFactory.create(driving_licences=["B"])
    with clock.at(NOON) as hand:
        correct(citizen, annual_hours=Decimal("803.50"), driving_licences=[])
        hand.move(NOON + timedelta(1))
        correct(citizen, annual_hours=Decimal(1607), birth_date=date(1980, 1, 1))
    then = facts_at(citizen, NOON - timedelta(1))
    assert (then.annual_hours, then.driving_licences, then.birth_date) == (None, ["B"], date(1990, 2, 3))
    between = facts_at(citizen, NOON + timedelta(hours=1))
    assert (between.annual_hours, between.driving_licences) == (Decimal("803.50"), [])
    assert facts_at(citizen, NOON + timedelta(2)).birth_date == date(1980, 1, 1)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"evidence": " "}, "incomplete"),
        ({"evidence": "x" * 501}, "invalid"),
        ({"given_name": "Eve"}, "invalid"),
        ({"user": None}, "invalid"),
        ({"status": "rich"}, "invalid"),
        ({"birth_date": date(2126, 1, 1)}, "invalid"),
        ({"birth_date": "1990-02-30"}, "invalid"),
        ({"work_incapacity_percent": 101}, "invalid"),
        ({"hours_ratio": Decimal(-1)}, "invalid"),
        ({"qualification_level": None}, "invalid"),
        ({"qualification_level": 9}, "invalid"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(given: dict[str, Any], code: str) -> None:
    citizen = CitizenFactory.create()
    with pytest.raises(DomainError) as caught:
        correct(citizen, **({"disabled": True} | given))
    assert caught.value.code == code
    citizen.refresh_from_db()
    assert citizen.disabled is False
    assert not CitizenFact.objects.exists()


def test_only_the_agency_corrects_facts() -> None:
    citizen = CitizenFactory.create()
    strangers = [citizen.user, UserFactory.create(), officer("auditor"), officer("payment_officer")]
    strangers.append(MembershipFactory.create(of_provider=True).user)
    for stranger in strangers:
        with pytest.raises(DomainError, match="not_allowed"):
            correct(citizen, actor=stranger, disabled=True)
    assert len(correct(citizen, actor=service_users.get("demo"), disabled=True)) == 1


def test_nobody_is_there() -> None:
    with pytest.raises(DomainError, match="not_found"):
        correct_facts(actor=officer("manager"), citizen_id=0, evidence="x", disabled=True)
    with pytest.raises(DomainError, match="incomplete"):
        correct_facts(actor=officer("manager"), citizen_id=0, evidence="x")


def test_the_history_cannot_be_changed() -> None:
    correct(CitizenFactory.create(), disabled=True)
    for act in (lambda: CitizenFact.objects.update(evidence="none"), CitizenFact.objects.all().delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
