"""Notifications (camt.054) and statements (camt.053): every movement of our account, matched to its payment.

A notification that does not fit is refused whole. A statement is the bank's account of itself: it is always kept,
and what does not fit in it is a finding on its line, or a gap.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from accounts.models import User
from funding.banking.continuity import find_gaps_between, find_own_gap
from funding.banking.messages import AccountMessage, AccountReport, Balance, Entry, EntryDetail
from funding.models import (
    BankLine,
    BankMessage,
    BankStatement,
    Payment,
    PaymentBatch,
    PaymentOutcome,
    RecoveryReceipt,
    TopUpRefund,
)
from funding.services import own_transfers, payer_debts
from funding.services.payments import ContradictionError, Settlement, Transfer
from funding.services.recoveries import receipts as recoveries
from funding.services.refusals import RefusedMessage, Report
from funding.services.top_ups.receipts import Credit, take_in

STATEMENT = "camt.053"


@dataclass(frozen=True, slots=True)
class Movement:
    """One transfer inside an entry, or an entry without details. `cents` is signed: what left is negative."""

    entry: Entry
    detail: EntryDetail | None
    cents: int

    @property
    def reference(self) -> str:
        return self.detail.end_to_end_id if self.detail is not None else ""


def process_account_message(
    message: BankMessage, parsed: AccountMessage, result: Report, *, actor: User | None
) -> None:
    """Match every booked movement and write what follows from it; store statements and their gaps.

    Raises: RefusedMessage; ContradictionError for a notification that contradicts what the bank said before.
    """
    for report in parsed.reports:
        if report.iban not in own_accounts():
            raise RefusedMessage("unknown_account", f"{report.iban} is no account of ours")
    movements = [(report, movement) for report in parsed.reports for movement in movements_of(report)]
    references = {movement.reference for _, movement in movements if movement.reference}
    our_files = _our_files(movement for _, movement in movements)
    sums = {file_of(movement.entry) for _, movement in movements if movement.detail is None}
    named = Q(end_to_end_id__in=references) | Q(
        batch__in=[our_files[each] for each in sums & our_files.keys()]
    )
    work = Settlement(
        Payment.objects.filter(named, batch__file__isnull=False).values_list("pk", flat=True),
        refund_ids=TopUpRefund.objects.filter(named, batch__file__isnull=False).values_list("pk", flat=True),
        actor=actor,
    )
    strict = parsed.kind != STATEMENT
    matcher = _Matcher(message, work, result, our_files=our_files, strict=strict)
    for report in parsed.reports:
        statement = None if strict else _store_statement(message, report)
        for movement in movements_of(report):
            matcher.match(movement, statement)
        if statement is not None and statement.gap:
            result.note(statement.gap, statement.statement_id)
    matcher.finish(actor=actor)
    if len(work.batches) == 1:
        message.batch = next(iter(work.batches.values()))
    work.write(reason=f"{message.kind} {message.message_id}")


def own_accounts() -> frozenset[str]:
    """IBANs of the accounts that we pay from."""
    return frozenset({settings.BANK_ACCOUNT_IBAN})


def movements_of(report: AccountReport) -> Iterator[Movement]:
    """The booked movements of a report, transfer by transfer."""
    for entry in report.entries:
        if not entry.booked:
            continue
        sign = 1 if entry.credit else -1
        if not entry.details or any(detail.amount_cents is None for detail in entry.details):
            yield Movement(entry, None, entry.signed_cents)
            continue
        for detail in entry.details:
            yield Movement(entry, detail, sign * (detail.amount_cents or 0))


def _our_files(movements: Iterable[Movement]) -> dict[str, int]:
    """Batches of ours, by MsgId, that these movements name as the file they come from."""
    names: set[str] = set()
    for movement in movements:
        names.add(file_of(movement.entry))
        if movement.detail is not None:
            names |= {movement.detail.file_msg_id, movement.detail.payment_info_id}
    return dict(PaymentBatch.objects.filter(msg_id__in=names - {""}).values_list("msg_id", "pk"))


def file_of(entry: Entry) -> str:
    """The file that an entry books as one sum: its MsgId, which is also the id of its only bulk."""
    return entry.batch_msg_id or entry.batch_payment_info_id


class _Matcher:
    """Takes movement by movement to its payment. Strict: what does not fit refuses the whole message."""

    def __init__(
        self,
        message: BankMessage,
        work: Settlement,
        result: Report,
        *,
        our_files: dict[str, int],
        strict: bool,
    ) -> None:
        self.message = message
        self.work = work
        self.result = result
        self.strict = strict
        self.lines: list[BankLine] = []
        self._unmatched: list[Movement] = []
        refunds = [each.pk for each in work.transfers if isinstance(each, TopUpRefund)]
        earlier = BankLine.objects.filter(
            Q(payment__in=list(work.payments)) | Q(refund__in=refunds), statement__isnull=strict
        )
        # Which payments were told of already by this kind of message, as money out or back, and under which
        # references of the bank.
        self._told: dict[tuple[str, bool], set[str]] = defaultdict(set)
        for ours, cents, reference in earlier.values_list("end_to_end_id", "amount_cents", "reference"):
            self._told[ours, cents > 0].add(reference)
        self._our_files = our_files
        # Money that came in for none of our payments: an employer's, or nobody knows whose.
        self._credits: list[tuple[Movement, BankLine]] = []

    def match(self, movement: Movement, statement: BankStatement | None) -> None:
        if movement.detail is None and self._match_bulk(movement, statement):
            return
        payment = self.work.by_reference.get(movement.reference)
        finding = ""
        if payment is None:
            if movement.cents > 0 and not movement.entry.is_return:
                self._credits.append(
                    (movement, self._add_line(movement, statement, None, "", movement.cents))
                )
                return
            finding = "unknown_payment" if movement.cents < 0 else "unknown_credit"
            self._unmatched.append(movement)
        else:
            finding = self._believe(movement, payment)
        self._add_line(movement, statement, payment, finding, movement.cents)

    def finish(self, *, actor: User | None = None) -> None:
        self._take_credits(actor)
        debits = [movement for movement in self._unmatched if movement.cents < 0]
        if self.strict and debits and len(self._unmatched) == len(self.lines):
            about = debits[0].reference or debits[0].entry.reference
            raise RefusedMessage("unknown_payment", f"nothing in it is a payment of ours ({about})")
        BankLine.objects.bulk_create(self.lines, batch_size=1000)

    def _take_credits(self, actor: User | None) -> None:
        """What came in pays a debt or is an employer's for an order, or it is kept aside and shown."""
        told = [(movement, line, _credit_of(movement)) for movement, line in self._credits]
        others = told
        for debts in (recoveries, payer_debts):
            named = [each for each in others if debts.named_debt(each[2]) is not None]
            others = [each for each in others if debts.named_debt(each[2]) is None]
            self._take_recoveries(named, debts.take_in([credit for _, _, credit in named], actor=actor))
        # Own parts after employers' orders: their locks come later in the house's order.
        own = [transfer is not None for transfer in own_transfers.named([credit for _, _, credit in others])]
        of_learners = [each for each, is_own in zip(others, own, strict=True) if is_own]
        others = [each for each, is_own in zip(others, own, strict=True) if not is_own]
        receipts = take_in([credit for _, _, credit in others], actor=actor)
        for (movement, line, _), receipt in zip(others, receipts, strict=True):
            line.receipt = receipt
            if receipt.top_up_id is not None or receipt.settled_at is not None:
                self.result.count("received")
                continue
            line.finding = "unknown_credit"
            self.result.note(line.finding, movement.reference or movement.entry.reference)
            self._unmatched.append(movement)
        came = own_transfers.take_in([credit for _, _, credit in of_learners], actor=actor)
        for (_, line, _), own_receipt in zip(of_learners, came, strict=True):
            line.own_receipt = own_receipt
            self.result.count("received")

    def _take_recoveries(
        self, told: Sequence[tuple[Movement, BankLine, Credit]], receipts: Sequence[RecoveryReceipt]
    ) -> None:
        for (movement, line, _), receipt in zip(told, receipts, strict=True):
            line.recovery = receipt
            if receipt.applied_cents or receipt.interest_cents:
                self.result.count("received")
            if receipt.finding and receipt.settled_at is None:
                line.finding = receipt.finding
                self.result.note(line.finding, movement.reference or movement.entry.reference)
            if not receipt.applied_cents and not receipt.interest_cents:
                self._unmatched.append(movement)

    def _match_bulk(self, movement: Movement, statement: BankStatement | None) -> bool:
        """One entry for a whole file, booked as a sum: all its payments, or none."""
        batch_id = self._our_files.get(file_of(movement.entry))
        if batch_id is None or movement.cents >= 0:
            return False
        payments = [
            payment
            for payment in self.work.transfers
            if payment.batch_id == batch_id and payment.outcome != PaymentOutcome.REJECTED
        ]
        if sum(payment.amount_cents for payment in payments) != -movement.cents:
            self._refuse_or_find(
                "other_amount", f"{file_of(movement.entry)}: {-movement.cents} cents debited"
            )
            self._add_line(movement, statement, None, "other_amount", movement.cents)
            return True
        for payment in payments:
            finding = self._pay(payment, movement)
            self._add_line(movement, statement, payment, finding, -payment.amount_cents)
        return True

    def _believe(self, movement: Movement, payment: Transfer) -> str:
        """Do what the movement says; the finding if it cannot be believed."""
        detail = movement.detail
        assert detail is not None
        assert payment.batch is not None
        other = detail.file_msg_id in self._our_files and detail.file_msg_id != payment.batch.msg_id
        if other or (
            detail.payment_info_id in self._our_files and detail.payment_info_id != payment.batch.msg_id
        ):
            return self._refuse_or_find(
                "other_batch", f"{payment.end_to_end_id} is no payment of {detail.file_msg_id}"
            )
        if abs(movement.cents) != payment.amount_cents or movement.entry.currency != payment.batch.currency:
            return self._refuse_or_find(
                "other_amount",
                f"{payment.end_to_end_id}: {movement.cents} cents, {payment.amount_cents} were sent",
            )
        try:
            return self._pay(payment, movement) if movement.cents < 0 else self._take_back(payment, movement)
        except ContradictionError as error:
            if self.strict and error.code != "owed_by_provider":
                raise
            self.result.note(error.code, payment.end_to_end_id)
            return error.code

    def _pay(self, payment: Transfer, movement: Movement) -> str:
        if self._is_second(payment, movement, "debited_twice"):
            return "debited_twice"
        if self.work.execute(payment, on=movement.entry.booked_on):
            self.result.count("executed")
        else:
            self.result.count("confirmed")
        return ""

    def _take_back(self, payment: Transfer, movement: Movement) -> str:
        if self._is_second(payment, movement, "credited_twice"):
            return "credited_twice"
        reason = movement.detail.return_reason if movement.detail is not None else None
        if self.work.give_back(
            payment, reason_code=reason.code if reason else "", on=movement.entry.booked_on
        ):
            self.result.count("returned")
        else:
            self.result.count("confirmed")
        return ""

    def _is_second(self, payment: Transfer, movement: Movement, code: str) -> bool:
        """Whether the bank moved this payment's money a second time; the same movement told again is none."""
        told = self._told[payment.end_to_end_id, movement.cents > 0]
        reference = movement.entry.reference[:35]
        second = bool(told) and reference not in told
        told.add(reference)
        if second:
            self.result.note(code, payment.end_to_end_id)
        return second

    def _refuse_or_find(self, code: str, words: str) -> str:
        if self.strict:
            raise RefusedMessage(code, words)
        self.result.note(code, words)
        return code

    def _add_line(
        self,
        movement: Movement,
        statement: BankStatement | None,
        payment: Transfer | None,
        finding: str,
        cents: int,
    ) -> BankLine:
        reason = movement.detail.return_reason if movement.detail is not None else None
        if payment is None and finding:
            self.result.note(finding, movement.reference or movement.entry.reference)
        line = BankLine(
            message=self.message,
            statement=statement,
            reference=movement.entry.reference[:35],
            end_to_end_id=(payment.end_to_end_id if payment is not None else movement.reference)[:35],
            amount_cents=cents,
            currency=movement.entry.currency,
            booked_on=movement.entry.booked_on,
            return_reason=reason.code if reason is not None else "",
            payment=payment if isinstance(payment, Payment) else None,
            refund=payment if isinstance(payment, TopUpRefund) else None,
            finding=finding,
        )
        self.lines.append(line)
        return line


