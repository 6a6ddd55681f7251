"""A learner applies: granted at once, or refused; one transaction, whose writes travel in one round trip.

A grant is request, the provider's registration proof and the learner's consent in one. The rows that many want at
once (seat, the programme's count, the budget) are moved conditionally by the last statements, the budget at the
very end: two applications never wait for each other but for those moments. Figures: docs/performance.md.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction

from accounts.models import Consent, SignIn, User
from accounts.services import consents, messages
from funding.cards.config import OwnPart
from funding.models import (
    Application,
    Booking,
    BookingLog,
    GrantCount,
    Window,
)
from funding.schemes import windows
from funding.schemes.facts import SourcePlan
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import LEARNER
from funding.services import ledger
from funding.services.bookings import guards, history, money, terms
from funding.services.bookings.acceptance import TAKE_SEAT, allocations_for
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
class Request:
    """Who applies for what, under which sign-in; the key and what it stands for."""

    actor: User
    account_id: int
    session_id: int
    window_id: int
    sign_in: SignIn | None
    key: str | None
    payload_hash: str
    shown: Shown | None
    own_part: OwnPart


@dataclass(frozen=True, slots=True)
class Applying:
    """What an application rests on, locked and checked."""

    request: Request
    locked: Locked
    situation: Situation
    rules: SchemeRules
    plan: SourcePlan
    now: datetime
    day: date

    @property
    def grant_cents(self) -> int:
        return self.plan.by_source().get(windows.GRANT, 0)

    @property
    def own_cents(self) -> int:
        return self.plan.by_source().get(LEARNER, 0)


class PartIsShortError(Exception):
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
    own_part: OwnPart = "direct",
) -> Booking:
    """A learner applies: granted at once, or refused; there is no waiting list (N-03, N-06).

    shown: the text that the learner had before their eyes; the one made now must be the same, and is what is kept.
    own_part: how what is above the grant is paid; with `first` it is refused, and `keep` keeps the grant for who pays.
    The same key of the same learner returns the first result; the key with another application is refused.
    Locks: learning account → micro-credential, accreditations, session (shared); then seat, programme's count,
    budget.
    Raises: DomainError `too_early` (N-03, N-05; reason `not_your_turn` for who would jump the queue),
    `window_closed`, `budget_exhausted` (N-03), `not_found`, `not_bookable`, `not_accredited`, `not_eligible`
    (N-02), `already_granted` (N-01), `bad_price` (N-04), `too_late` (N-05), `grant_ceiling` (N-11),
    `session_full`, `on_hold`, `consent_missing`, `weak_identity` and `sign_in_too_old` (F-32),
    `account_alarm`, `consent_changed`, `not_allowed`, `idempotency_mismatch`, `payment_needed`.
    Logs: booking `request`, `grant`; consent `ask`, `give`. Invariants 4, 5, 8, 9, 10.
    """
    payload = f"apply {account_id} {session_id} {window_id}"
    payload_hash = hashlib.sha256(payload.encode()).hexdigest()
    request = Request(
        actor, account_id, session_id, window_id, sign_in, idempotency_key, payload_hash, shown, own_part
    )
    try:
        try:
            with transaction.atomic():
                return _apply(request, gathering=False)
        except PartIsShortError:
            with transaction.atomic():
                return _apply(request, gathering=True)
    except IntegrityError:
        # The same key in another request, at the same moment: that one came first.
        earlier = BookingLog.objects.filter(actor=actor, idempotency_key=idempotency_key or "").first()
        if earlier is None:
            raise
        return _earlier_result(earlier, payload_hash)


def _apply(request: Request, *, gathering: bool) -> Booking:
    found = decide(request)
    if isinstance(found, Booking):
        return found
    if request.own_part == "first" and found.own_cents:
        raise DomainError("payment_needed", status=402, amount_cents=found.own_cents)
    return _write(found, gathering=gathering)


def decide(request: Request) -> "Applying | Booking":
    """Everything that an application rests on, locked and found in order; or what the same key did before.

    Locks and Raises: as `apply`.
    """
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
    applying = Applying(request, locked, situation, rules, plan, now, day)
    left = sum(cents for _, cents in locked.parts)
    if not applying.grant_cents or left < applying.grant_cents:
        # Only what is kept for who pays can come back: whoever finds too little waits for nobody, and may try again.
        raise exhausted(locked.window)
    if situation.stands(locked.session):
        raise DomainError("not_allowed", reason="already_booked")
    if situation.hold is not None:
        raise DomainError("on_hold", hold=situation.hold.pk, until=situation.hold.expires_at.isoformat())
    return applying


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
    if situation.waits:
        # Another grant is kept for them while they pay: of two, one would be refused with their money here.
        raise DomainError("not_allowed", reason="application_waits")
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


def _write(applying: Applying, *, gathering: bool) -> Booking:
    """All writes: what is the learner's own first; then seat, count and budget, which many want."""
    request = applying.request
    booking, asked = new_booking(applying)
    consent, consent_asked = new_consent(booking, applying)
    given = fsm.move(
        consent, "give", actor=request.actor, sign_in=request.sign_in, text=text_of(booking, applying)
    )
    booking.consent = consent
    log = _granted(booking, applying)
    batch = Batch()
    batch.insert(consent)
    batch.insert(consent_asked, given)
    batch.insert(booking)
    batch.insert(asked, log)
    batch.insert(
        application_of(booking, applying.locked.window, applying.rules, applying.grant_cents, applying.now)
    )
    for message in messages.draft(
        recipient=applying.locked.account.citizen.user,
        template="grant_given",
        **receipt_context(booking, consent, request.sign_in),
    ):
        batch.insert(message)

    def hold(batch: Batch, budget_id: int) -> None:
        direct = request.own_part == "direct"
        allocations = allocations_for(booking, applying.plan, direct=direct, budget_id=budget_id)
        batch.insert(*allocations)
        batch.add(
            *ledger.statement(
                scheme=applying.locked.window.scheme,
                kind="hold_booking",
                key=f"booking:{booking.pk}:accept",
                actor=request.actor,
                lines=money.hold_lines(booking, allocations),
            )
        )

    take(batch, booking, applying, gathering=gathering, spend=hold)
    return booking


