"""Before money leaves: every detector over the facts of this moment, and holds on what must not go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from accounts.services import service_users
from fraud.detection.runs import DayResult
from fraud.detection.scoring import Alert
from fraud.models import AutomaticHold, MeasureEffect, PaymentScreening, ScreeningOutcome
from fraud.services import findings, precautions, watch
from funding.models import Booking, ClaimState, Hold
from funding.services import hold_notices, holds
from ila.core import clock
from ila.core.errors import DomainError

logger = structlog.get_logger(__name__)

# A hold by itself is looked at by a person within this time, or ends (N-16).
HOLD_DAYS = 30
# Those whose findings may hold money: while one of them is blind, nothing leaves.
HOLDING = frozenset(["D01", "D03", "D05", "D06", "D09", "D11", "D13", "D15", "D16", "D17"])
# What is on its way to be paid.
PAYABLE = (ClaimState.SUBMITTED, ClaimState.APPROVED, ClaimState.IN_BATCH)


def screen_batch(*, batch_id: int) -> PaymentScreening:
    """Look at what a batch pays, and hold what detectors say must not leave.

    Raises: DomainError `not_screened` where the facts are behind or a detector that may hold fails: then nothing
    leaves, and why is written down.
    """
    bookings = set(
        Booking.objects.filter(claims__payments__batch=batch_id).values_list("public_id", flat=True)
    )
    return _screen(bookings, batch_id=batch_id)


def screen_payable(*, compare: bool = False) -> tuple[PaymentScreening, DayResult | None]:
    """Look at everything that is claimed and not paid yet, so that batches are drawn up without what is held.

    compare: as in `watch.detect_today`. Returns what was found too; None where it could not be looked for.
    """
    bookings = set(Booking.objects.filter(claims__state__in=PAYABLE).values_list("public_id", flat=True))
    screening = PaymentScreening.objects.create(day=clock.now().date(), looked_at=len(bookings))
    try:
        result = watch.detect_today(compare=compare)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is written down and seen
        _failed(screening, error)
        return screening, None
    _finish(screening, result, bookings)
    return screening, result


def _screen(bookings: Collection[UUID], *, batch_id: int) -> PaymentScreening:
    screening = PaymentScreening.objects.create(
        batch_id=batch_id, day=clock.now().date(), looked_at=len(bookings)
    )
    try:
        result = watch.detect_today()
    except Exception as error:
        # Whatever it was: what nobody looked at does not leave.
        _failed(screening, error)
        raise DomainError("not_screened", status=503, batch=batch_id, error=type(error).__name__) from error
    _finish(screening, result, bookings)
    if screening.outcome == ScreeningOutcome.FAILED:
        raise DomainError("not_screened", status=503, batch=batch_id, failed=sorted(screening.failed))
    return screening


def _failed(screening: PaymentScreening, error: Exception) -> None:
    logger.error("payment_screening_failed", screening=screening.pk, exc_info=error)
    screening.error, screening.outcome = type(error).__name__, ScreeningOutcome.FAILED
    if isinstance(error, watch.FactsBehindError):
        screening.failed = dict(error.failed)
    screening.finished_at = clock.now()
    screening.save()


def _finish(screening: PaymentScreening, result: DayResult, bookings: Collection[UUID]) -> None:
    screening.failed, screening.not_run = dict(result.failed), dict(result.not_run)
    blind = HOLDING & set(result.failed)
    try:
        findings.store(result)
    except Exception as error:
        # Alerts that cannot be kept are told by the next run; what must not leave is held all the same.
        logger.exception("fraud_findings_not_stored", screening=screening.pk)
        screening.failed["alerts"] = type(error).__name__
    place_holds(result.alerts, bookings, screening)
    screening.held = len(stopped(bookings))
    screening.outcome = ScreeningOutcome.FAILED if blind else ScreeningOutcome.PASSED
    screening.finished_at = clock.now()
    screening.save()


@transaction.atomic
def place_holds(alerts: Iterable[Alert], bookings: Collection[UUID], screening: PaymentScreening) -> int:
    """Hold each of these bookings that an alert says must be held and that nothing stops yet.

    A hold needs a hard fact or two families of evidence (`fraud.detection.scoring`). Cases have held first, with their
    letters; this is for what no case could hold. One that a person released is not placed again on the same evidence.
    Returns how many were placed.
    """
    wanted: dict[str, Alert] = {}
    known = {str(each) for each in bookings}
    for alert in alerts:
        if precautions.holds_money(alert):
            for name in alert.bookings & known:
                wanted.setdefault(name, alert)
    found = {
        str(booking.public_id): booking
        for booking in Booking.objects.filter(public_id__in=[UUID(name) for name in wanted]).select_related(
            "account__scheme", "provider"
        )
    }
    service = service_users.get("fraud")
    before = stopped([booking.public_id for booking in found.values()])
    released = _released(found.values())
    placed: list[Hold] = []
    for name in sorted(found):
        booking, alert = found[name], wanted[name]
        if booking.pk in before or any(_decides(each, alert, name) for each in released[booking.pk]):
            continue
        hold = holds.place_hold(
            owner=service,
            reason=f"{alert.detector.id}: {alert.detector.explanation}"[:500],
            until=clock.now() + timedelta(days=HOLD_DAYS),
            booking=booking,
        )
        AutomaticHold.objects.create(
            hold=hold,
            booking=booking,
            screening=screening,
            detector=alert.detector.id,
            version=alert.detector.version,
            rule=alert.detector.rule,
            parameters=alert.detector.parameters.model_dump(mode="json"),
            score=alert.finding.score,
            evidence=list(alert.finding.evidence),
        )
        placed.append(hold)
    hold_notices.tell_subjects(placed)
    return len(placed)


def stopped(bookings: Collection[UUID]) -> set[int]:
    """Which of these bookings a hold stops now, whatever its scope and whoever placed it."""
    open_holds = list(holds.open_holds().values_list("booking_id", "session_id", "provider_id", "iban"))
    if not open_holds:
        return set()
    concerned = Q(pk__in=[])
    for booking_id, session_id, provider_id, iban in open_holds:
        concerned |= (
            Q(pk=booking_id)
            if booking_id
            else Q(session=session_id)
            if session_id
            else Q(provider=provider_id)
            if provider_id
            else Q(provider__iban=iban)
        )
    found = Booking.objects.filter(concerned, public_id__in=list(bookings))
    return set(found.values_list("pk", flat=True))


def _released(bookings: Iterable[Booking]) -> dict[int, list[AutomaticHold | None]]:
    """By booking, holds of fraud's that a person released: with their evidence, or None where a case held it."""
    rows = Hold.objects.filter(
        Q(owner=service_users.get("fraud")) | Exists(MeasureEffect.objects.filter(hold=OuterRef("pk"))),
        booking__in=[booking.pk for booking in bookings],
        released_by__isnull=False,
        released_by__is_service=False,
    )
    evidence = {row.hold_id: row for row in AutomaticHold.objects.filter(hold__in=rows)}
    found: dict[int, list[AutomaticHold | None]] = defaultdict(list)
    for hold in rows:
        if hold.booking_id is not None:
            found[hold.booking_id].append(evidence.get(hold.pk))
    return found


def _decides(earlier: AutomaticHold | None, alert: Alert, booking: str) -> bool:
    """Whether a person has decided on this already: nothing new is said of the booking since."""
    if earlier is None:
        return True
    mine = {row for row in alert.finding.evidence if row.endswith(f":{booking}")}
    return earlier.detector == alert.detector.id and mine <= set(earlier.evidence)


def say_screening(*, batch_id: int) -> str:
    """The latest screening of a batch in a sentence; empty before the first."""
    latest = PaymentScreening.objects.filter(batch=batch_id).order_by("-pk").first()
    if latest is None:
        return ""
    if latest.outcome == ScreeningOutcome.RUNNING:
        return _("What this batch pays is being looked at.")
    if latest.outcome == ScreeningOutcome.FAILED:
        why = ", ".join(sorted(latest.failed)) or latest.error
        return _("What this batch pays could not be looked at (%(why)s). Nothing leaves until it can.") % {
            "why": why
        }
    if latest.held:
        return _("Looked at before the payment: %(held)s of %(all)s bookings were stopped.") % {
            "held": latest.held,
            "all": latest.looked_at,
        }
    return _("Looked at before the payment: nothing was stopped.")
