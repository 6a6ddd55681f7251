"""Clients as they are in life: processes of their own, each with its own connection."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from django.db import connections

from funding.bench.figures import Timings
from ila.core.errors import DomainError

Work = TypeVar("Work")
_FORK = multiprocessing.get_context("fork")


def run_clients(
    shares: Sequence[Sequence[Work]], act: Callable[[Work], object], *, seconds: float, warm_up: int = 0
) -> Timings:
    """Let one process per share do `act` on its pieces, all at the same time, until the seconds are over.

    warm_up: pieces that each does first, untimed: a server's processes have long been at work. A DomainError
    counts as refused, by its code. Raises: RuntimeError with what any other error said.
    """
    connections.close_all()
    barrier = _FORK.Barrier(len(shares))
    processes: list[Any] = []
    ends: list[Connection] = []
    for share in shares:
        ours, theirs = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=_client, args=(share, act, seconds, warm_up, barrier, theirs))
        process.start()
        theirs.close()
        processes.append(process)
        ends.append(ours)
    per_s = 0.0
    durations: list[float] = []
    refused: Counter[str] = Counter()
    errors = []
    for end, process in zip(ends, processes, strict=True):
        try:
            elapsed, taken, codes, error = end.recv()
        except EOFError:
            elapsed, taken, codes, error = 1.0, [], Counter(), "a client ended without a word"
        process.join()
        per_s += len(taken) / elapsed
        durations += taken
        refused += codes
        errors += [error] if error else []
    if errors:
        raise RuntimeError(f"{len(errors)} of {len(shares)} clients failed: {errors[0]}")
    warmed_up = sum(min(warm_up, len(share)) for share in shares)
    return Timings(per_s, tuple(durations), dict(refused), warmed_up)


def _client(
    share: Sequence[Work],
    act: Callable[[Work], object],
    seconds: float,
    warm_up: int,
    barrier: "multiprocessing.synchronize.Barrier",
    report: Connection,
) -> None:
    taken: list[float] = []
    codes: Counter[str] = Counter()
    error = ""
    began = time.perf_counter()
    try:
        connections["default"].ensure_connection()
        for piece in share[:warm_up]:
            act(piece)
        barrier.wait(60)
        began = time.perf_counter()
        for piece in share[warm_up:]:
            before = time.perf_counter()
            if before - began >= seconds:
                break
            try:
                act(piece)
            except DomainError as refusal:
                codes[refusal.code] += 1
            else:
                taken.append(time.perf_counter() - before)
    except Exception as failure:  # noqa: BLE001 - told to the parent, which raises it
        error = f"{type(failure).__name__}: {' '.join(str(failure).split())[:300]}"
        barrier.abort()
    elapsed = max(time.perf_counter() - began, 1e-9)
    connections.close_all()
    report.send((elapsed, taken, codes, error))
    report.close()
