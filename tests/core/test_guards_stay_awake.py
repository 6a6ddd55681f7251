"""The guards in the database cannot be switched off by the application role."""

import pytest
from django.db import DatabaseError, connection, transaction

from funding.models import Booking, BookingLog
from ila.core import clock
from tests.support.world import MONDAY, World

pytestmark = pytest.mark.django_db


def ignore(*triggers: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", ["{" + ",".join(triggers) + "}"])


def triggers_on(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
        )
        return [name for (name,) in cursor.fetchall()]


def test_naming_triggers_to_ignore_lets_no_state_move() -> None:
    with clock.at(MONDAY):
        world = World()
        booking = world.proposed(world.make_learner())
    names = triggers_on(Booking._meta.db_table)
    assert names
    ignore(*names)
    with pytest.raises(DatabaseError, match="without its log row"), transaction.atomic():
        Booking.objects.filter(pk=booking.pk).update(state="accepted")


def test_naming_triggers_to_ignore_changes_no_log() -> None:
    with clock.at(MONDAY):
        world = World()
        world.proposed(world.make_learner())
    ignore(*triggers_on(BookingLog._meta.db_table))
    with pytest.raises(DatabaseError), transaction.atomic():
        BookingLog.objects.update(reason="something else")
