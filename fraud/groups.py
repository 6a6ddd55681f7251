"""The groups by which holds on honest people are compared: ages of learners. Nothing else about a person is asked."""

from __future__ import annotations

from typing import Final

# Years of age, both included; the last band has no end.
AGES: Final = ((0, 29), (30, 44), (45, 59), (60, None))
UNKNOWN: Final = "unknown"


def age_band(age: int) -> str:
    """The band of an age in years: `0-29`, `60+`. What cannot be an age falls into the nearest band."""
    return band_name(next(band for band in reversed(AGES) if band[0] <= max(age, 0)))


def band_name(band: tuple[int, int | None]) -> str:
    """A band in figures."""
    low, high = band
    return f"{low}+" if high is None else f"{low}-{high}"
