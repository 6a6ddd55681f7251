"""What adds up to what: rules of awarding bodies, as data."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from catalogue.models.micro_credentials import MicroCredential, WorkloadScheme
from catalogue.models.providers import Provider
from ila.core import clock


class StackKind(models.TextChoices):
    """How members add up."""

    ALL_OF = "all_of", "All of them"
    N_OF = "n_of", "A number of them"
    CREDITS = "credits", "Credits up to a threshold"
    ORDERED = "ordered", "All of them, in order"
    FORBIDDEN = "forbidden", "Never stacked"


class StackDirection(models.TextChoices):
    """Where a stack leads: up a level, across fields, or to a use of its own."""

    VERTICAL = "vertical", "Vertical"
    HORIZONTAL = "horizontal", "Horizontal"
    VALUE_ADDED = "value_added", "Value-added"


K = StackKind


class StackRule(models.Model):
    """A rule of an awarding body. It is never changed: another version takes its place, and it is retired.

    code: the awarding body's own name of it, one in force at a time. needed: of `n_of`. threshold: of `credits`,
    counted in threshold_scheme: workloads in another scheme do not count, and are never converted.
    leads_to: the entry that it adds up to, where that is one of the catalogue.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (retired_at, retired_by_id)")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="stack_rules")
    code = models.CharField(max_length=60)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=20, choices=StackKind)
    direction = models.CharField(max_length=20, choices=StackDirection)
    needed = models.PositiveSmallIntegerField(null=True, blank=True)
    threshold = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    threshold_scheme = models.CharField(max_length=10, choices=WorkloadScheme, null=True, blank=True)
    prior_learning = models.BooleanField(default=False)
    final_examination = models.BooleanField(default=False)
    leads_to = models.ForeignKey(
        MicroCredential, on_delete=models.PROTECT, null=True, blank=True, related_name="reached_by"
    )
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["provider", "code"], condition=Q(retired_at=None), name="stackrule_one_in_force"
            ),
            models.CheckConstraint(
                condition=Q(kind=K.N_OF, needed__gte=1) | (~Q(kind=K.N_OF) & Q(needed=None)),
                name="stackrule_number_of_n_of",
            ),
            models.CheckConstraint(
                condition=Q(kind=K.CREDITS, threshold__gt=0, threshold_scheme__isnull=False)
                | (~Q(kind=K.CREDITS) & Q(threshold=None, threshold_scheme=None)),
                name="stackrule_threshold_has_its_scheme",
            ),
            models.CheckConstraint(
                condition=~Q(kind=K.FORBIDDEN)
                | Q(leads_to=None, prior_learning=False, final_examination=False),
                name="stackrule_forbidden_leads_nowhere",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class StackMember(models.Model):
    """A micro-credential that a rule names. position: from 1, the order of an ordered rule."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    rule = models.ForeignKey(StackRule, on_delete=models.PROTECT, related_name="members")
    micro_credential = models.ForeignKey(MicroCredential, on_delete=models.PROTECT, related_name="stacked_in")
    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["rule", "micro_credential"], name="stackmember_once"),
            models.UniqueConstraint(fields=["rule", "position"], name="stackmember_place_once"),
        ]

    def __str__(self) -> str:
        return f"{self.position} of rule {self.rule_id}"
