"""How a check is written: one statement that yields the rows at fault, so that it sees one moment."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from funding.audit.report import Finding

# Rows named of one kind of fault; the rest is counted.
NAMED_AT_MOST = 1000

_NAMED = """
SELECT code, row_at_fault, detail, total FROM (
    SELECT code, row_at_fault, detail, count(*) OVER kind AS total,
           row_number() OVER (PARTITION BY code ORDER BY row_at_fault) AS place
      FROM ({sql}) AS fault (code, row_at_fault, detail)
    WINDOW kind AS (PARTITION BY code)
) AS named WHERE place <= {at_most}
"""


def faults_of(conditions: Mapping[str, str]) -> str:
    """Joins one row per fault of a row, as `fault.code`: the end of a statement over many rows, few of them at fault.

    conditions: SQL by code. A row without a fault is passed by with one look.
    """
    values = ", ".join(f"('{code}', {condition})" for code, condition in conditions.items())
    anything = " OR ".join(f"({condition})" for condition in conditions.values())
    return f"CROSS JOIN LATERAL (VALUES {values}) AS fault (code, found) WHERE ({anything}) AND fault.found"


@dataclass(frozen=True, slots=True)
class SqlCheck:
    """A statement with the columns (code, row at fault, detail); `faults` says which invariant a code breaks.

    sql may be a function that builds it, when it needs what the database or the models say.
    """

    name: str
    faults: Mapping[str, int]
    sql: str | Callable[[], str]
    params: tuple[Any, ...] = ()

    @property
    def invariants(self) -> set[int]:
        """The invariants that this check speaks of."""
        return set(self.faults.values())

    def run(self, cursor: Any) -> Iterable[tuple[int, Finding, int]]:
        """(invariant, finding, how many of its code there are) of every fault that is named."""
        sql = self.sql if isinstance(self.sql, str) else self.sql()
        # Percent signs are SQL's own where there are no parameters.
        cursor.execute(_NAMED.format(sql=sql, at_most=NAMED_AT_MOST), self.params or None)
        for code, row, detail, total in cursor.fetchall():
            yield self.faults[code], Finding(str(row), code, str(detail or "")), total


@dataclass(frozen=True, slots=True)
class Count:
    """How much an invariant was checked on."""

    invariant: int
    sql: str

    def run(self, cursor: Any) -> int:
        """The number."""
        cursor.execute(self.sql)
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class PythonCheck:
    """A check that needs more than a statement: what it yields is (invariant, finding).

    by_models: it reads through models, not through the cursor that it is given.
    """

    name: str
    invariants: set[int]
    find: Callable[[Any], Iterable[tuple[int, Finding]]]
    by_models: bool = False

    def run(self, cursor: Any) -> Iterable[tuple[int, Finding, int]]:
        """As `SqlCheck.run`; every finding is named."""
        for invariant, finding in self.find(cursor):
            yield invariant, finding, 0


Check = SqlCheck | PythonCheck


@dataclass(slots=True)
class Group:
    """One module's checks and counts."""

    checks: list[Check] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
