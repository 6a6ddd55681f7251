"""Attendance as the provider recorded it, presence that learners confirm themselves, and proof of completion."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from funding.models.bookings import Booking
from ila.core import clock
from ila.core.models import AppendOnlyModel


class Attendance(AppendOnlyModel):
    """Attendance as the provider recorded it: a percentage (the last counts) or hours (they add up).

    day: of the sheet the hours are from; a later row of the same day takes its place.
    """

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="attendance")
    percent = models.PositiveSmallIntegerField(null=True)
    hours = models.DecimalField(max_digits=7, decimal_places=2, null=True)
    day = models.DateField(null=True)
    recorded_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(percent__isnull=False, hours__isnull=True, percent__lte=100)
                | Q(percent__isnull=True, hours__isnull=False, hours__gte=0),
                name="attendance_percent_or_hours",
            )
        ]

    def __str__(self) -> str:
        return f"{self.percent} %" if self.percent is not None else f"{self.hours} h"


class Certificate(AppendOnlyModel):
    """Proof of completion: a certificate, or an examination taken (N-08)."""

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="certificates")
    kind = models.CharField(
        max_length=20, choices=[("certificate", "Certificate"), ("exam", "Examination taken")]
    )
    recorded_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.kind


class PresenceProof(models.TextChoices):
    """How a learner's presence was proved."""

    CODE = "code", "Code of the day"


class Presence(AppendOnlyModel):
    """A learner signed in and confirmed being there on a day of the session, with what only that room showed.

    day: in the provider's time zone. The hours are the provider's to record (`Attendance`); a sheet that says
    otherwise than this does not change it.
    """

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="presences")
    day = models.DateField()
    proof = models.CharField(max_length=10, choices=PresenceProof)
    confirmed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["booking", "day"], name="presence_once_a_day")
        ]

    def __str__(self) -> str:
        return f"present on {self.day}"


class CertificateFile(AppendOnlyModel):
    """The file of a certificate, checked by its content and kept by its hash. size: bytes."""

    certificate = models.OneToOneField(Certificate, on_delete=models.PROTECT, related_name="file")
    name = models.CharField(max_length=150)
    media_type = models.CharField(max_length=50)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.name
