"""What payees are told of payments, numbered without a gap; what a person found out about a difference."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class NumberSeries(models.Model):
    """The last number given of a scheme's remittance advices; its row is locked by whoever takes the next."""

    scheme = models.OneToOneField(
        "funding.Scheme", on_delete=models.PROTECT, related_name="remittance_series"
    )
    last = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"series of scheme {self.scheme_id} at {self.last}"


class Remittance(AppendOnlyModel):
    """The advice of one executed payment to its provider, by its number in the scheme."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="remittances")
    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="remittances")
    number = models.PositiveBigIntegerField()
    payment = models.OneToOneField("funding.Payment", on_delete=models.PROTECT, related_name="remittance")
    made_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["scheme", "number"], name="remittance_number_once"),
            models.CheckConstraint(condition=Q(number__gt=0), name="remittance_numbers_begin_at_one"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["provider", "-made_at"], name="remittance_of_provider")
        ]

    def __str__(self) -> str:
        return f"remittance advice {self.number}"


class Side(models.TextChoices):
    """Between which two books a difference lies."""

    BANK = "bank", "Bank and ledger"
    CARDS = "cards", "Cards and ledger"


class ReconciliationNote(AppendOnlyModel):
    """What somebody says of one day's difference: who looks after it, and whether it is explained. The newest counts.

    difference_cents: what it was when the note was written; a note for another difference explains nothing.
    """

    day = models.DateField()
    side = models.CharField(max_length=10, choices=Side)
    currency = models.CharField(max_length=3)
    difference_cents = models.BigIntegerField()
    explained = models.BooleanField()
    note = models.CharField(max_length=500)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(note=""), name="reconciliationnote_says_something")
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["day"], name="reconciliationnote_of_day")]

    def __str__(self) -> str:
        return f"note on {self.day} ({self.side})"
