"""The one source of the present moment, so that a scenario can be played on a virtual clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.utils import timezone


class VirtualClock:
    """A clock that stands still until it is moved; it never goes back."""

    def __init__(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError("a virtual clock needs an aware datetime")
        self.moment = moment.astimezone(UTC)

    def move(self, moment: datetime) -> None:
        """Set the present to `moment`. Raises ValueError for a moment in the clock's past, or a naive one."""
        if moment.tzinfo is None:
            raise ValueError("a virtual clock needs an aware datetime")
        if moment < self.moment:
            raise ValueError(f"the clock cannot go back from {self.moment} to {moment}")
        self.moment = moment.astimezone(UTC)


_virtual: ContextVar[VirtualClock | None] = ContextVar("ila_virtual_clock", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC; virtual inside `at(...)`."""
    virtual = _virtual.get()
    return virtual.moment if virtual is not None else timezone.now()


@contextmanager
def at(moment: datetime) -> Iterator[VirtualClock]:
    """Let the present be `moment` for the code inside; yields the clock to move it on."""
    virtual = VirtualClock(moment)
    token = _virtual.set(virtual)
    try:
        yield virtual
    finally:
        _virtual.reset(token)
