"""Holds: why money of a booking, session, provider or bank account may not leave for now."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from ila.core import clock


class Hold(models.Model):
    """A reasoned stop with an owner and an end (N-16). Exactly one scope is set."""

    booking = models.ForeignKey(
        "funding.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="holds"
    )
    session = models.ForeignKey(
        "catalogue.Session", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    provider = models.ForeignKey(
        "catalogue.Provider", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    iban = models.CharField(max_length=34, blank=True)
    reason = models.CharField(max_length=500)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(booking__isnull=False, session__isnull=True, provider__isnull=True, iban="")
                | Q(booking__isnull=True, session__isnull=False, provider__isnull=True, iban="")
                | Q(booking__isnull=True, session__isnull=True, provider__isnull=False, iban="")
                | (Q(booking__isnull=True, session__isnull=True, provider__isnull=True) & ~Q(iban="")),
                name="hold_has_one_scope",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="hold_has_a_reason"),
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("placed_at")), name="hold_has_an_end"),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True, released_by__isnull=True)
                | Q(released_at__isnull=False, released_by__isnull=False),
                name="hold_released_by_somebody",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["provider"], condition=Q(released_at__isnull=True), name="hold_open_provider"
            ),
            models.Index(fields=["iban"], condition=Q(released_at__isnull=True), name="hold_open_iban"),
            models.Index(fields=["expires_at"], condition=Q(released_at__isnull=True), name="hold_ending"),
        ]

    def __str__(self) -> str:
        return f"hold {self.pk}"

    @property
    def scope(self) -> str:
        """What it stops: one `booking`, `session`, `provider`, or `iban`."""
        named = ("booking", "session", "provider")
        return next((each for each in named if getattr(self, f"{each}_id") is not None), "iban")

    @property
    def stands(self) -> bool:
        """Whether it stops money now."""
        return self.released_at is None and self.expires_at > clock.now()
