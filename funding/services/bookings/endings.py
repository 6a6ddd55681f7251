"""The ways a booking ends before its service is done, and who pays what then (F-21, F-23 to F-25)."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import NotMeKind, User
from accounts.services import messages, service_users
from catalogue.models import Session, SessionLog, SessionState
from catalogue.services import sessions, surveys
from funding.models import Allocation, Booking, BookingState, ClaimKind, ClaimState
from funding.models.bookings import PERHAPS_OWED_STATES
from funding.permissions import FUNDER_ROLES, acts_for_funder, acts_for_provider, is_for_every_scheme
from funding.schemes import deadlines
from funding.services import kept, reviews
from funding.services.bookings import conditions, in_bulk, money
from funding.services.bookings.context import Walk, open_walk
from funding.services.bookings.guards import CALLED_OFF, was_never_held
from funding.services.bookings.requests import close_consent
from ila.core import clock, fsm
from ila.core.errors import DomainError

# A session that was cancelled longer ago has had its bookings cancelled many times over.
LEFT_OVERS = timedelta(days=30)

SEATED = (BookingState.ACCEPTED, BookingState.IN_TRAINING)
# What was taught is for the funder alone to call off, and only when its session was never held or is cancelled.
TAUGHT = (BookingState.LEFT, BookingState.SERVICE_DECLARED, BookingState.SERVICE_VALIDATED)
ENDED_WITH_SESSION = (BookingState.REQUESTED, BookingState.PROPOSED, *SEATED)
# Ended by a late cancellation or an absence: the price is owed, or was paid (F-24, F-25).
# Mails of a price that is owed though nobody came: the learner can say at once that it was not them.
DEBITS = ("booking_cancelled_price_owed", "booking_no_show")
OWING = Q(state__in=PERHAPS_OWED_STATES, realised_percent__isnull=False)


@transaction.atomic
def withdraw(*, actor: User, booking_id: int) -> Booking:
    """The learner withdraws without a reason: all goes back, the own money within the term (F-23).

    Where the scheme has no such term, as long as a cancellation would cost nothing (S-08).
    Locks: account, session, booking. Logs: booking `withdraw`.
    Raises: DomainError `too_late` (F-23) after the term or the start of the training, `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_accepted(walk, "withdraw")
    assert walk.booking.accepted_at is not None
    if not deadlines.leaving_ok(
        walk.rules, walk.calendar, walk.booking.accepted_at, walk.now, walk.starts_at
    ):
        raise DomainError("too_late", rule=deadlines.leaving_rule(walk.rules))
    return end_and_return(walk, "withdraw", actor=actor)


@transaction.atomic
def cancel_by_learner(
    *, actor: User, booking_id: int, reason: str = "", told: str = "", may_owe: bool = True
) -> Booking:
    """The learner cancels: a withdrawal inside its term, free in time or where the dates were moved, else it is owed.

    What is owed is the full price (F-24). Too late is also after the start, as long as no entry is declared.
    told: what kept them away, in their words; a person of the agency reads it where it made the cancellation free.
    may_owe: whether they agreed to owe the price.
    Locks: account, session, booking. Logs: booking `withdraw` or `cancel_by_learner`.
    Raises: DomainError `not_allowed`, `too_late` where the price would be owed and they did not agree to it.
    """
    walk = open_walk(booking_id)
    if walk.booking.state != BookingState.ACCEPTED:
        return end_and_return(walk, "cancel_by_learner", actor=actor, reason=reason, price_owed=False)
    assert walk.booking.accepted_at is not None
    if walk.session.state in CALLED_OFF:
        # Nothing is owed for what does not take place, however late the learner says so.
        return end_and_return(walk, "cancel_by_learner", actor=actor, reason=reason, price_owed=False)
    outcome = conditions.outcome_of_leaving(walk.booking, walk.rules, walk.calendar, walk.now, reason=reason)
    if outcome == "withdraw":
        return end_and_return(walk, "withdraw", actor=actor, reason=reason)
    if outcome == "free":
        if reason == "force_majeure" and told:
            reviews.open_reviews([booking_id], reason="force_majeure", detail={"told": told})
        return end_and_return(walk, "cancel_by_learner", actor=actor, reason=reason, price_owed=False)
    if not may_owe:
        raise DomainError("too_late", rule="F-24", reason="price_owed")
    fsm.apply(walk.booking, "cancel_by_learner", actor=actor, reason=reason, price_owed=True)
    money.price_owed(walk.booking, walk.rules, actor=actor)
    sessions.free_seat(session_id=walk.session.pk)
    _tell_learner(walk, "booking_cancelled_price_owed")
    return walk.booking


@transaction.atomic
def cancel_by_provider(*, actor: User, booking_id: int, reason: str = "") -> Booking:
    """The provider cancels: all goes back; what was paid is owed. Logs: booking `cancel_by_provider`."""
    return end_and_return(open_walk(booking_id), "cancel_by_provider", actor=actor, reason=reason)


@transaction.atomic
def cancel_by_funder(*, actor: User, booking_id: int, reason: str = "") -> Booking:
    """The agency cancels: all goes back; what was paid is owed. Logs: booking `cancel_by_funder`.

    Once the learner has left, only where the session turned out never to have been held, or is cancelled.
    Raises: DomainError `not_allowed`.
    """
    walk = open_walk(booking_id)
    called_off = walk.session.state == SessionState.CANCELLED or was_never_held(walk.session)
    if walk.booking.state in TAUGHT and not called_off:
        raise DomainError("not_allowed", transition="cancel_by_funder", state=walk.booking.state)
    return end_and_return(walk, "cancel_by_funder", actor=actor, reason=reason)


@transaction.atomic
def annul(*, actor: User, booking_id: int, reason: str) -> Booking:
    """The agency has decided that a booking was not its learner's, or was not taught: all goes back.

    After its end too. What was paid is owed. `reinstate` undoes it. Logs: booking `cancel_by_funder`.
    Raises: DomainError `incomplete` without a reason, `on_its_way` while the bank has a payment of it, `not_allowed`.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    walk = open_walk(booking_id)
    if walk.booking.claims.filter(state=ClaimState.IN_BATCH).exclude(kind=ClaimKind.REFUND).exists():
        raise DomainError("on_its_way")
    return end_and_return(walk, "cancel_by_funder", actor=actor, reason=reason)


def cancel_session(*, actor: User, session_id: int, reason: str = "") -> list[int]:
    """Provider or agency cancels a session: it takes nobody more, then each of its open bookings is cancelled.

    The session is closed in a transaction of its own, so that no acceptance slips through; each booking
    then in its own, by whom it was cancelled: provider or funder. Repeating the call goes on where it was
    interrupted. Whoever cancelled too late, or was absent, owes nothing any more (decision 94); what was paid
    already goes back to the sources, and the provider owes it (decision 197).
    Returns the bookings cancelled now. Logs: booking `owe_nothing`, `give_back` of those.
    Raises: DomainError `not_found` (404), `not_allowed` for a session that cannot be cancelled any more.
    """
    session = Session.objects.filter(pk=session_id).select_related("micro_credential__provider").first()
    if session is None:
        raise DomainError("not_found", status=404, kind="session")
    if session.state != SessionState.CANCELLED:
        sessions.cancel_session(session_id=session_id, actor=actor, reason=reason)
    cancel = cancel_by_provider if acts_for_provider(session.micro_credential, actor) else cancel_by_funder
    return undo_bookings(session_id, cancel, actor=actor, reason=reason or "session cancelled")


def undo_bookings(session_id: int, cancel: Callable[..., Booking], *, actor: User, reason: str) -> list[int]:
    """End every booking of a session that does not take place: all goes back, what was paid is owed.

    Each in a transaction of its own; called again, it goes on. `cancel` ends those that are still before their
    teaching; what was said to be taught is the funder's to end: the platform's clock does so for who may not.
    Returns the bookings cancelled now. Logs: as `cancel_session`.
    """
    cancelled = _cancel_each(session_id, ENDED_WITH_SESSION, cancel, actor, reason)
    funder = actor if actor.is_service or _acts_for_every_funder(actor) else service_users.get("clock")
    cancelled += _cancel_each(session_id, TAUGHT, cancel_by_funder, funder, reason)
    for booking_id in list(_still_owing(session_id).values_list("pk", flat=True)):
        _owe_nothing(booking_id, actor=actor)
    for booking_id in list(still_paid().filter(session_id=session_id).values_list("pk", flat=True)):
        _give_back(booking_id, actor=actor, reason=reason)
    return cancelled


def _cancel_each(
    session_id: int, states: Iterable[str], cancel: Callable[..., Booking], actor: User, reason: str
) -> list[int]:
    open_bookings = Booking.objects.filter(session_id=session_id, state__in=states)
    cancelled = []
    for booking_id in list(open_bookings.order_by("pk").values_list("pk", flat=True)):
        try:
            cancel(actor=actor, booking_id=booking_id, reason=reason)
        except DomainError:
            # One that somebody ended meanwhile stops nobody else's.
            if open_bookings.filter(pk=booking_id).exists():
                raise
            continue
        cancelled.append(booking_id)
    return cancelled


def still_paid() -> QuerySet[Booking]:
    """Settled bookings of which something stays paid out: what their session's end has to take back."""
    paid = Allocation.objects.filter(booking=OuterRef("pk"), reimburses=False, direct=False, paid_cents__gt=0)
    reimbursed = Allocation.objects.filter(booking=OuterRef("pk"), reimburses=True)
    # Where the learner is reimbursed, the price was never the platform's to give back.
    return Booking.objects.filter(Exists(paid), ~Exists(reimbursed), state=BookingState.SETTLED).order_by(
        "pk"
    )


def finish_cancelled_sessions() -> int:
    """Cancel the bookings that an interrupted `cancel_session` left open, as the person who had begun it.

    Who may no longer act has it finished by the platform's clock. Sessions cancelled in the last month are
    looked at. Returns how many bookings were cancelled.
    """
    left = Booking.objects.filter(
        session__state=SessionState.CANCELLED,
        session__cancelled_at__gte=clock.now() - LEFT_OVERS,
    ).filter(Q(state__in=(*ENDED_WITH_SESSION, *TAUGHT)) | OWING | Q(pk__in=still_paid().values("pk")))
    cancelled = 0
    for session_id in sorted(set(left.values_list("session_id", flat=True))):
        begun = SessionLog.objects.filter(subject_id=session_id, target=SessionState.CANCELLED)
        first = begun.select_related("actor").latest("pk")
        actor = first.actor if _may_finish(session_id, first.actor) else service_users.get("clock")
        cancelled += len(cancel_session(actor=actor, session_id=session_id, reason=first.reason))
    return cancelled


@transaction.atomic
def declare_no_show(*, actor: User, booking_id: int, justified: bool, reason: str = "") -> Booking:
    """The learner never came. Justified: all goes back; unjustified: the full price is owed (F-25).

    Logs: booking `declare_no_show`. Raises: DomainError `too_early` before the session has started,
    `not_bookable` for a session called off (nobody was absent from it), `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_accepted(walk, "declare_no_show")
    if walk.session.state in CALLED_OFF:
        raise DomainError("not_bookable", reason=f"session_{walk.session.state}")
    if walk.now < walk.starts_at:
        raise DomainError("too_early", rule="F-25")
    if justified:
        return end_and_return(walk, "declare_no_show", actor=actor, reason=reason, price_owed=False)
    fsm.apply(walk.booking, "declare_no_show", actor=actor, reason=reason, price_owed=True)
    money.price_owed(walk.booking, walk.rules, actor=actor)
    sessions.free_seat(session_id=walk.session.pk)
    _tell_learner(walk, "booking_no_show")
    return walk.booking


