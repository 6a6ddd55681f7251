"""All detectors, by id."""

from __future__ import annotations

from fraud.detection.detector import Detector, not_runnable
from fraud.detectors import (
    attendance,
    consent,
    control,
    hard_facts,
    identity,
    network,
    prices,
    rosters,
    time_and_place,
    volume,
)

_MODULES = (
    attendance,
    consent,
    control,
    hard_facts,
    identity,
    network,
    prices,
    rosters,
    time_and_place,
    volume,
)
_ALL = [detector for module in _MODULES for detector in module.DETECTORS]

DETECTORS: dict[str, Detector] = {
    detector.id: detector for detector in sorted(_ALL, key=lambda detector: detector.id)
}

__all__ = ["DETECTORS", "not_runnable"]
