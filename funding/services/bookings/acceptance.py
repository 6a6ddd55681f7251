"""The moment that binds: the learner's consent, the rights held, the seat taken, in one transaction.

It is the busiest walk of all, so its writes travel in one round trip, and the seat, which everybody
wants, is taken by the last statement. Figures: docs/performance.md.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.db import IntegrityError, transaction

from accounts.models import Consent, SignIn, User
from accounts.services import consents, messages
from catalogue.models import SessionSeats
from funding.cards.config import FIRST, OwnPart
from funding.models import (
    Allocation,
    Booking,
    BookingLog,
    BookingState,
    LearningAccount,
    Lot,
    SchemeVersion,
    Source,
    fund_of,
)
from funding.permissions import is_learner
from funding.schemes import planning, windows
from funding.schemes.facts import LearnerFacts, LotFacts, SourcePlan
from funding.schemes.rules import SchemeRules
from funding.services import ledger, schemes
from funding.services.bookings import guards, history, money, terms
from funding.services.bookings.conditions import conditions_for
from funding.services.bookings.context import (
    calendar_of,
    facts_of_credential,
    read_booking,
)
from funding.services.bookings.receipts import receipt_context
from funding.services.bookings.situation import Situation, facts_of_lots, lock_booking, read_situation
from funding.services.bookings.texts import Shown, given_text
from ila.core import clock, fsm
from ila.core.batch import Batch, refuse_unless_one_row
from ila.core.calendars import WorkingCalendar
from ila.core.errors import DomainError
from ila.core.pipeline import Result

TAKE_SEAT = (
    f"UPDATE {SessionSeats._meta.db_table} SET taken = taken + 1"
    " WHERE session_id = %s AND (seats IS NULL OR taken < seats)"
)


def accept(
    *,
    actor: User,
    booking_id: int,
    sign_in: SignIn | None,
    idempotency_key: str | None = None,
    shown: Shown | None = None,
    own_part: OwnPart = "direct",
) -> Booking:
    """The learner consents: rights and own money are held, the seat is taken, the rules of today are kept.

    shown: the text that the learner had before their eyes; the one made now must be the same, and is what is kept.
    own_part: how what the learner pays themselves is paid; with `first` and `transfer` it is refused where there is
    such a part, and `accept_paid` takes it once it is there (decisions 182, 205, 252).
    The same key of the same learner returns the first result; the key with another request is refused.
    Locks: learning account → session (shared) → booking → consent; the seat last.
    Raises: DomainError `not_allowed`, `too_late` (F-21), `consent_denied`, `consent_missing`,
    `weak_identity` and `sign_in_too_old` (F-32), `account_alarm`, `consent_changed`, `not_bookable`,
    `not_accredited`, `not_eligible` (N-02, S-01), `on_hold`,
    `too_early` (S-06), `already_granted` (N-01), `insufficient_rights`, `usage_cap`, `budget_exhausted`,
    `session_full`, `idempotency_mismatch`, `payment_needed`.
    Logs: booking `accept`, consent `give`. Invariants 4, 5, 8, 9, 10.
    """
    payload_hash = hashlib.sha256(f"accept {booking_id}".encode()).hexdigest()
    try:
        with transaction.atomic(), ledger.refusals_named():
            return _accept(
                actor, booking_id, sign_in, idempotency_key, payload_hash, shown, own_part=own_part
            )
    except IntegrityError:
        # The same key in another request, at the same moment: that one came first, and this one returns its result.
        earlier = _earlier(actor, idempotency_key)
        if earlier is None:
            raise
        _check_payload(earlier, payload_hash)
        return read_booking(booking_id)


def accept_paid(
    *, actor: User, booking_id: int, sign_in: SignIn, consented_at: datetime, shown: Shown, own_cents: int
) -> Booking:
    """The acceptance that a learner consented to earlier, now that their own money is there, in cents.

    Everything is looked at again now, but the sign-in, which was fresh as they consented. Inside the caller's
    transaction. Locks, Raises and Logs: as `accept`; `consent_changed` where they would pay another amount.
    """
    payload_hash = hashlib.sha256(f"accept {booking_id}".encode()).hexdigest()
    with transaction.atomic(), ledger.refusals_named():
        paid = OwnMoney(consented_at, own_cents)
        return _accept(actor, booking_id, sign_in, None, payload_hash, shown, own_part="here", paid=paid)


def prepare(
    *, actor: User, booking_id: int, sign_in: SignIn | None, shown: Shown
) -> tuple[Booking, SourcePlan, str]:
    """What accepting now would do, with everything looked at as `accept` does, and nothing written.

    Returns the booking, who pays, and the text consented to. Locks and Raises: as `accept`.
    """
    booking, _ = lock_booking(booking_id, actor, None)
    if not is_learner(booking, actor):
        raise DomainError("not_allowed", status=403, transition="accept", state=booking.state)
    decided = _decide(booking, sign_in, shown, None)
    return booking, decided.plan, decided.text


@dataclass(frozen=True, slots=True)
class OwnMoney:
    """A learner's own part that has been paid, in cents, and when they had consented."""

    consented_at: datetime
    cents: int


