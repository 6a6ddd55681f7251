"""The first steps: a learner asks, the provider proposes or refuses."""

from django.db import IntegrityError, transaction

from accounts.models import Consent, User
from accounts.services import consents, messages
from catalogue.models import MicroCredential, Session
from funding.models import Booking, BookingState, LearningAccount, version_on
from funding.permissions import acts_for_provider
from funding.schemes import deadlines, windows
from funding.schemes.rules import SchemeRules
from funding.services import gates, kept
from funding.services.bookings import guards
from funding.services.bookings.context import (
    Walk,
    calendar_of,
    open_walk,
    today,
)
from funding.services.bookings.texts import proposal_text
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError


@transaction.atomic
def request_booking(*, actor: User, account_id: int, session_id: int) -> Booking:
    """A learner asks for a place in a session. No money moves, no seat is taken.

    Locks: learning account, session (shared). Logs: booking `request`.
    Raises: DomainError `not_found` for an account that is not the actor's own, `not_bookable` (F-17),
    `not_accredited`, `not_eligible` (F-15, F-25, N-02, S-01), `not_allowed` for a second open booking of the
    session, or where grants come from windows alone (N-03); `too_late` and `too_early` (N-05); `overlapping` with
    another booking of theirs (D12).
    """
    account, session = locks.acquire(
        locks.lock(LearningAccount, account_id), locks.lock(Session, session_id, share=True)
    )
    if actor.is_service or not actor.is_active or account.citizen.user_id != actor.pk:
        raise DomainError("not_found", status=404, kind="learningaccount")
    check_may_ask(version_on(account.scheme, today(account.scheme)).parsed, account, session)
    gates.check_booking(account=account, session=session)
    return start_booking(actor=actor, account=account, session=session)


def check_may_ask(rules: SchemeRules, account: LearningAccount, session: Session) -> None:
    """What stands against this account asking for a place now, whatever is in it. Raises: as `request_booking`."""
    credential, now = session.micro_credential, clock.now()
    guards.check_account_active(account)
    if rules.funding == "window":
        raise DomainError("not_allowed", rule="N-03", reason="apply_in_a_window")
    guards.check_learner(rules, account, credential, session, now)
    guards.check_session_open(session, credential, credential.provider)
    guards.check_accredited(rules, provider=credential.provider, credential=credential, moment=now)
    if session.currency != account.scheme.currency:
        raise DomainError("not_bookable", reason="currency")
    if session.price_cents <= 0:
        raise DomainError("not_bookable", reason="price_zero")
    assert session.starts_at is not None
    windows.check_start(rules, rules.calendar, applied_at=now, starts_at=session.starts_at)


def start_booking(*, actor: User, account: LearningAccount, session: Session) -> Booking:
    """A new booking at the session's price; account and session are locked. Logs: booking `request`.

    Raises: DomainError `not_allowed` for a second open booking of the session.
    """
    # A disputed booking may yet go on where it was: then there must not be a second one beside it.
    if Booking.objects.filter(account=account, session=session, state=BookingState.DISPUTED).exists():
        raise DomainError("not_allowed", reason="already_booked")
    booking = Booking(
        account=account,
        session=session,
        credential=session.micro_credential,
        provider=session.micro_credential.provider,
        price_cents=session.price_cents,
        currency=session.currency,
        requested_at=clock.now(),
    )
    try:
        with transaction.atomic():
            fsm.start(booking, actor=actor, transition="request")
    except IntegrityError as error:
        raise DomainError("not_allowed", reason="already_booked") from error
    return booking


@transaction.atomic
def propose(*, actor: User, booking_id: int, price_cents: int | None = None) -> Booking:
    """The provider offers the place at a price in cents (the session's unless told); the learner is asked.

    Locks: account, session, booking. Logs: booking `propose`, consent `ask`.
    Raises: DomainError `bad_price` above the session's or the register's price (N-04), `too_late` (F-22),
    `not_bookable`, `not_accredited`, `not_allowed`. A late answer is flagged `late_answer` (F-20).
    """
    walk = open_walk(booking_id)
    booking = walk.booking
    _check_requested(walk, "propose")
    guards.check_session_open(walk.session, booking.credential, booking.provider)
    guards.check_accredited(
        walk.rules, provider=booking.provider, credential=booking.credential, moment=walk.now
    )
    price = walk.session.price_cents if price_cents is None else price_cents
    check_price(walk.session, booking.credential, price)
    if not deadlines.earliest_start_ok(walk.rules, walk.calendar, walk.now, walk.starts_at):
        raise DomainError(
            "too_late",
            rule="F-22",
            starts=walk.calendar.local_date(walk.starts_at).isoformat(),
            least_wd=walk.rules.min_notice_wd,
        )
    fsm.apply(
        booking,
        "propose",
        actor=actor,
        price_cents=price,
        accept_due=deadlines.accept_due(walk.rules, walk.calendar, walk.now),
        late=_is_late_answer(walk),
    )
    booking.consent = consents.ask_consent(
        citizen=walk.account.citizen, text=proposal_text(booking, walk.rules), actor=actor
    )
    booking.save(update_fields=["consent"])
    messages.queue(
        recipient=walk.account.citizen.user, template="booking_proposed", booking=str(booking.public_id)
    )
    return booking


