"""The account that a provider has at Stripe, before and while it is paid there."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from catalogue.models.providers import Provider
from ila.core import clock


class ConnectedAccount(models.Model):
    """A provider's one account at Stripe. It is paid into only once it is the account in force (`Provider.iban`).

    account_id: Stripe's, null until Stripe has answered. told_name, ready: what Stripe said last.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (account_id, told_name, ready, looked_at)",
    )

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.OneToOneField(Provider, on_delete=models.PROTECT, related_name="connected_account")
    account_id = models.CharField(max_length=34, null=True, blank=True, unique=True)
    told_name = models.CharField(max_length=140, blank=True)
    ready = models.BooleanField(default=False)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=clock.now)
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(ready=False) | Q(account_id__isnull=False), name="connectedaccount_ready_is_there"
            )
        ]

    def __str__(self) -> str:
        return f"account at Stripe of provider {self.provider_id}"