def take(
    batch: Batch,
    booking: Booking,
    applying: Applying,
    *,
    gathering: bool,
    spend: Callable[[Batch, int], None],
) -> None:
    """Send the batch, and last what many want at once, in the same order for everybody: seat, count, budget.

    spend: adds the statements that take the grant out of that part of the budget.
    Raises: DomainError `session_full`, `grant_ceiling`, `budget_exhausted`; PartIsShortError: gather, and try again.
    """
    locked, actor = applying.locked, applying.request.actor
    batch.add(
        TAKE_SEAT,
        [applying.request.session_id],
        refuse_unless_one_row("session_full", session=applying.request.session_id),
    )
    _count(batch, applying)
    if gathering:
        batch.send()
        batch = Batch()
        budget_id = gather(batch, applying.grant_cents, locked, booking=booking, actor=actor)
        if budget_id is None:
            raise exhausted(locked.window)
    else:
        budget_id = choose_part(locked.parts, locked.account.pk, applying.grant_cents)
        if budget_id is None:
            raise PartIsShortError
    spend(batch, budget_id)
    try:
        with ledger.refusals_named():
            batch.send()
    except DomainError as error:
        if error.code != "budget_exhausted":
            raise
        # Somebody else's grant came between the look at the budget and this one.
        if len(locked.parts) > 1 and not gathering:
            raise PartIsShortError from error
        raise exhausted(locked.window) from error


def new_booking(applying: Applying) -> tuple[Booking, BookingLog]:
    """The booking as it is asked for, and the row that says so; unsaved."""
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
    return booking, asked


def new_consent(booking: Booking, applying: Applying) -> tuple[Consent, fsm.TransitionLog]:
    """The question for consent to what is applied for, and the row that says so; unsaved (invariant 8)."""
    text = proposal_text(booking, applying.rules)
    consent = Consent(
        pk=applying.situation.consent_id,
        citizen=applying.locked.account.citizen,
        text=text,
        text_hash=Consent.hash_of(text),
    )
    locks.mark_locked(consent)
    return consent, fsm.log_row(consent, "ask", source="", actor=applying.request.actor)


def text_of(booking: Booking, applying: Applying) -> str:
    """What the learner consents to now. Raises: DomainError `consent_changed`."""
    going_back = conditions_for(
        applying.rules,
        calendar_of(applying.locked.window.scheme),
        accepted_at=applying.now,
        starts_at=booking.session.starts_at,
    )
    return given_text(booking, applying.rules, applying.plan, going_back, applying.request.shown)


def application_of(
    booking: Booking, window: Window, rules: SchemeRules, grant_cents: int, applied_at: datetime
) -> Application:
    """The row of what was granted, for the year in which it was applied for (N-01); unsaved."""
    year = calendar_of(window.scheme).local_date(applied_at).year
    return Application(
        booking=booking,
        window=window,
        account=booking.account,
        applied_at=applied_at,
        year=year,
        once_key=_once_key(rules, year),
        grant_cents=grant_cents,
    )


def _granted(booking: Booking, applying: Applying) -> BookingLog:
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


def _once_key(rules: SchemeRules, year: int) -> str | None:
    """What the database lets a person have one of; null where a grant that came back does not count."""
    if rules.once is None or not rules.withdrawn_grant_counts:
        return None
    return "ever" if rules.once == "ever" else str(year)


def _count(batch: Batch, applying: Applying) -> None:
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


def exhausted(window: Window) -> DomainError:
    return DomainError("budget_exhausted", rule="N-03", window=window.name)
