"""What somebody above funding has to say before money leaves, and as facts are entered: asked here, answered there.

Funding does not know who looks for misuse. The app that does says so at its start (`use`); without one, and where a
scenario is only tried out (`lifted`), nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from typing import Protocol

from catalogue.models import Session
from funding.models import Booking, LearningAccount


class Gate(Protocol):
    """Answers with a DomainError where something must not go on."""

    def check_payments(self, *, batch_id: int) -> None:
        """Look at what a batch is about to pay, on the facts of this moment, and stop by holds what must not leave.

        Raises: DomainError `not_screened` when it could not look: then nothing leaves.
        """

    def screening_of(self, *, batch_id: int) -> str:
        """What became of the latest look at a batch, for its page; empty before the first."""

    def check_booking(self, *, account: LearningAccount, session: Session) -> None:
        """Raises: DomainError `overlapping` for a learner who would be in two places at once (D12)."""

    def check_presence(self, *, booking: Booking, day: date) -> None:
        """Raises: DomainError `overlapping` for a learner who signed in elsewhere at the same time (D12)."""

    def check_hours(self, *, day: date, hours: Mapping[int, Decimal]) -> None:
        """Hours of a day by booking id. Raises: DomainError `too_many_hours` above 24 of one learner (D13)."""

    def check_certificate(self, *, booking: Booking) -> None:
        """Raises: DomainError `too_early` for a certificate before the training has ended (D16)."""


_gate: Gate | None = None
_lifted: ContextVar[bool] = ContextVar("ila_gates_lifted", default=False)


def use(gate: Gate | None) -> Gate | None:
    """Say who answers from now on; returns who did before."""
    global _gate
    before, _gate = _gate, gate
    return before


@contextmanager
def lifted() -> Iterator[None]:
    """Ask nobody inside: what is tried out there stays nowhere."""
    token = _lifted.set(True)
    try:
        yield
    finally:
        _lifted.reset(token)


def _asked() -> Gate | None:
    return None if _lifted.get() else _gate


def check_payments(*, batch_id: int) -> None:
    """As `Gate.check_payments`."""
    if (gate := _asked()) is not None:
        gate.check_payments(batch_id=batch_id)


def screening_of(*, batch_id: int) -> str:
    """As `Gate.screening_of`."""
    gate = _asked()
    return "" if gate is None else gate.screening_of(batch_id=batch_id)


def check_booking(*, account: LearningAccount, session: Session) -> None:
    """As `Gate.check_booking`."""
    if (gate := _asked()) is not None:
        gate.check_booking(account=account, session=session)


def check_presence(*, booking: Booking, day: date) -> None:
    """As `Gate.check_presence`."""
    if (gate := _asked()) is not None:
        gate.check_presence(booking=booking, day=day)


def check_hours(*, day: date, hours: Mapping[int, Decimal]) -> None:
    """As `Gate.check_hours`."""
    if (gate := _asked()) is not None and hours:
        gate.check_hours(day=day, hours=hours)


def check_certificate(*, booking: Booking) -> None:
    """As `Gate.check_certificate`."""
    if (gate := _asked()) is not None:
        gate.check_certificate(booking=booking)
