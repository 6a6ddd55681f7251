"""A million open bookings of which ten thousand are due, and how long it takes to find and to execute those.

    python -m tests.benchmarks.deadlines --open 1000000 --due 10000

in a scratch database on the server in use, which is removed afterwards. Half of what is due are proposals that lapse,
half are services declared for 60 %, whose rest goes back to rights and own money. The rest of the open bookings fall
due later: they are in the index, and nothing may look at them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ila.settings.dev")
django.setup()

# Models can be imported only now.
from django.db import connection, connections, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.services import service_users  # noqa: E402
from funding.bench.bulk import bare_tables, continue_numbers, execute, settle  # noqa: E402
from funding.bench.scratch import scratch_database  # noqa: E402
from funding.bench.world import build_world  # noqa: E402
from funding.models import Booking  # noqa: E402
from funding.services import bookings, due  # noqa: E402

POSTINGS_OF_A_BOOKING = 5
SINGLE = 200
WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--open", type=int, default=1_000_000, help="open bookings, all with a term")
    parser.add_argument("--due", type=int, default=10_000, help="of them due, in each measurement")
    arguments = parser.parse_args()

    with scratch_database():
        half = arguments.due // 2
        timed("written", lambda: write(open_bookings=arguments.open, half=half))
        measure(half)


def timed(what: str, work: Callable[[], Any], *, number: int = 0) -> Any:
    began, spent = time.perf_counter(), time.process_time()
    result = work()
    seconds = time.perf_counter() - began
    rate = (
        f", {number / seconds:,.0f} a second, {(time.process_time() - spent) / number * 1e3:.2f} ms of processor each"
        if number
        else ""
    )
    sys.stdout.write(f"{what}: {seconds:.2f} s{rate} {result if result is not None else ''}\n")
    sys.stdout.flush()
    return result


def write(*, open_bookings: int, half: int) -> None:
    """Twice as much as one measurement takes, and a remainder for those one by one."""

    each = 2 * half + SINGLE
    world = build_world(history=each * POSTINGS_OF_A_BOOKING, pending=each, crowded=1)
    learners = world.pending[1]
    first = world.crowded[1] + 1
    names = ", ".join(
        str(field.column)
        for field in Booking._meta.concrete_fields
        if field.column not in {"id", "public_id", "account_id", "session_id", "consent_id", "next_due_at"}
    )
    now = timezone.now()
    with bare_tables():
        execute(
            f"INSERT INTO funding_booking (id, public_id, account_id, session_id, consent_id, next_due_at, {names})"
            " SELECT n, gen_random_uuid(), 1 + n %% %s, 1 + ((1 + n %% %s) + 1 + n / %s) %% 5000, NULL,"
            f" %s::timestamptz + n * interval '1 second', {names}"
            " FROM funding_booking CROSS JOIN generate_series(%s, %s) AS n WHERE id = %s",
            [
                learners,
                learners,
                learners,
                now.replace(year=now.year + 1),
                first,
                open_bookings,
                world.pending[0],
            ],
        )
    continue_numbers(Booking)
    step("enter", "accepted", "in_training", "entered_at = now() - interval '30 days'", world.past)
    step(
        "leave",
        "in_training",
        "left",
        "left_at = now() - interval '20 days', exit_reason = 'complete'",
        world.past,
    )
    step(
        "declare_service",
        "left",
        "service_declared",
        "service_declared_at = now() - interval '19 days', declared_percent = 60",
        world.past,
    )
    settle()


def step(transition: str, source: str, target: str, fields: str, numbers: tuple[int, int]) -> None:
    """Take a step with many bookings, with the log rows that the database asks for."""

    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO funding_bookinglog (subject_id, actor_id, transition, source, target, reason, data, at,"
            " payload_hash) SELECT id, %s, %s, %s, %s, '', '{}', now(), '' FROM funding_booking"
            " WHERE id BETWEEN %s AND %s",
            [actor_id(), transition, source, target, *numbers],
        )
        cursor.execute(
            f"UPDATE funding_booking SET state = %s, {fields} WHERE id BETWEEN %s AND %s", [target, *numbers]
        )


def actor_id() -> int:

    return int(service_users.get("clock").pk)


def make_due(kind: str, state: str, number: int) -> list[int]:
    """Let so many bookings of that state have fallen due an hour ago."""

    rows = execute(
        "UPDATE funding_booking SET next_due = %s, next_due_at = date_trunc('hour', now() - interval '1 hour')"
        " WHERE id IN (SELECT id FROM funding_booking WHERE state = %s AND (consent_id IS NOT NULL)"
        " AND (next_due_at IS NULL OR next_due_at > now()) ORDER BY id LIMIT %s) RETURNING id",
        [kind, state, number],
    )
    return [row[0] for row in rows]


def measure(half: int) -> None:

    due.run_due()
    timed("nothing due", lambda: due.run_due().held or None)
    proposed, declared = (
        make_due("lapse", "proposed", SINGLE),
        make_due("validate", "service_declared", SINGLE),
    )
    clock_user = service_users.get("clock")
    timed(
        "lapse, one by one",
        lambda: [bookings.lapse(booking_id=pk) for pk in proposed].count(False),
        number=SINGLE,
    )
    timed(
        "validate, one by one",
        lambda: len([bookings.validate_service(actor=clock_user, booking_id=pk) for pk in declared]) and None,
        number=SINGLE,
    )
    for workers in (1, WORKERS):
        make_due("lapse", "proposed", half)
        make_due("validate", "service_declared", half)
        settle()
        if workers == 1:
            ready = due.overdue().exclude(due.stopped()).order_by("next_due_at")
            sys.stdout.write(ready[: due.CHUNK].explain(analyze=True, buffers=True) + "\n")
            with CaptureQueriesContext(connection) as captured:
                timed("in sets, 1 worker", due.run_due, number=2 * half)
            sets = -(-2 * half // due.CHUNK)
            sys.stdout.write(
                f"{len(captured)} statements, {len(captured) / sets:.1f} for each set of {due.CHUNK}\n"
            )
        else:
            timed(f"in sets, {workers} workers", in_processes, number=2 * half)
    if due.overdue().exists():
        raise RuntimeError("something is still due")


def in_processes() -> None:

    connections.close_all()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work) for _ in range(WORKERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a worker failed")


def work() -> None:

    sys.stdout.write(f"  {due.run_due()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
