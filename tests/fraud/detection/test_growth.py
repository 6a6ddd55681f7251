"""A million rows of one provider: twice as many rows of any kind are twice the work of every detector, not four times.

Work is what the database's own plans count: rows that each step read, made or threw away. Seconds say nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from fraud.detection.registry import DETECTORS
from fraud.detection.snapshot import take_snapshot
from fraud.models import evaluation_table
from fraud.services.loads import load_population
from tests.fraud.population import DAY, Population, moment

pytestmark = pytest.mark.django_db

SMALL, TIMES = 120, 3


class Counting:
    """A cursor that adds up what the plans of the statements counted."""

    def __init__(self, cursor: Any) -> None:
        self._cursor, self.rows = cursor, 0.0

    def execute(self, query: bytes | str, values: Any = None) -> None:
        text = query.encode() if isinstance(query, str) else query
        if (
            text.lstrip()[:6].upper() in (b"SELECT", b"WITH A", b"WITH P")
            or text.lstrip()[:4].upper() == b"WITH"
        ):
            self._cursor.execute(b"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + text, values)
            self.rows += _work(self._cursor.fetchone()[0][0]["Plan"])
        self._cursor.execute(text, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


def _work(plan: dict[str, Any]) -> float:
    own = sum(
        plan.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    )
    return own * plan.get("Actual Loops", 1) + sum(_work(step) for step in plan.get("Plans", ()))


@contextmanager
def snapshot() -> Iterator[Any]:
    """The facts of the day, with a plan that does not depend on how few they are."""
    with transaction.atomic(), connection.cursor() as wrapped:
        cursor = wrapped.cursor
        take_snapshot(cursor, DAY, evaluation_table)
        yield cursor
        transaction.set_rollback(True)


def work(people: Population, folder: Path) -> dict[str, float]:
    """Detector → rows that its plans counted."""
    load_population(directory=people.write(folder))
    counted = {}
    with snapshot() as cursor:
        for name, detector in DETECTORS.items():
            counting: Any = Counting(cursor)
            list(detector.find(counting, DAY, detector.parameters))
            counted[name] = counting.rows
    return counted


def one_room(people: Population, provider: str, number: int) -> None:
    """Everybody in one session, paid for, half of them signed in, all from one device and address."""
    starts = moment(20, 11)
    session = people.session(people.credential(provider), starts=starts)
    for place in range(number):
        booking = people.book(
            people.learner(phone_hash="one"),
            session,
            created=moment(60) + timedelta(seconds=place),
            actor="provider",
            device_hash="one",
            ip_hash="one",
            consent_ip_hash="one",
        )
        people.event(booking, "claim", starts - timedelta(days=1), amount_cents=90_000)
        people.event(booking, "paid", starts + timedelta(days=1), amount_cents=90_000)
        if place % 2:
            people.attend(booking, session, device="one")


def one_person(people: Population, provider: str, number: int) -> None:
    """One learner and one trainer in all sessions of one day."""
    course, learner = people.credential(provider), people.learner()
    trainer = people.person(provider, "trainer")
    for place in range(number):
        session = people.session(
            course, starts=moment(40, 11) + timedelta(minutes=place % 200), days=1, trainer_id=trainer
        )
        people.attend(people.book(learner, session, created=moment(80)), session)


def one_roster(people: Population, provider: str, number: int) -> None:
    """The same six people in session after session."""
    course, learners = people.credential(provider), [people.learner() for _ in range(6)]
    for place in range(number):
        session = people.session(course, starts=moment(80, 11) + timedelta(hours=place))
        for learner in learners:
            people.book(learner, session, created=moment(90))


def one_calendar(people: Population, provider: str, number: int) -> None:
    """A session of very many slots, with people who sign each of them."""
    session = people.session(people.credential(provider), starts=moment(300), days=number, hours=1)
    for row in people.rows["slots"][-number:]:
        row["starts_at"], row["ends_at"] = (
            moment(300) + (row["starts_at"] - moment(300)) / 24,
            moment(300) + (row["starts_at"] - moment(300)) / 24 + timedelta(minutes=50),
        )
    for _ in range(6):
        people.attend(people.book(people.learner(), session, created=moment(320)), session)


def one_hand(people: Population, provider: str, number: int) -> None:
    """Sign-ins and changes of contact data, one after the other, and directors by the hundred."""
    learner = people.learner()
    session = people.session(people.credential(provider), starts=moment(20, 11))
    for place in range(number):
        at = moment(30) + timedelta(minutes=place)
        whose = ("provider", provider) if place % 2 else ("learner", learner)
        subject = {"subject_kind": whose[0], "subject_id": whose[1]}
        people.add("logins", at=at, **subject, ip_hash="x", device_hash="one")
        people.add(
            "contact_changes",
            at=at,
            **subject,
            field="iban" if place % 2 else "email",
            old_hash="x",
            new_hash="y",
            device_hash="two",
        )
        people.person(provider, "director", iban_hash="z")
        people.book(learner, session, created=at)


def many_firms(people: Population, _provider: str, number: int) -> None:
    """More providers of every sort: nobody came, or everybody, and some were cancelled."""
    for place in range(number // 2):
        firm, starts = people.provider(), moment(30 + place % 40, 11)
        session = people.session(people.credential(firm), starts=starts)
        for seat in range(3):
            booking = people.book(people.learner(), session, created=moment(100 - place % 20))
            people.event(booking, "claim", starts, amount_cents=90_000)
            people.event(booking, "paid", starts + timedelta(days=1), amount_cents=90_000)
            if place % 3 == 0:
                people.attend(booking, session)
            elif place % 3 == 1 and seat:
                people.event(booking, "cancelled", starts, reason="illness")


@pytest.mark.parametrize("shape", [one_room, one_person, one_roster, one_calendar, one_hand, many_firms])
def test_more_rows_of_one_provider_are_more_work_in_proportion(
    tmp_path: Path, shape: Callable[[Population, str, int], None]
) -> None:
    counted = []
    for number in (SMALL, SMALL * TIMES):
        people = Population()
        people.honest()
        shape(people, people.provider(), number)
        counted.append(work(people, tmp_path / str(number)))
    few, many = counted
    worse = {name: (few[name], many[name]) for name in few if many[name] > 1.5 * TIMES * few[name] + 2_000}
    assert worse == {}
