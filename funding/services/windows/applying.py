"""A learner applies: granted at once, or refused; one transaction, whose writes travel in one round trip.

A grant is request, the provider's registration proof and the learner's consent in one. The rows that many want at
once (seat, the programme's count, the budget) are moved conditionally by the last statements, the budget at the
very end: two applications never wait for each other but for those moments. Figures: docs/performance.md.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction

from accounts.models import Consent, SignIn, User
from accounts.services import consents, messages
from funding.models import (
    Allocation,
    Application,
    Booking,
    BookingLog,
    GrantCount,
    Window,
    fund_of,
)
from funding.schemes import windows
from funding.schemes.facts import SourcePlan
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import LEARNER
from funding.services import ledger
from funding.services.bookings import guards, history, money, terms
from funding.services.bookings.acceptance import TAKE_SEAT
from funding.services.bookings.conditions import conditions_for
from funding.services.bookings.context import calendar_of, read_booking
from funding.services.bookings.receipts import receipt_context
from funding.services.bookings.requests import check_price
from funding.services.bookings.texts import Shown, given_text, proposal_text
from funding.services.windows.places import check_turn
from funding.services.windows.situation import Locked, Situation, lock_application, read_situation
from funding.services.windows.slices import choose_part, gather
from ila.core import clock, fsm, locks
from ila.core.batch import Batch, refuse_unless_one_row
from ila.core.errors import DomainError

COUNT_FROM_NONE = (
    f"INSERT INTO {GrantCount._meta.db_table} (scheme_id, credential_id, year, granted)"
    " VALUES (%s, %s, %s, 0) ON CONFLICT DO NOTHING"
)
COUNT = (
    f"UPDATE {GrantCount._meta.db_table} SET granted = granted + 1"
    " WHERE scheme_id = %s AND credential_id = %s AND year = %s AND (%s::int IS NULL OR granted < %s::int)"
)


@dataclass(frozen=True, slots=True)
class _Request:
    """Who applies for what, under which sign-in; the key and what it stands for."""

    actor: User
    account_id: int
    session_id: int
    window_id: int
    sign_in: SignIn | None
    key: str | None
    payload_hash: str
    shown: Shown | None


@dataclass(frozen=True, slots=True)
class _Applying:
    """What an application rests on, locked and checked."""

    request: _Request
    locked: Locked
    situation: Situation
    rules: SchemeRules
    plan: SourcePlan
    now: datetime
    day: date

    @property
    def grant_cents(self) -> int:
        return self.plan.by_source().get(windows.GRANT, 0)


class _PartIsShortError(Exception):
    """The part of the budget that was chosen has less left than the grant; others may have it."""


def apply(
    *,
    actor: User,
    account_id: int,
    session_id: int,
    window_id: int,
    sign_in: SignIn | None,
    idempotency_key: str | None = None,
    shown: Shown | None = None,
) -> Booking:
    """A learner applies: granted at once, or refused; there is no waiting list (N-03, N-06).

    shown: the text that the learner had before their eyes; the one made now must be the same, and is what is kept.
    The same key of the same learner returns the first result; the key with another application is refused.
    Locks: learning account → micro-credential, accreditations, session (shared); then seat, programme's count,
    budget.
    Raises: DomainError `too_early` (N-03, N-05; reason `not_your_turn` for who would jump the queue),
    `window_closed`, `budget_exhausted` (N-03), `not_found`, `not_bookable`, `not_accredited`, `not_eligible`
    (N-02), `already_granted` (N-01), `bad_price` (N-04), `too_late` (N-05), `grant_ceiling` (N-11),
    `session_full`, `on_hold`, `consent_missing`, `weak_identity` and `sign_in_too_old` (F-32),
    `account_alarm`, `consent_changed`, `not_allowed`, `idempotency_mismatch`.
    Logs: booking `request`, `grant`; consent `ask`, `give`. Invariants 4, 5, 8, 9, 10.
    """
    payload = f"apply {account_id} {session_id} {window_id}"
    payload_hash = hashlib.sha256(payload.encode()).hexdigest()
    request = _Request(
        actor, account_id, session_id, window_id, sign_in, idempotency_key, payload_hash, shown
    )
    try:
        try:
            with transaction.atomic():
                return _apply(request, gathering=False)
        except _PartIsShortError:
            with transaction.atomic():
                return _apply(request, gathering=True)
    except IntegrityError:
        # The same key in another request, at the same moment: that one came first.
        earlier = BookingLog.objects.filter(actor=actor, idempotency_key=idempotency_key or "").first()
        if earlier is None:
            raise
        return _earlier_result(earlier, payload_hash)


def _apply(request: _Request, *, gathering: bool) -> Booking:
    locked = lock_application(
        actor=request.actor,
        account_id=request.account_id,
        session_id=request.session_id,
        window_id=request.window_id,
        key=request.key,
    )
    now = clock.now()
    day = calendar_of(locked.window.scheme).local_date(now)
    situation = read_situation(locked, now, day=day)
    if situation.version is None:
        raise DomainError("not_bookable", scheme=locked.window.scheme.code, day=day.isoformat())
    rules = situation.version.parsed
    if rules.funding != "window":
        raise DomainError("not_allowed", reason="no_windows", scheme=locked.window.scheme.code)
    if locked.earlier is not None:
        return _earlier_result(locked.earlier, request.payload_hash)
    consents.check_sign_in(
        sign_in=request.sign_in, citizen=locked.account.citizen, strong=rules.strong_identity_required
    )
    if situation.alarm:
        raise DomainError("account_alarm", status=403)
    _check(locked, situation, rules, now, day)
    plan = windows.plan_grant(rules, locked.session.price_cents)
    applying = _Applying(request, locked, situation, rules, plan, now, day)
    left = sum(cents for _, cents in locked.parts)
    if not applying.grant_cents or left < applying.grant_cents:
        # It can only fall: whoever finds too little needs to wait for nobody to be sure of it.
        raise _exhausted(locked.window)
    if situation.stands(locked.session):
        raise DomainError("not_allowed", reason="already_booked")
    if situation.hold is not None:
        raise DomainError("on_hold", hold=situation.hold.pk, until=situation.hold.expires_at.isoformat())
    return _write(applying, gathering=gathering)


def _earlier_result(earlier: BookingLog, payload_hash: str) -> Booking:
    """Raises: DomainError `idempotency_mismatch` for another application's key."""
    if earlier.payload_hash != payload_hash:
        raise DomainError("idempotency_mismatch", status=422)
    return read_booking(earlier.subject_id)


