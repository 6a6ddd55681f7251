"""Moving a state: locked, permitted, validated, logged; and nothing else may move it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import InternalError, ProgrammingError, connection, connections, models, transaction
from django.db.utils import IntegrityError
from django_fsm import ConcurrentTransition
from psycopg import errors

from accounts.models import Consent, ConsentLog
from catalogue.models import Session, SessionLog
from funding.models import Booking, BookingLog
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError
from tests.support.machines import Rows
from tests.support.world import MONDAY, World

MACHINES = [model for model in apps.get_models() if issubclass(model, fsm.Machine)]
LOGS: list[Any] = [model for model in apps.get_models() if issubclass(model, fsm.TransitionLog)]
Refused = (IntegrityError, InternalError, ProgrammingError)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


@pytest.fixture
def committed_world(committed_db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def locked(session: Session) -> Session:
    (row,) = locks.acquire(locks.lock(Session, session.pk))
    assert isinstance(row, Session)
    return row


def guarantee(world: World, session: Session, **changes: Any) -> fsm.TransitionLog:
    given: dict[str, Any] = {"actor": world.provider_user, "at": MONDAY}
    return fsm.apply(session, "guarantee", **(given | changes))


def stored(session: Session) -> tuple[str, int]:
    return Session.objects.get(pk=session.pk).state, SessionLog.objects.filter(subject=session).count()


# -- apply ---------------------------------------------------------------------------------------------------


def test_a_transition_writes_the_state_and_its_log(world: World) -> None:
    session = locked(world.session)
    row = guarantee(world, session, reason="enough learners")
    assert stored(session) == ("guaranteed", 2)
    log = SessionLog.objects.get(pk=row.pk)
    assert (log.transition, log.source, log.target) == ("guarantee", "open", "guaranteed")
    assert (log.actor, log.reason, log.at) == (world.provider_user, "enough learners", MONDAY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        assert log.transaction_id == cursor.fetchone()[0]


def test_a_long_reason_is_cut_and_not_lost(world: World) -> None:
    row = guarantee(world, locked(world.session), reason="x" * 2000)
    assert SessionLog.objects.get(pk=row.pk).reason == "x" * fsm.MAX_REASON


def test_a_row_that_is_not_locked(world: World) -> None:
    session = Session.objects.get(pk=world.session.pk)
    with pytest.raises(RuntimeError, match="not locked in this transaction"):
        guarantee(world, session)
    assert stored(session) == ("open", 1)


def test_a_transition_nobody_declared(world: World) -> None:
    with pytest.raises(ValueError, match="no transition 'explode'"):
        fsm.apply(locked(world.session), "explode", actor=world.provider_user)


def test_no_permission(world: World) -> None:
    session = locked(world.session)
    for actor in (world.payer, world.make_learner().user, world.user_of(world.make_provider())):
        with pytest.raises(DomainError) as refusal:
            guarantee(world, session, actor=actor)
        assert (refusal.value.code, refusal.value.status) == ("not_allowed", 403)
    assert stored(session) == ("open", 1)
    assert session.state == "open"


def test_an_object_that_breaks_its_own_rules(world: World) -> None:
    session = locked(world.session)
    with pytest.raises(DomainError) as refusal:
        guarantee(world, session, at=None)
    assert refusal.value.code == "invalid"
    assert "session_guaranteed_has_its_time" in refusal.value.params["faults"]
    assert stored(session) == ("open", 1)


def test_a_field_that_is_no_such_value(world: World) -> None:
    session = locked(world.session)
    session.price_cents = None  # type: ignore[assignment]
    with pytest.raises(DomainError) as refusal:
        guarantee(world, session)
    assert refusal.value.code == "invalid"


def test_a_stale_object_is_refused_at_the_save(world: World) -> None:
    """The second line of defence: should two objects of one row ever be about, the state is compared."""
    first, second = locked(world.session), locked(world.session)
    guarantee(world, first)
    with pytest.raises(ConcurrentTransition), transaction.atomic():
        guarantee(world, second)
    assert stored(first) == ("guaranteed", 2)


def test_the_state_is_not_assigned(world: World) -> None:
    with pytest.raises(AttributeError, match="Direct state modification"):
        world.session.state = "held"


def test_start_writes_the_first_row(world: World) -> None:
    session = Session(
        micro_credential=world.credential, external_id="new", price_cents=1, currency="EUR", state="planned"
    )
    row = fsm.start(session, actor=world.provider_user, reason="new", transition="plan")
    assert (row.source, row.target, row.transition, row.actor) == ("", "planned", "plan", world.provider_user)
    # What was made here needs no further lock here.
    fsm.apply(session, "open", actor=world.provider_user, at=MONDAY)


def test_start_validates(world: World) -> None:
    session = Session(
        micro_credential=world.credential, external_id="new", price_cents=-1, currency="EUR", state="planned"
    )
    with pytest.raises(DomainError) as refusal:
        fsm.start(session, actor=world.provider_user)
    assert refusal.value.code == "invalid"
    assert not Session.objects.filter(external_id="new").exists()


# -- many at once --------------------------------------------------------------------------------------------


def test_many_rows_at_once_with_their_logs(world: World) -> None:
    sessions = [locked(world.make_session()) for _ in range(3)]
    rows = [fsm.move(each, "guarantee", actor=world.provider_user, at=MONDAY) for each in sessions]
    assert fsm.bulk_log(rows, model=SessionLog) == 3
    ids = [each.pk for each in sessions]
    moved = fsm.set_states(ids, model=Session, source="open", target="guaranteed", guaranteed_at=MONDAY)
    assert moved == 3
    assert [stored(each) for each in sessions] == [("guaranteed", 2)] * 3
    # What has moved is not moved again.
    assert fsm.set_states(ids, model=Session, source="open", target="guaranteed", guaranteed_at=MONDAY) == 0


def test_many_rows_without_their_logs(world: World) -> None:
    with pytest.raises(Refused), transaction.atomic():
        fsm.set_states(
            [world.session.pk], model=Session, source="open", target="guaranteed", guaranteed_at=MONDAY
        )
    with pytest.raises(ValueError, match="no transition from open to held"):
        fsm.set_states([world.session.pk], model=Session, source="open", target="held")


def test_many_rows_outside_a_transaction(committed_world: World) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        fsm.set_states([committed_world.session.pk], model=Session, source="open", target="guaranteed")


# -- the database refuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MACHINES, ids=lambda model: model.__name__)
def test_a_queryset_moves_no_state(db: None, model: Any) -> None:
    with clock.at(MONDAY):
        rows = Rows()
        state, other = two_states(model)
        row: Any = rows.started(model, state)
        with pytest.raises(Refused, match=r"without its log row|violates check"), transaction.atomic():
            model._base_manager.filter(pk=row.pk).update(state=other)
        with pytest.raises(Refused, match=r"without its log row|violates check"), transaction.atomic():
            row.__class__._base_manager.bulk_update([moved(row, other)], ["state"])
        assert model._base_manager.get(pk=row.pk).state == state


def two_states(model: type[fsm.Machine]) -> tuple[str, str]:
    """The ends of the machine's first transition that leads elsewhere."""
    every = fsm.machine_field(model).get_all_transitions(model)
    first = next(each for each in every if each.source != each.target)
    return str(first.source), str(first.target)


