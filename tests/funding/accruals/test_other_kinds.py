"""Credits of the other schemes: flat, once, for citizens, up to a lifetime's sum; at ages, for many at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.services import service_users
from funding.models import AgeCreditGiven, JournalEntry, LearningAccount, Lot, Posting
from funding.schemes.accrual import CreditHistory, accrual
from funding.schemes.facts import LearnerFacts
from funding.schemes.presets import load_preset
from funding.services import age_credits
from funding.services.accruals import accrue_year
from funding.services.age_credits import AgeCreditResult
from ila.core import clock
from tests.factories.accounts import CitizenFactory
from tests.factories.funding import BudgetFactory, LearningAccountFactory, SchemeFactory
from tests.funding.accruals.conftest import FillLot
from tests.support import books

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LEDGER = "ledger"


def accounts_of(code: str, *facts: dict[str, Any], opened: datetime = NOON) -> list[LearningAccount]:
    scheme = SchemeFactory.create(code=code)
    if not scheme.budgets.exists():
        BudgetFactory.create(scheme=scheme)
    citizens = [CitizenFactory.create(user=None, **each) for each in facts]
    return [LearningAccountFactory.create(scheme=scheme, citizen=each, opened_at=opened) for each in citizens]


def accrue(account: LearningAccount, year: int = 2026) -> int:
    scheme = account.scheme
    with clock.at(NOON):
        return accrue_year(
            scheme=scheme, year=year, actor=service_users.get(LEDGER), budget=scheme.budgets.get()
        ).cents


def give(code: str, after: date, until: date, **options: Any) -> AgeCreditResult:
    scheme = SchemeFactory.create(code=code)
    return age_credits.credit_ages(
        scheme=scheme,
        after=after,
        until=until,
        actor=service_users.get(LEDGER),
        budget=scheme.budgets.get(),
        **options,
    )


@pytest.mark.parametrize("code", ["flanders", "geneva", "canada", "lithuania", "uk_2000"])
@pytest.mark.parametrize("had", [0, 1, 150_000, 224_999, 499_999, 500_000])
def test_as_the_rules_say(code: str, had: int, fill_lot: FillLot) -> None:
    """The statement in the database and the rules in Python come to the same."""
    for status in ("employed", "retired"):
        (account,) = accounts_of(code, {"status": status})
        if had:
            fill_lot(account=account, source="rights", fund="public", currency="EUR", available_cents=had)
        rules = load_preset(code).versions[-1][1]
        history = CreditHistory(on=NOON.date(), had_cents=had)
        expected = accrual(rules, LearnerFacts(status=status), balance_cents=had, history=history).cents
        assert accrue(account) == expected
        assert accrue(account) == 0


def test_a_credit_that_is_given_once() -> None:
    (account,) = accounts_of("uk_2000", {})
    assert [accrue(account, year) for year in (2026, 2027, 2040)] == [15_000, 0, 0]


def test_the_last_cent_of_a_lifetime() -> None:
    (account,) = accounts_of("canada", {})
    assert sum(accrue(account, year) for year in range(2016, 2046)) == 500_000


def test_s01_s03_many_at_once_in_one_entry_each_once() -> None:
    forties: list[dict[str, Any]] = [
        {"birth_date": date(1984, 5, 1) - timedelta(days=n), "citizenship": "SG"} for n in range(7)
    ]
    others: list[dict[str, Any]] = [
        {"birth_date": date(1984, 5, 2), "citizenship": "SG"},
        {"birth_date": date(1970, 1, 1)},
    ]
    accounts = accounts_of("skillsfuture", *forties, *others, opened=datetime(2024, 1, 1, tzinfo=UTC))
    with clock.at(datetime(2024, 5, 1, 1, 0, tzinfo=UTC)):
        given = give("skillsfuture", date(2024, 4, 30), date(2024, 5, 1))
        assert given == AgeCreditResult(credited=7, cents=7 * 400_000)
        assert give("skillsfuture", date(2024, 4, 30), date(2024, 5, 1)) == AgeCreditResult()
        assert give("skillsfuture", date(2023, 12, 31), date(2024, 12, 31), newcomers=True).credited == 0
    (entry,) = JournalEntry.objects.filter(kind="age_credit")
    assert entry.postings.count() == 8
    assert set(AgeCreditGiven.objects.values_list("account", flat=True)) == {each.pk for each in accounts[:7]}
    assert books.faults() == []


def test_who_joins_later_receives_it_with_the_year() -> None:
    accounts_of("skillsfuture", {"birth_date": date(2001, 2, 3), "citizenship": "SG"}, opened=NOON)
    with clock.at(NOON):
        assert give("skillsfuture", date(2026, 1, 1), date(2026, 5, 4)).credited == 0
        assert give("skillsfuture", date(2026, 1, 1), date(2026, 5, 4), newcomers=True).credited == 1


def test_in_chunks_it_ends_in_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age_credits, "CHUNK", 2)
    facts: list[dict[str, Any]] = [{"birth_date": date(1980, 1, 1), "citizenship": "SG"}] * 5
    accounts = accounts_of("skillsfuture", *facts, opened=datetime(2024, 1, 1, tzinfo=UTC))
    for account in accounts:
        lot = Lot.objects.create(
            account=account,
            source="mid_career",
            fund="public",
            currency="SGD",
            expires_on=date(2025, 12, 31),
        )
        assert lot.available_cents == 0
    with clock.at(datetime(2024, 5, 2, tzinfo=UTC)):
        assert give("skillsfuture", date(2024, 4, 30), date(2024, 5, 2)).credited == 5
    assert JournalEntry.objects.filter(kind="age_credit").count() == 3
    assert Posting.objects.filter(bucket="available").count() == 5


def test_nothing_that_has_expired_is_given() -> None:
    accounts_of("skillsfuture", {"birth_date": date(1980, 1, 1), "citizenship": "SG"})
    with clock.at(NOON):
        assert give("skillsfuture", date(2019, 12, 31), date(2020, 12, 31), newcomers=True).credited == 0
