"""A case with a bit of everything, spoilt by somebody with the owner's password, and looked at before it is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections
from psycopg.conninfo import conninfo_to_dict
from pytest_django.plugin import DjangoDbBlocker

from ila.core.db import startup
from tests.support.database import WorkerDatabase


@pytest.fixture
def as_owner(
    django_db_setup: None,
    worker_database: WorkerDatabase,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Django connects as the owner of the tables: what a test spoils is rolled back with its transaction."""
    # The platform itself refuses to run so.
    monkeypatch.setattr(startup, "check", lambda _connection: None)
    checked = set(startup._checked)
    parts = conninfo_to_dict(worker_database.owner_dsn)
    with django_db_blocker.unblock():
        default = connections["default"]
        before = dict(default.settings_dict)
        default.close()
        default.settings_dict.update(USER=parts["user"], PASSWORD=parts["password"])
    yield
    with django_db_blocker.unblock():
        default.close()
        default.settings_dict.update(before)
    startup._checked.clear()
    startup._checked.update(checked)
