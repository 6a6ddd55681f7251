"""A process that withdraws from each balance in turn until it is refused; several of them run at once.

`python -m tests.concurrency.withdrawals HOW FIRST ROUNDS`: HOW is one of `HOWS`, FIRST the first balance's id. Prints
"ready", waits at the barrier, then prints how many withdrawals of each round succeeded, as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from django.db import connection, transaction

from accounts.services import service_users
from funding.models import Bucket, Scheme
from funding.services import ledger
from ila.core.errors import DomainError

BARRIER = 0x6C65_6467_6572
START_CENTS = 1000
STEP_CENTS = 70
# Withdrawals of one transaction where the caller has one of its own.
TOGETHER = 3
HOWS = ("alone", "inside", "unlocked")


def post(lot_id: int, key: str) -> None:
    """Withdraw once through the ledger. Raises: DomainError `insufficient_rights`."""

    line = ledger.Line(Bucket.AVAILABLE, "public", STEP_CENTS, lot_id=lot_id)
    ledger.post(
        scheme=Scheme.objects.get(),
        kind="expire",
        key=key,
        actor=service_users.get("ledger"),
        lines=ledger.transfer(line, Bucket.AVAILABLE, Bucket.EXPIRED),
    )


def withdraw(lot_id: int, key: str, *, inside: bool) -> bool:
    """Whether it succeeded: one withdrawal, or several in the caller's own transaction."""

    try:
        if not inside:
            post(lot_id, key)
            return True
        with transaction.atomic():
            for number in range(TOGETHER):
                post(lot_id, f"{key}:{number}")
    except DomainError as refusal:
        if refusal.code != "insufficient_rights":
            raise
        return False
    return True


def withdraw_unlocked(row_id: int) -> bool:
    """The control: looked at first, written then, as a balance must not be."""

    with connection.cursor() as cursor:
        cursor.execute("SELECT cents FROM withdrawal_control WHERE id = %s", [row_id])
        (cents,) = cursor.fetchone()
        if cents < STEP_CENTS:
            return False
        time.sleep(0.001)
        cursor.execute("UPDATE withdrawal_control SET cents = %s WHERE id = %s", [cents - STEP_CENTS, row_id])
    return True


def main(how: str, first: int, rounds: int) -> None:
    me = time.time_ns()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        print("ready", flush=True)  # noqa: T201 - the parent waits for it
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [BARRIER])
    done = []
    for balance in range(first, first + rounds):
        count = 0
        while (
            withdraw_unlocked(balance)
            if how == "unlocked"
            else withdraw(balance, f"{me}:{balance}:{count}", inside=how == "inside")
        ):
            count += 1
        done.append(count)
    print(json.dumps(done))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
