"""The day's watch: facts brought up to now, then every detector over them."""

from __future__ import annotations

from collections.abc import Mapping

from fraud.detection.registry import DETECTORS
from fraud.detection.runs import DayResult, detect_live
from fraud.services import feeds
from ila.core import clock


class FactsBehindError(Exception):
    """Some tables of facts could not follow the platform: what detectors would say is not about today.

    failed: table → the kind of error.
    """

    def __init__(self, failed: Mapping[str, str]) -> None:
        self.failed = dict(failed)
        super().__init__(", ".join(sorted(failed)))


def detect_today(*, compare: bool = False) -> DayResult:
    """All detectors over the running platform's facts, brought up to this moment first.

    compare: compare all facts with the platform too, as once a day. Raises: FactsBehindError.
    """
    fed = feeds.compare_everything() if compare else feeds.catch_up()
    if fed.failed:
        raise FactsBehindError(fed.failed)
    blind = feeds.blind_detectors()
    result = detect_live(
        day=clock.now().date(), detectors=[each for each in DETECTORS.values() if each.id not in blind]
    )
    result.not_run.update(blind)
    return result