def moved(row: fsm.Machine, state: str) -> fsm.Machine:
    row.__dict__["state"] = state
    return row


def test_sql_moves_no_state_whoever_sends_it(
    committed_world: World, app_connection: psycopg.Connection, owner_connection: psycopg.Connection
) -> None:
    session = committed_world.session
    for sender in (app_connection, owner_connection):
        with pytest.raises(errors.IntegrityConstraintViolation, match="without its log row"):
            sender.execute(
                "UPDATE catalogue_session SET state = 'guaranteed', guaranteed_at = now() WHERE id = %s",
                [session.pk],
            )
    assert stored(session) == ("open", 1)


def test_a_log_row_of_another_transaction_does_not_count(
    committed_world: World, app_connection: psycopg.Connection
) -> None:
    world = committed_world
    with transaction.atomic():
        session = locked(world.session)
        fsm.move(session, "guarantee", actor=world.provider_user, at=MONDAY).save(force_insert=True)
    with pytest.raises(errors.IntegrityConstraintViolation, match="without its log row"):
        app_connection.execute(
            "UPDATE catalogue_session SET state = 'guaranteed', guaranteed_at = now() WHERE id = %s",
            [world.session.pk],
        )


def test_a_log_row_of_another_object_or_of_another_change_does_not_count(world: World) -> None:
    other = locked(world.make_session())
    guarantee(world, other)
    change = (
        "UPDATE catalogue_session SET state = %s, started_at = now(), guaranteed_at = now() WHERE id = %s"
    )
    for state, pk in (("guaranteed", world.session.pk), ("running", other.pk)):
        refused = pytest.raises(Refused, match="without its log row")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change, [state, pk])