def _credit_of(movement: Movement) -> Credit:
    entry, detail = movement.entry, movement.detail
    if detail is None:
        return Credit(movement.cents, entry.currency, entry.booked_on, bank_reference=entry.reference)
    return Credit(
        amount_cents=movement.cents,
        currency=entry.currency,
        booked_on=entry.booked_on,
        bank_reference=detail.bank_reference or entry.reference,
        end_to_end_id=detail.end_to_end_id,
        structured=detail.creditor_reference,
        note=detail.remittance,
        payer_name=detail.debtor,
        payer_iban=detail.debtor_iban,
    )


# -- statements -------------------------------------------------------------------------------------------------------


def _store_statement(message: BankMessage, report: AccountReport) -> BankStatement:
    """Keep a statement; find what it leaves out, and whether it closes a hole that another had left."""
    assert report.opening is not None and report.closing is not None  # noqa: PT018 - the parser requires both
    same = BankStatement.objects.filter(account=report.iban)
    known = same.filter(statement_id=report.report_id)
    if report.sequence_number is not None:
        # Many banks begin again at 1 each year: the same number of another day is another statement.
        first_day = report.covers_from or report.opening.on
        known = known | same.filter(sequence=report.sequence_number, from_date=first_day)
    if known.exists():
        raise RefusedMessage(
            "duplicate_statement", f"statement {report.sequence_number} of {report.iban} is known"
        )
    statement = BankStatement(
        message=message,
        statement_id=report.report_id,
        sequence=report.sequence_number,
        account=report.iban,
        currency=report.currency,
        from_date=report.covers_from or report.opening.on,
        to_date=report.covers_until or report.closing.on,
        opening_cents=report.opening.amount_cents,
        closing_cents=report.closing.amount_cents,
    )
    own = find_own_gap(report)
    statement.gap = _gap_codes(own.code if own else "", _previous(statement), statement)
    statement.save()
    following = _following(statement)
    if following is not None:
        own_of_following = "unexplained_amount" if "unexplained_amount" in following.gap else ""
        following.gap = _gap_codes(own_of_following, statement, following)
        following.save(update_fields=["gap"])
    return statement


