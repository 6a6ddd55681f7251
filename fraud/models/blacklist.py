"""The blacklist: firms and persons that may not be paid to train, each for a time and by a decision of its own."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock
from ila.core.models import never_removed_triggers


class BlacklistKind(models.TextChoices):
    """What is listed."""

    FIRM = "firm", "Firm"
    PERSON = "person", "Person"


class BlacklistEntry(models.Model):
    """A firm or person on the blacklist, from `listed_at` until the end of `until` (null: no end was given).

    measure: the decision that put it there; null for what came from another authority's list (`authority`).
    linked_to: the entry through which a related firm was found; it is listed by a decision of its own all the same.
    ended_at: taken off before its time.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (ended_at, ended_by_id, ended_reason)",
    )

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=BlacklistKind)
    entity_name = models.CharField(max_length=300, blank=True)
    person_name = models.CharField(max_length=300, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    provider = models.ForeignKey(
        "catalogue.Provider", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=500)
    authority = models.CharField(max_length=200, blank=True)
    measure = models.ForeignKey(
        "fraud.Measure", on_delete=models.PROTECT, null=True, blank=True, related_name="entries"
    )
    linked_to = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="links"
    )
    link = models.JSONField(default=dict, blank=True)
    listed_at = models.DateTimeField(default=clock.now)
    listed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    until = models.DateField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = never_removed_triggers()
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=(Q(kind="firm") & ~Q(entity_name="")) | (Q(kind="person") & ~Q(person_name="")),
                name="blacklistentry_is_named",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="blacklistentry_has_a_reason"),
            models.CheckConstraint(
                condition=Q(measure__isnull=False) | ~Q(authority=""), name="blacklistentry_has_a_source"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, ended_reason="")
                | (Q(ended_at__isnull=False, ended_by__isnull=False) & ~Q(ended_reason="")),
                name="blacklistentry_ended_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(linked_to__isnull=True) | ~Q(linked_to=F("id")),
                name="blacklistentry_no_self_link",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["listed_at"], condition=Q(ended_at__isnull=True), name="blacklistentry_open")
        ]

    def __str__(self) -> str:
        return self.entity_name or self.person_name