def test_a_log_row_of_a_savepoint_rolled_back_does_not_count(world: World) -> None:
    session = locked(world.session)
    with pytest.raises(KeyError), transaction.atomic():
        guarantee(world, session)
        raise KeyError
    assert stored(session) == ("open", 1)
    with pytest.raises(Refused), transaction.atomic():
        Session.objects.filter(pk=session.pk).update(state="guaranteed", guaranteed_at=MONDAY)


def test_a_log_row_written_before_a_savepoint_counts_inside_it(world: World) -> None:
    session = locked(world.session)
    row = fsm.move(session, "guarantee", actor=world.provider_user, at=MONDAY)
    with transaction.atomic():
        row.save(force_insert=True)
    with transaction.atomic():
        session.save()
    assert stored(session) == ("guaranteed", 2)


def test_a_state_that_stays_needs_no_log(world: World) -> None:
    assert Session.objects.filter(pk=world.session.pk).update(state="open", recruitment_closed=True) == 1


@pytest.mark.parametrize("model", LOGS, ids=lambda model: model.__name__)
def test_log_rows_are_written_once(model: type[fsm.TransitionLog], db: None) -> None:
    table = model._meta.db_table
    with clock.at(MONDAY):
        machine = next(each for each in MACHINES if each.log_model is model)
        Rows().started(machine, two_states(machine)[0])
    for statement in (f"UPDATE {table} SET reason = 'other'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        denied = pytest.raises(ProgrammingError, match="permission denied")
        with denied, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_log_rows_are_written_once_for_the_owner_too(
    committed_world: World, owner_connection: psycopg.Connection
) -> None:
    assert SessionLog.objects.filter(subject=committed_world.session).exists()
    for statement in (
        "UPDATE catalogue_sessionlog SET reason = 'other'",
        "UPDATE catalogue_sessionlog SET actor_id = actor_id",
        "DELETE FROM catalogue_sessionlog",
        "TRUNCATE catalogue_sessionlog",
    ):
        with pytest.raises(psycopg.errors.RaiseException):
            owner_connection.execute(statement.encode())


def test_every_log_names_its_actor_and_keeps_them() -> None:
    for model in LOGS:
        actor = model._meta.get_field("actor")
        subject = model._meta.get_field("subject")
        assert not actor.null, model
        assert not subject.null, model
        for field in (actor, subject):
            assert field.remote_field is not None
            assert field.remote_field.on_delete is models.PROTECT, (model, field)


def test_machines_and_logs_belong_together() -> None:
    assert {model.log_model for model in MACHINES} == set(LOGS)
    for model in MACHINES:
        log: Any = model.log_model
        assert log._meta.get_field("subject").related_model is model
    assert {Booking, Consent, Session} <= set(MACHINES)
    assert {BookingLog, ConsentLog, SessionLog} <= set(LOGS)


def test_the_guard_is_on_every_table_of_a_machine(db: None) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%state_is_logged%' AND tgenabled = 'O'"
        )
        guarded = {table for (table,) in cursor.fetchall()}
    assert guarded == {model._meta.db_table for model in MACHINES}
