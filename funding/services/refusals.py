"""Why a message of the bank is refused, and what is kept of one that was believed."""

from dataclasses import dataclass, field
from typing import Any

MAX_NOTES = 200


class RefusedMessage(Exception):  # noqa: N818 - reads as what it is
    """A readable message that does not fit what was sent; it changes no balance.

    code: `unknown_file`, `unknown_payment`, `unknown_account`, `other_batch`, `other_amount`, `duplicate_message`,
    `duplicate_statement`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(slots=True)
class Report:
    """What a processed message did: counts, and notes for the person who reads it."""

    counts: dict[str, int] = field(default_factory=dict)
    notes: list[dict[str, str]] = field(default_factory=list)

    def count(self, what: str, number: int = 1) -> None:
        if number:
            self.counts[what] = self.counts.get(what, 0) + number

    def note(self, code: str, about: str) -> None:
        self.count(code)
        if len(self.notes) < MAX_NOTES:
            self.notes.append({"code": code, "about": about})

    def as_detail(self) -> dict[str, Any]:
        return {"counts": self.counts, "notes": self.notes}
