"""What a run has done."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class DueResult:
    """How many of each kind were executed.

    lapsed: proposals (F-21). validated: services (F-27). advances: providers told that they may claim one (F-31).
    proofs_overdue: trainings whose completion nobody has proved in time (N-10). expired: lots whose last day is
    over. noticed: learners told that money will expire. holds_ended, suspensions_ended, windows_opened,
    windows_closed. held: bookings that are due and under control: they wait for the hold's end. failed: bookings
    whose deadline could not be executed: each has a review.
    """

    lapsed: int = 0
    validated: int = 0
    advances: int = 0
    proofs_overdue: int = 0
    expired: int = 0
    noticed: int = 0
    holds_ended: int = 0
    suspensions_ended: int = 0
    windows_opened: int = 0
    windows_closed: int = 0
    held: int = 0
    failed: int = 0

    def add(self, other: "DueResult") -> None:
        """Add what another run, or a part of this one, has done."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