def _gap_codes(own: str, before: BankStatement | None, statement: BankStatement) -> str:
    """What a statement leaves out, as codes separated by commas; empty when it is whole and joins the one before."""
    codes = [own] if own else []
    if before is not None:
        gaps = [
            gap.code
            for gap in find_gaps_between(
                number=before.sequence, closing_cents=before.closing_cents, following=_as_report(statement)
            )
        ]
        # A missing statement explains the jump.
        codes += gaps[:1]
    return ",".join(codes)


def _previous(statement: BankStatement) -> BankStatement | None:
    earlier = BankStatement.objects.filter(account=statement.account, to_date__lte=statement.from_date)
    if statement.pk:
        earlier = earlier.exclude(pk=statement.pk)
    if statement.sequence is not None:
        earlier = earlier.exclude(sequence__gt=statement.sequence, to_date=statement.from_date)
    return earlier.order_by("-to_date", "-sequence", "-pk").first()


def _following(statement: BankStatement) -> BankStatement | None:
    later = BankStatement.objects.filter(account=statement.account, from_date__gte=statement.to_date).exclude(
        pk=statement.pk
    )
    if statement.sequence is not None:
        later = later.exclude(sequence__lt=statement.sequence, from_date=statement.to_date)
    return later.order_by("from_date", "sequence", "pk").first()


def _as_report(statement: BankStatement) -> AccountReport:
    assert statement.from_date is not None and statement.to_date is not None  # noqa: PT018 - set when stored
    return AccountReport(
        report_id=statement.statement_id,
        iban=statement.account,
        currency=statement.currency,
        sequence_number=statement.sequence,
        covers_from=statement.from_date,
        covers_until=statement.to_date,
        opening=Balance(statement.opening_cents, statement.currency, statement.from_date),
        closing=Balance(statement.closing_cents, statement.currency, statement.to_date),
        entries=(),
    )
