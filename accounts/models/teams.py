"""Who was asked to act for an organisation, and how its members came, changed and went."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models.organisations import Organisation, Role
from ila.core import clock
from ila.core.models import AppendOnlyModel


class Invitation(models.Model):
    """A person is asked, by e-mail, to act for an organisation. Only a hash of the link's secret is kept."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (accepted_at, accepted_by_id, withdrawn_at)",
    )

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(withdrawn_at__isnull=True),
                name="invitation_accepted_or_withdrawn",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["organisation"],
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_open",
            )
        ]

    def __str__(self) -> str:
        return f"invitation {self.public_id}"


class MembershipStep(models.TextChoices):
    """What happened to who acts for an organisation."""

    INVITED = "invited", "Invited"
    WITHDRAWN = "withdrawn", "Invitation withdrawn"
    JOINED = "joined", "Joined"
    CHANGED = "changed", "Role changed"
    ENDED = "ended", "Ended"


class MembershipChange(AppendOnlyModel):
    """One change of who acts for an organisation: who made it, about whom, from which role to which."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="membership_changes"
    )
    step = models.CharField(max_length=10, choices=MembershipStep)
    # Who was only invited may have no sign-in yet.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    email = models.EmailField(blank=True)
    role_before = models.CharField(max_length=20, choices=Role, blank=True)
    role_after = models.CharField(max_length=20, choices=Role, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(user__isnull=False) | ~Q(email=""), name="membershipchange_is_about_somebody"
            )
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["organisation", "-at"], name="membershipchange_latest")
        ]

    def __str__(self) -> str:
        return f"{self.step} in organisation {self.organisation_id}"
