"""Those who train."""

from datetime import date, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q

from catalogue.models.outdated import listing_triggers
from catalogue.registers import Register, register_of
from ila.core import clock


class Provider(models.Model):
    """A training provider, known by its id in one register (SIRET, ETPL id …).

    name: null when no register has told it yet, "" when the register left it blank.
    """

    register = models.CharField(max_length=20)
    external_id = models.CharField(max_length=200, db_collation="C")
    name = models.TextField(null=True, blank=True)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, null=True, blank=True, related_name="providers"
    )
    iban = models.CharField(max_length=34, blank=True)
    country = models.CharField(max_length=2)
    time_zone = models.CharField(max_length=50)
    region = models.TextField(blank=True)
    city = models.TextField(blank=True)
    postcode = models.TextField(blank=True)
    details = models.JSONField(
        default=dict, blank=True, help_text="Other facts of the register, as they were told."
    )
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["register", "external_id"], name="provider_once_per_register"),
            models.CheckConstraint(condition=~Q(external_id=""), name="provider_external_id_present"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["external_id"], name="provider_external_id")]
        triggers: ClassVar[list[Any]] = listing_triggers(
            "SELECT entry.id FROM catalogue_microcredential AS entry JOIN new_rows ON new_rows.id = entry.provider_id"
            " JOIN old_rows ON old_rows.id = new_rows.id"
            " WHERE (new_rows.name, new_rows.city, new_rows.postcode, new_rows.region, new_rows.time_zone)"
            " IS DISTINCT FROM (old_rows.name, old_rows.city, old_rows.postcode, old_rows.region, old_rows.time_zone)",
            on=("update",),
        )

    def __str__(self) -> str:
        return self.name or f"{self.register} {self.external_id}"

    def local_date(self, moment: datetime) -> date:
        """The day it is at the provider's place at that instant."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def namespace(self) -> Register:
        """The register that the provider's id belongs to."""
        return register_of(self.register)
