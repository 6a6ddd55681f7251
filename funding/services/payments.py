"""What the bank's word does to payments: executed, rejected, returned; each counts once, whatever is repeated.

A `Settlement` is one message's work: it locks everything concerned in the house's order, moves it in memory
and writes it in a number of statements that does not grow with the payments.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any, cast

from django.db import connection, transaction
from django.db.models import Count, F, Q

from accounts.models import User
from accounts.services import service_users
from funding.models import (
    Allocation,
    BatchState,
    Booking,
    BookingLog,
    BookingState,
    Bucket,
    Claim,
    ClaimKind,
    ClaimLine,
    ClaimLog,
    ClaimState,
    Fund,
    Lot,
    NettingOutcome,
    Payment,
    PaymentBatch,
    PaymentOutcome,
    TopUpRefund,
)
from funding.services import ledger
from funding.services.bookings import money
from funding.services.ledger import Line
from funding.services.recoveries.netting import Nettings
from funding.services.remittances import number_payments
from funding.services.top_ups.transfers import RefundTransfers
from ila.core import clock, fsm, locks

# So many ledger entries travel in one message to the database.
POSTS_AT_ONCE = 200

_RELATED = ("account__scheme", "provider", "scheme_version")
# The order in which a claim can take its steps.
_STEPS = (ClaimState.IN_BATCH, ClaimState.PAID, ClaimState.RETURNED)

Money = tuple[str, Payment, Bucket, Bucket]
# What one transfer of a file is for: a claim, or an employer's refund.
Transfer = Payment | TopUpRefund


class ContradictionError(Exception):
    """The bank says of a payment what cannot follow from what it said before. `code` names it."""

    def __init__(self, code: str, payment: Transfer) -> None:
        self.code = code
        self.payment = payment
        super().__init__(f"{code}: payment {payment.end_to_end_id} is {payment.outcome}")


def post_moves(moves: Sequence[Money], *, lines: dict[int, list[ClaimLine]], actor: User) -> None:
    """Carry payments' money from bucket to bucket, one journal entry each; `what` and the payment are its key.

    lines: the claim lines with their allocation and booking, by claim id. Locks: the lots concerned, by id.
    """
    lot_ids = {
        line.allocation.lot_id
        for _, payment, _, _ in moves
        for line in lines[payment.claim_id]
        if line.allocation.lot_id
    }
    # All lots at once and in order, or two messages about the same learners could wait for each other.
    list(Lot.objects.filter(pk__in=lot_ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    statements: list[str] = []
    params: list[Any] = []
    for what, payment, source, target in moves:
        refund = payment.claim.kind == ClaimKind.REFUND
        moved = [
            money.in_booking_line(payment.claim.booking, line.allocation, source, line.amount_cents)
            for line in lines[payment.claim_id]
        ]
        if refund:
            # What is given back to a learner is of no lot or budget any more, and may never have been of a price.
            cents = payment.claim.amount_cents
            moved = [Line(source, Fund.OWN, cents, booking_id=payment.claim.booking_id)]
        postings = [posting for line in moved for posting in ledger.transfer(line, source, target)]
        sql, values = ledger.statement(
            scheme=payment.claim.booking.account.scheme,
            kind=f"refund_{what}" if refund else f"payment_{what}",
            key=f"payment:{payment.pk}:{what}",
            actor=actor,
            lines=postings,
        )
        statements.append(sql)
        params += values
        if len(statements) == POSTS_AT_ONCE:
            _send(statements, params)
    _send(statements, params)


def _send(statements: list[str], params: list[Any]) -> None:
    if statements:
        with ledger.refusals_named(), connection.cursor() as cursor:
            cursor.execute("; ".join(statements), params)
            while cursor.nextset():
                pass
    statements.clear()
    params.clear()


def lines_of(claim_ids: Iterable[int]) -> dict[int, list[ClaimLine]]:
    """Claim lines with their allocations, by claim, in a stable order."""
    found: dict[int, list[ClaimLine]] = defaultdict(list)
    for line in ClaimLine.objects.filter(claim_id__in=claim_ids).select_related("allocation").order_by("pk"):
        found[line.claim_id].append(line)
    return found


class Settlement:
    """The payments that one message names, locked with their bookings, batches and claims.

    Refunds of employers' money are transfers like payments, without a claim: `refund_ids`.
    Locks: bookings (those of debts netted too), batches, claims, payments, receivables, top-ups, refunds; at `write`
    the lots.
    """

    def __init__(
        self, payment_ids: Iterable[int], *, refund_ids: Iterable[int] = (), actor: User | None = None
    ) -> None:
        self.actor = actor or service_users.get("bank")
        # Bookings, claims and rows of allocations move by the platform's own hand, whoever brought the message.
        self.service = service_users.get("bank")
        wanted, refunds = list(payment_ids), list(refund_ids)
        seen = Payment.objects.filter(pk__in=wanted)
        claim_ids = list(seen.values_list("claim_id", flat=True))
        self._nettings = Nettings(wanted)
        booking_ids = self._nettings.booking_ids.union(
            Claim.objects.filter(pk__in=claim_ids).values_list("booking_id", flat=True)
        )
        related = {
            each.pk: each for each in Booking.objects.filter(pk__in=booking_ids).select_related(*_RELATED)
        }
        bookings: dict[int, Booking] = {
            each.pk: each for each in locks.acquire_set(Booking.objects.filter(pk__in=list(related)))
        }
        for pk, booking in bookings.items():
            booking.account, booking.provider = related[pk].account, related[pk].provider
            booking.scheme_version = related[pk].scheme_version
        self.batches: dict[int, PaymentBatch] = {
            each.pk: each
            for each in locks.acquire_set(
                PaymentBatch.objects.filter(
                    Q(pk__in=seen.values("batch_id"))
                    | Q(pk__in=TopUpRefund.objects.filter(pk__in=refunds).values("batch_id"))
                )
            )
        }
        claims: dict[int, Claim] = {
            each.pk: each for each in locks.acquire_set(Claim.objects.filter(pk__in=claim_ids))
        }
        self.payments: dict[int, Payment] = {}
        for payment in locks.acquire_set(Payment.objects.filter(pk__in=wanted)):
            payment.batch = self.batches[payment.batch_id]
            payment.claim = claims[payment.claim_id]
            payment.claim.booking = bookings[payment.claim.booking_id]
            self.payments[payment.pk] = payment
        self._nettings.lock(bookings)
        self._refunds = RefundTransfers(refunds, actor=self.service)
        for refund in self._refunds.refunds.values():
            refund.batch = self.batches[cast("int", refund.batch_id)]
        self.transfers: list[Transfer] = [*self.payments.values(), *self._refunds.refunds.values()]
        self.by_reference = {each.end_to_end_id: each for each in self.transfers}
        self._changed: dict[int, Payment] = {}
        self._moves: list[Money] = []
        self._paid: list[tuple[Payment, int]] = []
        self._claim_steps: list[tuple[Claim, str, str]] = []
        self._claim_logs: list[fsm.TransitionLog] = []
        self._accepted: set[int] = set()
        self._lines = lines_of(claim_ids)

    # -- what the bank says -----------------------------------------------------------------------------------------

    def execute(self, payment: Transfer, *, on: date | None = None) -> bool:
        """The money left our account: the claim is paid. False when that was known.

        Raises: ContradictionError for a payment that the bank rejected before.
        """
        if payment.outcome == PaymentOutcome.REJECTED:
            raise ContradictionError("contradicts_rejection", payment)
        if payment.outcome != PaymentOutcome.PENDING:
            return False
        if isinstance(payment, TopUpRefund):
            self._refunds.execute(payment, at=_moment(on))
            return True
        payment.outcome = PaymentOutcome.EXECUTED
        payment.executed_at = _moment(on)
        if payment.claim.kind == ClaimKind.REFUND:
            self._moves.append(("executed", payment, Bucket.REFUND_DUE, Bucket.RETURNED))
        else:
            self._moves.append(("executed", payment, Bucket.IN_TRANSIT, Bucket.PAID))
            self._paid.append((payment, 1))
        self._nettings.move(payment, NettingOutcome.KEPT)
        self._move_claim(payment.claim, "pay")
        self._changed[payment.pk] = payment
        return True

    def reject(self, payment: Transfer, *, reason_code: str, words: str = "") -> bool:
        """The bank does not execute it: the claim is approved again. False when that was known.

        Raises: ContradictionError for a payment that was executed before.
        """
        if payment.outcome == PaymentOutcome.REJECTED:
            return False
        if payment.outcome != PaymentOutcome.PENDING:
            raise ContradictionError("contradicts_execution", payment)
        if isinstance(payment, TopUpRefund):
            self._refunds.reject(payment, reason_code=reason_code)
            return True
        payment.outcome = PaymentOutcome.REJECTED
        payment.reason_code = reason_code[:35]
        payment.closed_at = clock.now()
        if payment.claim.kind != ClaimKind.REFUND:
            self._moves.append(("rejected", payment, Bucket.IN_TRANSIT, Bucket.PAYABLE))
        self._nettings.move(payment, NettingOutcome.RELEASED)
        self._move_claim(payment.claim, "approve_again", reason=f"{reason_code} {words}".strip())
        self._changed[payment.pk] = payment
        return True

    def give_back(self, payment: Transfer, *, reason_code: str, on: date | None = None) -> bool:
        """The money came back: it is payable again. False when that was known.

        A return that comes before the word of the execution stands for both.
        Raises: ContradictionError for a payment that the bank rejected before, or whose money was given back to the
        learner meanwhile: the provider owes it, and a person records what came back.
        """
        if payment.outcome == PaymentOutcome.REJECTED:
            raise ContradictionError("contradicts_rejection", payment)
        if payment.outcome == PaymentOutcome.RETURNED:
            return False
        if isinstance(payment, TopUpRefund):
            self._refunds.give_back(payment, reason_code=reason_code, at=_moment(on))
            return True
        executed = payment.outcome == PaymentOutcome.EXECUTED
        source = Bucket.PAID if executed else Bucket.IN_TRANSIT
        if payment.claim.kind == ClaimKind.REFUND:
            if executed:
                self._moves.append(("returned", payment, Bucket.RETURNED, Bucket.REFUND_DUE))
        else:
            if executed:
                self._take_back(payment)
            self._moves.append(("returned", payment, source, Bucket.PAYABLE))
        self._nettings.move(payment, NettingOutcome.UNDONE)
        payment.outcome = PaymentOutcome.RETURNED
        payment.executed_at = payment.executed_at or _moment(on)
        payment.reason_code = reason_code[:35]
        payment.closed_at = clock.now()
        self._move_claim(payment.claim, "return_payment", reason=reason_code)
        self._move_claim(payment.claim, "approve_again", reason=reason_code)
        self._changed[payment.pk] = payment
        return True

    def _take_back(self, payment: Payment) -> None:
        """What was paid out is not any more. Raises: as `give_back`."""
        if any(line.allocation.paid_cents < line.amount_cents for line in self._lines[payment.claim_id]):
            raise ContradictionError("owed_by_provider", payment)
        self._paid.append((payment, -1))

    def accept(self, batch: PaymentBatch) -> None:
        """The bank takes the batch: it means to execute what it did not reject."""
        self._accepted.add(batch.pk)

    # -- writing ----------------------------------------------------------------------------------------------------

    def write(self, *, reason: str = "") -> None:
        """Write what was said: journal, payments, claims, allocations, bookings, and the batches' states."""
        post_moves(self._moves, lines=self._lines, actor=self.actor)
        Payment.objects.bulk_update(
            self._changed.values(), ["outcome", "reason_code", "executed_at", "closed_at"], batch_size=1000
        )
        self._write_claims()
        self._write_allocations()
        self._write_bookings()
        self._write_batches(reason)
        self._nettings.write(actor=self.service)
        number_payments([each for each in self._changed.values() if each.outcome == PaymentOutcome.EXECUTED])
        unwind_ended(list(self._changed.values()))

    def _move_claim(self, claim: Claim, transition: str, *, reason: str = "") -> None:
        source = claim.state
        self._claim_logs.append(fsm.move(claim, transition, actor=self.service, reason=reason))
        self._claim_steps.append((claim, source, claim.state))

    def _write_claims(self) -> None:
        fsm.bulk_log(self._claim_logs, model=ClaimLog)
        grouped: dict[tuple[str, str], list[Claim]] = {}
        for claim, source, target in self._claim_steps:
            grouped.setdefault((source, target), []).append(claim)
        # One claim may take several steps in a message: all first steps, then all second ones.
        for source, target in sorted(grouped, key=lambda step: _STEPS.index(step[0])):
            ids = [claim.pk for claim in grouped[source, target]]
            paid_at = clock.now() if target == ClaimState.PAID else None
            moved = fsm.set_states(ids, model=Claim, source=source, target=target, paid_at=paid_at)
            if moved != len(ids):
                raise RuntimeError(f"{len(ids)} claims were to move from {source} to {target}, {moved} did")

    def _write_allocations(self) -> None:
        allocations: dict[int, Allocation] = {}
        for payment, sign in self._paid:
            for line in self._lines[payment.claim_id]:
                allocation = allocations.setdefault(line.allocation_id, line.allocation)
                allocation.paid_cents += sign * line.amount_cents
        Allocation.objects.bulk_update(allocations.values(), ["paid_cents"], batch_size=1000)

    def _write_bookings(self) -> None:
        """A booking whose money has all been paid out is settled; one that ended otherwise keeps its state."""
        validated: dict[int, Booking] = {}
        for payment, sign in self._paid:
            booking = payment.claim.booking
            if sign > 0 and booking.state == BookingState.SERVICE_VALIDATED:
                validated[booking.pk] = booking
                if payment.claim.kind == ClaimKind.ADVANCE and booking.scheme_version is not None:
                    money.restore_overpaid(booking, booking.scheme_version.parsed, actor=self.service)
        spent = F("returned_cents") + F("paid_cents")
        outstanding = set(
            Allocation.objects.filter(booking__in=list(validated), amount_cents__gt=spent).values_list(
                "booking_id", flat=True
            )
        )
        settled = [each for pk, each in sorted(validated.items()) if pk not in outstanding]
        fsm.bulk_log([fsm.move(each, "settle", actor=self.service) for each in settled], model=BookingLog)
        fsm.set_states(
            [each.pk for each in settled],
            model=Booking,
            source=BookingState.SERVICE_VALIDATED,
            target=BookingState.SETTLED,
            settled_at=clock.now(),
            next_due="",
            next_due_at=None,
        )

    def _write_batches(self, reason: str) -> None:
        counts: dict[int, dict[str, int]] = defaultdict(dict)
        for model in (Payment, TopUpRefund):
            rows = (
                model.objects.filter(batch_id__in=list(self.batches)).order_by().values("batch_id", "outcome")
            )
            for row in rows.annotate(number=Count("pk")):
                outcomes = counts[row["batch_id"]]
                outcomes[row["outcome"]] = outcomes.get(row["outcome"], 0) + row["number"]
        for pk, batch in sorted(self.batches.items()):
            transition = _next_step(batch, counts[pk], accepted=pk in self._accepted)
            if transition:
                fsm.apply(batch, transition, actor=self.service, reason=reason)


