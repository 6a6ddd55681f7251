"""Sealing in tests: a worker beside this one, with its own database on the same server, may hold the border back."""

from __future__ import annotations

import time

from django.db import connection

from funding.models import Seal
from funding.services import seals

PATIENCE_S = 60.0


def seal_all(*, max_entries: int = seals.MAX_ENTRIES) -> list[Seal]:
    """Seal everything that is committed, however long other workers' transactions last."""
    wait_for_others()
    return seals.seal_entries(max_entries=max_entries)


def wait_for_others() -> None:
    """Wait until a seal made now would cover every entry that is there now."""
    end = time.monotonic() + PATIENCE_S
    while not _all_finished():
        if time.monotonic() > end:
            raise TimeoutError("a transaction of another worker does not end")
        time.sleep(0.02)


def _all_finished() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(transaction_id), 0) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            "  FROM funding_journalentry"
            " WHERE id > (SELECT coalesce(max(after_entry), 0) FROM funding_sealepoch)"
        )
        return bool(cursor.fetchone()[0])