@dataclass(frozen=True, slots=True)
class Decided:
    """An acceptance that nothing speaks against."""

    consent: Consent
    sign_in: SignIn
    version: SchemeVersion
    calendar: WorkingCalendar
    facts: LearnerFacts
    plan: SourcePlan
    text: str


def _accept(
    actor: User,
    booking_id: int,
    sign_in: SignIn | None,
    key: str | None,
    payload_hash: str,
    shown: Shown | None,
    *,
    own_part: OwnPart,
    paid: OwnMoney | None = None,
) -> Booking:
    booking, earlier = lock_booking(booking_id, actor, key)
    if earlier is not None:
        _check_payload(earlier, payload_hash)
        return booking
    decided = _decide(booking, sign_in, shown, paid)
    consent, plan, rules = decided.consent, decided.plan, decided.version.parsed
    own_cents = own_cents_of(plan, rules)
    if own_part in FIRST and own_cents:
        raise DomainError("payment_needed", status=402, amount_cents=own_cents)
    if paid is not None and own_cents != paid.cents:
        raise DomainError("consent_changed", gone=[], new=[])
    assert booking.session.starts_at is not None
    consent_log = fsm.move(consent, "give", actor=actor, sign_in=sign_in, text=decided.text)
    if paid is not None:
        # Answered when they consented, under the sign-in that was fresh then, not when their money came (F-32).
        consent.answered_at = paid.consented_at
    due = terms.term_of_training(
        rules, decided.calendar, starts=booking.session.starts_at, ends=booking.session.ends_at
    )
    log = fsm.move(booking, "accept", actor=actor, scheme_version=decided.version, due=due)
    assert isinstance(log, BookingLog)
    log.idempotency_key, log.payload_hash = key, payload_hash
    log.data = history.evidence(rules, decided.facts, plan)
    # The booking's own rules are checked by the database as it is written: asking before would be a query more.
    allocations = allocations_for(booking, plan, direct=own_part == "direct" and own_cents > 0)

    batch = Batch()
    batch.add(
        *ledger.statement(
            scheme=booking.account.scheme,
            kind="hold_booking",
            key=f"booking:{booking.pk}:accept",
            actor=actor,
            lines=money.hold_lines(booking, allocations),
        ),
        check=_written_now,
    )
    batch.insert(*allocations)
    batch.insert(consent_log)
    batch.update(consent, "state", "answered_at", "sign_in", "text", "text_hash", state="asked")
    batch.insert(log)
    batch.update(
        booking,
        "state",
        "scheme_version",
        "accepted_at",
        "next_due",
        "next_due_at",
        state=BookingState.PROPOSED,
    )
    for message in messages.draft(
        recipient=booking.account.citizen.user,
        template="booking_accepted",
        **receipt_context(booking, consent, decided.sign_in),
    ):
        batch.insert(message)
    batch.add(TAKE_SEAT, [booking.session_id], refuse_unless_one_row("session_full"))
    batch.send()
    return booking


def own_cents_of(plan: SourcePlan, rules: SchemeRules) -> int:
    """What of a price the learner pays themselves, in cents; 0 where they pay all of it and are given a part back."""
    return 0 if rules.funding == "reimbursement" else plan.by_source().get(Source.LEARNER, 0)


def _decide(booking: Booking, sign_in: SignIn | None, shown: Shown | None, paid: OwnMoney | None) -> Decided:
    consent = booking.consent
    if consent is None:
        raise DomainError("not_allowed", transition="accept", state=booking.state)
    now = clock.now()
    consented_at = now if paid is None else paid.consented_at
    _check_state(booking, consent, consented_at)
    situation = read_situation(booking, now)
    if situation.version is None:
        raise DomainError("not_bookable", scheme=booking.account.scheme.code)
    rules = situation.version.parsed
    if rules.funding == "window":
        # Its grant is kept, and comes with the payment that waits (decision 204).
        raise DomainError("not_allowed", rule="N-03", reason="apply_in_a_window")
    own_sign_in = consents.check_sign_in(
        sign_in=sign_in,
        citizen=booking.account.citizen,
        strong=rules.strong_identity_required,
        at=None if paid is None else paid.consented_at,
    )
    if situation.alarm:
        raise DomainError("account_alarm", status=403)
    _check(booking, situation, now)
    calendar = calendar_of(booking.account.scheme)
    guards.check_learner(rules, booking.account, booking.credential, booking.session, now)
    assert booking.session.starts_at is not None
    windows.check_use(rules, calendar, now=now, starts_at=booking.session.starts_at)
    history.check_once(rules, booking.account, booking, calendar.local_date(now).year)
    facts = history.facts_for(rules, booking.account, booking)
    plan = _plan(booking, rules, facts, situation.lots, now)

    going_back = conditions_for(
        rules, calendar, accepted_at=consented_at, starts_at=booking.session.starts_at
    )
    text = given_text(booking, rules, plan, going_back, shown)
    return Decided(consent, own_sign_in, situation.version, calendar, facts, plan, text)


