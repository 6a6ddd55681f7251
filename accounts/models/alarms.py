"""What a person says was not them: the link in a mail that lets them say so, and the alarm it raises."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models.consents import SignIn
from accounts.models.messages import Message
from ila.core import clock


class NotMeKind(models.TextChoices):
    """What a mail told of, and so what its link may do: nothing else."""

    BOOKING = "booking", "A booking"
    CREDIT = "credit", "A credit"
    CONTACT = "contact", "A change of contact data"
    SIGN_IN = "sign_in", "A sign-in from a new device"


class NotMeLink(models.Model):
    """The link of one mail, by which its recipient says "this wasn't me" without signing in.

    Its token is in the mail alone; here is the token's hash. It does one thing, once, until it expires.
    reference: the public id of the booking that it disputes; empty for the other kinds.
    """

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="not_me_link")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=NotMeKind)
    reference = models.CharField(max_length=36, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=NotMeKind.values), name="notmelink_kind_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("made_at")), name="notmelink_has_an_end"),
            models.CheckConstraint(
                condition=Q(kind="booking") ^ Q(reference=""), name="notmelink_names_its_booking"
            ),
        ]

    def __str__(self) -> str:
        return f"link of message {self.message_id}"


class AccountAlarm(models.Model):
    """Somebody says that what happened on their account was not them.

    Until they confirm, under a strong sign-in of their own made after it, nothing can be booked in their name.
    A person of the agency looks at it and closes it, which is apart from that.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="alarms")
    kind = models.CharField(max_length=10, choices=NotMeKind)
    link = models.OneToOneField(NotMeLink, on_delete=models.PROTECT, related_name="alarm")
    raised_at = models.DateTimeField(default=clock.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_under = models.ForeignKey(
        SignIn, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    upheld = models.BooleanField(null=True, help_text="Whether it was somebody else, as the agency found.")
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, confirmed_under__isnull=True)
                | Q(confirmed_at__isnull=False, confirmed_under__isnull=False),
                name="accountalarm_confirmed_under_a_sign_in",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True, upheld__isnull=True)
                | (Q(closed_at__isnull=False, closed_by__isnull=False, upheld__isnull=False) & ~Q(reason="")),
                name="accountalarm_closed_with_a_reason",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["user"], condition=Q(confirmed_at__isnull=True), name="accountalarm_unconfirmed"
            ),
            models.Index(fields=["raised_at"], condition=Q(closed_at__isnull=True), name="accountalarm_open"),
        ]

    def __str__(self) -> str:
        return f"alarm {self.public_id}"
