"""Row locks: inside a transaction, in one order, gone with the transaction."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.apps import apps
from django.db import OperationalError, connection, transaction

from accounts.models import User
from catalogue.models import Session
from funding.models import LearningAccount
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError
from tests.support.queries import captured_queries
from tests.support.world import MONDAY, World


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


@pytest.fixture
def committed_world(committed_db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def test_every_name_in_the_order_is_a_model_and_every_machine_has_its_place() -> None:
    labels = {model._meta.label for model in apps.get_models()}
    assert set(locks.LOCK_ORDER) <= labels
    machines = {model._meta.label for model in apps.get_models() if issubclass(model, fsm.Machine)}
    assert machines <= set(locks.LOCK_ORDER)


def test_rows_come_back_fresh_in_the_order_asked_for(world: World) -> None:
    session = world.session
    Session.objects.filter(pk=session.pk).update(price_cents=7)
    account = world.make_learner().account
    got = locks.acquire(locks.lock(Session, session.pk), locks.lock(LearningAccount, account.pk))
    assert (got[0].pk, got[0].price_cents, got[1].pk) == (session.pk, 7, account.pk)
    assert all(map(locks.is_locked, got))
    assert not locks.is_locked(Session.objects.get(pk=session.pk))


def test_the_house_s_order_whatever_was_asked_for(world: World) -> None:
    accounts = [world.make_learner().account.pk for _ in range(2)]
    with captured_queries() as captured:
        locks.acquire(
            locks.lock(Session, world.session.pk, share=True),
            locks.lock(LearningAccount, accounts[1]),
            locks.lock(LearningAccount, accounts[0]),
        )
    (statement,) = captured.statements
    first, second, third = statement.split("; ")
    assert "funding_learningaccount" in first
    assert f"= {accounts[0]}" in first
    assert f"= {accounts[1]}" in second
    assert first.endswith("FOR NO KEY UPDATE")
    assert "catalogue_session" in third
    assert third.endswith("FOR SHARE")


def test_a_row_asked_for_twice_is_locked_once(world: World) -> None:
    wanted = locks.lock(Session, world.session.pk)
    one, two = locks.acquire(wanted, wanted)
    assert one is two


def test_nothing_asked_for(world: World) -> None:
    assert locks.acquire() == ()


def test_a_row_that_is_not_there(world: World) -> None:
    with pytest.raises(DomainError) as refusal:
        locks.acquire(locks.lock(LearningAccount, 10**9), locks.lock(Session, world.session.pk))
    assert (refusal.value.code, refusal.value.status) == ("not_found", 404)
    assert refusal.value.params == {"kind": "learningaccount"}


def test_a_model_without_a_place_in_the_order(world: World) -> None:
    with pytest.raises(ValueError, match="tuple"):
        locks.acquire(locks.lock(User, world.case_worker.pk))


def test_a_set_in_the_order_of_its_keys(world: World) -> None:
    sessions = [world.make_session() for _ in range(3)]
    got = locks.acquire_set(Session.objects.filter(pk__in=[each.pk for each in sessions]).order_by("-pk"))
    assert [each.pk for each in got] == [each.pk for each in sessions]
    assert all(map(locks.is_locked, got))


def test_outside_a_transaction(committed_world: World) -> None:
    session = committed_world.session
    with pytest.raises(RuntimeError, match="inside a transaction"):
        locks.acquire(locks.lock(Session, session.pk))
    with pytest.raises(RuntimeError, match="inside a transaction"):
        locks.acquire_set(Session.objects.all())
    with pytest.raises(RuntimeError, match="not locked"):
        fsm.apply(session, "guarantee", actor=committed_world.provider_user, at=MONDAY)


def test_a_lock_ends_with_its_transaction(committed_world: World) -> None:
    world = committed_world
    with transaction.atomic():
        (session,) = locks.acquire(locks.lock(Session, world.session.pk))
        assert locks.is_locked(session)
    assert not locks.is_locked(session)
    with transaction.atomic(), pytest.raises(RuntimeError, match="not locked in this transaction"):
        fsm.apply(session, "guarantee", actor=world.provider_user, at=MONDAY)
    assert Session.objects.get(pk=session.pk).state == "open"


def test_a_row_made_in_an_earlier_transaction_is_not_locked(committed_world: World) -> None:
    session = committed_world.make_session()
    with transaction.atomic(), pytest.raises(RuntimeError, match="not locked"):
        locks.require([session])


def test_a_lock_survives_a_savepoint(world: World) -> None:
    with transaction.atomic():
        (session,) = locks.acquire(locks.lock(Session, world.session.pk))
    assert locks.is_locked(session)


def test_a_lock_taken_before_a_savepoint_survives_its_end(world: World) -> None:
    (session,) = locks.acquire(locks.lock(Session, world.session.pk))
    with pytest.raises(KeyError), transaction.atomic():
        raise KeyError
    assert locks.is_locked(session)


def test_a_lock_is_lost_with_the_savepoint_it_was_taken_in(world: World) -> None:
    kept: list[Session] = []
    with pytest.raises(KeyError), transaction.atomic():
        kept += locks.acquire(locks.lock(Session, world.session.pk))
        with transaction.atomic():
            kept += locks.acquire(locks.lock(LearningAccount, world.make_learner().account.pk))
        raise KeyError
    assert not any(map(locks.is_locked, kept))
    # A lock taken anew after it counts, and so do those of a savepoint of the same name that ended well.
    with transaction.atomic():
        kept = list(locks.acquire(locks.lock(Session, world.session.pk)))
    assert all(map(locks.is_locked, kept))
    with pytest.raises(RuntimeError, match="not locked"):
        locks.require([*kept, Session.objects.get(pk=world.session.pk)])


def test_a_lock_that_is_not_had_in_time(committed_world: World, app_connection: psycopg.Connection) -> None:
    world = committed_world
    app_connection.autocommit = False
    app_connection.execute("SELECT 1 FROM catalogue_session WHERE id = %s FOR UPDATE", [world.session.pk])
    with pytest.raises(OperationalError, match="lock timeout"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
        locks.acquire(locks.lock(Session, world.session.pk, share=True))
    app_connection.rollback()
    with transaction.atomic():
        locks.acquire(locks.lock(Session, world.session.pk, share=True))


def test_nobody_waits_for_ever(committed_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        (timeout,) = cursor.fetchone()
    assert timeout not in ("0", "0ms")


@pytest.mark.parametrize(
    ("ours", "theirs", "together"), [(True, "SHARE", True), (True, "NO KEY UPDATE", False)]
)
def test_shared_locks_stand_together(
    committed_world: World, app_connection: psycopg.Connection, ours: bool, theirs: str, together: bool
) -> None:
    pk = committed_world.session.pk
    with transaction.atomic():
        locks.acquire(locks.lock(Session, pk, share=ours))
        statement = f"SELECT 1 FROM catalogue_session WHERE id = {pk} FOR {theirs} NOWAIT"
        if together:
            app_connection.execute(statement.encode())
        else:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                app_connection.execute(statement.encode())


def test_a_locked_row_may_be_referred_to(committed_world: World, app_connection: psycopg.Connection) -> None:
    """FOR NO KEY UPDATE: a row that refers to the locked one is inserted meanwhile."""
    pk = committed_world.session.pk
    with transaction.atomic():
        locks.acquire(locks.lock(Session, pk))
        app_connection.execute("SELECT 1 FROM catalogue_session WHERE id = %s FOR KEY SHARE NOWAIT", [pk])
