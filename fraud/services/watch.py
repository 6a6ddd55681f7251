"""The day's watch: facts brought up to now, then every detector over them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from fraud.detection.registry import DETECTORS
from fraud.detection.runs import DayResult, detect_live
from fraud.detection.scoring import Alert
from fraud.services import feeds, rules
from funding.models import BookingLog
from ila.core import clock

DENIAL = "D03"


class FactsBehindError(Exception):
    """Some tables of facts could not follow the platform: what detectors would say is not about today.

    failed: table → the kind of error.
    """

    def __init__(self, failed: Mapping[str, str]) -> None:
        self.failed = dict(failed)
        super().__init__(", ".join(sorted(failed)))


def detect_today(*, compare: bool = False) -> DayResult:
    """All detectors over the running platform's facts, brought up to this moment first, with the rules in force now.

    compare: compare all facts with the platform too, as once a day. Raises: FactsBehindError.
    """
    fed = feeds.compare_everything() if compare else feeds.catch_up()
    if fed.failed:
        raise FactsBehindError(fed.failed)
    blind = feeds.blind_detectors()
    ruled = rules.with_rules_in_force(each for each in DETECTORS.values() if each.id not in blind)
    result = detect_live(day=clock.now().date(), detectors=ruled.detectors)
    result.not_run.update(blind)
    result.failed.update(ruled.failed)
    result.alerts = _without_settled_disputes(result.alerts)
    return result


def _without_settled_disputes(alerts: Collection[Alert]) -> list[Alert]:
    """All but those that say a learner denied a booking where a person has decided that the learner had agreed.

    That a denial was said stays a fact; that it was decided on is known to funding alone.
    """
    denied = {alert.finding.subject_id for alert in alerts if alert.detector.id == DENIAL}
    latest = (
        BookingLog.objects.filter(
            subject__public_id__in=[UUID(name) for name in denied],
            transition__in=["dispute", "reject_dispute", "uphold_dispute"],
        )
        .order_by("subject_id", "-at", "-pk")
        .distinct("subject_id")
    )
    rejected = {
        str(booking)
        for booking, last in latest.values_list("subject__public_id", "transition")
        if last == "reject_dispute"
    }
    return [
        alert for alert in alerts if alert.detector.id != DENIAL or alert.finding.subject_id not in rejected
    ]
