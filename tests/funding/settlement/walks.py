"""A process of its own that walks a batch to the bank and back, and dies where it is told to.

`python -m tests.funding.settlement.walks walk BATCH ADDRESS POINT` — POINT may be `-`: do not die.
`python -m tests.funding.settlement.walks race WHAT ID LOCKED` — waits at the barrier, then races others.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import django

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
    from accounts.models import Membership  # noqa: PLC0415 - after django.setup()
    from funding.banking.http import HttpBank  # noqa: PLC0415
    from funding.services import bank_messages, batches, payments  # noqa: PLC0415
    from ila.core import clock  # noqa: PLC0415
    from tests.funding.settlement.desk import PAYDAY  # noqa: PLC0415

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


def race(what: str, target: int, *, locked: bool) -> None:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    from accounts.models import Membership, User  # noqa: PLC0415
    from funding.models import Scheme  # noqa: PLC0415
    from funding.services import batches  # noqa: PLC0415
    from ila.core import clock, locks  # noqa: PLC0415
    from ila.core.errors import DomainError  # noqa: PLC0415
    from tests.funding.settlement.desk import PAYDAY  # noqa: PLC0415

    officers: list[User] = [m.user for m in Membership.objects.filter(role="payment_officer").order_by("pk")]
    if not locked:
        mock.patch.object(
            locks, "acquire_set", lambda queryset: [locks.mark_locked(row) for row in queryset]
        ).start()
    with connection.cursor() as cursor:
        print("ready", flush=True)  # noqa: T201 - the parent waits for it
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [BARRIER])
    with clock.at(PAYDAY):
        try:
            if what == "create":
                batches.create_batch(actor=officers[1], scheme=Scheme.objects.get(pk=target))
            else:
                batches.export_batch(actor=officers[2], batch_id=target)
        except DomainError as error:
            print(error.code)  # noqa: T201 - the parent reads it
        else:
            print("done")  # noqa: T201


def main(arguments: Sequence[str]) -> None:
    django.setup()
    what, *rest = arguments
    if what == "walk":
        walk(int(rest[0]), rest[1], rest[2])
    else:
        race(rest[0], int(rest[1]), locked=rest[2] == "locked")


if __name__ == "__main__":
    main(sys.argv[1:])