@transaction.atomic
def acknowledge_request(*, actor: User, booking_id: int) -> Booking:
    """The provider says that a request has arrived, which one with prerequisites asks for within its term (F-20).

    No state moves. Later than the term it is recorded and flagged `late_answer`.
    Locks: account, session, booking. Logs: booking `acknowledge`.
    Raises: DomainError `not_allowed` for an answered or acknowledged request, or another's.
    """
    walk = open_walk(booking_id)
    booking = walk.booking
    _check_requested(walk, "acknowledge")
    if not acts_for_provider(booking, actor) or booking.log.filter(transition="acknowledge").exists():
        raise DomainError("not_allowed", transition="acknowledge", state=booking.state)
    fsm.log_row(booking, "acknowledge", source=booking.state, actor=actor).save(force_insert=True)
    due = deadlines.acknowledge_due(
        walk.rules,
        walk.calendar,
        booking.requested_at,
        prerequisites=bool(booking.credential.has_prerequisites),
    )
    if due is not None and walk.now >= due and "late_answer" not in booking.flags:
        booking.flags = [*booking.flags, "late_answer"]
        booking.save(update_fields=["flags"])
    return booking


@transaction.atomic
def refuse_by_provider(*, actor: User, booking_id: int, reason: str) -> Booking:
    """The provider refuses a request, with a reason (F-20).

    Logs: booking `refuse_by_provider`. Raises: DomainError `incomplete` without a reason, `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_requested(walk, "refuse_by_provider")
    if not reason.strip():
        raise DomainError("incomplete", rule="F-20", what="reason")
    fsm.apply(walk.booking, "refuse_by_provider", actor=actor, reason=reason, late=_is_late_answer(walk))
    messages.queue(
        recipient=walk.account.citizen.user, template="booking_refused", booking=str(walk.booking.public_id)
    )
    return walk.booking


@transaction.atomic
def refuse_by_learner(*, actor: User, booking_id: int, reason: str = "") -> Booking:
    """The learner says no to a request of theirs or to a proposal, which is not to deny consent to it.

    What was kept while they would have paid their part is free at once. Locks: account, session, booking, payment.
    Logs: booking `refuse_by_learner`, consent `lapse`. Raises: DomainError `not_allowed`.
    """
    walk = open_walk(booking_id)
    fsm.apply(walk.booking, "refuse_by_learner", actor=actor, reason=reason)
    if walk.booking.consent_id is not None:
        close_consent(walk.booking, "lapse", actor=actor)
    kept.give_back_left(walk.booking, actor=actor)
    return walk.booking


def close_consent(booking: Booking, transition: str, *, actor: User) -> None:
    """Answer a consent that is still asked; `transition` is `deny` or `lapse`."""
    (consent,) = locks.acquire(locks.lock(Consent, booking.consent_id))
    if consent.state == "asked":
        fsm.apply(consent, transition, actor=actor)


def _check_requested(walk: Walk, transition: str) -> None:
    # The state is refused before the reasons that would matter in it.
    if walk.booking.state != BookingState.REQUESTED:
        raise DomainError("not_allowed", transition=transition, state=walk.booking.state)


def check_price(session: Session, credential: MicroCredential, price: int) -> None:
    """Raise DomainError `bad_price` for a price above the register's (N-04) or the session's, or of nothing."""
    registered = credential.register_price_cents
    if registered is not None and price > registered:
        raise DomainError("bad_price", rule="N-04", price_cents=price, ceiling_cents=registered)
    if not 0 < price <= session.price_cents:
        raise DomainError("bad_price", price_cents=price, ceiling_cents=session.price_cents)


def _is_late_answer(walk: Walk) -> bool:
    due = deadlines.answer_due(
        walk.rules,
        calendar_of(walk.scheme),
        walk.booking.requested_at,
        prerequisites=bool(walk.booking.credential.has_prerequisites),
    )
    return due is not None and walk.now >= due
