"""What a measurement found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean


@dataclass(frozen=True, slots=True)
class Figures:
    """One case: times a second that ours and the floor reached in the same run, and how long one of ours took."""

    case: str
    ours_per_s: float
    floor_per_s: float
    p50_ms: float
    p99_ms: float
    clients: int

    @property
    def ratio(self) -> float:
        """Ours as a part of the floor; 0 where no floor was reached."""
        return self.ours_per_s / self.floor_per_s if self.floor_per_s else 0.0

    def as_json(self) -> dict[str, str | float | int]:
        """The shape that `manage.py bench --json` prints."""
        return {
            "case": self.case,
            "ours_per_s": round(self.ours_per_s, 1),
            "floor_per_s": round(self.floor_per_s, 1),
            "ratio": round(self.ratio, 3),
            "p50_ms": round(self.p50_ms, 2),
            "p99_ms": round(self.p99_ms, 2),
            "clients": self.clients,
        }


@dataclass(frozen=True, slots=True)
class Timings:
    """What the clients of a case did: how many a second together, and each one's duration in seconds.

    warmed_up: what they did before the time was taken.
    """

    per_s: float
    durations_s: tuple[float, ...]
    refused: dict[str, int]
    warmed_up: int = 0

    def figures(self, case: str, *, floor_per_s: float, clients: int) -> Figures:
        """These timings beside their floor."""
        return Figures(
            case=case,
            ours_per_s=self.per_s,
            floor_per_s=floor_per_s,
            p50_ms=percentile(self.durations_s, 50) * 1000,
            p99_ms=percentile(self.durations_s, 99) * 1000,
            clients=clients,
        )


def together(turns: Sequence[Timings]) -> Timings:
    """Several turns of the same clients, each as long as the others, as one."""
    refused: Counter[str] = Counter()
    for turn in turns:
        refused.update(turn.refused)
    durations = tuple(duration for turn in turns for duration in turn.durations_s)
    warmed_up = sum(turn.warmed_up for turn in turns)
    return Timings(fmean(turn.per_s for turn in turns), durations, dict(refused), warmed_up)


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of all do not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0
