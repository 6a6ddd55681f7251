"""What falls due of a booking by itself after a step: kept in `next_due` and `next_due_at`, found by index."""

from collections.abc import Sequence
from datetime import datetime

from funding.models import Booking, BookingLog, BookingState
from funding.schemes import deadlines
from funding.schemes.rules import SchemeRules
from ila.core import clock
from ila.core.calendars import WorkingCalendar

LAPSE, VALIDATE, ADVANCE, PROOF = "lapse", "validate", "advance", "proof"

# The log row of what fell due without a change of state.
DUE_STEPS = {ADVANCE: "advance_due", PROOF: "proof_due"}

BEFORE_DECLARATION = (BookingState.ACCEPTED, BookingState.IN_TRAINING, BookingState.LEFT)

Term = tuple[str, datetime | None]
NOTHING: Term = ("", None)


def term_of_training(
    rules: SchemeRules,
    calendar: WorkingCalendar,
    *,
    starts: datetime | None,
    ends: datetime | None,
    entered_at: datetime | None = None,
    done: tuple[str, ...] = (),
) -> Term:
    """The first thing that falls due between the acceptance and the declared service.

    `advance`: from then an advance may be claimed (F-31), for who is in training; `proof`: completion was to be
    proved by then (N-10). done: what has been executed already.
    """
    terms: list[tuple[datetime, str]] = []
    if entered_at is not None and starts is not None and ends is not None and ADVANCE not in done:
        at = deadlines.advance_due(rules, calendar, entered_at, starts, ends)
        terms += [(at, ADVANCE)] if at is not None else []
    if ends is not None and PROOF not in done:
        at = deadlines.proof_due(rules, calendar, ends)
        terms += [(at, PROOF)] if at is not None else []
    if not terms:
        return NOTHING
    first, what = min(terms)
    return what, first


def term_now(booking: Booking, rules: SchemeRules, calendar: WorkingCalendar) -> Term:
    """What falls due next of a booking as it stands, without what has fallen due already.

    A declared service validates itself its full term after now: for who takes it up again after a dispute.
    """
    if booking.state == BookingState.SERVICE_DECLARED:
        at = deadlines.auto_validation_due(rules, calendar, clock.now())
        return NOTHING if at is None else (VALIDATE, at)
    if booking.state not in BEFORE_DECLARATION:
        return NOTHING
    return term_of_training(
        rules,
        calendar,
        starts=booking.session.starts_at,
        ends=booking.session.ends_at,
        entered_at=booking.entered_at if booking.state == BookingState.IN_TRAINING else None,
        done=steps_done([booking])[booking.pk],
    )


def set_again(booking: Booking, rules: SchemeRules, calendar: WorkingCalendar) -> None:
    """Reckon and keep what falls due next, after what it rests on has changed. The caller has the booking's lock."""
    what, at = term_now(booking, rules, calendar)
    if (booking.next_due, booking.next_due_at) != (what, at):
        booking.next_due, booking.next_due_at = what, at
        booking.save(update_fields=["next_due", "next_due_at"])


def steps_done(bookings: Sequence[Booking]) -> dict[int, tuple[str, ...]]:
    """What has fallen due of each booking without changing its state, by booking id."""
    done: dict[int, tuple[str, ...]] = {booking.pk: () for booking in bookings}
    rows = BookingLog.objects.filter(subject__in=list(done), transition__in=list(DUE_STEPS.values()))
    for booking_id, transition in rows.values_list("subject_id", "transition"):
        done[booking_id] += tuple(what for what, step in DUE_STEPS.items() if step == transition)
    return done
