"""Up to when a kind of deadline has been executed, for what has no row of its own that changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import connection, transaction

from funding.models import DueMark, Scheme

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_TABLE = DueMark._meta.db_table
# A mark never goes back: of two workers the one that came further counts.
MOVE = f"""
INSERT INTO {_TABLE} AS mark (kind, scheme_id, until) VALUES (%s, %s, %s)
ON CONFLICT (kind, scheme_id) DO UPDATE SET until = greatest(mark.until, excluded.until)
"""

Key = tuple[str, int | None]


def read_marks(scheme: Scheme | None = None) -> dict[Key, datetime]:
    """All marks, or those of one scheme, by kind and scheme."""
    marks = DueMark.objects.all() if scheme is None else DueMark.objects.filter(scheme=scheme)
    return {
        (kind, scheme_id): until for kind, scheme_id, until in marks.values_list("kind", "scheme_id", "until")
    }


def move_mark(kind: str, scheme_id: int | None, until: datetime) -> None:
    """Remember that everything up to `until` has been executed; an earlier moment changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [kind, scheme_id, until])


@contextmanager
def locked_mark(kind: str, scheme_id: int | None) -> Iterator[DueMark | None]:
    """The mark in a transaction of its own, locked; None while another worker has it."""
    with transaction.atomic():
        move_mark(kind, scheme_id, BEGINNING)
        marks = DueMark.objects.filter(kind=kind, scheme=scheme_id)
        yield marks.select_for_update(skip_locked=True, no_key=True).first()
