"""The yearly credit: F-01 to F-04, and the same in integers."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.schemes.planning import (
    HOURS_SCALE,
    LearnerFacts,
    accrual,
    accrual_cents,
    is_low_qualified,
    year_hours,
)
from funding.schemes.presets import load_preset, override
from funding.schemes.vocabulary import STATUSES

RULES = load_preset("cpf").rules_on(date(2026, 1, 1))


def credit(balance: int = 0, **facts: object) -> int:
    return accrual_cents(RULES, LearnerFacts(**facts), balance_cents=balance)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hours", "cents"),
    [
        ("1607", 50000),
        ("2000", 50000),
        ("803.5", 50000),  # exactly half
        ("803.49", 25000),  # 24999.69, rounded up
        ("100", 3112),
        ("0.01", 1),
        ("0", 0),
    ],
)
def test_full_from_half_time_else_in_proportion_rounded_up_f01_f02(hours: str, cents: int) -> None:
    assert credit(annual_hours=Decimal(hours)) == cents


def test_an_exact_share_is_not_rounded_f02() -> None:
    rules = override(RULES, {"full_year_hours": 1600})
    assert accrual_cents(rules, LearnerFacts(annual_hours=Decimal(16)), balance_cents=0) == 500


def test_the_ratio_serves_where_annual_hours_are_unknown_f02() -> None:
    assert credit(hours_ratio=Decimal("0.5")) == 50000
    assert credit(hours_ratio=Decimal("0.4999")) == 24995
    learner = LearnerFacts(hours_ratio=Decimal("0.1"))
    assert year_hours(RULES, learner) == Decimal("160.7")
    assert credit(hours_ratio=Decimal(1), annual_hours=Decimal(100)) == 3112  # the hours win


@pytest.mark.parametrize(
    ("level", "disabled", "cents"),
    [
        (2, False, 80000),
        (0, False, 80000),
        (3, False, 50000),
        (7, False, 50000),
        (7, True, 80000),
        (None, False, 50000),
    ],
)
def test_the_low_qualified_and_the_disabled_f03(level: int | None, disabled: bool, cents: int) -> None:
    assert credit(qualification_level=level, disabled=disabled) == cents
    assert is_low_qualified(RULES, LearnerFacts(qualification_level=level, disabled=disabled)) is (
        cents == 80000
    )


def test_the_low_qualified_below_half_time_f02_f03() -> None:
    assert credit(qualification_level=2, annual_hours=Decimal(100)) == 4979  # 4978.22


@pytest.mark.parametrize(
    ("level", "balance", "cents"),
    [
        (4, 450000, 50000),
        (4, 450001, 49999),
        (4, 500000, 0),
        (4, 510000, 0),
        (2, 720000, 80000),
        (2, 790000, 10000),
        (2, 800000, 0),
    ],
)
def test_the_cap_f01_f03(level: int, balance: int, cents: int) -> None:
    result = accrual(RULES, LearnerFacts(qualification_level=level), balance_cents=balance)
    assert result.cents == cents
    assert (result.explanations[-1].code == "cap_reached") is (cents < (80000 if level == 2 else 50000))


def test_only_rights_count_towards_the_cap_f04() -> None:
    assert RULES.cap_sources == ("rights",)


@pytest.mark.parametrize("status", STATUSES)
def test_who_receives_it_f01(status: str) -> None:
    assert credit(status=status) == (50000 if status in {"employed", "self_employed"} else 0)


def test_a_scheme_without_yearly_credit_gives_none() -> None:
    assert accrual_cents(override(RULES, {"accrual": "none"}), LearnerFacts(), balance_cents=0) == 0


def test_impossible_figures_are_refused() -> None:
    for balance, hours in ((-1, Decimal(1)), (0, Decimal(-1))):
        with pytest.raises(ValueError, match="negative"):
            accrual(RULES, LearnerFacts(), balance_cents=balance, hours=hours)


@given(
    st.integers(min_value=0, max_value=25_000_000),
    st.integers(min_value=0, max_value=900_000),
    st.sampled_from([2, 4]),
)
def test_the_set_wise_formula_is_the_same(h: int, balance: int, level: int) -> None:
    credit_cents, cap = (80000, 800000) if level == 2 else (50000, 500000)
    year = 1607 * HOURS_SCALE
    whole = credit_cents if h * 100 >= 50 * year else (credit_cents * h + year - 1) // year
    expected = max(0, min(whole, cap - balance))
    hours = Decimal(h) / HOURS_SCALE
    assert credit(balance, qualification_level=level, annual_hours=hours) == expected


@given(st.integers(min_value=0, max_value=20000000), st.integers(min_value=0, max_value=20000000))
def test_more_hours_never_bring_less(one: int, other: int) -> None:
    low, high = (Decimal(h) / HOURS_SCALE for h in sorted((one, other)))
    assert credit(annual_hours=low) <= credit(annual_hours=high)
