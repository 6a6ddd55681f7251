"""What an audit found: per invariant of HOUSE, how much was looked at and which rows are at fault."""

from dataclasses import dataclass, field
from typing import Any

INVARIANTS = {
    1: "The postings of every journal entry add up to zero, per currency",
    2: "Nobody updates, deletes or truncates a posting",
    3: "Every stored balance equals the sum of its postings",
    4: "No lot, no session's seats and no budget is below zero",
    5: "What a booking holds equals the sum of its allocations",
    6: "Appropriated money is accounted for, per scheme and fund",
    7: "Every payment has a claim approved by another person",
    8: "Every accepted booking has its own learner's consent",
    9: "Provider and micro-credential were accredited at acceptance and start",
    10: "The same key, or the same event, changes money once",
    11: "Journal entries are sealed in order, and none is changed, missing or inserted",
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One row at fault: `row` is `table:id`, `code` says what is wrong with it, `detail` gives the values."""

    row: str
    code: str
    detail: str = ""


@dataclass(slots=True)
class InvariantReport:
    """One invariant: how many rows were checked, and those at fault.

    left_out: findings beyond the first thousand of a kind, counted but not named.
    """

    id: int
    name: str
    checked: int = 0
    findings: list[Finding] = field(default_factory=list)
    left_out: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the invariant holds."""
        return not self.findings

    @property
    def violations(self) -> list[str]:
        """The rows at fault, each once."""
        return sorted({finding.row for finding in self.findings}, key=_by_number)


@dataclass(slots=True)
class AuditReport:
    """All invariants that were asked for, in their order. further: rules that other apps add."""

    invariants: list[InvariantReport]
    further: list[InvariantReport] = field(default_factory=list)

    @property
    def all(self) -> list[InvariantReport]:
        """Invariants of the books, then what other apps add."""
        return [*self.invariants, *self.further]

    @property
    def ok(self) -> bool:
        """Whether every invariant holds."""
        return not [each for each in self.all if not each.ok]

    @property
    def violations(self) -> list[str]:
        """The rows at fault of all invariants, each once."""
        return sorted({row for each in self.all for row in each.violations}, key=_by_number)

    def as_json(self) -> dict[str, Any]:
        """The shape of `manage.py audit --json`. further: rules of other apps, which are no invariants of the books."""
        return {
            "ok": self.ok,
            "invariants": [_as_json(each) for each in self.invariants],
            "further": [_as_json(each) for each in self.further],
        }


def _as_json(each: InvariantReport) -> dict[str, Any]:
    return {
        "id": each.id,
        "name": each.name,
        "checked": each.checked,
        "violations": each.violations,
        "findings": [
            {"row": finding.row, "code": finding.code, "detail": finding.detail}
            for finding in sorted(each.findings)
        ],
        **({"violations_left_out": each.left_out} if each.left_out else {}),
        **each.notes,
    }


def _by_number(row: str) -> tuple[str, int, str]:
    table, _, rest = row.partition(":")
    return table, int(rest) if rest.isdecimal() else 0, rest
