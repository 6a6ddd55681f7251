"""Where what detectors found is handed on: to whoever keeps alerts and works on them."""

from __future__ import annotations

from fraud.detection.registry import DETECTORS
from fraud.detection.runs import DayResult, detect_live
from ila.core import clock


def store(result: DayResult) -> int:
    """Keep a day's findings; returns how many were new."""
    return len(result.alerts)


def store_links() -> int:
    """Tell of names that are on the blacklist at once, not only at night (D07)."""
    return store(detect_live(day=clock.now().date(), detectors=[DETECTORS["D07"]]))