def _next_step(batch: PaymentBatch, counts: dict[str, int], *, accepted: bool) -> str:
    """The transition that a batch is ready for, from what became of its payments."""
    if batch.state not in (BatchState.EXPORTED, BatchState.ACKNOWLEDGED, BatchState.PARTLY_REJECTED):
        return ""
    rejected = counts.get(PaymentOutcome.REJECTED, 0)
    if rejected == sum(counts.values()):
        return "reject"
    if not counts.get(PaymentOutcome.PENDING):
        return "execute"
    if rejected:
        return "" if batch.state == BatchState.PARTLY_REJECTED else "reject_part"
    return "acknowledge" if accepted and batch.state == BatchState.EXPORTED else ""


def unwind_ended(payments: Iterable[Payment]) -> None:
    """Money that was on its way while the booking was disputed or cancelled goes back to its sources.

    What reached the provider is restored to the learner, who comes first, and is owed; what did not is released.
    The bookings are locked, and everything else of the walk is written.
    """
    service = service_users.get("bank")
    for payment in payments:
        booking = payment.claim.booking
        if payment.claim.kind == ClaimKind.REFUND or (
            booking.state != BookingState.DISPUTED and not booking.is_all_back
        ):
            continue
        reason = f"paid or sent back while {booking.state}"
        if booking.state != BookingState.DISPUTED:
            money.call_back_claims(booking, actor=service, reason=reason)
            away = money.in_transit_by_allocation(booking)
            parts = [
                (each, each.outstanding_cents - away.get(each.pk, 0))
                for each in money.allocations_of(booking)
            ]
            key = f"booking:{booking.pk}:unwind:payment:{payment.pk}"
            money.release(booking, parts, what="unwind", key=key, actor=service)
        money.restore_paid(booking, actor=service, reason=reason)


