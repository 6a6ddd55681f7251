"""Messages to people: written in the transaction that causes them, sent after it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from ila.core import clock


class Message(models.Model):
    """An e-mail to be sent. A sweeping job sends what no job has sent.

    address: where it goes when that is not the recipient's own: one known before it was changed, or a common one.
    """

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="messages")
    address = models.EmailField(blank=True, default="", db_default="")
    template = models.CharField(max_length=60)
    context = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["created_at"], condition=models.Q(sent_at__isnull=True), name="message_unsent"
            )
        ]

    def __str__(self) -> str:
        return f"message {self.pk} ({self.template})"