def _check(locked: Locked, situation: Situation, rules: SchemeRules, now: datetime, day: date) -> None:
    """Time, learner, offer, price: in the order in which they are known."""
    account, session, window, credential = locked.account, locked.session, locked.window, locked.credential
    windows.check_window_open(window.opens_at, window.closes_at, now)
    check_turn(window, locked.place, now)
    guards.check_account_active(account)
    guards.check_learner(rules, account, credential, session, now)
    guards.check_session_open(session, credential, locked.provider)
    if not situation.accredited(rules.accreditation):
        raise DomainError("not_accredited", rule=None, provider=locked.provider.external_id)
    if session.currency != window.scheme.currency:
        raise DomainError("not_bookable", reason="currency")
    if session.price_cents <= 0:
        raise DomainError("not_bookable", reason="price_zero")
    granted = situation.granted_at(withdrawn_count=rules.withdrawn_grant_counts)
    history.refuse_once_granted(rules, account, granted, day.year)
    check_price(session, credential, session.price_cents)
    assert session.starts_at is not None
    windows.check_start(
        rules,
        calendar_of(window.scheme),
        applied_at=now,
        starts_at=session.starts_at,
        closes_at=window.closes_at,
    )
    # The ceiling is asked again, conditionally, as the grant is counted (N-11).
    if rules.grant_ceiling is not None and (situation.granted or 0) >= rules.grant_ceiling:
        raise _ceiling(rules, day)


def _write(applying: _Applying, *, gathering: bool) -> Booking:
    """All writes: what is the learner's own first; then seat, count and budget, which many want."""
    request, locked, plan = applying.request, applying.locked, applying.plan
    booking, logs = _booking(applying)
    consent, consent_logs = _consent(booking, applying)
    booking.consent = consent
    log = _granted(booking, applying)
    batch = Batch()
    batch.insert(consent)
    batch.insert(*consent_logs)
    batch.insert(booking)
    batch.insert(*logs, log)
    batch.insert(
        Application(
            booking=booking,
            window=locked.window,
            account=locked.account,
            applied_at=applying.now,
            year=applying.day.year,
            once_key=_once_key(applying),
            grant_cents=applying.grant_cents,
        )
    )
    for message in messages.draft(
        recipient=locked.account.citizen.user,
        template="grant_given",
        **receipt_context(booking, consent, request.sign_in),
    ):
        batch.insert(message)
    # What many want at once comes last, in the same order for everybody.
    batch.add(
        TAKE_SEAT,
        [request.session_id],
        refuse_unless_one_row("session_full", session=request.session_id),
    )
    _count(batch, applying)
    if gathering:
        batch.send()
        batch = Batch()
        budget_id = gather(batch, applying.grant_cents, locked, booking=booking, actor=request.actor)
        if budget_id is None:
            raise _exhausted(locked.window)
    else:
        budget_id = choose_part(locked.parts, locked.account.pk, applying.grant_cents)
        if budget_id is None:
            raise _PartIsShortError
    allocations = _allocations(booking, plan, budget_id)
    batch.insert(*allocations)
    batch.add(
        *ledger.statement(
            scheme=locked.window.scheme,
            kind="hold_booking",
            key=f"booking:{booking.pk}:accept",
            actor=request.actor,
            lines=money.hold_lines(booking, allocations),
        )
    )
    try:
        with ledger.refusals_named():
            batch.send()
    except DomainError as error:
        if error.code != "budget_exhausted":
            raise
        # Somebody else's grant came between the look at the budget and this one.
        if len(locked.parts) > 1 and not gathering:
            raise _PartIsShortError from error
        raise _exhausted(locked.window) from error
    return booking


