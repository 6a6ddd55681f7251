"""What an import has to say about a file: errors, warnings, and refusals of the whole call."""

from dataclasses import dataclass, field
from typing import Any

MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning. line: where the entry starts, 1 is the first; entry, field: null when of none."""

    code: str
    message: str
    line: int | None = None
    entry: str | None = None
    field: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of the report."""
        return {
            "line": self.line,
            "entry": self.entry,
            "field": self.field,
            "code": self.code,
            "message": self.message,
        }


class RefusedWholeError(Exception):
    """The call is refused: nothing of any file is stored."""

    def __init__(self, code: str, message: str, *, line: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(code, message, line=line, field=field)


@dataclass(slots=True)
class Problems:
    """A list that stops growing, at 1,000 unless told otherwise, and goes on counting."""

    listed: list[Problem] = field(default_factory=list)
    count: int = 0
    most: int = MAX_LISTED

    def add(self, problem: Problem) -> None:
        """Count it, and list it while there is room."""
        self.count += 1
        if len(self.listed) < self.most:
            self.listed.append(problem)

    @property
    def left_out(self) -> int:
        """How many are counted but not listed."""
        return self.count - len(self.listed)


@dataclass(slots=True)
class Report:
    """What an import did. Counts are of entries: created + updated + unchanged + rejected = entries read."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    delisted: int = 0
    errors: Problems = field(default_factory=Problems)
    warnings: Problems = field(default_factory=Problems)

    @classmethod
    def refused(cls, problem: Problem) -> "Report":
        """The report of a call that is refused whole: no counts, one error."""
        report = cls()
        report.errors.add(problem)
        return report

    def as_json(self) -> dict[str, Any]:
        """The object that the command prints."""
        result: dict[str, Any] = {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "delisted": self.delisted,
            "errors": [problem.as_json() for problem in self.errors.listed],
            "warnings": [problem.as_json() for problem in self.warnings.listed],
        }
        if self.errors.left_out:
            result["errors_left_out"] = self.errors.left_out
        if self.warnings.left_out:
            result["warnings_left_out"] = self.warnings.left_out
        return result
