"""Processes of their own that walk a batch to the bank and back, die where they are told to, or race each other.

They are forked from a server that has loaded Django once, and they connect anew.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any
from unittest import mock

import django
import psycopg

django.setup()

from django.db import connection, connections  # noqa: E402

from accounts.models import Membership, User  # noqa: E402
from funding.banking.http import HttpBank  # noqa: E402
from funding.models import Scheme  # noqa: E402
from funding.services import bank_messages, batches, payments  # noqa: E402
from ila.core import clock, locks  # noqa: E402
from ila.core.db.setup import databases  # noqa: E402
from ila.core.errors import DomainError  # noqa: E402
from tests.funding.settlement.desk import PAYDAY  # noqa: E402

BARRIER = 0x62_6172_7269
POINTS = (
    "inside the export",
    "after the export",
    "before sending",
    "after sending",
    "after noting it sent",
    "after fetching",
    "after storing one",
    "after confirming",
    "inside the first message",
    "after the first message",
    "inside the last message",
)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(original: Callable[..., Any], *, at: int = 1, before: bool = False) -> Callable[..., Any]:
    """The function, after (or before) whose n-th call the process is gone."""
    calls = 0

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if before and calls == at:
            die()
        result = original(*args, **kwargs)
        if calls == at:
            die()
        return result

    return wrapper


def walk(batch_id: int, address: str, point: str) -> None:

    bank = HttpBank(address)
    targets: dict[str, tuple[Any, str, dict[str, Any]]] = {
        "inside the export": (batches, "post_moves", {}),
        "after the export": (batches, "send_unsent", {"before": True}),
        "before sending": (bank, "send", {"before": True}),
        "after sending": (bank, "send", {}),
        "after noting it sent": (batches, "send_batch", {}),
        "after fetching": (bank, "fetch", {}),
        "after storing one": (bank_messages, "store_message", {}),
        "after confirming": (bank, "confirm", {}),
        "inside the first message": (payments.Settlement, "_write_claims", {}),
        "after the first message": (bank_messages, "process_message", {}),
        "inside the last message": (payments.Settlement, "_write_batches", {"at": 2}),
    }
    if point != "-":
        owner, name, how = targets[point]
        mock.patch.object(owner, name, dying(getattr(owner, name), **how)).start()
    officer = Membership.objects.filter(role="payment_officer").latest("pk").user
    with clock.at(PAYDAY):
        batches.export_batch(actor=officer, batch_id=batch_id)
        batches.send_unsent(bank=bank)
        bank_messages.receive_messages(bank=bank)


def race(answers: Connection, what: str, target: int, *, locked: bool) -> None:
    officers: list[User] = [m.user for m in Membership.objects.filter(role="payment_officer").order_by("pk")]
    if not locked:
        mock.patch.object(
            locks, "acquire_set", lambda queryset: [locks.mark_locked(row) for row in queryset]
        ).start()
    answers.send("ready")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [BARRIER])
    with clock.at(PAYDAY):
        try:
            if what == "create":
                batches.create_batch(actor=officers[1], scheme=Scheme.objects.get(pk=target))
            else:
                batches.export_batch(actor=officers[2], batch_id=target)
        except DomainError as error:
            answers.send(error.code)
        except Exception as error:  # noqa: BLE001 - the parent judges it
            answers.send(f"{type(error).__name__}: {error}")
        else:
            answers.send("done")


def connected(owner_dsn: str, target: Callable[..., None], *arguments: Any, **named: Any) -> None:
    """Run the target on that database, through connections of this process."""
    for alias, values in databases({"DATABASE_URL": owner_dsn}).items():
        connections.settings[alias].update(values)
    target(*arguments, **named)
    connections.close_all()


def start(owner_dsn: str, target: Callable[..., None], *arguments: Any, **named: Any) -> ForkServerProcess:
    """A process that runs the target."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=connected, args=(owner_dsn, target, *arguments), kwargs=named)
    process.start()
    return process


def run_race(
    owner_dsn: str, app_dsn: str, what: str, target: int, *, locked: bool, processes: int = 4
) -> list[str]:
    """What each of several processes answered, all let go at the same moment."""
    pipes = [multiprocessing.Pipe(duplex=False) for _ in range(processes)]
    with psycopg.connect(app_dsn, autocommit=True) as barrier:
        barrier.execute("SELECT pg_advisory_lock(%s)", [BARRIER])
        running = [start(owner_dsn, race, ours, what, target, locked=locked) for _, ours in pipes]
        for theirs, _ in pipes:
            assert theirs.poll(60)
            assert theirs.recv() == "ready"
        barrier.execute("SELECT pg_advisory_unlock(%s)", [BARRIER])
        answers = []
        for theirs, _ in pipes:
            assert theirs.poll(60)
            answers.append(str(theirs.recv()))
    for process in running:
        process.join(60)
    return answers
