"""Money: nothing is lost in a split, nothing is guessed in a text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ila.core.money import (
    format_cents,
    in_fours,
    parse_cents,
    parse_euros,
    percent_floor,
    share_floor,
    split_largest_remainder,
)

amounts = st.integers(min_value=0, max_value=10**12)


def test_split_gives_the_odd_cents_to_the_largest_remainders() -> None:
    assert split_largest_remainder(100, [1, 1, 1]) == [34, 33, 33]
    assert split_largest_remainder(10, [55, 25, 20]) == [6, 2, 2]
    assert split_largest_remainder(5, [0, 7]) == [0, 5]


def test_split_gives_equal_remainders_to_the_lowest_tie_order() -> None:
    assert split_largest_remainder(1, [5, 5]) == [1, 0]
    assert split_largest_remainder(1, [5, 5], [2, 1]) == [0, 1]
    assert split_largest_remainder(2, [5, 5, 5], [3, 1, 2]) == [0, 1, 1]


def test_split_of_nothing() -> None:
    assert split_largest_remainder(0, []) == []
    assert split_largest_remainder(0, [0, 0]) == [0, 0]


@pytest.mark.parametrize(
    ("total", "weights", "order"),
    [(-1, [1], None), (1, [-1, 2], None), (1, [], None), (1, [0, 0], None), (1, [1, 1], [0])],
)
def test_split_refuses_what_cannot_be_split(total: int, weights: list[int], order: list[int] | None) -> None:
    with pytest.raises(ValueError, match=r"negative|weights|tie_order"):
        split_largest_remainder(total, weights, order)


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=8), st.data())
def test_split_is_exact_and_within_a_cent_of_the_share(weights: list[int], data: st.DataObject) -> None:
    whole = sum(weights)
    total = data.draw(st.integers(min_value=0, max_value=whole))
    parts = split_largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert whole == 0 or total * weight // whole <= part <= -(-total * weight // whole)


@pytest.mark.parametrize(
    ("done", "planned", "percent"),
    [(30, 50, 60), (0, 5, 0), (799, 1000, 79), (2, 3, 66), (6, 5, 120), (Decimal("6.9"), Decimal("7.5"), 92)],
)
def test_percent_is_rounded_down(done: int | Decimal, planned: int | Decimal, percent: int) -> None:
    assert percent_floor(done, planned) == percent


def test_percent_of_hours_that_binary_fractions_would_get_wrong() -> None:
    assert percent_floor(Decimal("0.29"), 1) == 29  # 0.29 * 100 is 28.999… in binary


def test_percent_refuses_floats_and_nothing_planned() -> None:
    with pytest.raises(TypeError):
        percent_floor(0.5, 1)  # type: ignore[arg-type]
    for done, planned in ((1, 0), (-1, 5), (1, -5)):
        with pytest.raises(ValueError, match="planned above 0"):
            percent_floor(done, planned)


@given(amounts, st.integers(min_value=0, max_value=100))
def test_share_is_the_floor(cents: int, percent: int) -> None:
    share = share_floor(cents, percent)
    assert share * 100 <= cents * percent < (share + 1) * 100


def test_share_refuses_impossible_figures() -> None:
    for cents, percent in ((-1, 5), (1, -1), (1, 101)):
        with pytest.raises(ValueError, match="percent from 0 to 100"):
            share_floor(cents, percent)


@pytest.mark.parametrize(
    ("cents", "currency", "locale", "text"),
    [
        (165000, "EUR", "en", "€1,650.00"),
        (5, "EUR", "en", "€0.05"),
        (-12345, "EUR", "en", "-€123.45"),
        (75000, "CHF", "en", "CHF\u00a0750.00"),
        (50000, "SGD", "en-SG", "S$500.00"),
        (165000, "EUR", "fr", "1\u202f650,00\u00a0€"),
        (165000, "EUR", "nl", "€\u00a01.650,00"),
        (-5, "EUR", "de_DE", "-0,05\u00a0€"),
        (100, "EUR", "xx", "€1.00"),
    ],
)
def test_amounts_as_people_read_them(cents: int, currency: str, locale: str, text: str) -> None:
    assert format_cents(cents, currency, locale) == text


@pytest.mark.parametrize(
    ("text", "cents"),
    [("0", 0), ("1650", 165000), ("1650.5", 165050), ("1650.05", 165005), ("-0.01", -1), ("007", 700)],
)
def test_amounts_as_files_write_them(text: str, cents: int) -> None:
    assert parse_cents(text) == cents
    assert parse_euros(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "1,5",
        "1.",
        ".5",
        "1.234",
        "1e3",
        "+1",
        "--1",
        "1_000",
        "٣",
        "NaN",
        "inf",
        "9" * 16,
    ],
)
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        parse_cents(text)


@given(st.integers(min_value=-(10**16), max_value=10**16))
def test_written_amounts_read_back(cents: int) -> None:
    sign = "-" if cents < 0 else ""
    assert parse_cents(f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}") == cents


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("FR7630006000011234567890189", "FR76 3000 6000 0112 3456 7890 189"),
        ("RF18539007547034", "RF18 5390 0754 7034"),
        ("acct_1ILA00000000test", "acct_1ILA00000000test"),
        ("Boulangerie Petit", "Boulangerie Petit"),
        ("", ""),
    ],
)
def test_account_numbers_are_read_in_groups_of_four(number: str, read: str) -> None:
    assert in_fours(number) == read