@transaction.atomic
def lapse(*, booking_id: int) -> bool:
    """A proposal that nobody accepted in time ends (F-21). Returns whether it did now. Logs: booking `lapse`."""
    walk = open_walk(booking_id)
    booking = walk.booking
    if (
        booking.state != BookingState.PROPOSED
        or booking.next_due_at is None
        or walk.now < booking.next_due_at
    ):
        return False
    in_bulk.lapse([booking], actor=service_users.get("clock"))
    return True


def _may_finish(session_id: int, actor: User) -> bool:
    session = Session.objects.select_related("micro_credential__provider").get(pk=session_id)
    return acts_for_provider(session.micro_credential, actor) or _acts_for_every_funder(actor)


def _acts_for_every_funder(actor: User) -> bool:
    """A session is of no scheme: calling it off ends bookings of every one."""
    return acts_for_funder(None, actor) and (actor.is_service or is_for_every_scheme(actor, *FUNDER_ROLES))


def _check_accepted(walk: Walk, transition: str) -> None:
    if walk.booking.state != BookingState.ACCEPTED:
        raise DomainError("not_allowed", transition=transition, state=walk.booking.state)


def end_and_return(walk: Walk, transition: str, *, actor: User, reason: str = "", **fields: Any) -> Booking:
    """End the walk's booking by a transition: what it holds goes back, its seat is free, the learner is told."""
    booking = walk.booking
    seated = booking.state in (*SEATED, *TAUGHT)
    fsm.apply(booking, transition, actor=actor, reason=reason, **fields)
    if seated:
        money.unwind(booking, actor=actor, reason=reason or transition)
        sessions.free_seat(session_id=walk.session.pk)
    else:
        if booking.consent_id is not None:
            close_consent(booking, "lapse", actor=actor)
        kept.give_back_left(booking, actor=actor)
    _tell_learner(walk, "booking_ended")
    return booking


