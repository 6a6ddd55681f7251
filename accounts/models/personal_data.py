"""What people ask of the data about them: a copy (GDPR Art. 15, 20), and that they be erased (Art. 17)."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock


class ExportState(models.TextChoices):
    """How far a copy is."""

    WAITING = "waiting", "Waiting"
    MAKING = "making", "Being made"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    GONE = "gone", "Deleted"


UNDER_WAY = (ExportState.WAITING, ExportState.MAKING)


class PersonalExport(models.Model):
    """A copy of everything about a person as one file, for them alone. done, total: steps, for the progress.

    Its content is in pieces, which are deleted when its time is over; the row stays as a note that it was made.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE", "DELETE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="exports")
    state = models.CharField(max_length=10, choices=ExportState, default=ExportState.WAITING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    asked_at = models.DateTimeField(default=clock.now)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    downloaded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=ExportState.values), name="personalexport_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(ready_at__isnull=False, expires_at__isnull=False),
                name="personalexport_ready_has_its_times",
            ),
            models.UniqueConstraint(
                fields=["user"], condition=Q(state__in=UNDER_WAY), name="personalexport_one_under_way"
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.public_id}"

    def can_be_had(self, at: datetime) -> bool:
        """Whether it can be downloaded at that moment."""
        return self.state == ExportState.READY and self.expires_at is not None and at < self.expires_at


class ExportPiece(models.Model):
    """A part of a copy's content, in order of their numbers, from 0."""

    export = models.ForeignKey(PersonalExport, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["export", "number"], name="exportpiece_once")
        ]

    def __str__(self) -> str:
        return f"piece {self.number} of export {self.export_id}"


class ErasureRequest(models.Model):
    """A person asks to be erased. Until `due_at` they may take it back; then a job carries it out.

    counts: how many rows of which table were erased or emptied, without saying whose. kept_until: the day until which
    the law obliges to keep who was paid for what; the name goes then too (`closed_at`); null where nothing is kept.
    stopped: why it could not be carried out when its time had come.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="erasures")
    asked_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    stopped = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    kept_until = models.DateField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(due_at__gte=F("asked_at")), name="erasurerequest_can_be_undone"
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) | Q(started_at__isnull=False),
                name="erasurerequest_erased_was_started",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(started_at__isnull=True),
                name="erasurerequest_withdrawn_is_not_carried_out",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(withdrawn_at__isnull=True, stopped_at__isnull=True, erased_at__isnull=True),
                name="erasurerequest_one_open",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["due_at"],
                condition=Q(withdrawn_at__isnull=True, stopped_at__isnull=True, erased_at__isnull=True),
                name="erasurerequest_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"erasure {self.public_id}"

    @property
    def is_open(self) -> bool:
        """Whether it waits for its time."""
        return self.withdrawn_at is None and self.stopped_at is None and self.erased_at is None


class MutedTopic(models.Model):
    """Mails of a kind that somebody does not want; what has to be told is told all the same."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="muted_topics")
    topic = models.CharField(max_length=30)
    muted_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["user", "topic"], name="mutedtopic_once")
        ]

    def __str__(self) -> str:
        return f"{self.topic} of user {self.user_id}"