def _booking(applying: _Applying) -> tuple[Booking, list[BookingLog]]:
    """The booking as it is asked for: written once, in the state that it reaches, with the rows of both steps."""
    locked = applying.locked
    booking = Booking(
        pk=applying.situation.booking_id,
        account=locked.account,
        session=locked.session,
        credential=locked.credential,
        provider=locked.provider,
        price_cents=locked.session.price_cents,
        currency=locked.session.currency,
        requested_at=applying.now,
    )
    locks.mark_locked(booking)
    asked = fsm.log_row(booking, "request", source="", actor=applying.request.actor)
    assert isinstance(asked, BookingLog)
    return booking, [asked]


def _consent(booking: Booking, applying: _Applying) -> tuple[Consent, list[fsm.TransitionLog]]:
    """The learner's consent to what is applied for, asked and given in one act (invariant 8)."""
    request = applying.request
    text = proposal_text(booking, applying.rules)
    going_back = conditions_for(
        applying.rules,
        calendar_of(applying.locked.window.scheme),
        accepted_at=applying.now,
        starts_at=booking.session.starts_at,
    )
    consent = Consent(
        pk=applying.situation.consent_id,
        citizen=applying.locked.account.citizen,
        text=text,
        text_hash=Consent.hash_of(text),
    )
    locks.mark_locked(consent)
    asked = fsm.log_row(consent, "ask", source="", actor=request.actor)
    given = fsm.move(
        consent,
        "give",
        actor=request.actor,
        sign_in=request.sign_in,
        text=given_text(booking, applying.rules, applying.plan, going_back, request.shown),
    )
    return consent, [asked, given]


def _granted(booking: Booking, applying: _Applying) -> BookingLog:
    locked, rules = applying.locked, applying.rules
    calendar = calendar_of(locked.window.scheme)
    due = terms.term_of_training(
        rules, calendar, starts=locked.session.starts_at, ends=locked.session.ends_at
    )
    log = fsm.move(
        booking,
        "grant",
        actor=applying.request.actor,
        scheme_version=applying.situation.version,
        due=due,
    )
    assert isinstance(log, BookingLog)
    log.idempotency_key, log.payload_hash = applying.request.key, applying.request.payload_hash
    log.data = history.evidence(rules, history.facts_for(rules, locked.account), applying.plan)
    # The booking's own rules are checked by the database as it is written: asking before would be a query more.
    return log


def _allocations(booking: Booking, plan: SourcePlan, budget_id: int) -> list[Allocation]:
    return [
        Allocation(
            booking=booking,
            source=share.source,
            fund=fund_of(share.source),
            position=position,
            budget_id=None if share.source == LEARNER else budget_id,
            amount_cents=share.cents,
        )
        for position, share in enumerate(plan.allocations)
    ]


def _once_key(applying: _Applying) -> str | None:
    """What the database lets a person have one of; null where a grant that came back does not count."""
    rules = applying.rules
    if rules.once is None or not rules.withdrawn_grant_counts:
        return None
    return "ever" if rules.once == "ever" else str(applying.day.year)


def _count(batch: Batch, applying: _Applying) -> None:
    """Count the grant for its programme and year, up to the ceiling (N-11)."""
    which = [applying.locked.window.scheme_id, applying.locked.credential.pk, applying.day.year]
    if applying.situation.granted is None:
        batch.add(COUNT_FROM_NONE, which)
    ceiling = applying.rules.grant_ceiling
    refusal = _ceiling(applying.rules, applying.day)
    batch.add(
        COUNT,
        [*which, ceiling, ceiling],
        refuse_unless_one_row(refusal.code, rule=refusal.rule, **refusal.params),
    )


def _ceiling(rules: SchemeRules, day: date) -> DomainError:
    return DomainError("grant_ceiling", rule="N-11", ceiling=rules.grant_ceiling, year=day.year)


def _exhausted(window: Window) -> DomainError:
    return DomainError("budget_exhausted", rule="N-03", window=window.name)
