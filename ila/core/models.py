"""Base classes of the models: what the application role may do with a table, and what it may never do."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from ila.core import clock


class CurrentTransaction(models.Func):
    """The id of the database transaction, the same inside its savepoints; grows with each transaction."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()
    arity = 0


READ_WRITE = ("SELECT", "INSERT", "UPDATE", "DELETE")
APPEND_ONLY = ("SELECT", "INSERT")


def append_only_triggers() -> list[pgtrigger.Trigger]:
    """Refuse UPDATE, DELETE and TRUNCATE, whoever asks (a TRUNCATE passes row triggers by)."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        _no_truncate(),
    ]


def never_removed_triggers() -> list[pgtrigger.Trigger]:
    """Refuse DELETE and TRUNCATE, whoever asks: rows that others name without a foreign key."""
    return [pgtrigger.Protect(name="never_removed", operation=pgtrigger.Delete), _no_truncate()]


def _no_truncate() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="no_truncate",
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        level=pgtrigger.Statement,
        func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
    )


class AppendOnlyModel(models.Model):
    """Rows that are written once: no right of the application role and no trigger lets them change."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = APPEND_ONLY

    class Meta:
        abstract = True
        triggers: ClassVar[list[Any]] = append_only_triggers()


class RunOutcome(models.TextChoices):
    """How a run of a job stands."""

    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    INTERRUPTED = "interrupted", "Interrupted"


class JobRun(models.Model):
    """One run of a job: when, how long, what it did, how it ended.

    counts: what the job says it did, as numbers by name; a run that found nothing to do has none.
    error: the kind of what went wrong, without values: those may be about people.
    A run whose worker was killed stays `running` until its job is taken up again: then it is `interrupted`.
    """

    name = models.CharField(max_length=100)
    job_id = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, choices=RunOutcome, default=RunOutcome.RUNNING)
    counts = models.JSONField(default=dict, blank=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(outcome="running", finished_at__isnull=True)
                | (~Q(outcome="running") & Q(finished_at__isnull=False)),
                name="jobrun_ended_has_its_time",
            )
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["name", "-started_at"], name="jobrun_latest"),
            models.Index(fields=["started_at"], name="jobrun_at"),
            models.Index(fields=["job_id"], condition=Q(outcome="running"), name="jobrun_running"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.outcome})"


class CacheEntry(models.Model):
    """What Django's cache keeps in the database, for all processes together: counted attempts, results for minutes.

    Written by Django's own cache backend, in the columns that it expects.
    """

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.cache_key
