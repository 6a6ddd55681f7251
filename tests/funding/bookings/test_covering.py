"""The provider's part of each source, when an advance has taken some of it already (F-28, F-31)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from funding.services.bookings.money import cover

PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=5)


@given(PAIRS)
def test_the_sum_stays_and_no_source_owes_while_another_gives(pairs: list[tuple[int, int]]) -> None:
    taken, parts = [took for took, _ in pairs], [part for _, part in pairs]
    covered = cover(taken, parts)
    assert sum(covered) == sum(parts)
    assert min(covered) >= 0
    below = any(part < took for took, part in zip(taken, covered, strict=True))
    above = any(part > took for took, part in zip(taken, covered, strict=True))
    assert not (below and above)
    for took, part, now in zip(taken, parts, covered, strict=True):
        assert min(took, part) <= now <= max(took, part)


def test_a_cent_of_rounding_opens_no_debt() -> None:
    # 25 % of 3,024 cents was taken, 30 % were realised: the first source would have owed a cent back.
    assert cover([1, 556, 139, 233], [0, 667, 167, 280]) == [1, 666, 167, 280]
    assert cover([0, 0], [10, 5]) == [10, 5]
    assert cover([10, 5], [1, 1]) == [1, 1]
