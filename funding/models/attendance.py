"""Presence that learners confirm themselves, and the files that prove a completion."""

from typing import Any, ClassVar

from django.db import models

from funding.models.bookings import Booking, Certificate
from ila.core import clock
from ila.core.models import AppendOnlyModel


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
