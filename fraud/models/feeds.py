"""How far the facts of the running platform have followed it, table by table: what is behind is seen here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

RIGHTS = ("SELECT", "INSERT", "UPDATE")


class FeedState(models.Model):
    """One table of facts: when it last followed the platform, and what came of it.

    fed_at: the moment up to which it tells everything. rows: all that were ever fed. found_late: rows that only the
    comparison of everything found, last time. error: the kind of what went wrong at `failed_at`, without values.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = RIGHTS

    table = models.CharField(max_length=30, unique=True)
    fed_at = models.DateTimeField(null=True, blank=True)
    compared_at = models.DateTimeField(null=True, blank=True)
    rows = models.BigIntegerField(default=0)
    last_rows = models.BigIntegerField(default=0)
    found_late = models.BigIntegerField(default=0)
    failed_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=models.Q(error="") | models.Q(failed_at__isnull=False),
                name="feedstate_error_has_its_time",
            )
        ]

    def __str__(self) -> str:
        return f"facts of {self.table}"


class FeedCursor(models.Model):
    """Up to which row of a table of the platform the facts have followed.

    settled_id: every row up to it was read, and none can appear below it any more. read_id: rows up to it were read
    once; those of transactions that were open then may be missing. pending_id becomes settled once every transaction
    below pending_xid is over.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = RIGHTS

    source = models.CharField(max_length=63, unique=True)
    settled_id = models.BigIntegerField(default=0)
    read_id = models.BigIntegerField(default=0)
    pending_id = models.BigIntegerField(default=0)
    pending_xid = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.source} up to {self.read_id}"
