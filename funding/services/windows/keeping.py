"""A grant kept for a learner who pays by card what is above it: for a short time, then granted or given back whole.

Kept are a seat, a place in the programme's count and the grant itself, out of the window's budget, so that nobody pays
and is then refused for want of one. The application is written with the money, and not before (decision 204).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import SignIn, User
from accounts.services import consents, messages
from funding.models import (
    Allocation,
    Booking,
    BookingLog,
    BookingState,
    Bucket,
    CardPayment,
    Fund,
    Reservation,
    Window,
)
from funding.models.card_payments import WAITING
from funding.schemes import windows
from funding.schemes.facts import SourcePlan
from funding.schemes.rules import SchemeRules
from funding.services import kept, ledger
from funding.services.bookings import guards, history, money, terms
from funding.services.bookings.acceptance import allocations_for
from funding.services.bookings.conditions import conditions_for
from funding.services.bookings.context import calendar_of
from funding.services.bookings.receipts import receipt_context
from funding.services.bookings.requests import close_consent
from funding.services.bookings.texts import Shown, given_text
from funding.services.ledger import Line
from funding.services.windows.applying import (
    Applying,
    PartIsShortError,
    Request,
    application_of,
    decide,
    new_booking,
    new_consent,
    take,
    text_of,
)
from funding.services.windows.situation import Locked, read_situation
from ila.core import clock, fsm, locks
from ila.core.batch import Batch
from ila.core.errors import DomainError


def keep(
    *,
    actor: User,
    account_id: int,
    session_id: int,
    window_id: int,
    sign_in: SignIn | None,
    shown: Shown,
    expires_at: datetime,
) -> CardPayment:
    """A learner applies for what costs more than the grant: everything is kept for them until they have paid the rest.

    The booking is `proposed` meanwhile; the application, the grant and the consent come with the money. Sent twice, the
    second time finds the payment that waits.
    Locks: as `apply`. Raises: as `apply`; DomainError `not_allowed` where they have nothing to pay.
    Logs: booking `request`, `apply`; consent `ask`; payment `create`. Invariants 4, 5, 10.
    """
    request = Request(actor, account_id, session_id, window_id, sign_in, None, "", shown, "first")
    try:
        try:
            with transaction.atomic():
                return _keep(request, shown, expires_at, gathering=False)
        except PartIsShortError:
            with transaction.atomic():
                return _keep(request, shown, expires_at, gathering=True)
    except DomainError:
        waiting = waiting_payments(actor, window_id).filter(booking__session=session_id).first()
        if waiting is None or waiting.booking is None or waiting.booking.account_id != account_id:
            raise
        return waiting


def waiting_payments(user: User, window_id: int) -> QuerySet[CardPayment]:
    """The payments that somebody may still make for a grant that is kept for them; at most one."""
    return CardPayment.objects.select_related("booking").filter(
        payer=user, reservation__window=window_id, reservation__ended_at__isnull=True, state__in=WAITING
    )


def _keep(request: Request, shown: Shown, expires_at: datetime, *, gathering: bool) -> CardPayment:
    applying = decide(request)
    assert isinstance(applying, Applying)
    if not applying.own_cents:
        raise DomainError("not_allowed", reason="nothing_to_pay")
    scheme = applying.locked.window.scheme
    booking, asked = new_booking(applying)
    text = text_of(booking, applying)
    consent, consent_asked = new_consent(booking, applying)
    booking.consent = consent
    applied = fsm.move(booking, "apply", actor=request.actor, scheme_version=applying.situation.version)
    batch = Batch()
    batch.insert(consent)
    batch.insert(consent_asked)
    batch.insert(booking)
    batch.insert(asked, applied)
    batch.send()
    payment = CardPayment(
        scheme=scheme,
        booking=booking,
        payer=request.actor,
        fund=Fund.OWN,
        amount_cents=applying.own_cents,
        currency=booking.currency,
        language=shown.language,
        opened_at=applying.now,
        expires_at=expires_at,
        sign_in=request.sign_in,
        text=text,
        text_hash=shown.text_hash,
    )
    fsm.start(payment, actor=request.actor)
    Reservation.objects.create(
        payment=payment,
        session_id=booking.session_id,
        reserved_cents=applying.grant_cents,
        window=applying.locked.window,
        year=applying.day.year,
    )

    def reserve(batch: Batch, budget_id: int) -> None:
        line = Line(Bucket.BUDGET, Fund.PUBLIC, applying.grant_cents, budget_id=budget_id)
        batch.add(
            *ledger.statement(
                scheme=scheme,
                kind="reserve_booking",
                key=kept.key_of(payment),
                actor=request.actor,
                lines=ledger.transfer(line, Bucket.BUDGET, Bucket.RESERVED),
            )
        )

    take(Batch(), booking, applying, gathering=gathering, spend=reserve)
    return payment


def grant_paid(payment: CardPayment, booking: Booking) -> Booking:
    """The money is there: the application binds with it. What was kept is granted as it lies; nobody comes between.

    The rules are those of the day on which they applied (N-01), and the sign-in was fresh then; who may be taught and
    paid is looked at again. Inside the caller's transaction, the booking and the payment locked; no counter moves.
    Raises: DomainError `too_late` once it was given back, `not_allowed`, `not_eligible`, `not_bookable`,
    `not_accredited`, `already_granted`, `account_alarm`, `on_hold`, `consent_changed`.
    Logs: booking `grant`, consent `give`. Invariants 4, 5, 8, 9, 10.
    """
    reservation = (
        Reservation.objects.select_related("window__scheme")
        .filter(payment=payment, ended_at__isnull=True)
        .first()
    )
    if booking.state not in (BookingState.PROPOSED, BookingState.LAPSED):
        raise DomainError("not_allowed", transition="grant", state=booking.state)
    if reservation is None or reservation.window is None:
        raise DomainError("too_late", reason="not_paid_in_time")
    window, consent, sign_in, version = (
        reservation.window,
        booking.consent,
        payment.sign_in,
        booking.scheme_version,
    )
    assert consent is not None
    assert sign_in is not None
    assert version is not None
    rules, calendar = version.parsed, calendar_of(window.scheme)
    _check_again(payment, booking, window, rules)
    plan = windows.plan_grant(rules, booking.price_cents)
    text = _text_again(payment, booking, rules, plan)
    given = fsm.move(consent, "give", actor=payment.payer, sign_in=sign_in, text=text)
    # Answered when they consented, under the sign-in that was fresh then, not when their money came (F-32).
    consent.answered_at = payment.opened_at
    due = terms.term_of_training(
        rules, calendar, starts=booking.session.starts_at, ends=booking.session.ends_at
    )
    log = fsm.move(booking, "grant", actor=payment.payer, scheme_version=version, due=due)
    assert isinstance(log, BookingLog)
    log.data = history.evidence(rules, history.facts_for(rules, booking.account), plan)
    allocations = allocations_for(booking, plan, direct=False, budget_id=_budget_of(payment))
    batch = Batch()
    batch.add(
        *ledger.statement(
            scheme=window.scheme,
            kind="hold_booking",
            key=f"booking:{booking.pk}:accept",
            actor=payment.payer,
            lines=_lines(booking, allocations),
        )
    )
    batch.insert(*allocations)
    batch.insert(given)
    batch.update(consent, "state", "answered_at", "sign_in", "text", "text_hash", state="asked")
    batch.insert(log)
    changed = ("state", "accepted_at", "next_due", "next_due_at")
    batch.update(booking, *changed, state=BookingState.PROPOSED)
    batch.insert(application_of(booking, window, rules, reservation.reserved_cents, payment.opened_at))
    for message in messages.draft(
        recipient=payment.payer, template="grant_given", **receipt_context(booking, consent, sign_in)
    ):
        batch.insert(message)
    batch.send()
    kept.end(reservation)
    return booking


def give_back(payment: CardPayment, reservation: Reservation, *, actor: User) -> None:
    """Nothing came of it: seat, count and budget are everybody's again, once, and the application is over.

    The grant was never given, so it may be applied for again while the window is open (decision 204).
    The booking and the payment are locked. Logs: booking `lapse`, consent `lapse`.
    """
    assert payment.booking_id is not None
    # Read again: what was tried with it in memory may have been rolled back.
    booking = Booking.objects.get(pk=payment.booking_id)
    locks.mark_locked(booking)
    if booking.state == BookingState.PROPOSED:
        fsm.apply(booking, "lapse", actor=actor, reason="not paid")
        close_consent(booking, "lapse", actor=actor)
    kept.give_back(payment, reservation, booking, actor=actor)


def _check_again(payment: CardPayment, booking: Booking, window: Window, rules: SchemeRules) -> None:
    """What may have ended while they paid. Time, turn, price and money were settled as they applied."""
    now = clock.now()
    account, session = booking.account, booking.session
    session.micro_credential = booking.credential
    session.micro_credential.provider = booking.provider
    account.scheme = window.scheme
    day = calendar_of(window.scheme).local_date(payment.opened_at)
    situation = read_situation(Locked(account, session, window, None, (), None), now, day=day)
    consents.check_sign_in(
        sign_in=payment.sign_in,
        citizen=account.citizen,
        strong=rules.strong_identity_required,
        at=payment.opened_at,
    )
    if situation.alarm:
        raise DomainError("account_alarm", status=403)
    guards.check_account_active(account)
    guards.check_learner(rules, account, booking.credential, session, now)
    guards.check_session_open(session, booking.credential, booking.provider)
    if not situation.accredited(rules.accreditation):
        raise DomainError("not_accredited", rule=None, provider=booking.provider.external_id)
    if session.starts_at is None or now >= session.starts_at:
        raise DomainError("too_late", reason="session_started")
    granted = situation.granted_at(withdrawn_count=rules.withdrawn_grant_counts)
    history.refuse_once_granted(rules, account, granted, day.year)
    if situation.hold is not None:
        raise DomainError("on_hold", hold=situation.hold.pk, until=situation.hold.expires_at.isoformat())


def _text_again(payment: CardPayment, booking: Booking, rules: SchemeRules, plan: SourcePlan) -> str:
    """What they consented to, if it is what holds now. Raises: DomainError `consent_changed`."""
    going_back = conditions_for(
        rules, rules.calendar, accepted_at=payment.opened_at, starts_at=booking.session.starts_at
    )
    shown = Shown(payment.text_hash, payment.language, payment.text)
    return given_text(booking, rules, plan, going_back, shown)


def _lines(booking: Booking, allocations: Sequence[Allocation]) -> list[Line]:
    """As any grant is held, but out of what was kept: the window's budget was asked when they applied."""
    return [
        replace(line, bucket=Bucket.RESERVED) if line.bucket == Bucket.BUDGET else line
        for line in money.hold_lines(booking, allocations)
    ]


def _budget_of(payment: CardPayment) -> int:
    """The part of the window's budget that the grant was kept out of."""
    posting = kept.entry_of(payment).postings.get(bucket=Bucket.RESERVED)
    assert posting.budget_id is not None
    return posting.budget_id
