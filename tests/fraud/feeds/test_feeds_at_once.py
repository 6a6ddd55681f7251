"""The feed beside people who book, beside itself, and killed half-way: all is told, and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from fraud.models import LIVE, FeedCursor
from fraud.services import feeds
from funding.models import Booking, BookingLog
from ila.core import clock
from tests.support.database import ROOT, WorkerDatabase, command_environ
from tests.support.parallel import codes, together
from tests.support.world import MONDAY, World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def world(committed_db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def told() -> list[str]:
    return sorted(LIVE["bookings"]._default_manager.values_list("booking_id", flat=True))


def sources(table: str) -> list[str]:
    return sorted(LIVE[table]._default_manager.values_list("fed_from", flat=True))


def there() -> list[str]:
    return sorted(str(each) for each in Booking.objects.values_list("public_id", flat=True))


def test_a_row_that_appears_below_one_already_read_is_told(world: World, owner_dsn: str) -> None:
    """Its transaction was open when a later one had been read: an id alone would have passed it by."""
    learners = [world.make_learner() for _ in range(3)]
    feeds.catch_up()
    with psycopg.connect(owner_dsn) as slow:
        # An open transaction that has its row's id, and is slower than all that come after it.
        slow.execute("SELECT pg_current_xact_id()")
        (early,) = slow.execute("SELECT nextval('accounts_signin_id_seq')").fetchone() or (0,)
        slow.execute(
            "INSERT INTO accounts_signin (id, user_id, at, method, assurance, ip_hash, device_hash, device_name)"
            " VALUES (%s, %s, now(), 'password', 'weak', '', 'slow', '')",
            [early, learners[0].user.pk],
        )
        for learner in learners:
            world.accepted(learner)
        for _ in range(3):
            feeds.catch_up()
        mark = FeedCursor.objects.get(source="accounts_signin")
        assert mark.read_id > early > mark.settled_id
        slow.commit()
    feeds.catch_up()
    assert any(each.startswith(f"signin:{early}:") for each in sources("logins"))
    for _ in range(3):
        assert feeds.catch_up().total == 0
    assert FeedCursor.objects.get(source="accounts_signin").settled_id > early


def test_bookings_and_two_feeds_at_once(world: World) -> None:
    learners = [world.make_learner() for _ in range(4)]
    outcomes = together(
        *(partial(world.accepted, learner) for learner in learners), feeds.catch_up, feeds.catch_up
    )
    assert codes(outcomes) == ["ok"] * 6
    feeds.catch_up()
    assert sorted(set(told())) == there()
    assert len(sources("credits")) == len(set(sources("credits"))) == 4
    before = len(told())
    assert feeds.compare_everything().rows["bookings"] == 0
    assert len(told()) == before


def test_killed_half_way_and_called_again(world: World, worker_database: WorkerDatabase) -> None:
    for _ in range(3):
        world.accepted(world.make_learner())
    held = threading.Event()
    with psycopg.connect(worker_database.owner_dsn) as blocking:
        # Its last table is not to be had: the feed has written all the others, and waits.
        blocking.execute("LOCK TABLE fraud_live_limits IN ACCESS EXCLUSIVE MODE")
        held.set()
        running = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, str(ROOT / "manage.py"), "fraud_feed"],
            env=command_environ(worker_database),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        with psycopg.connect(worker_database.owner_dsn, autocommit=True) as looking:
            while time.monotonic() < until:
                waits = looking.execute(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'fraud_live_limits'::regclass"
                ).fetchone()
                if waits and waits[0]:
                    break
                threading.Event().wait(0.05)
        os.kill(running.pid, signal.SIGKILL)
        running.wait(30)
    assert told() == []
    assert not FeedCursor.objects.exists()
    feeds.catch_up()
    assert told() == there()
    events = BookingLog.objects.filter(transition__in=["enter", "leave", "dispute"]).count()
    assert len(sources("booking_events")) == events
