"""Windows with a budget of their own: opened by the agency, granted first come first served (N-01 to N-06, N-11).

A grant is one transaction: request, the provider's registration proof and the learner's consent. The rows that
many want at once (seat, the programme's count, the budget) are moved conditionally by its last statements, the
budget at the very end: two applications never wait for each other but for those moments.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import Consent, SignIn, User
from accounts.services import consents, messages
from catalogue.models import Session
from catalogue.services import sessions
from funding import permissions
from funding.models import (
    Allocation,
    Application,
    Booking,
    BookingLog,
    Budget,
    GrantCount,
    LearningAccount,
    Scheme,
    SchemeVersion,
    Window,
    fund_of,
    version_on,
)
from funding.schemes import windows
from funding.schemes.facts import SourcePlan
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import LEARNER
from funding.services import holds, ledger, schemes
from funding.services.bookings import guards, history, money, terms
from funding.services.bookings.context import calendar_of, read_booking
from funding.services.bookings.requests import check_price, start_booking
from funding.services.bookings.texts import acceptance_text, proposal_text
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError


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


@dataclass(frozen=True, slots=True)
class _Applying:
    """What an application rests on, locked and checked."""

    window: Window
    account: LearningAccount
    session: Session
    version: SchemeVersion
    now: datetime

    @property
    def rules(self) -> SchemeRules:
        return self.version.parsed

    @property
    def year(self) -> int:
        """The calendar year of the application, where the scheme is (N-01)."""
        return calendar_of(self.account.scheme).local_date(self.now).year


@transaction.atomic
def open_window(
    *,
    actor: User,
    scheme: Scheme,
    name: str,
    budget_cents: int,
    opens_at: datetime,
    closes_at: datetime,
    idempotency_key: str = "",
) -> Window:
    """The agency sets a time in which grants may be applied for, and appropriates its budget (N-03).

    closes_at is the first instant after the window. Raises: DomainError `not_allowed` for who may not, a scheme
    without windows, or a name that is taken; `invalid` for a window that closes before it opens.
    """
    if not permissions.acts_for_funder(scheme, actor):
        raise DomainError("not_allowed", status=403, what="open_window")
    if version_on(scheme, calendar_of(scheme).local_date(opens_at)).parsed.funding != "window":
        raise DomainError("not_allowed", reason="no_windows", scheme=scheme.code)
    if closes_at <= opens_at:
        raise DomainError("invalid", faults="closes_at: the window closes before it opens")
    if budget_cents < 0:
        raise DomainError("invalid", faults="budget_cents: must be 0 or more")
    if scheme.windows.filter(name=name).exists():
        raise DomainError("not_allowed", reason="window_exists", window=name)
    title = f"Window {name}"
    if budget_cents:
        budget = schemes.appropriate(
            scheme=scheme,
            budget_name=title,
            amount_cents=budget_cents,
            actor=actor,
            idempotency_key=idempotency_key or f"window:{name}",
        )
    else:
        budget = Budget.objects.create(scheme=scheme, name=title, currency=scheme.currency)
    return Window.objects.create(
        scheme=scheme, name=name, budget=budget, opens_at=opens_at, closes_at=closes_at, opened_by=actor
    )


def apply(
    *,
    actor: User,
    account_id: int,
    session_id: int,
    window_id: int,
    sign_in: SignIn | None,
    idempotency_key: str | None = None,
) -> Booking:
    """A learner applies: granted at once, or refused; there is no waiting list (N-03, N-06).

    The same key of the same learner returns the first result; the key with another application is refused.
    Locks: learning account → session (shared) → booking → consent; then seat, programme's count, budget.
    Raises: DomainError `too_early` (N-03, N-05), `window_closed`, `budget_exhausted` (N-03), `not_found`,
    `not_bookable`, `not_accredited`, `not_eligible` (N-02), `already_granted` (N-01), `bad_price` (N-04),
    `too_late` (N-05), `grant_ceiling` (N-11), `session_full`, `on_hold`, `consent_missing`, `weak_identity`
    (F-32), `not_allowed`, `idempotency_mismatch`.
    Logs: booking `request`, `grant`; consent `ask`, `give`. Invariants 4, 5, 8, 9, 10.
    """
    payload = f"apply {account_id} {session_id} {window_id}"
    payload_hash = hashlib.sha256(payload.encode()).hexdigest()
    try:
        with transaction.atomic():
            request = _Request(
                actor, account_id, session_id, window_id, sign_in, idempotency_key, payload_hash
            )
            return _apply(request)
    except IntegrityError:
        # The same key in another request, at the same moment: that one came first.
        earlier = _earlier(actor, idempotency_key, payload_hash)
        if earlier is None:
            raise
        return read_booking(earlier.subject_id)


def _apply(request: _Request) -> Booking:
    actor = request.actor
    applying = _lock(request)
    earlier = _earlier(actor, request.key, request.payload_hash)
    if earlier is not None:
        return read_booking(earlier.subject_id)
    consents.check_sign_in(
        sign_in=request.sign_in,
        citizen=applying.account.citizen,
        strong=applying.rules.strong_identity_required,
    )
    _check(applying)
    plan = windows.plan_grant(applying.rules, applying.session.price_cents)
    grant = plan.by_source().get(windows.GRANT, 0)
    _check_budget(applying.window, grant)

    booking = start_booking(actor=actor, account=applying.account, session=applying.session)
    _check_no_hold(booking)
    consent = _consent_to(booking, applying.rules, plan, actor=actor, sign_in=request.sign_in)
    _accept(booking, consent, applying, plan, request)
    allocations = Allocation.objects.bulk_create(_allocations(booking, plan, applying.window))
    Application.objects.create(
        booking=booking,
        window=applying.window,
        account=applying.account,
        applied_at=applying.now,
        year=applying.year,
        once_key=_once_key(applying),
        grant_cents=grant,
    )
    messages.queue(
        recipient=applying.account.citizen.user,
        template="grant_given",
        booking=str(booking.public_id),
    )
    # What many want at once comes last.
    sessions.take_seat(session_id=applying.session.pk)
    _count(applying)
    try:
        ledger.post(
            scheme=applying.account.scheme,
            kind="hold_booking",
            key=f"booking:{booking.pk}:accept",
            actor=actor,
            lines=money.hold_lines(booking, allocations),
        )
    except DomainError as error:
        # Somebody else's grant came between the look at the budget and this one.
        raise (_exhausted(applying.window) if error.code == "budget_exhausted" else error) from error
    return booking


def _lock(request: _Request) -> _Applying:
    actor = request.actor
    account, session = locks.acquire(
        locks.lock(LearningAccount, request.account_id), locks.lock(Session, request.session_id, share=True)
    )
    if actor.is_service or not actor.is_active or account.citizen.user_id != actor.pk:
        raise DomainError("not_found", status=404, kind="learningaccount")
    window = (
        Window.objects.select_related("scheme", "budget")
        .filter(pk=request.window_id, scheme=account.scheme_id)
        .first()
    )
    if window is None:
        raise DomainError("not_found", status=404, kind="window")
    account.scheme = window.scheme
    now = clock.now()
    version = version_on(account.scheme, calendar_of(account.scheme).local_date(now))
    if version.parsed.funding != "window":
        raise DomainError("not_allowed", reason="no_windows", scheme=account.scheme.code)
    return _Applying(window, account, session, version, now)


def _earlier(actor: User, key: str | None, payload_hash: str) -> BookingLog | None:
    if key is None:
        return None
    earlier = BookingLog.objects.filter(actor=actor, idempotency_key=key).first()
    if earlier is not None and earlier.payload_hash != payload_hash:
        raise DomainError("idempotency_mismatch", status=422)
    return earlier


def _check(applying: _Applying) -> None:
    """Time, learner, offer, price: in the order in which they are known."""
    rules, account, session = applying.rules, applying.account, applying.session
    credential = session.micro_credential
    windows.check_window_open(applying.window.opens_at, applying.window.closes_at, applying.now)
    guards.check_account_active(account)
    guards.check_learner(rules, account, credential, session, applying.now)
    guards.check_session_open(session, credential, credential.provider)
    guards.check_accredited(rules, provider=credential.provider, credential=credential, moment=applying.now)
    if session.currency != account.scheme.currency:
        raise DomainError("not_bookable", reason="currency")
    if session.price_cents <= 0:
        raise DomainError("not_bookable", reason="price_zero")
    history.check_once(rules, account, None, applying.year)
    check_price(session, credential, session.price_cents)
    assert session.starts_at is not None
    windows.check_start(
        rules,
        calendar_of(account.scheme),
        applied_at=applying.now,
        starts_at=session.starts_at,
        closes_at=applying.window.closes_at,
    )
    _check_ceiling(applying)


def _check_ceiling(applying: _Applying) -> None:
    """The programme has had its grants of the year (N-11). Asked again, conditionally, as the grant is counted."""
    ceiling = applying.rules.grant_ceiling
    if ceiling is None:
        return
    granted = GrantCount.objects.filter(
        scheme=applying.account.scheme,
        credential=applying.session.micro_credential_id,
        year=applying.year,
        granted__gte=ceiling,
    )
    if granted.exists() or not ceiling:
        raise DomainError("grant_ceiling", rule="N-11", ceiling=ceiling, year=applying.year)


def _check_budget(window: Window, grant_cents: int) -> None:
    """Less is left than the grant (N-03): said early, without waiting for the budget's row."""
    if not grant_cents or window.budget.available_cents < grant_cents:
        raise _exhausted(window)


