"""The training itself: entry, attendance, exit, the declared service and its validation (F-26 to F-29)."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from accounts.services import messages
from funding.models import Attendance, Booking, BookingState, Certificate, ExitReason
from funding.permissions import acts_for_provider
from funding.schemes import deadlines, planning
from funding.schemes.rules import SchemeRules
from funding.services import awards, gates, holds
from funding.services.bookings import guards, in_bulk, terms
from funding.services.bookings.context import Walk, facts_of_credential, open_walk
from funding.services.bookings.guards import CALLED_OFF
from ila.core import fsm
from ila.core.errors import DomainError

PROOFS = ("certificate", "exam")
MAX_HOURS = 10_000  # of one record: more than a year has
IN_COURSE = (BookingState.IN_TRAINING, BookingState.LEFT)


@transaction.atomic
def declare_entry(*, actor: User, booking_id: int) -> Booking:
    """The learner has begun. Later than the term it is recorded and flagged `late_entry` (F-26).

    Locks: account, session, booking. Logs: booking `enter`. Invariant 9.
    Raises: DomainError `too_early` before the day of the start, `not_accredited` when provider or programme
    was not accredited as the training began or is suspended, `not_bookable` for a session called off, `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_state(walk, "enter", BookingState.ACCEPTED)
    if walk.session.state in CALLED_OFF:
        raise DomainError("not_bookable", reason=f"session_{walk.session.state}")
    if walk.calendar.local_date(walk.now) < walk.calendar.local_date(walk.starts_at):
        raise DomainError("too_early", rule="F-26", starts=walk.starts_at.isoformat())
    guards.check_may_begin(
        walk.rules,
        provider=walk.booking.provider,
        credential=walk.booking.credential,
        starts_at=walk.starts_at,
        now=walk.now,
    )
    due = deadlines.entry_due(walk.rules, walk.calendar, walk.starts_at)
    term = terms.term_of_training(
        walk.rules, walk.calendar, starts=walk.starts_at, ends=walk.session.ends_at, entered_at=walk.now
    )
    fsm.apply(walk.booking, "enter", actor=actor, late=due is not None and walk.now >= due, due=term)
    return walk.booking


@transaction.atomic
def record_attendance(
    *, actor: User, booking_id: int, percent: int | None = None, hours: Decimal | None = None
) -> Attendance:
    """The provider records attendance: percent (the last counts) or hours (they add up).

    Locks: account, session, booking. Raises: DomainError `not_allowed` outside the training,
    `incomplete` without exactly one sensible figure.
    """
    walk = open_walk(booking_id)
    if walk.booking.state not in IN_COURSE or not acts_for_provider(walk.booking, actor):
        raise DomainError("not_allowed", transition="attendance", state=walk.booking.state)
    if (percent is None) == (hours is None) or not 0 <= (percent or 0) <= 100:
        raise DomainError("incomplete", what="percent or hours")
    if hours is not None and not (hours.is_finite() and 0 <= hours <= MAX_HOURS):
        raise DomainError("incomplete", what="hours")
    return Attendance.objects.create(
        booking=walk.booking, percent=percent, hours=hours, recorded_by=actor, recorded_at=walk.now
    )


@transaction.atomic
def record_certificate(*, actor: User, booking_id: int, kind: str = "certificate") -> Certificate:
    """The provider records that a certificate was given or an examination taken (`exam`) (N-08).

    Later than the term for the proof it is recorded and flagged `late_proof` (N-10).
    Raises: DomainError `incomplete` for another kind of proof, `not_allowed` before the training has begun
    or after a side exit, `too_early` for a certificate before the training has ended (D16).
    """
    walk = open_walk(booking_id)
    if kind not in PROOFS:
        raise DomainError("incomplete", rule="N-08", what="kind of proof")
    allowed = (*IN_COURSE, BookingState.SERVICE_DECLARED, BookingState.SERVICE_VALIDATED)
    if walk.booking.state not in allowed or not acts_for_provider(walk.booking, actor):
        raise DomainError("not_allowed", transition=kind, state=walk.booking.state)
    if kind == "certificate":
        gates.check_certificate(booking=walk.booking)
    if _is_late_proof(walk) and "late_proof" not in walk.booking.flags:
        walk.booking.flags = [*walk.booking.flags, "late_proof"]
        walk.booking.save(update_fields=["flags"])
    if walk.booking.state == BookingState.SERVICE_VALIDATED:
        awards.award_soon(booking_id=walk.booking.pk)
    return Certificate.objects.create(
        booking=walk.booking, kind=kind, recorded_by=actor, recorded_at=walk.now
    )


@transaction.atomic
def declare_exit(*, actor: User, booking_id: int, exit_reason: str) -> Booking:
    """The learner has left, for one of the reasons of F-29. Late declarations are flagged `late_exit` (F-26).

    Logs: booking `leave`. Raises: DomainError `incomplete` for an unknown reason, `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_state(walk, "leave", BookingState.IN_TRAINING)
    if exit_reason not in ExitReason.values or exit_reason not in walk.rules.exit_reasons:
        raise DomainError("incomplete", rule="F-29", what="reason")
    due = None
    if walk.session.ends_at is not None:
        due = deadlines.exit_due(walk.rules, walk.calendar, walk.session.ends_at)
    fsm.apply(
        walk.booking,
        "leave",
        actor=actor,
        exit_reason=exit_reason,
        late=due is not None and walk.now >= due,
        due=_term_after_leaving(walk),
    )
    return walk.booking


