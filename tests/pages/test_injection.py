"""Text that somebody else wrote is text: markup in every kept word becomes a part of no page."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import models
from psycopg import sql

from tests.pages import test_access as access
from tests.pages.support import Scene, make_scene, signed_in
from tests.pages.walking import walk

things = access.things

MARK = "\"'><ila-injected onload=alert(1)></ila-injected>"
# By their names: what people write. Codes, keys, hashes and texts whose HTML was cleaned are something else.
WRITTEN = (
    *(
        "name",
        "title",
        "label",
        "reason",
        "note",
        "text",
        "comment",
        "holder",
        "city",
        "place",
        "street",
        "subject",
    ),
    *(
        "description",
        "display_name",
        "given_name",
        "family_name",
        "question",
        "answer",
        "author",
        "legal_name",
    ),
    *("contact_name", "message", "remark", "objective", "device", "cause", "summary"),
)
APPS = ("accounts", "catalogue", "funding", "fraud")


def written_columns() -> Iterator[tuple[str, str]]:
    """Table and column of every text that people write."""
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.concrete_fields:
                if (
                    not isinstance(field, models.CharField | models.TextField)
                    or field.choices
                    or field.unique
                ):
                    continue
                if field.max_length is not None and field.max_length < 60:
                    continue
                if field.name in WRITTEN or field.name.endswith(tuple(f"_{word}" for word in WRITTEN)):
                    yield model._meta.db_table, str(field.column)


@pytest.fixture
def scene(committed_db: None) -> Scene:
    """Everybody, in a database that somebody else may write into."""
    cache.clear()
    return make_scene()


def poison(dsn: str) -> list[str]:
    """Put markup into every column that people write, past all triggers. Returns the columns that hold it now."""
    done = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for table, column in written_columns():
            statement = sql.SQL("UPDATE {} SET {} = left({}, 20) || %s WHERE {} <> ''").format(
                sql.Identifier(table), *(sql.Identifier(column) for _ in range(3))
            )
            try:
                if connection.execute(statement, [MARK]).rowcount:
                    done.append(f"{table}.{column}")
            except (psycopg.errors.CheckViolation, psycopg.errors.StringDataRightTruncation):
                continue
    return done


def test_what_people_wrote_is_a_part_of_no_page(
    scene: Scene, things: access.Things, superuser_dsn: str
) -> None:
    poisoned = poison(superuser_dsn)
    assert len(poisoned) > 20, poisoned
    faults, shown = [], 0
    for part, user in scene.people.items():
        cache.clear()
        for name, _address, page in walk(signed_in(user), part, access.EXPECTED, things.arguments):
            if page.xpath("//ila-injected | //@onload"):
                faults.append(f"{name} for {part}")
            shown += "<ila-injected" in page.text_content()
    assert not faults, "\n".join(faults)
    assert shown > 40, f"only {shown} pages showed what was written"
