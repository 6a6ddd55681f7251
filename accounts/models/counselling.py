"""Counsellors: whom a citizen lets look at their account for a time, and every look they took."""

import uuid
from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models.citizens import Citizen
from accounts.models.erasable import WrittenOnceModel, written_once_triggers
from ila.core import clock


class Part(models.TextChoices):
    """What a citizen may let a counsellor see; nothing else is ever shown."""

    BALANCES = "balances", "Balances"
    BOOKINGS = "bookings", "Bookings"
    PATHWAY = "pathway", "Pathway"


class Delegation(models.Model):
    """A citizen lets one person look at parts of their account, for a time, and suggest; never act for them.

    email: the address that was invited; it counts in small letters. counsellor: who took the invitation up, with
    that address confirmed as theirs. last_day: the last day on which they may look, in UTC.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (email, counsellor_id, accepted_at, declined_at, ended_at, ended_by_id)",
        "DELETE",
    )

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="delegations")
    email = models.EmailField()
    parts = ArrayField(models.CharField(max_length=10, choices=Part))
    last_day = models.DateField()
    made_at = models.DateTimeField(default=clock.now)
    counsellor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="counselled",
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    declined_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(parts__len__gt=0), name="delegation_shows_something"),
            models.CheckConstraint(
                condition=Q(parts__contained_by=list(Part.values)), name="delegation_parts_known"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(counsellor__isnull=False),
                name="delegation_accepted_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("made_at")),
                name="delegation_ends_after_it_began",
            ),
            models.UniqueConstraint(
                fields=["citizen", "email"],
                condition=Q(ended_at__isnull=True, declined_at__isnull=True),
                name="delegation_once_per_address",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["email"], name="delegation_of_address")]

    def __str__(self) -> str:
        return f"delegation {self.public_id}"

    def is_open(self, today: date) -> bool:
        """Whether it may still be taken up or used on that day."""
        return self.ended_at is None and self.declined_at is None and today <= self.last_day

    def is_in_force(self, today: date) -> bool:
        """Whether its counsellor may look today."""
        return self.accepted_at is not None and self.is_open(today)


class DelegationLook(WrittenOnceModel):
    """A counsellor looked at a part of an account. Shown to the citizen, and never changed."""

    delegation = models.ForeignKey(Delegation, on_delete=models.PROTECT, related_name="looks")
    part = models.CharField(max_length=10, choices=Part)
    at = models.DateTimeField(default=clock.now)

    class Meta(WrittenOnceModel.Meta):
        triggers: ClassVar[list[Any]] = written_once_triggers(
            "SELECT citizen.user_id FROM accounts_delegation AS delegation"
            " JOIN accounts_citizen AS citizen ON citizen.id = delegation.citizen_id"
            " WHERE delegation.id = OLD.delegation_id"
        )
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["delegation", "-at"], name="delegationlook_latest")
        ]

    def __str__(self) -> str:
        return f"look {self.pk}"
