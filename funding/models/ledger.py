"""The journal: double entry, integer cents, append-only, written through one function in the database.

A posting's account is its bucket together with its dimensions (scheme, fund, lot, booking, provider …).
Amounts are signed; the postings of an entry add up to zero per currency and fund. The application role
may read these tables only: `ledger_post` (migration 0002) writes them and keeps the stored balances.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from funding.models.accounts import Fund, Lot
from ila.core.models import AppendOnlyModel, CurrentTransaction


class Bucket(models.TextChoices):
    """Where money stands. The funder's side (`appropriation`) is negative, all others are positive.

    Per scheme and fund: −appropriation = budget + available + held + payable + in_transit + paid + owed
    + expired + refund_due + returned + deposit + reserved + debt, where owed (money to come back from a provider)
    and debt (from a payer whose bank took it back) are negative.
    """

    APPROPRIATION = "appropriation", "Appropriated by the funder"
    BUDGET = "budget", "Available in a budget"
    AVAILABLE = "available", "Available on an account"
    HELD = "held", "Held for a booking"
    PAYABLE = "payable", "Approved for payment"
    IN_TRANSIT = "in_transit", "Sent to the bank"
    PAID = "paid", "Paid out"
    OWED = "owed", "Owed back by a provider"
    EXPIRED = "expired", "Expired"
    REFUND_DUE = "refund_due", "To be refunded to the learner"
    RETURNED = "returned", "Given back to the funder"
    DEPOSIT = "deposit", "Received from an employer, on no account"
    RESERVED = "reserved", "Reserved while the learner pays their own part"
    DEBT = "debt", "Owed by a payer whose bank took the money back"


class JournalEntry(AppendOnlyModel):
    """One event of money. `idempotency_key` makes it happen once; a mistake is mended by a reversal entry."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT",)

    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    idempotency_key = models.CharField(max_length=120)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    occurred_at = models.DateTimeField()
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )
    transaction_id = models.BigIntegerField(db_default=CurrentTransaction())

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["scheme", "idempotency_key"], name="journalentry_key_once")
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["transaction_id"], name="journalentry_transaction"),
            # Learners are told of these: a few entries, however many accounts each credits (decision 153).
            models.Index(
                fields=["occurred_at"],
                condition=Q(kind__in=["credit", "accrue", "age_credit", "top_up_allocated"]),
                name="journalentry_credits",
            ),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk} ({self.kind})"


class Posting(AppendOnlyModel):
    """One line of an entry: a signed amount in cents in a bucket, with what it concerns."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT",)

    # Entries and lots are never removed, and the functions that write postings name only those they wrote
    # themselves: a trigger for each row to check it again doubled the cost of an accrual (decision 0050).
    entry = models.ForeignKey(
        JournalEntry, on_delete=models.PROTECT, db_constraint=False, related_name="postings"
    )
    bucket = models.CharField(max_length=20, choices=Bucket)
    fund = models.CharField(max_length=10, choices=Fund)
    amount_cents = models.BigIntegerField()
    lot = models.ForeignKey(
        Lot, on_delete=models.PROTECT, null=True, db_constraint=False, related_name="postings"
    )
    budget = models.ForeignKey(
        "funding.Budget", on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    booking = models.ForeignKey(
        "funding.Booking", on_delete=models.PROTECT, null=True, db_index=False, related_name="postings"
    )

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(amount_cents=0), name="posting_not_zero"),
            models.CheckConstraint(
                condition=~Q(bucket="budget") | Q(budget__isnull=False), name="posting_budget_named"
            ),
            models.CheckConstraint(
                condition=~Q(bucket="available") | Q(lot__isnull=False), name="posting_lot_named"
            ),
            models.CheckConstraint(
                condition=~Q(bucket__in=["held", "payable", "in_transit", "paid", "owed", "refund_due"])
                | Q(booking__isnull=False),
                name="posting_booking_named",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["booking"], condition=Q(booking__isnull=False), name="posting_of_booking"),
            models.Index(fields=["budget"], condition=Q(budget__isnull=False), name="posting_of_budget"),
        ]

    def __str__(self) -> str:
        return f"{self.bucket} {self.amount_cents}"


class SealEpoch(AppendOnlyModel):
    """A stretch of the journal written on one database cluster: transaction ids mean nothing beyond it.

    Its entries are those with an id above `after_entry`, up to where the next epoch begins. `migrate` opens
    a new one when it finds the database on another cluster: restored from a dump, or upgraded.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT",)

    number = models.PositiveIntegerField(unique=True)
    cluster = models.CharField(max_length=20, help_text="The cluster's system identifier.")
    after_entry = models.BigIntegerField(unique=True)
    opened_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"seal epoch {self.number}"


class Seal(AppendOnlyModel):
    """A link of the chain: the Merkle root over all entries of a range of finished transactions.

    Covers entries of its epoch whose transaction_id lies in [from_transaction, to_transaction).
    `chain_hash` = SHA-256 over the previous link's chain_hash and this link's own content.
    """

    number = models.PositiveIntegerField(unique=True)
    epoch = models.PositiveIntegerField(default=1)
    from_transaction = models.BigIntegerField()
    to_transaction = models.BigIntegerField()
    entries = models.PositiveIntegerField()
    merkle_root = models.CharField(max_length=64)
    chain_hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(to_transaction__gt=models.F("from_transaction")), name="seal_range_not_empty"
            )
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"


class SealedLeaves(AppendOnlyModel):
    """What a seal's root was computed from, so that an entry at fault can be named.

    content: for each entry in order, its id (8 bytes, big-endian) and its hash (32 bytes).
    """

    seal = models.OneToOneField(Seal, on_delete=models.PROTECT, primary_key=True, related_name="leaves")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"leaves of seal {self.seal_id}"
