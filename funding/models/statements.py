"""Statements of learning accounts, and which credits learners have been told of."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from funding.models.ledger import JournalEntry
from ila.core import clock
from ila.core.models import AppendOnlyModel


class Statement(AppendOnlyModel):
    """What an account had, what moved, what it has: month after month, without a gap, never altered.

    content: the movements and what will expire, as they were told; sha256: the fingerprint of the content as
    PostgreSQL writes it. Amounts in cents of the scheme's currency; days where the scheme is.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, db_index=False, related_name="statements"
    )
    number = models.PositiveIntegerField()
    first_day = models.DateField()
    last_day = models.DateField()
    opening_cents = models.BigIntegerField()
    moved_cents = models.BigIntegerField()
    closing_cents = models.BigIntegerField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "number"], name="statement_number_once"),
            models.UniqueConstraint(fields=["account", "last_day"], name="statement_once_for_a_day"),
            models.CheckConstraint(condition=Q(number__gt=0), name="statement_number_positive"),
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="statement_has_days"),
            models.CheckConstraint(
                condition=Q(closing_cents=F("opening_cents") + F("moved_cents")), name="statement_adds_up"
            ),
            models.CheckConstraint(condition=Q(closing_cents__gte=0), name="statement_not_negative"),
        ]

    def __str__(self) -> str:
        return f"statement {self.number} of account {self.account_id}"


class CreditNotice(AppendOnlyModel):
    """The learners whose accounts an entry credited have been told. messages: how many were."""

    entry = models.OneToOneField(JournalEntry, on_delete=models.PROTECT, primary_key=True, related_name="+")
    messages = models.PositiveIntegerField()
    told_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"notice of entry {self.entry_id}"
