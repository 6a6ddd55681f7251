"""Where what detectors found is handed on: to whoever keeps alerts and works on them."""

from __future__ import annotations

from fraud.detection.registry import DETECTORS
from fraud.detection.runs import DayResult, detect_live
from fraud.services import alerts
from ila.core import clock


def store(result: DayResult, *, partial: bool = False) -> int:
    """Keep a day's findings; returns how many were new. partial: only some of the detectors ran."""
    return alerts.store_day(result=result, partial=partial).new


def store_links() -> int:
    """Tell of names that are on the blacklist at once, not only at night (D07)."""
    return store(detect_live(day=clock.now().date(), detectors=[DETECTORS["D07"]]), partial=True)