@transaction.atomic
def declare_service(*, actor: User, booking_id: int, percent: int | None = None) -> Booking:
    """The provider declares what was done: percent, or by attendance in whole percent rounded down (F-28).

    Logs: booking `declare_service`. Raises: DomainError `incomplete` where attendance is in hours and the
    planned hours are unknown, the percent is none, or the scheme's proof of completion is missing (N-08);
    `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_state(walk, "declare_service", BookingState.LEFT)
    guards.check_was_held(walk.session)
    if percent is None:
        percent = attended_percent(walk.booking)
    if not 0 <= percent <= 100:
        raise DomainError("incomplete", rule="F-28", what="percent")
    if not walk.rules.certificate_required:
        # Who certifies does so after the service is declared: then it is asked for at the claim.
        check_complete(walk.booking, walk.rules, percent)
    validation_due = deadlines.auto_validation_due(walk.rules, walk.calendar, walk.now)
    fsm.apply(
        walk.booking,
        "declare_service",
        actor=actor,
        percent=percent,
        late_proof=_is_late_proof(walk),
        validation_due=validation_due,
    )
    messages.queue(
        recipient=walk.account.citizen.user,
        template="service_declared",
        booking=str(walk.booking.public_id),
        percent=percent,
        until=_last_day(walk, validation_due),
    )
    return walk.booking


def _last_day(walk: Walk, due: datetime | None) -> str:
    """The last day of a term in words for a message; empty where there is no term."""
    return "" if due is None else walk.calendar.last_day_before(due).isoformat()


@transaction.atomic
def validate_service(*, actor: User, booking_id: int) -> Booking:
    """The service stands: what was not done goes back to its sources, the rest may be claimed (F-27, F-28).

    Where an advance has paid all of it already, the booking is settled.
    Locks: account, session, booking. Logs: booking `validate_service`, `settle`.
    Raises: DomainError `on_hold` while under control, `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_state(walk, "validate_service", BookingState.SERVICE_DECLARED)
    guards.check_was_held(walk.session)
    holds.check_no_hold(walk.booking)
    in_bulk.validate([walk.booking], actor=actor)
    awards.award_soon(booking_id=walk.booking.pk)
    return walk.booking


def attended_percent(booking: Booking) -> int:
    """Attendance in whole percent, rounded down: the last percentage, else hours done ÷ hours planned (F-28).

    Nothing recorded is nothing done: 0. Raises: DomainError `incomplete` when the planned hours are unknown.
    """
    latest = booking.attendance.filter(percent__isnull=False).order_by("-pk").first()
    hours = booking.attendance.filter(hours__isnull=False)
    if latest is not None and not hours.filter(pk__gt=latest.pk).exists():
        assert latest.percent is not None
        return latest.percent
    done = _hours_done(booking)
    planned = booking.credential.hours
    if not done:
        return 0
    if not planned:
        raise DomainError("incomplete", rule="F-28", what="planned hours")
    return planning.realised_percent(done, planned)


def _hours_done(booking: Booking) -> Decimal:
    """Hours add up; of a day of a sheet the latest row counts."""
    rows = booking.attendance.filter(hours__isnull=False)
    undated: Decimal = rows.filter(day__isnull=True).aggregate(total=Sum("hours"))["total"] or Decimal(0)
    latest = rows.filter(day__isnull=False).order_by("day", "-pk").distinct("day")
    return undated + sum((each.hours or Decimal(0) for each in latest), Decimal(0))


def check_complete(booking: Booking, rules: SchemeRules, percent: int) -> None:
    """Raise DomainError `incomplete` where the scheme's proof of completion is missing (N-08)."""
    if rules.attendance_min_percent is None and not rules.certificate_required:
        return
    proofs = set(booking.certificates.values_list("kind", flat=True))
    credential = facts_of_credential(booking.credential)
    if not planning.is_complete(
        rules, credential, percent, certificate="certificate" in proofs, exam="exam" in proofs
    ):
        raise DomainError("incomplete", rule="N-08", percent=percent)


def _check_state(walk: Walk, transition: str, state: BookingState) -> None:
    if walk.booking.state != state:
        raise DomainError("not_allowed", transition=transition, state=walk.booking.state)


def _term_after_leaving(walk: Walk) -> terms.Term:
    """What is left to fall due: the proof, unless it was found overdue already (N-10)."""
    return terms.term_of_training(
        walk.rules,
        walk.calendar,
        starts=walk.session.starts_at,
        ends=walk.session.ends_at,
        done=terms.steps_done([walk.booking])[walk.booking.pk],
    )


def _is_late_proof(walk: Walk) -> bool:
    if walk.session.ends_at is None:
        return False
    due = deadlines.proof_due(walk.rules, walk.calendar, walk.session.ends_at)
    if due is None or walk.now < due:
        return False
    return not walk.booking.certificates.filter(recorded_at__lt=due).exists()
