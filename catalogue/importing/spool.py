"""Where a call's entries wait on disk until all its files are known to be readable.

A provider is stored whole or not at all and its entries may lie anywhere in any file, so nothing can be
written before the last byte was read. The spool is SQLite's nameless file: the system takes it away however
the process ends.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self

from catalogue.importing.entries import Entry, EntryData, digest
from catalogue.importing.problems import Problem, Problems

MAX_BATCH_BYTES = 8_000_000
_TABLES = """
    CREATE TABLE entry (
        seq INTEGER PRIMARY KEY, provider TEXT NOT NULL, number TEXT NOT NULL, line INTEGER NOT NULL,
        digest TEXT NOT NULL, status TEXT NOT NULL, guarantees TEXT NOT NULL, data BLOB NOT NULL
    );
    CREATE TABLE numbered (provider TEXT, number TEXT, PRIMARY KEY (provider, number)) WITHOUT ROWID;
    CREATE TABLE provider (
        name TEXT PRIMARY KEY, entries INTEGER NOT NULL, faults INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE warning (
        seq INTEGER PRIMARY KEY, provider TEXT NOT NULL,
        line INTEGER, entry TEXT, field TEXT, code TEXT, message TEXT
    );
"""


@dataclass(frozen=True)
class Spooled:
    """An entry as it comes back from the spool. guarantees: per offer's and session's number."""

    number: str
    line: int
    digest: str
    status: str
    guarantees: list[tuple[str, str, bool]]
    raw: bytes

    @cached_property
    def data(self) -> EntryData:
        """All of it; an entry that is unchanged is never asked."""
        return EntryData.loads(self.raw, self.guarantees)


class Spool:
    """The entries of one call, by provider. number_field: what the file calls an entry's number."""

    def __init__(self, number_field: str) -> None:
        self._number_field = number_field
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA temp_store = FILE")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")
        self.entries = 0
        self.unowned = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def add(self, entry: Entry) -> None:
        """Keep an entry; one whose number its provider has used in this call fails as `duplicate`."""
        self.entries += 1
        if entry.provider is None:
            # Nobody's: it counts as a provider of its own, and is rejected with it.
            self.unowned += 1
            return
        if entry.number or (entry.number is not None and not entry.errors):
            cursor = self._db.execute(
                "INSERT OR IGNORE INTO numbered VALUES (?, ?)", (entry.provider, entry.number)
            )
            if not cursor.rowcount:
                entry.fail("duplicate", f"{entry.name} comes twice", self._number_field)
        self._db.execute(
            "INSERT INTO provider VALUES (?, 1, ?) ON CONFLICT (name) DO UPDATE"
            " SET entries = entries + 1, faults = faults + excluded.faults",
            (entry.provider, 1 if entry.errors else 0),
        )
        for warning in entry.warnings:
            self._db.execute(
                "INSERT INTO warning (provider, line, entry, field, code, message) VALUES (?, ?, ?, ?, ?, ?)",
                (entry.provider, warning.line, warning.entry, warning.field, warning.code, warning.message),
            )
        if entry.data is not None and not entry.errors and entry.number is not None:
            data = entry.data.dumps()
            self._db.execute(
                "INSERT INTO entry (provider, number, line, digest, status, guarantees, data)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.provider,
                    entry.number,
                    entry.line,
                    digest(data),
                    entry.data.status,
                    json.dumps(entry.data.guarantees()),
                    data,
                ),
            )

    def close(self) -> None:
        """End of the reading: what comes now asks provider by provider."""
        self._db.execute("CREATE INDEX entry_provider ON entry (provider, number)")

    @property
    def rejected(self) -> int:
        """Entries of providers with a fault, those of nobody included."""
        row = self._db.execute("SELECT coalesce(sum(entries), 0) FROM provider WHERE faults > 0").fetchone()
        return int(row[0]) + self.unowned

    def providers(self) -> list[str]:
        """The providers without any fault, by id."""
        return [
            row[0] for row in self._db.execute("SELECT name FROM provider WHERE faults = 0 ORDER BY name")
        ]

    def faulty(self) -> set[str]:
        """The providers with a fault."""
        return {row[0] for row in self._db.execute("SELECT name FROM provider WHERE faults > 0")}

    def batches(self, provider: str, size: int) -> Iterator[list[Spooled]]:
        """A provider's entries by number, so many at a time, fewer when they are large."""
        sql = (
            "SELECT number, line, digest, status, guarantees, data FROM entry"
            " WHERE provider = ? AND number {} ? ORDER BY number LIMIT ?"
        )
        after, comparison = "", ">="
        while True:
            batch: list[Spooled] = []
            weight = 0
            for row in self._db.execute(sql.format(comparison), (provider, after, size)):
                number, line, fingerprint, status, guarantees, data = row
                batch.append(Spooled(number, line, fingerprint, status, json.loads(guarantees), data))
                weight += len(data)
                if weight > MAX_BATCH_BYTES:
                    break
            if not batch:
                return
            yield batch
            after, comparison = batch[-1].number, ">"

    def holds(self, provider: str, number: str) -> bool:
        """Whether the call has that entry."""
        found = self._db.execute(
            "SELECT 1 FROM numbered WHERE provider = ? AND number = ?", (provider, number)
        )
        return found.fetchone() is not None

    def copy_warnings(self, into: Problems) -> None:
        """The warnings of all providers without a fault, in the order of the files."""
        rows = self._db.execute(
            "SELECT line, entry, field, code, message"
            " FROM warning JOIN provider ON provider.name = warning.provider"
            " WHERE provider.faults = 0 ORDER BY warning.seq"
        )
        for line, entry, field, code, message in rows:
            into.add(Problem(code, message, line=line, entry=entry, field=field))