def _moment(day: date | None) -> datetime:
    """When the bank booked it: now, or noon (UTC) of an earlier day that it names."""
    now = clock.now()
    if day is None or day >= now.date():
        return now
    return datetime.combine(day, time(12), tzinfo=now.tzinfo)


@transaction.atomic
def execute_payments(*, payment_ids: Sequence[int], actor: User | None = None, on: date | None = None) -> int:
    """The bank executed these. Returns how many were news. Locks: as `Settlement`. Logs: claims, bookings, batches."""
    work = Settlement(payment_ids, actor=actor)
    news = sum([work.execute(payment, on=on) for payment in work.payments.values()])
    work.write()
    return news


@transaction.atomic
def reject_payments(*, payment_ids: Sequence[int], reason_code: str, actor: User | None = None) -> int:
    """The bank rejected these: approved again. Returns how many were news. Locks: as `Settlement`."""
    work = Settlement(payment_ids, actor=actor)
    news = sum([work.reject(payment, reason_code=reason_code) for payment in work.payments.values()])
    work.write()
    return news


@transaction.atomic
def return_payments(*, payment_ids: Sequence[int], reason_code: str, actor: User | None = None) -> int:
    """These came back: payable again. Returns how many were news. Locks: as `Settlement`."""
    work = Settlement(payment_ids, actor=actor)
    news = sum([work.give_back(payment, reason_code=reason_code) for payment in work.payments.values()])
    work.write()
    return news
