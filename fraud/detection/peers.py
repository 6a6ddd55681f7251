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


def share_excess(hits: float, size: float, all_hits: float, all_size: float) -> float:
    """Standard deviations by which a share exceeds that of the others (a binomial number, Anscombe's arc sine).

    For what many honest rows have too: at a rate of a half a Poisson number would vary twice as much.
    """
    rate = min(1.0, (all_hits - hits + 1) / max(all_size - size + 20, 20))
    mine = math.asin(math.sqrt((hits + 0.375) / (size + 0.75)))
    return 2 * math.sqrt(size + 0.5) * (mine - math.asin(math.sqrt(rate)))


def beyond_peers(counts: Mapping[str, tuple[int, int]], least: int) -> dict[str, float]:
    """Provider → deviations by which its hits of its rows exceed the others' share, in their own spread.

    counts: provider → (hits, rows). Firms differ more than a draw explains where they have different customers: what
    two thirds of those with at least `least` rows stay within is one deviation, if that is more.
    """
    hits, size = sum(hit for hit, _n in counts.values()), sum(n for _hit, n in counts.values())
    found = {name: share_excess(hit, n, hits, size) for name, (hit, n) in counts.items()}
    away = sorted(abs(z) for name, z in found.items() if counts[name][1] >= least)
    spread = max(1.0, away[int(len(away) * 0.68)]) if away else 1.0
    return {name: z / spread for name, z in found.items()}
