"""What this app knows of people: the books stay as long as the law says, what is beside them goes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from accounts.models import User
from accounts.personal_data import OFFICE
from accounts.personal_registry import (
    Person,
    about,
    deleting,
    left_out,
    with_files,
    with_last_day,
    with_obstacles,
)
from accounts.services import delivery
from catalogue import documents
from funding import papers
from funding.models import (
    Booking,
    CertificateFile,
    Claim,
    CorrectionRequest,
    JournalEntry,
    LearnerDocument,
    PayerDebt,
    PayrollNumber,
    Posting,
    RefundAccount,
    Statement,
    TopUpReference,
)
from funding.models.bookings import OPEN_STATES
from funding.selectors.refunds import money_due
from ila.core import clock
from ila.core.money import format_cents

BOOKS = "The books of public money are kept by law for ten years after the last entry."
WORD = "What a learner said of a booking is evidence of misuse, kept as long as the books it is about."
ACCOUNT = "account__citizen__user"
BOOKING = "booking__account__citizen__user"
TITLE = {"training": "booking__credential__title"}
LOG = ("transaction_id",)


documents.kept_in("funding.LearnerDocument", "funding.CertificateFile", "catalogue.Document")


def _forget_refund_accounts(user: User) -> int:
    found = RefundAccount.objects.filter(citizen__user=user).exclude(iban="")
    return found.update(iban="", holder="", ended_at=clock.now())


def _forget_documents(user: User) -> int:
    found = LearnerDocument.objects.filter(citizen__user=user)
    files = set(found.exclude(sha256="").values_list("sha256", flat=True))
    deleted, _by_model = found.delete()
    # A file is kept once, by its content: somebody else may have handed in the same, or a fraud case rests on it.
    for sha256 in sorted(files):
        transaction.on_commit(partial(documents.forget_unkept, sha256))
    return deleted


def _end_references(user: User) -> int:
    found = TopUpReference.objects.filter(account__citizen__user=user, revoked_at__isnull=True)
    return found.update(revoked_at=clock.now())


def _end_payroll_numbers(user: User) -> int:
    found = PayrollNumber.objects.filter(account__citizen__user=user, revoked_at__isnull=True)
    return found.update(revoked_at=clock.now())


about(
    "funding.Suggestion",
    "suggestions",
    "delegation__citizen__user",
    "delegation__counsellor",
    also={"training": "credential__title"},
    erase=deleting("funding.Suggestion", "delegation__citizen__user"),
)
about(
    "funding.CorrectionRequest",
    "requests-for-corrections",
    "citizen__user",
    erase=deleting("funding.CorrectionRequest", "citizen__user"),
)
about(
    "funding.LearnerDocument",
    "documents-asked-for",
    "citizen__user",
    erase=_forget_documents,
)
about("funding.RefundAccount", "accounts-for-refunds", "citizen__user", erase=_forget_refund_accounts)
about(
    "funding.PayrollNumber",
    "payroll-numbers",
    ACCOUNT,
    also={"employer": "organisation__name"},
    hidden=["digest"],
    erase=_end_payroll_numbers,
)
about(
    "funding.TopUpReference",
    "references-for-employers",
    ACCOUNT,
    erase=_end_references,
)
about(
    "funding.LearningAccount",
    "learning-accounts",
    "citizen__user",
    also={"scheme": "scheme__name"},
    stays=BOOKS,
)
about("funding.Lot", "money-by-source", ACCOUNT, stays=BOOKS)
about(
    "funding.Posting",
    "postings",
    "lot__account__citizen__user",
    BOOKING,
    also={"kind": "entry__kind", "at": "entry__occurred_at"},
    stays=BOOKS,
)
about(
    "funding.Booking",
    "bookings",
    ACCOUNT,
    also={"training": "credential__title", "provider": "provider__name", "starts_at": "session__starts_at"},
    stays=BOOKS,
)
about("funding.BookingLog", "steps-of-bookings", "subject__account__citizen__user", hidden=LOG, stays=BOOKS)
about(
    "funding.Introduction",
    "who-brought-you",
    BOOKING,
    also={**TITLE, "agent": "partner__facts__name"},
    stays=WORD,
)
about("funding.Allocation", "who-pays-what", BOOKING, also=TITLE, stays=BOOKS)
about("funding.Attendance", "attendance", BOOKING, also=TITLE, stays=BOOKS)
about("funding.Presence", "presence-by-day", BOOKING, also=TITLE, stays=BOOKS)
about("funding.Certificate", "certificates", BOOKING, also=TITLE, stays=BOOKS)
about(
    "funding.CertificateFile",
    "files-of-certificates",
    "certificate__booking__account__citizen__user",
    shown=["sha256"],
    stays=BOOKS,
)
about("funding.BookingReview", "reviews-of-bookings", BOOKING, stays=BOOKS)
about("funding.Claim", "claims", BOOKING, also=TITLE, stays=BOOKS)
about("funding.ClaimApproval", "first-approvals", "claim__booking__account__citizen__user", stays=BOOKS)
about("funding.ClaimLine", "claims-by-source", "claim__booking__account__citizen__user", stays=BOOKS)
about(
    "funding.ClaimLog",
    "steps-of-claims-for-money",
    "subject__booking__account__citizen__user",
    hidden=LOG,
    stays=BOOKS,
)
about(
    "funding.PayeeCheck",
    "checks-of-bank-accounts",
    "citizen__user",
    also={"scheme": "scheme__name"},
    stays=BOOKS,
)
about("funding.Receivable", "money-owed-back", BOOKING, also=TITLE, stays=BOOKS)
about("funding.Statement", "statements", ACCOUNT, stays=BOOKS)
about("funding.AgeCreditGiven", "credits-at-an-age", ACCOUNT, stays=BOOKS)
about("funding.ExpiryNotice", "notices-of-expiry", ACCOUNT, stays=BOOKS)
about("funding.Suspension", "suspensions", ACCOUNT, stays=BOOKS)
about("funding.TopUpLine", "money-of-employers", ACCOUNT, stays=BOOKS)
about("funding.Application", "applications-for-grants", ACCOUNT, stays=BOOKS)
about("funding.Place", "places-in-waiting-rooms", ACCOUNT, stays=BOOKS)

about("funding.CardPayment", "payments-by-card", "payer", stays=BOOKS)
about("funding.CardPaymentLog", "steps-of-payments-by-card", "subject__payer", hidden=LOG, stays=BOOKS)
about("funding.CardRefund", "refunds-to-cards", "payment__payer", stays=BOOKS)
about("funding.CardDispute", "disputes-of-cards", "payment__payer", stays=BOOKS)
about("funding.OwnTransfer", "own-parts-by-transfer", "payer", stays=BOOKS)
about("funding.OwnTransferLog", "steps-of-own-parts", "subject__payer", hidden=LOG, stays=BOOKS)
about("funding.OwnTransferReceipt", "transfers-of-own-parts", "transfer__payer", stays=BOOKS)
about("funding.PayerDebt", "debts", "payment__payer", stays=BOOKS)

left_out(
    "What a suspicion stops is not told while it is looked into (Art. 23).",
    "funding.Hold",
)
left_out(
    "Its postings are in the copy, each with the kind and the time of the entry.",
    "funding.JournalEntry",
    "funding.CreditNotice",
)
left_out(
    "It is between the payer and the provider or its bank; the booking and its claim are in the copy.",
    "funding.BankLine",
    "funding.BankMessage",
    "funding.BankStatement",
    "funding.Netting",
    "funding.Payment",
    "funding.PaymentBatch",
    "funding.PaymentBatchLog",
    "funding.PaymentFile",
    "funding.PayerDebtLog",
    "funding.ReceivableLog",
    "funding.ReconciliationNote",
    "funding.RecoveryReceipt",
    "funding.Reservation",
    "funding.FailedPayout",
    "funding.StripeEvent",
    "funding.StripeMovement",
    "funding.Remittance",
    "funding.WriteOffRequest",
    "funding.Instalment",
    "funding.InstalmentPlan",
)
left_out(
    OFFICE,
    "funding.PayeeAcceptance",
    "funding.SessionFinding",
    "funding.Appropriation",
    "funding.AppropriationLog",
    "funding.BudgetSlice",
    "funding.LaboratoryRun",
    "funding.SchemeDraft",
    "funding.SchemeDraftLog",
    "funding.SchemeLimit",
    "funding.SchemeLimitLog",
    "funding.SchemeVersion",
    "funding.SuspensionEnd",
    "funding.TopUp",
    "funding.TopUpDraft",
    "funding.TopUpLog",
    "funding.TopUpReceipt",
    "funding.TopUpRefund",
    "funding.TopUpRefundLog",
    "funding.WaitingRoom",
    "funding.Window",
)


@with_obstacles
def find_obstacles(user: User) -> Iterator[str]:
    """A booking goes on, or money is owed one way or the other."""
    mine = Booking.objects.filter(account__citizen__user=user)
    if mine.filter(state__in=[*OPEN_STATES, "disputed"]).exists():
        yield "bookings_open"
    on_their_way = Claim.objects.filter(
        booking__in=mine, state__in=["submitted", "approved", "in_batch", "returned"]
    )
    debts = PayerDebt.objects.filter(payment__payer=user, closed_at__isnull=True)
    if on_their_way.exists() or debts.exists() or money_due(user):
        yield "money_owed"
    if CorrectionRequest.objects.filter(citizen__user=user, state="asked").exists():
        yield "correction_open"


@with_last_day
def last_day_of_books(user: User) -> date | None:
    """So many years after the last thing that the books say of this person (ERASURE_BOOKS_YEARS)."""
    entries = JournalEntry.objects.filter(postings__lot__account__citizen__user=user)
    moments = [entries.aggregate(at=Max("occurred_at"))["at"]]
    booked = Booking.objects.filter(account__citizen__user=user, accepted_at__isnull=False)
    moments.append(booked.aggregate(at=Max("accepted_at"))["at"])
    latest = max((at for at in moments if at is not None), default=None)
    if latest is None:
        return None
    day = timezone.localdate(latest)
    # The books of a year are closed with it.
    return date(day.year + settings.ERASURE_BOOKS_YEARS, 12, 31)


@with_files
def movements(person: Person) -> Iterator[tuple[str, bytes]]:
    """What moved on the accounts, as a table for any spreadsheet."""
    rows = (
        Posting.objects.filter(lot__account__citizen__user=person.user, bucket="available")
        .values_list(
            "entry__occurred_at",
            "entry__kind",
            "lot__account__scheme__name",
            "lot__source",
            "entry__currency",
        )
        .annotate(cents=Sum("amount_cents"))
        .order_by("entry__occurred_at", "entry_id")
    )
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["at", "kind", "scheme", "source", "currency", "amount_cents", "amount"])
    for at, kind, scheme, source, currency, cents in rows.iterator(chunk_size=500):
        table.writerow(
            [
                at.isoformat(),
                kind,
                _cell(scheme),
                source,
                currency,
                cents,
                format_cents(cents, currency, "en"),
            ]
        )
    yield "movements.csv", text.getvalue().encode("utf-8-sig")


@with_files
def receipts_and_statements(person: Person) -> Iterator[tuple[str, bytes]]:
    """Each receipt and each statement as it is printed."""
    booked = Booking.objects.filter(account__citizen__user=person.user, consent__sign_in__isnull=False)
    related = ("account__citizen", "account__scheme", "consent__sign_in")
    for booking in booked.select_related(*related).order_by("pk").iterator(chunk_size=50):
        yield f"receipts/receipt-{booking.public_id}.pdf", papers.receipt(booking)
    made = Statement.objects.filter(account__citizen__user=person.user)
    for statement in (
        made.select_related("account__scheme", "account__citizen").order_by("pk").iterator(chunk_size=50)
    ):
        yield f"statements/statement-{statement.public_id}.pdf", papers.statement(statement)


@with_files
def documents_handed_in(person: Person) -> Iterator[tuple[str, bytes]]:
    """The files that this person handed in."""
    found = LearnerDocument.objects.filter(citizen__user=person.user, handed_in_at__isnull=False)
    for document in found.order_by("pk").iterator(chunk_size=20):
        yield f"documents/{document.public_id}-{document.name}", papers.document(document)


@with_files
def certificates(person: Person) -> Iterator[tuple[str, bytes]]:
    """The files of certificates that providers recorded for this person."""
    found = CertificateFile.objects.filter(certificate__booking__account__citizen__user=person.user)
    for file in found.order_by("pk").iterator(chunk_size=20):
        yield f"certificates/{file.certificate_id}-{file.name}", documents.read(file.sha256)


@with_files
def letters(person: Person) -> Iterator[tuple[str, bytes]]:
    """What was written to this person by e-mail."""
    for message in delivery.letters_to(person.user).iterator(chunk_size=100):
        written = delivery.letter_of(message)
        assert message.sent_at is not None
        name = f"letters/{message.sent_at:%Y-%m-%d}-{message.pk}.txt"
        yield name, f"{written.subject}\n\n{written.body}\n".encode()


def _cell(text: str) -> str:
    # A spreadsheet takes what begins so for a formula.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
