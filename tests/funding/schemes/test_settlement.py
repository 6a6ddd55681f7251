"""The provider's part and what goes back (F-28)."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.schemes.planning import Allocation, realised_percent, settle_shares
from funding.schemes.presets import load_preset
from funding.schemes.vocabulary import SOURCES

RULES = load_preset("cpf").rules_on(date(2026, 5, 4))
parts = st.lists(
    st.builds(
        Allocation,
        lot_id=st.integers(min_value=1, max_value=99),
        source=st.sampled_from([*SOURCES, "learner"]),
        cents=st.integers(min_value=1, max_value=500000),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize(
    ("done", "planned", "percent"),
    [(30, 50, 60), (0, 50, 0), (50, 50, 100), (60, 50, 100), (Decimal("49.99"), 50, 99), (1, 3, 33)],
)
def test_the_realised_share_is_whole_percent_rounded_down_f28(
    done: int | Decimal, planned: int | Decimal, percent: int
) -> None:
    assert realised_percent(done, planned) == percent


@given(parts, st.integers(min_value=0, max_value=100))
def test_nothing_is_lost_and_nobody_pays_more_than_they_gave_f28(
    given_parts: list[Allocation], percent: int
) -> None:
    price = sum(part.cents for part in given_parts)
    provider, returned = settle_shares(RULES, price, percent, given_parts)
    assert sum(provider) == price * percent // 100
    assert sum(provider) + sum(returned) == price
    for part, paid, back in zip(given_parts, provider, returned, strict=True):
        assert paid >= 0
        assert back >= 0
        assert paid + back == part.cents


@given(parts, st.integers(min_value=0, max_value=99))
def test_more_hours_never_pay_the_provider_less_f28(given_parts: list[Allocation], percent: int) -> None:
    price = sum(part.cents for part in given_parts)
    less, more = (settle_shares(RULES, price, share, given_parts) for share in (percent, percent + 1))
    assert sum(less.provider) <= sum(more.provider)


def test_all_or_nothing_f28() -> None:
    given_parts = [Allocation(1, "rights", 70), Allocation(None, "learner", 30)]
    assert settle_shares(RULES, 100, 100, given_parts) == ((70, 30), (0, 0))
    assert settle_shares(RULES, 100, 0, given_parts) == ((0, 0), (70, 30))


def test_sums_and_percents_must_make_sense() -> None:
    given_parts = [Allocation(1, "rights", 70)]
    with pytest.raises(ValueError, match="do not add up"):
        settle_shares(RULES, 100, 50, given_parts)
    for percent in (-1, 101):
        with pytest.raises(ValueError, match="percent"):
            settle_shares(RULES, 70, percent, given_parts)
