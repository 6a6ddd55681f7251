"""One run: the streams merged by their due moments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from funding.models import Booking, Scheme
from funding.services.due import terms
from funding.services.due.marks import read_marks
from funding.services.due.moments import CLOSED, OPENED, HoldStream, SuspensionStream, WindowStream
from funding.services.due.money import ExpiryStream, NoticeStream
from funding.services.due.results import DueResult
from ila.core import clock


class Stream(Protocol):
    """Deadlines of one kind that are due."""

    def head(self) -> datetime | None:
        """When the first of them fell due; None when there is none."""

    def execute(self, until: datetime) -> int:
        """Execute a set of those due up to that moment. Returns how many; 0 when others have them all in hand."""


def next_due_at(*, after: datetime | None = None, scheme: Scheme | None = None) -> datetime | None:
    """The next moment at which a booking has something due by itself, after `after`, of one scheme or any."""
    waiting = Booking.objects.filter(next_due_at__isnull=False)
    if scheme is not None:
        waiting = waiting.filter(account__scheme=scheme)
    if after is not None:
        waiting = waiting.filter(next_due_at__gt=after)
    return waiting.order_by("next_due_at").values_list("next_due_at", flat=True).first()


def due_count(*, at_most: int) -> int:
    """How many bookings have something due now that nothing stops, counted up to a number."""
    now = clock.now()
    return terms.overdue(now=now).exclude(terms.stopped(now)).order_by("next_due_at")[:at_most].count()


def run_due(*, scheme: Scheme | None = None) -> DueResult:
    """Execute everything that is due now, earliest first, in sets of a transaction each.

    scheme: only what is that scheme's. Running it twice, or from several workers at once, does each thing once:
    what one has in hand the others pass over, and what a killed one left undone is undone.
    """
    now = clock.now()
    result = DueResult()
    if scheme is None:
        # Holds are of bookings, sessions, providers and banks, not of a scheme. They come first: what they
        # stopped is due from their end on.
        _merge([HoldStream(now, read_marks(), result)], now)
    streams = _streams(scheme, now, result)
    # What one stream executes may make another's due: money that comes back to a lot whose last day is over.
    while _merge(streams, now):
        pass
    due_and_held = terms.overdue(scheme=scheme, now=now).filter(terms.stopped(now))
    result.held = due_and_held.count()
    return result


def _merge(streams: Sequence[Stream], now: datetime) -> bool:
    """Execute until no stream has anything left, or anything it can have. Returns whether anything was done."""
    heads = [(head, place) for place, stream in enumerate(streams) if (head := stream.head()) is not None]
    anything = False
    while heads:
        heads.sort()
        _, place = heads.pop(0)
        # As far as the next stream's first moment: what fell due together may be executed in either order.
        until = heads[0][0] if heads else now
        if streams[place].execute(until):
            anything = True
            head = streams[place].head()
            if head is not None:
                heads.append((head, place))
    return anything


def _streams(scheme: Scheme | None, now: datetime, result: DueResult) -> list[Stream]:
    marks = read_marks(scheme)
    schemes = [scheme] if scheme is not None else list(Scheme.objects.order_by("pk"))
    return [
        terms.TermStream(scheme, now, result),
        ExpiryStream(schemes, now, marks, result),
        NoticeStream(schemes, now, marks, result),
        SuspensionStream(schemes, now, marks, result),
        WindowStream(OPENED, schemes, now, marks, result),
        WindowStream(CLOSED, schemes, now, marks, result),
    ]
