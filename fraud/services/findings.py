"""What detectors found is handed on: alerts and cases to who works on them, questions to learners drawn by lot."""

from __future__ import annotations

from uuid import UUID

from accounts.services import service_users
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import DayResult, detect_live
from fraud.services import alerts, questions, rules
from funding.models import Booking
from ila.core import clock

CONTROL = "D26"


def store(result: DayResult, *, partial: bool = False) -> int:
    """Keep a day's findings, in cases that hold what they may; ask the learners drawn by lot, each once (D26).

    partial: only some of the detectors ran. Returns how many alerts were new.
    """
    stored = alerts.store_day(result=result, authors=rules.authors_of(result), partial=partial)
    drawn = [alert.finding.subject_id for alert in result.alerts if alert.detector.id == CONTROL]
    if drawn:
        found = Booking.objects.filter(public_id__in=[UUID(name) for name in drawn])
        questions.ask_at_random(
            actor=service_users.get("fraud"), booking_ids=list(found.values_list("pk", flat=True))
        )
    return stored.new


def store_links() -> int:
    """Tell of names that are on the blacklist at once, not only at night (D07)."""
    ruled = rules.with_rules_in_force([DETECTORS["D07"]])
    result = detect_live(day=clock.now().date(), detectors=ruled.detectors)
    result.failed.update(ruled.failed)
    return store(result, partial=True)
