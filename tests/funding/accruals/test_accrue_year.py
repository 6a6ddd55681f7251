"""The yearly credit of a population: who receives what, and only once."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Citizen
from accounts.services import service_users
from funding.models import Budget, JournalEntry, LearningAccount, Lot, Posting, Scheme, SchemeVersion
from funding.schemes.accrual import accrual_cents
from funding.schemes.facts import LearnerFacts
from funding.schemes.presets import load_preset, override
from funding.schemes.vocabulary import STATUSES
from funding.services.accruals import AccrualProgress, AccrualResult, accrue_year
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import CitizenFactory, UserFactory
from tests.factories.funding import BudgetFactory, LearningAccountFactory, LotFactory, SchemeFactory
from tests.funding.accruals.conftest import FillLot

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
RULES = load_preset("cpf").rules_on(date(2026, 12, 31))
FULL = 50_000


@pytest.fixture
def scheme() -> Scheme:
    return SchemeFactory.create()


@pytest.fixture
def budget(scheme: Scheme) -> Budget:
    return BudgetFactory.create(scheme=scheme)


def account(scheme: Scheme, **facts: Any) -> LearningAccount:
    return LearningAccountFactory.create(scheme=scheme, citizen=CitizenFactory.create(user=None, **facts))


def accrue(budget: Budget, year: int = 2026, **options: Any) -> AccrualResult:
    return accrue_year(
        scheme=budget.scheme, year=year, actor=service_users.get("ledger"), budget=budget, **options
    )


def rights(of: LearningAccount) -> Lot:
    return Lot.objects.get(account=of, source="rights")


def balance_and_postings(lot: Lot) -> tuple[int, int]:
    return lot.available_cents, sum(
        lot.postings.filter(bucket="available").values_list("amount_cents", flat=True)
    )


def test_f01_a_year_is_credited_with_its_entry_and_taken_from_the_budget(budget: Budget) -> None:
    first, second = account(budget.scheme), account(budget.scheme)
    before = Budget.objects.get(pk=budget.pk).available_cents
    with clock.at(NOON):
        assert accrue(budget) == AccrualResult(credited=2, skipped=0, cents=2 * FULL)
    assert Budget.objects.get(pk=budget.pk).available_cents == before - 2 * FULL
    entry = JournalEntry.objects.get(kind="accrue")
    assert (entry.occurred_at, entry.actor, entry.currency) == (NOON, service_users.get("ledger"), "EUR")
    assert sorted(entry.postings.values_list("bucket", "amount_cents")) == [
        ("available", FULL),
        ("available", FULL),
        ("budget", -2 * FULL),
    ]
    for each in (first, second):
        lot = rights(each)
        assert balance_and_postings(lot) == (FULL, FULL)
        assert (lot.accrued_years, lot.fund, lot.expires_on, lot.created_at) == ([2026], "public", None, NOON)


def test_a_year_is_credited_once_however_often_it_is_called(budget: Budget) -> None:
    learner = account(budget.scheme)
    accrue(budget)
    assert accrue(budget) == AccrualResult(credited=0, skipped=1, cents=0)
    assert accrue(budget, chunk=1) == AccrualResult(credited=0, skipped=1, cents=0)
    assert rights(learner).available_cents == FULL
    accrue(budget, 2027)
    lot = rights(learner)
    assert balance_and_postings(lot) == (2 * FULL, 2 * FULL)
    assert lot.accrued_years == [2026, 2027]


def test_who_joins_later_is_credited_by_the_next_call_amid_the_others(budget: Budget) -> None:
    here, late, there = (account(budget.scheme) for _ in range(3))
    Citizen.objects.filter(pk=late.citizen_id).update(status="student")
    assert accrue(budget).credited == 2
    Citizen.objects.filter(pk=late.citizen_id).update(status="employed")
    newest = account(budget.scheme)
    assert accrue(budget) == AccrualResult(credited=2, skipped=2, cents=2 * FULL)
    assert {rights(each).available_cents for each in (here, late, there, newest)} == {FULL}
    assert JournalEntry.objects.filter(kind="accrue").count() == 2


def test_chunks_of_other_sizes_between_calls_neither_clash_nor_credit_twice(budget: Budget) -> None:
    learners = [account(budget.scheme, status="student" if n % 2 else "employed") for n in range(12)]
    assert accrue(budget, chunk=3).credited == 6
    Citizen.objects.update(status="employed")
    assert accrue(budget, chunk=5).credited == 6
    assert accrue(budget, chunk=2).credited == 0
    assert {balance_and_postings(rights(each)) for each in learners} == {(FULL, FULL)}


def test_a_year_that_brings_nothing_because_of_the_cap_counts_as_done(budget: Budget) -> None:
    learner = account(budget.scheme)
    LotFactory.create(account=learner, amount_cents=500_000)
    assert accrue(budget) == AccrualResult(credited=0, skipped=1, cents=0)
    assert not JournalEntry.objects.filter(kind="accrue").exists()
    assert rights(learner).accrued_years == [2026]
    assert accrue(budget).credited == 0


def test_f04_endowments_do_not_count_towards_the_cap(budget: Budget) -> None:
    learner = account(budget.scheme)
    LotFactory.create(account=learner, source="endowment", amount_cents=900_000)
    accrue(budget)
    assert rights(learner).available_cents == FULL


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"employed", "self_employed"}))
def test_only_who_works_receives_a_year(budget: Budget, status: str) -> None:
    learner = account(budget.scheme, status=status)
    assert accrue(budget) == AccrualResult(credited=0, skipped=1, cents=0)
    assert not Lot.objects.filter(account=learner).exists()


def test_other_schemes_accounts_are_left_alone(budget: Budget) -> None:
    other = Scheme.objects.create(
        code="other", name="Other", country="FR", timezone="Europe/Paris", currency="EUR"
    )
    stranger = account(other)
    account(budget.scheme)
    assert accrue(budget).credited == 1
    assert not Lot.objects.filter(account=stranger).exists()


def test_an_exhausted_budget_undoes_its_chunk_and_keeps_the_earlier_ones(scheme: Scheme) -> None:
    budget = BudgetFactory.create(scheme=scheme, amount_cents=3 * FULL)
    learners = [account(scheme) for _ in range(5)]
    with pytest.raises(DomainError) as refusal:
        accrue(budget, chunk=2)
    assert refusal.value.code == "budget_exhausted"
    assert Budget.objects.get(pk=budget.pk).available_cents == FULL
    assert [Lot.objects.filter(account=each).exists() for each in learners] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert Posting.objects.filter(entry__kind="accrue").count() == 3
    other = BudgetFactory.create(scheme=scheme)
    assert accrue(other, chunk=2) == AccrualResult(credited=3, skipped=2, cents=3 * FULL)


def test_a_credit_with_a_validity_is_given_once_on_whatever_day(scheme: Scheme, budget: Budget) -> None:
    version = scheme.versions.order_by("-valid_from").first()
    assert version is not None
    SchemeVersion.objects.filter(pk=version.pk).update(valid_until=date(2026, 5, 1))
    SchemeVersion.objects.create(
        scheme=scheme,
        valid_from=date(2026, 5, 1),
        rules=version.rules | {"validity_months": 14},
        author=UserFactory.create(),
        approver=UserFactory.create(),
    )
    learner = account(scheme)
    with clock.at(NOON) as hand:
        accrue(budget)
        hand.move(datetime(2026, 8, 1, tzinfo=UTC))
        assert accrue(budget).credited == 0
        account(scheme)
        assert accrue(budget).credited == 1
    assert rights(learner).expires_on == date(2027, 7, 4)


def test_progress_tells_how_far_it_is(budget: Budget) -> None:
    for _ in range(5):
        account(budget.scheme)
    seen: list[AccrualProgress] = []
    accrue(budget, chunk=2, progress=seen.append)
    assert [(each.done, each.total, each.credited) for each in seen] == [(2, 5, 2), (4, 5, 4), (5, 5, 5)]


def test_nobody_credits_without_the_right_to_or_out_of_another_schemes_budget(budget: Budget) -> None:
    account(budget.scheme)
    with pytest.raises(DomainError) as refusal:
        accrue_year(scheme=budget.scheme, year=2026, actor=UserFactory.create(), budget=budget)
    assert refusal.value.code == "not_allowed"
    other = Scheme.objects.create(
        code="other", name="Other", country="FR", timezone="Europe/Paris", currency="EUR"
    )
    with pytest.raises(ValueError, match="no budget of"):
        accrue_year(
            scheme=budget.scheme,
            year=2026,
            actor=service_users.get("ledger"),
            budget=Budget.objects.create(scheme=other, name="Other", currency="EUR"),
        )


def test_the_number_of_queries_does_not_grow_with_the_population(
    budget: Budget, django_assert_num_queries: Any
) -> None:
    for year, learners in ((2024, 3), (2025, 6)):
        for _ in range(learners):
            account(budget.scheme)
        # The rules, the ranges, one chunk between two marks of a savepoint.
        with django_assert_num_queries(5):
            accrue(budget, year)


HOURS = st.decimals(min_value=0, max_value=2500, places=2)
RATIOS = st.decimals(min_value=0, max_value=2, places=4)
PEOPLE = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["employed", "employed", "self_employed", *STATUSES]),
        "qualification_level": st.integers(0, 8),
        "disabled": st.booleans(),
        "hours_ratio": st.one_of(
            st.sampled_from([Decimal(0), Decimal("0.5"), Decimal("0.4999"), Decimal(1)]), RATIOS
        ),
        "annual_hours": st.one_of(
            st.none(),
            st.sampled_from([Decimal("803.5"), Decimal("803.49"), Decimal(100), Decimal("0.01")]),
            HOURS,
        ),
    }
)
BALANCES = st.one_of(
    st.just(0), st.integers(440_000, 500_100), st.integers(720_000, 800_100), st.integers(0, 10**7)
)
LOTS = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["rights", "rights", "endowment", "public"]),
        "earmark": st.sampled_from(["", "", "rs"]),
        "expires_on": st.sampled_from([None, None, date(2027, 1, 1)]),
        "available_cents": BALANCES,
        "held_cents": BALANCES,
        "spent_cents": st.integers(0, 10**6),
    }
)
CHANGES = st.sampled_from(
    [
        {},
        {"full_year_hours": 1600},
        {"full_credit_percent": 70, "yearly_credit_cents": 33_333},
        {"cap_sources": ["rights", "public"]},
        {"yearly_credit_low_qualified_cents": None, "cap_low_qualified_cents": None},
        {"cap_cents": None, "cap_low_qualified_cents": None},
        {"low_qualified_if_disabled": False, "low_qualified_below_level": 5},
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(
        st.tuples(
            PEOPLE,
            st.lists(
                LOTS, max_size=3, unique_by=lambda lot: (lot["source"], lot["earmark"], lot["expires_on"])
            ),
        ),
        min_size=1,
        max_size=12,
    ),
    changes=CHANGES,
)
def test_the_database_reckons_as_the_rules_do_f01_to_f04(
    scheme: Scheme,
    budget: Budget,
    fill_lot: FillLot,
    people: list[tuple[dict[str, Any], list[dict[str, Any]]]],
    changes: dict[str, Any],
) -> None:
    rules = override(RULES, changes)
    with transaction.atomic():
        SchemeVersion.objects.filter(scheme=scheme, valid_until=None).update(valid_until=date(2026, 12, 30))
        SchemeVersion.objects.create(
            scheme=scheme,
            valid_from=date(2026, 12, 30),
            rules=rules.model_dump(mode="json"),
            author=UserFactory.create(),
            approver=UserFactory.create(),
        )
        expected: dict[int, int] = {}
        for facts, lots in people:
            learner = account(scheme, **facts)
            for lot in lots:
                fill_lot(account=learner, fund="public", currency="EUR", **lot)
            balance = sum(
                lot["available_cents"] + lot["held_cents"]
                for lot in lots
                if lot["source"] in rules.cap_sources
            )
            expected[learner.pk] = accrual_cents(rules, LearnerFacts(**facts), balance_cents=balance)
        result = accrue(budget, 2026, chunk=5)
        received = dict.fromkeys(expected, 0)
        for lot_account, cents in Posting.objects.filter(
            entry__kind="accrue", bucket="available"
        ).values_list("lot__account", "amount_cents"):
            received[lot_account] += cents
        assert received == expected
        assert result.cents == sum(expected.values())
        assert result.credited == sum(1 for cents in expected.values() if cents)
        assert accrue(budget, 2026).cents == 0
        transaction.set_rollback(True)
