"""Holds that detection asks for: on the claims concerned alone, with notice, an end, and a person who looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from accounts.models import User
from fraud.detection.scoring import Alert as FoundAlert
from fraud.models import Alert, AlertAction, Case, Measure, MeasureKind, MeasureLine
from fraud.services import gathering, measures, subjects
from funding.models import BookingState
from funding.models.bookings import OPEN_STATES, PERHAPS_OWED_STATES
from ila.core import clock

# Money of a booking in another state has left for good, or gone back.
HOLDABLE = (*OPEN_STATES, *PERHAPS_OWED_STATES, BookingState.DISPUTED)


def holds_money(found: FoundAlert) -> bool:
    """Whether what an alert is about must not be paid by itself: a hold that stands, or a hard fact."""
    return found.action == AlertAction.HOLD or (found.action == AlertAction.REJECT and found.detector.hard)


def hold(case: Case, found: Sequence[tuple[Alert, FoundAlert]], *, actor: User) -> Measure | None:
    """Hold what the alerts of a locked case are about, once: what was held or let go for this case is not held again.

    Whether an alert may hold at all (a hard fact, or two independent families of evidence) was decided by
    `fraud.detection.scoring`. Bookings are held, not the provider, unless the evidence names none. Returns the
    measure, or None where there is nothing new to hold. Logs: measure `create`, `notify`. Notice goes out at once.
    """
    refs: set[str] = set()
    refs.update(*(each.bookings or gathering.booking_refs(each.finding.evidence) for _alert, each in found))
    before = MeasureLine.objects.filter(measure__case=case, measure__kind=MeasureKind.HOLD)
    known = set(before.values_list("booking_id", flat=True))
    named = subjects.bookings_of(case.provider, refs)
    bookings = [each for each in named if each.pk not in known and each.state in HOLDABLE]
    wide = [
        alert for alert, each in found if not (each.bookings or gathering.booking_refs(each.finding.evidence))
    ]
    scope = "booking"
    if not bookings:
        held = Measure.objects.filter(case=case, kind=MeasureKind.HOLD, scope="provider")
        if not wide or held.exists():
            return None
        scope = "provider"
    detectors = {each.detector.id: each.detector for _alert, each in found}
    now = clock.now()
    measure = Measure(
        case=case,
        kind=MeasureKind.HOLD,
        scope=scope,
        reason="; ".join(f"{key}: {detectors[key].explanation}" for key in sorted(detectors)),
        expires_at=now + timedelta(days=measures.HOLD_DAYS),
        review_at=now + timedelta(days=measures.REVIEW_DAYS),
        proposed_by=actor,
        proposed_at=now,
    )
    measures.start(case, measure, {each.pk: None for each in bookings}, actor=actor)
    measures.announce(case, measure, actor=actor)
    return measure
