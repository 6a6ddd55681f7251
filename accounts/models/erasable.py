"""Rows that are written once and never changed, and leave only when the person they are about is erased."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models

from ila.core.models import append_only_triggers


def written_once_triggers(user_of_row: str) -> list[pgtrigger.Trigger]:
    """Refuse UPDATE and TRUNCATE, and DELETE but while that person's erasure is being carried out.

    user_of_row: SQL for the id of the person whom the row OLD is about.
    """
    _refuse_all, no_truncate = append_only_triggers()
    guarded = pgtrigger.Trigger(
        name="written_once",
        operation=pgtrigger.Update | pgtrigger.Delete,
        when=pgtrigger.Before,
        func=f"""
            IF TG_OP = 'DELETE' AND EXISTS (
                SELECT 1 FROM accounts_erasurerequest AS request
                 WHERE request.user_id = ({user_of_row})
                   AND request.started_at IS NOT NULL AND request.erased_at IS NULL
            ) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
        """,
    )
    return [guarded, no_truncate]


class WrittenOnceModel(models.Model):
    """Rows that no right of the application role and no trigger lets change; only an erasure removes them."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")

    class Meta:
        abstract = True
        triggers: ClassVar[list[Any]] = []
