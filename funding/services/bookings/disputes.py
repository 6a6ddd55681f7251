"""When the learner says "this was not me": nothing more is paid, and rights come back first."""

from django.db import transaction

from accounts.models import Consent, User
from accounts.services import consents, messages, service_users
from catalogue.services import sessions, surveys
from funding.models import Booking, BookingState
from funding.models.bookings import SEATED_STATES
from funding.permissions import is_learner
from funding.services import holds, kept, reviews
from funding.services.bookings import endings, money, terms
from funding.services.bookings.context import Walk, open_walk
from funding.services.bookings.guards import CALLED_OFF, was_never_held
from funding.services.bookings.texts import proposal_text
from ila.core import fsm, locks
from ila.core.errors import DomainError

BEFORE_ACCEPTANCE = (BookingState.REQUESTED, BookingState.PROPOSED)


@transaction.atomic
def deny_consent(*, actor: User, booking_id: int, reason: str = "") -> Booking:
    """The learner denies consent. Before acceptance the booking ends; after it, it is disputed.

    While it is disputed nothing is paid. What was paid already comes back to the learner at once, and the
    provider owes it. Locks: account, session, booking, consent. Logs: booking `refuse_by_learner` or
    `dispute`, consent `deny` or `withdraw`. Raises: DomainError `not_allowed`.
    """
    walk = open_walk(booking_id)
    booking = walk.booking
    if not is_learner(booking, actor):
        raise DomainError("not_allowed", status=403, transition="deny_consent", state=booking.state)
    if booking.state in BEFORE_ACCEPTANCE:
        _deny_before(walk, actor=actor, reason=reason)
        return booking
    if booking.accepted_at is None:
        # It ended before anybody consented to anything.
        raise DomainError("not_allowed", transition="dispute", state=booking.state)
    fsm.apply(booking, "dispute", actor=actor, reason=reason, state_before=booking.state)
    consents.deny_consent(consent=_consent(booking), actor=actor, reason=reason)
    money.restore_paid(booking, actor=actor, reason="consent denied")
    messages.queue(
        recipient=walk.account.citizen.user, template="booking_disputed", booking=str(booking.public_id)
    )
    return booking


@transaction.atomic
def resolve_dispute(*, actor: User, booking_id: int, upheld: bool, reason: str = "") -> Booking:
    """A case worker decides. Upheld: all goes back and stays back. Rejected: the booking goes on as it was.

    What the link of a mail held is let go, and its review closed.
    Where its session was called off meanwhile, a booking that would go on is cancelled by the funder.
    Locks: account, session, booking. Logs: booking `uphold_dispute` or `reject_dispute`.
    Raises: DomainError `insufficient_rights` when rights that came back were spent meanwhile, `not_allowed`.
    """
    walk = open_walk(booking_id)
    booking = walk.booking
    _let_go(booking, actor=actor)
    if upheld:
        seated = booking.state_before_dispute in SEATED_STATES
        fsm.apply(booking, "uphold_dispute", actor=actor, reason=reason)
        money.unwind(booking, actor=actor, reason=reason or "dispute upheld")
        surveys.close_invitations(sources=[booking.public_id])
        if seated:
            sessions.free_seat(session_id=booking.session_id)
    else:
        fsm.apply(booking, "reject_dispute", actor=actor, reason=reason)
        called_off = walk.session.state in CALLED_OFF or was_never_held(walk.session)
        if not called_off:
            # What did not take place is paid to nobody: what came back of it stays back.
            money.take_back_restored(booking, actor=actor, reason=reason or "dispute rejected")
        terms.set_again(booking, walk.rules, walk.calendar)
        if called_off and booking.state in (*endings.SEATED, *endings.TAUGHT):
            endings.end_and_return(walk, "cancel_by_funder", actor=actor, reason="session called off")
    messages.queue(
        recipient=walk.account.citizen.user,
        template="dispute_upheld" if upheld else "dispute_rejected",
        booking=str(booking.public_id),
    )
    return booking


def _let_go(booking: Booking, *, actor: User) -> None:
    """End the holds that the link of a mail placed: the dispute is decided, and its review with it."""
    owner = service_users.get("not-me")
    for pk in holds.open_holds().filter(booking=booking, owner=owner).values_list("pk", flat=True):
        holds.release_hold(hold_id=pk, actor=actor)
    for pk in booking.reviews.filter(reason="not_me", closed_at__isnull=True).values_list("pk", flat=True):
        reviews.close_review(actor=actor, review_id=pk)


def _deny_before(walk: Walk, *, actor: User, reason: str) -> None:
    booking = walk.booking
    if booking.consent_id is None:
        booking.consent = consents.ask_consent(
            citizen=walk.account.citizen, text=proposal_text(booking, walk.rules), actor=actor
        )
        booking.save(update_fields=["consent"])
    fsm.apply(booking, "refuse_by_learner", actor=actor, reason=reason or "consent denied")
    consents.deny_consent(consent=_consent(booking), actor=actor, reason=reason)
    kept.give_back_left(booking, actor=actor)


def _consent(booking: Booking) -> Consent:
    (consent,) = locks.acquire(locks.lock(Consent, booking.consent_id))
    assert isinstance(consent, Consent)
    return consent
