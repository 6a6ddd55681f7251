"""All detectors, by id."""

from __future__ import annotations

from fraud.detection.detector import Detector, not_runnable
from fraud.detectors import consent, hard_facts

DETECTORS: dict[str, Detector] = {
    detector.id: detector
    for detector in sorted((*consent.DETECTORS, *hard_facts.DETECTORS), key=lambda detector: detector.id)
}

__all__ = ["DETECTORS", "not_runnable"]
