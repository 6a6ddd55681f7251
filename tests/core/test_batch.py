"""Several writes in one round trip: all of them, in order, or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.db.utils import IntegrityError

from accounts.models import Message
from catalogue.models import Session, SessionSeats
from ila.core import clock
from ila.core.batch import Batch, refuse_unless_one_row
from ila.core.errors import DomainError
from ila.core.pipeline import exchange
from tests.support.world import MONDAY, World


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def message(world: World, template: str) -> Message:
    return Message(recipient=world.case_worker, template=template, context={"a": [1]}, created_at=MONDAY)


def test_everything_goes_in_one_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session.objects.get(pk=world.session.pk)
    session.price_cents, session.details = 7, {"b": None}
    batch = Batch()
    batch.insert(message(world, "one"), message(world, "two"))
    batch.update(session, "price_cents", "details", state="open")
    batch.add("SELECT %s::int", [42], lambda result: seen.append(result.rows[0][0]))
    seen: list[int] = []
    sent: list[int] = []

    def counted(connection: Any, statements: Any) -> Any:
        sent.append(len(statements))
        return exchange(connection, statements)

    monkeypatch.setattr("ila.core.batch.exchange", counted)
    batch.send()
    assert sent == [3]
    assert seen == [42]
    assert list(Message.objects.order_by("pk").values_list("template", "context", "created_at")) == [
        ("one", {"a": [1]}, MONDAY),
        ("two", {"a": [1]}, MONDAY),
    ]
    session.refresh_from_db()
    assert (session.price_cents, session.details) == (7, {"b": None})


def test_each_statement_sees_the_ones_before(world: World) -> None:
    batch = Batch()
    batch.insert(message(world, "one"))
    table = Message._meta.db_table
    batch.add(f"SELECT count(*) FROM {table}", [], lambda result: seen.append(result.rows[0][0]))
    seen: list[int] = []
    batch.send()
    assert seen == [1]


def test_a_row_that_is_no_longer_so_fails_the_walk(world: World) -> None:
    session = Session.objects.get(pk=world.session.pk)
    with pytest.raises(RuntimeError, match="changed under its lock"), transaction.atomic():
        batch = Batch()
        batch.insert(message(world, "lost"))
        batch.update(session, "price_cents", state="held")
        batch.send()
    assert not Message.objects.exists()


def test_a_refusal_of_the_last_statement_undoes_the_first(world: World) -> None:
    session = world.make_session(seats=0)
    with pytest.raises(DomainError) as refusal, transaction.atomic():
        batch = Batch()
        batch.insert(message(world, "lost"))
        batch.add(
            f"UPDATE {SessionSeats._meta.db_table} SET taken = taken + 1 WHERE session_id = %s AND taken < seats",
            [session.pk],
            refuse_unless_one_row("session_full", session=session.pk),
        )
        batch.send()
    assert (refusal.value.code, refusal.value.params) == ("session_full", {"session": session.pk})
    assert not Message.objects.exists()


def test_an_error_of_the_database_in_the_middle(world: World) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        batch = Batch()
        batch.insert(message(world, "lost"))
        batch.add(
            f"UPDATE {SessionSeats._meta.db_table} SET taken = -1 WHERE session_id = %s", [world.session.pk]
        )
        batch.insert(message(world, "never sent"))
        batch.send()
    assert not Message.objects.exists()


def test_values_are_values(world: World) -> None:
    nasty = "'; DROP TABLE accounts_message; -- %s"
    batch = Batch()
    batch.insert(message(world, nasty[:60]))
    batch.send()
    assert Message.objects.get().template == nasty[:60]


def test_outside_a_transaction(committed_db: None) -> None:
    batch = Batch()
    batch.add("SELECT 1", [])
    with pytest.raises(RuntimeError, match="inside a transaction"):
        batch.send()
