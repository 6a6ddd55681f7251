"""Base classes of the models: what the application role may do with a table, and what it may never do."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models


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