def _exhausted(window: Window) -> DomainError:
    return DomainError("budget_exhausted", rule="N-03", window=window.name)


def _check_no_hold(booking: Booking) -> None:
    holds.check_no_hold(booking)


def _consent_to(
    booking: Booking, rules: SchemeRules, plan: SourcePlan, *, actor: User, sign_in: SignIn | None
) -> Consent:
    """The learner's consent to what is applied for, asked and given in one act (invariant 8)."""
    consent = consents.ask_consent(
        citizen=booking.account.citizen, text=proposal_text(booking, rules), actor=actor
    )
    text = acceptance_text(consent.text, plan, booking.currency)
    fsm.apply(consent, "give", actor=actor, sign_in=sign_in, text=text)
    return consent


def _accept(
    booking: Booking, consent: Consent, applying: _Applying, plan: SourcePlan, request: _Request
) -> None:
    calendar = calendar_of(applying.account.scheme)
    session = applying.session
    booking.consent = consent
    due = terms.term_of_training(applying.rules, calendar, starts=session.starts_at, ends=session.ends_at)
    log = fsm.move(booking, "grant", actor=request.actor, scheme_version=applying.version, due=due)
    assert isinstance(log, BookingLog)
    log.idempotency_key, log.payload_hash = request.key, request.payload_hash
    log.data = history.evidence(applying.rules, history.facts_for(applying.rules, applying.account), plan)
    fsm.validate(booking)
    log.save(force_insert=True)
    booking.save()


