"""What is found out after teaching was said to be done: that there was none, or less of it than was paid for."""

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import messages, service_users
from catalogue.models import Session, SessionLog, SessionState
from catalogue.services import sessions, surveys
from funding.models import Booking, BookingState, ClaimKind, ClaimState, SessionFinding
from funding.permissions import FUNDER_ROLES, has_agency_role, is_for_every_scheme
from funding.services.bookings import endings, in_bulk, money
from funding.services.bookings.context import open_walk
from ila.core import fsm, locks
from ila.core.errors import DomainError

# A session that has not begun is cancelled; one of these may turn out never to have taken place.
BEGUN = (SessionState.RUNNING, SessionState.HELD, SessionState.NEVER_HELD)


def find_never_held(*, actor: User, session_id: int, reason: str) -> list[int]:
    """The agency finds that a session never took place; every booking of it is undone (decision 197).

    Learners' rights come back first, whatever was held, claimed or paid; what was paid, the provider owes. The
    finding is kept in a transaction of its own, so that nothing more of the session is declared, claimed or
    paid; each booking is then undone in its own. Called again, it goes on where it was interrupted.
    Returns the bookings cancelled now; settled ones stay settled. Locks: the session. Logs: session
    `mark_never_held` of one that runs; bookings as `endings.undo_bookings`.
    Raises: DomainError `not_found` (404); `not_allowed` (403) for whose role is limited to schemes, for a session
    that has not begun (it is cancelled); `incomplete` without a reason.
    """
    if not may_find(actor):
        raise DomainError("not_allowed", status=403, transition="find_never_held")
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    _keep_finding(session_id, actor, reason.strip()[:500])
    return endings.undo_bookings(
        session_id, endings.cancel_by_funder, actor=actor, reason="session never held"
    )


def may_find(actor: User) -> bool:
    """Who says that a session did not take place: it reaches into every scheme."""
    return bool(actor.is_active and not actor.is_service and is_for_every_scheme(actor, *FUNDER_ROLES))


@transaction.atomic
def _keep_finding(session_id: int, actor: User, reason: str) -> None:
    if not Session.objects.filter(pk=session_id).exists():
        raise DomainError("not_found", status=404, kind="session")
    (session,) = locks.acquire(locks.lock(Session, session_id))
    if session.state not in BEGUN:
        raise DomainError("not_allowed", reason=f"session_{session.state}")
    if session.state == SessionState.RUNNING:
        sessions.mark_session_never_held(actor=actor, session_id=session_id, reason=reason)
    if not SessionFinding.objects.filter(session=session).exists():
        SessionFinding.objects.create(session=session, reason=reason, found_by=actor)


def finish_never_held_sessions() -> int:
    """Undo what is left of sessions that never took place: marked so by their provider, or interrupted.

    Returns how many bookings were cancelled or given back. Killed and called again, each is undone once.
    """
    never_held = Q(session__state=SessionState.NEVER_HELD) | Q(
        session__in=SessionFinding.objects.values("session")
    )
    open_states = (*endings.ENDED_WITH_SESSION, *endings.TAUGHT)
    left = Booking.objects.filter(never_held).filter(
        Q(state__in=open_states) | endings.OWING | Q(pk__in=endings.still_paid().values("pk"))
    )
    done = 0
    for session_id in sorted(set(left.values_list("session_id", flat=True))):
        before = left.filter(session_id=session_id).count()
        endings.undo_bookings(
            session_id,
            endings.cancel_by_funder,
            actor=_who_found(session_id),
            reason="session never held",
        )
        done += before - left.filter(session_id=session_id).count()
    return done


def _who_found(session_id: int) -> User:
    """Whoever of the agency said so, as long as they may; else the platform's clock."""
    finding = SessionFinding.objects.filter(session=session_id).select_related("found_by").first()
    row = (
        SessionLog.objects.filter(subject_id=session_id, target=SessionState.NEVER_HELD)
        .select_related("actor")
        .order_by("-pk")
        .first()
    )
    known: list[User] = [each.found_by for each in (finding,) if each is not None]
    known += [each.actor for each in (row,) if each is not None]
    for user in known:
        if may_find(user):
            return user
    return service_users.get("clock")


@transaction.atomic
def reduce_service(*, actor: User, booking_id: int, percent: int, reason: str) -> Booking:
    """The agency finds that less was taught than was validated: the rest goes back, also of what was paid (F-28).

    Claims that have not left for the bank are called back, the provider claims anew. Of a settled booking the
    sources are restored at once, and the provider owes it.
    Locks: account, session, booking. Logs: booking `reduce_service`, perhaps `settle`.
    Raises: DomainError `not_allowed` (403); `not_allowed` before the service is validated, for no less than is
    validated, where the learner pays the provider; `on_its_way` while the bank has a payment of it; `incomplete`
    without a reason.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    walk = open_walk(booking_id)
    booking = walk.booking
    if not has_agency_role(actor, *FUNDER_ROLES, subject=booking):
        raise DomainError("not_allowed", status=403, transition="reduce_service")
    stands = booking.state in (BookingState.SERVICE_VALIDATED, BookingState.SETTLED)
    if not stands or booking.realised_percent is None or walk.rules.funding == "reimbursement":
        raise DomainError("not_allowed", transition="reduce_service", state=booking.state)
    if not 0 <= percent < booking.realised_percent:
        raise DomainError("not_allowed", reason="not_less", percent=booking.realised_percent)
    if booking.claims.filter(state=ClaimState.IN_BATCH).exclude(kind=ClaimKind.REFUND).exists():
        raise DomainError("on_its_way")
    data = {"from": booking.realised_percent, "to": percent}
    booking.realised_percent = percent
    booking.save(update_fields=["realised_percent"])
    fsm.log_row(
        booking, "reduce_service", source=booking.state, actor=actor, reason=reason.strip(), data=data
    ).save(force_insert=True)
    if booking.state == BookingState.SERVICE_VALIDATED:
        in_bulk.settle_parts([booking], actor=actor)
    money.restore_overpaid(booking, walk.rules, actor=actor, reason=f"only {percent} % was taught")
    if percent == 0:
        surveys.close_invitations(sources=[booking.public_id])
    messages.queue(
        recipient=walk.account.citizen.user,
        template="booking_reduced",
        booking=str(booking.public_id),
        percent=percent,
    )
    return booking