def plan_for(booking: Booking, rules: SchemeRules, lots: Iterable[LotFacts], moment: datetime) -> SourcePlan:
    """Who would pay this booking if it were accepted at that moment. Raises: as planning.plan_sources."""
    return _plan(booking, rules, history.facts_for(rules, booking.account, booking), lots, moment)


def _plan(
    booking: Booking, rules: SchemeRules, facts: LearnerFacts, lots: Iterable[LotFacts], moment: datetime
) -> SourcePlan:
    return planning.plan_sources(
        rules,
        facts,
        facts_of_credential(booking.credential),
        booking.price_cents,
        lots,
        calendar_of(booking.account.scheme).local_date(moment),
    )


def lots_of(account: LearningAccount) -> tuple[LotFacts, ...]:
    """The account's lots with money in them, oldest first."""
    rows = Lot.objects.filter(account=account, available_cents__gt=0).order_by("pk")
    return facts_of_lots(rows.values_list("pk", "source", "available_cents", "expires_on", "earmark"))


def _earlier(actor: User, key: str | None) -> BookingLog | None:
    return None if key is None else BookingLog.objects.filter(actor=actor, idempotency_key=key).first()


def _check_payload(earlier: BookingLog, payload_hash: str) -> None:
    """Raises: DomainError `idempotency_mismatch` for another request's key."""
    if earlier.payload_hash != payload_hash:
        raise DomainError("idempotency_mismatch", status=422)


def _check_state(booking: Booking, consent: Consent, now: datetime) -> None:
    """The refusals that a state and its term explain."""
    if consent.state == "denied":
        raise DomainError("consent_denied")
    if booking.state == BookingState.LAPSED:
        raise DomainError("too_late", rule="F-21")
    if booking.state != BookingState.PROPOSED:
        raise DomainError("not_allowed", transition="accept", state=booking.state)
    # Whether or not the job that lets it lapse has come by yet.
    if booking.next_due_at is not None and now >= booking.next_due_at:
        raise DomainError("too_late", rule="F-21")


def _check(booking: Booking, situation: Situation, now: datetime) -> None:
    guards.check_account_active(booking.account)
    guards.check_session_open(booking.session, booking.credential, booking.provider)
    assert booking.session.starts_at is not None
    if now >= booking.session.starts_at:
        raise DomainError("too_late", reason="session_started")
    if not situation.accredited:
        raise DomainError("not_accredited", provider=booking.provider.external_id)
    if situation.on_hold:
        raise DomainError("on_hold")


def _written_now(result: Result) -> None:
    ((_, created),) = result.rows
    if not created:
        raise RuntimeError("the booking's money was held before")


def allocations_for(
    booking: Booking, plan: SourcePlan, *, direct: bool, budget_id: int | None = None
) -> list[Allocation]:
    """What each source pays: a lot, the learner, or a budget; then what is kept to give back.

    direct: the learner pays the provider their own part. budget_id: what pays the rest (the scheme's first budget).
    """
    public = [each for each in plan.allocations if each.lot_id is None and each.source != Source.LEARNER]
    if budget_id is None and (public or plan.reimbursement_cents):
        budget_id = schemes.first_budget(booking.account.scheme).pk
    made = [
        Allocation(
            booking=booking,
            source=share.source,
            fund=fund_of(share.source),
            position=position,
            lot_id=cast("int | None", share.lot_id),
            budget_id=budget_id if share in public else None,
            amount_cents=share.cents,
            direct=direct and share.source == Source.LEARNER,
        )
        for position, share in enumerate(plan.allocations)
    ]
    if plan.reimbursement_cents:
        made.append(
            Allocation(
                booking=booking,
                source=Source.PUBLIC,
                fund=fund_of(Source.PUBLIC),
                position=len(made),
                budget_id=budget_id,
                amount_cents=plan.reimbursement_cents,
                reimburses=True,
            )
        )
    return made