def _allocations(booking: Booking, plan: SourcePlan, window: Window) -> list[Allocation]:
    return [
        Allocation(
            booking=booking,
            source=share.source,
            fund=fund_of(share.source),
            position=position,
            budget=None if share.source == LEARNER else window.budget,
            amount_cents=share.cents,
        )
        for position, share in enumerate(plan.allocations)
    ]


def _once_key(applying: _Applying) -> str | None:
    """What the database lets a person have one of; null where a grant that came back does not count."""
    rules = applying.rules
    if rules.once is None or not rules.withdrawn_grant_counts:
        return None
    return "ever" if rules.once == "ever" else str(applying.year)


def _count(applying: _Applying) -> None:
    """Count the grant for its programme and year, up to the ceiling (N-11)."""
    which = {
        "scheme": applying.account.scheme,
        "credential": applying.session.micro_credential,
        "year": applying.year,
    }
    GrantCount.objects.bulk_create([GrantCount(**which)], ignore_conflicts=True)
    counts = GrantCount.objects.filter(**which)
    ceiling = applying.rules.grant_ceiling
    if ceiling is not None:
        counts = counts.filter(granted__lt=ceiling)
    if not counts.update(granted=F("granted") + 1):
        raise DomainError("grant_ceiling", rule="N-11", ceiling=ceiling, year=applying.year)
