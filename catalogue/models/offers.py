"""Where, how and for how much a micro-credential is taught."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from catalogue.models.micro_credentials import MicroCredential
from catalogue.models.outdated import listing_triggers
from ila.core import clock


class DeliveryMode(models.TextChoices):
    """How learners take part."""

    IN_PERSON = "in_person", "In person"
    BLENDED = "blended", "Blended"
    ONLINE = "online", "Online"


class Offer(models.Model):
    """An EDOF action: place, mode, hours and price (cents, all taxes included) of a micro-credential.

    net_price, vat_percent: as the provider wrote them. removed_at: no longer in the provider's file.
    """

    micro_credential = models.ForeignKey(MicroCredential, on_delete=models.PROTECT, related_name="offers")
    external_id = models.CharField(max_length=500, db_collation="C")
    mode = models.CharField(max_length=20, choices=DeliveryMode, blank=True)
    place = models.CharField(max_length=200, blank=True)
    street = models.CharField(max_length=300, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    language = models.CharField(max_length=10, blank=True)
    hours_centre = models.BigIntegerField(null=True, blank=True)
    hours_company = models.BigIntegerField(null=True, blank=True)
    has_prerequisites = models.BooleanField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    price_cents = models.BigIntegerField()
    net_price = models.CharField(max_length=60, blank=True)
    vat_percent = models.CharField(max_length=60, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["micro_credential", "external_id"], name="offer_once_per_credential"
            ),
            models.CheckConstraint(condition=Q(price_cents__gt=0), name="offer_price_positive"),
        ]
        triggers: ClassVar[list[Any]] = listing_triggers("SELECT DISTINCT micro_credential_id FROM {rows}")

    def __str__(self) -> str:
        return f"{self.external_id} ({self.city or self.mode})"
