"""One step for many bookings of a session: each in its own transaction, so that one refusal stops nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import transaction

from funding.models import Booking
from ila.core.errors import DomainError

# A form asks for so many at most: what it does is done before its answer.
MOST = 100


@dataclass(slots=True)
class Outcome:
    """What became of a step: for whom it was done, and for whom it was refused, and why."""

    done: list[Booking] = field(default_factory=list)
    refused: list[tuple[Booking, DomainError]] = field(default_factory=list)


def for_each(bookings: Iterable[Booking], step: Callable[[Booking], object]) -> Outcome:
    """Take the step for each booking. Sent twice, the second time refuses what the first has done.

    Raises: DomainError `too_many` above the most that one form may do, before anything is done.
    """
    chosen = list(bookings)
    if len(chosen) > MOST:
        raise DomainError("too_many", limit=MOST)
    outcome = Outcome()
    for booking in chosen:
        try:
            with transaction.atomic():
                step(booking)
        except DomainError as refused:
            outcome.refused.append((booking, refused))
        else:
            outcome.done.append(booking)
    return outcome
