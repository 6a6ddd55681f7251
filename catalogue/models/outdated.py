"""What a search reads is a table of its own; here is how it learns that a line of it is out of date.

Whatever changes what a list shows of an entry notes the entry's id, in the same statement and transaction, whoever
makes the change: a service, an import, an officer with a database client. Who searches next, or a job, brings the
lines up to date (`catalogue.services.listings`). Notes are only ever added and taken away, never looked for by id, so
that no writer waits for another.
"""

from collections.abc import Sequence

import pgtrigger
from django.db import models

_OPERATIONS = {"insert": pgtrigger.Insert, "update": pgtrigger.Update, "delete": pgtrigger.Delete}


class OutdatedEntry(models.Model):
    """A note that an entry's line in the list has to be made again; the same entry may be noted many times."""

    entry_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"entry {self.entry_id} is out of date"


def listing_triggers(
    select: str, *, on: Sequence[str] = ("insert", "update", "delete")
) -> list[pgtrigger.Trigger]:
    """Note the entries that `select` finds among the changed rows, once per statement.

    select: a query of entries' ids; `{rows}` are the rows as they are after the change (before it, when deleted).
    """
    made = []
    for operation in on:
        old = "old_rows" if operation != "insert" else None
        new = "new_rows" if operation != "delete" else None
        found = select.format(rows=new or old)
        made.append(
            pgtrigger.Trigger(
                name=f"outdates_on_{operation}",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=_OPERATIONS[operation],
                referencing=pgtrigger.Referencing(old=old, new=new),
                func=f"INSERT INTO catalogue_outdatedentry (entry_id) {found}; RETURN NULL;",
            )
        )
    return made


def filled_or_freed() -> pgtrigger.Trigger:
    """Note the entry of a session whose last seat is taken, or has a seat again: no other booking costs a note."""
    return pgtrigger.Trigger(
        name="outdates_when_full",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("seats", "taken"),
        condition=pgtrigger.Condition(
            "((OLD.seats IS NOT NULL AND OLD.taken >= OLD.seats)"
            " IS DISTINCT FROM (NEW.seats IS NOT NULL AND NEW.taken >= NEW.seats))"
        ),
        func=(
            "INSERT INTO catalogue_outdatedentry (entry_id)"
            " SELECT micro_credential_id FROM catalogue_session WHERE id = NEW.session_id; RETURN NULL;"
        ),
    )