def _still_owing(session_id: int) -> QuerySet[Booking]:
    return Booking.objects.filter(OWING, session_id=session_id).order_by("pk")


@transaction.atomic
def _owe_nothing(booking_id: int, *, actor: User) -> None:
    """What a late cancellation or an absence cost goes back: what they missed does not take place."""
    walk = open_walk(booking_id)
    booking = walk.booking
    if booking.state not in PERHAPS_OWED_STATES or booking.realised_percent is None:
        return
    booking.realised_percent = None
    booking.save(update_fields=["realised_percent"])
    row = fsm.log_row(booking, "owe_nothing", source=booking.state, actor=actor, reason="session cancelled")
    row.save(force_insert=True)
    money.unwind(booking, actor=actor, reason="session cancelled")
    _tell_learner(walk, "booking_ended")


@transaction.atomic
def _give_back(booking_id: int, *, actor: User, reason: str) -> None:
    """A settled booking stays settled; what was paid for it goes back to its sources, and the provider owes it."""
    walk = open_walk(booking_id)
    booking = walk.booking
    if booking.state != BookingState.SETTLED:
        return
    if money.restore_paid(booking, actor=actor, reason=reason[:200]) is None:
        return
    fsm.log_row(booking, "give_back", source=booking.state, actor=actor, reason=reason).save(
        force_insert=True
    )
    surveys.close_invitations(sources=[booking.public_id])
    _tell_learner(walk, "booking_given_back")


def _tell_learner(walk: Walk, template: str) -> None:
    booking = str(walk.booking.public_id)
    # A price that is owed is a debit: it can be disputed from the mail.
    link = messages.not_me(NotMeKind.BOOKING, booking) if template in DEBITS else {}
    messages.queue(recipient=walk.account.citizen.user, template=template, booking=booking, **link)
