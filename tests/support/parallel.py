"""Several acts at once on committed data, each on its own connection; and the same with the locks taken out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import pytest
from django.db import connections

from ila.core import fsm, locks
from ila.core.errors import DomainError

PATIENCE = 60.0
# How long one waits for the others at a meeting point that locks may keep them from.
MEETING = 0.3


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts at the same moment. Returns, in their order, what each returned or raised.

    The virtual clock of the caller is that of each act.
    """
    outcomes: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(place: int, act: Callable[[], Any]) -> None:
        try:
            start.wait(PATIENCE)
            outcomes[place] = act()
        except BaseException as error:  # noqa: BLE001 - what it raised is what the caller wants to see
            outcomes[place] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=copy_context().run, args=(run, place, act), daemon=True)
        for place, act in enumerate(acts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    hanging = [thread for thread in threads if thread.is_alive()]
    assert not hanging, f"{len(hanging)} of {len(acts)} acts have not ended after {PATIENCE} s"
    return outcomes


def codes(outcomes: list[Any]) -> list[str]:
    """What became of each act, sorted: "ok", the code of its refusal, or the name of its error."""
    return sorted(code_of(outcome) for outcome in outcomes)


def code_of(outcome: Any) -> str:
    if isinstance(outcome, DomainError):
        return outcome.code
    return type(outcome).__name__ if isinstance(outcome, BaseException) else "ok"


@contextmanager
def meeting(parties: int) -> Iterator[Callable[[], None]]:
    """A point at which so many wait for each other; who is kept away by a lock is waited for in vain."""
    barrier = threading.Barrier(parties)

    def meet() -> None:
        try:
            barrier.wait(MEETING)
        except threading.BrokenBarrierError:
            return

    yield meet


@contextmanager
def meeting_before_moves(parties: int = 2) -> Iterator[None]:
    """Everybody meets once before a state is moved: after what was read, before what is written."""
    move = fsm.move
    met = threading.local()
    with meeting(parties) as meet, pytest.MonkeyPatch.context() as patch:

        def meet_and_move(*args: Any, **kwargs: Any) -> Any:
            if not getattr(met, "done", False):
                met.done = True
                meet()
            return move(*args, **kwargs)

        patch.setattr(fsm, "move", meet_and_move)
        yield


@contextmanager
def unlocked() -> Iterator[None]:
    """The control: rows are read and taken for locked, and no lock is asked of the database."""
    statement = locks.statement

    def without_lock(one: locks.RowLock, *, columns: bool = True) -> tuple[str, list[Any]]:
        sql, params = statement(one, columns=columns)
        return sql.replace(" FOR SHARE", "").replace(" FOR NO KEY UPDATE", ""), params

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locks, "statement", without_lock)
        patch.setattr(
            locks, "acquire_set", lambda rows: [locks.mark_locked(row) for row in rows.order_by("pk")]
        )
        yield
