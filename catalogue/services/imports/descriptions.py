"""What a file says of an entry beside the entry's own columns."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from catalogue.models import EntryDescription


def store_descriptions(told: Iterable[tuple[int, Mapping[str, Any], bool]], *, at: datetime) -> None:
    """Store what files tell of entries: (entry, columns by name, whether the entry was stored before).

    Other columns of a description stay as they are; a column that the file leaves empty is emptied.
    """
    full: dict[tuple[str, ...], list[EntryDescription]] = {}
    empty: dict[tuple[str, ...], list[int]] = {}
    for pk, columns, is_stored in told:
        names = tuple(sorted(columns))
        if any(value is not None for value in columns.values()):
            description = EntryDescription(micro_credential_id=pk, updated_at=at, **columns)
            full.setdefault(names, []).append(description)
        elif names and is_stored:
            empty.setdefault(names, []).append(pk)
    for names, descriptions in full.items():
        EntryDescription.objects.bulk_create(
            descriptions,
            update_conflicts=True,
            unique_fields=["micro_credential"],
            update_fields=[*names, "updated_at"],
        )
    for names, ids in empty.items():
        EntryDescription.objects.filter(pk__in=ids).update(**dict.fromkeys(names), updated_at=at)
