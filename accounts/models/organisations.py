"""Organisations and who acts for them, in which role."""

import uuid
from typing import Any, ClassVar

from django.db import models

from ila.core import clock


class OrganisationKind(models.TextChoices):
    """What an organisation is to the platform."""

    PROVIDER = "provider", "Training provider"
    EMPLOYER = "employer", "Employer"
    AGENCY = "agency", "Funding agency"
    COUNSELLING = "counselling", "Counselling organisation"


class Role(models.TextChoices):
    """What a member may do for the organisation."""

    MANAGER = "manager", "Manager"
    STAFF = "staff", "Staff"
    CASE_WORKER = "case_worker", "Case worker"
    PAYMENT_OFFICER = "payment_officer", "Payment officer"
    AUDITOR = "auditor", "Auditor"
    INVESTIGATOR = "investigator", "Investigator"


class Organisation(models.Model):
    """A provider, employer or agency."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=OrganisationKind)
    name = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role in an organisation, for a time."""

    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["user", "organisation", "role"],
                condition=models.Q(ended_at__isnull=True),
                name="membership_role_once_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} of organisation {self.organisation_id}"
