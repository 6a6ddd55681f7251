"""Compared with others: how far a provider's number is beyond what all the other providers together explain."""

from __future__ import annotations

import math
from collections.abc import Mapping


def excess(hits: float, size: float, all_hits: float, all_size: float, *, least_rate: float = 0.0) -> float:
    """Standard deviations by which `hits` of `size` exceed the rate of the others (a Poisson number, stabilised).

    The provider itself is left out of the rate it is compared with. least_rate: what is always expected, so that
    a first case in a world without any is no sensation.
    """
    rate = max((all_hits - hits + 1) / max(all_size - size + 20, 20), least_rate)
    return 2 * (math.sqrt(hits + 0.375) - math.sqrt(rate * size + 0.375))


def entropy(counts: Mapping[int, int]) -> float:
    """Bits that a draw from these counts holds: 0 where all are alike."""
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values() if n)
