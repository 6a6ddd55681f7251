"""Seals: the journal, tied in order into a chain of Merkle roots, by a job, so that writing never waits.

A seal covers the entries of finished transactions only: all below the oldest one still running. Nothing can
be added to its range afterwards but by somebody who forges transaction ids, and that changes the root. How
far this goes, and what a restored database means: docs/decisions/0040-seals.md.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.db import connection, connections, transaction

from funding.models import JournalEntry, Posting, Seal, SealedLeaves, SealEpoch
from funding.services import merkle
from ila.core import clock
from ila.core.errors import DomainError

# Entries of one seal: its leaves are 40 bytes each, in memory and in the table.
MAX_ENTRIES = 50_000
GENESIS = "0" * 64
_ADVISORY_LOCK = 0x696C61_5EA1
_ID_BYTES = 8
_ROW = _ID_BYTES + merkle.HASH_BYTES

# The canonical text of an entry and its postings, as JSON. Never changed: a new text needs a new first word.
# `json.dumps(…, separators=(",", ":"), ensure_ascii=False)` gives the same bytes. Only the key is free text; words
# of ours need no escaping, and a forged one with a quote in it cannot lead to the text of another row.
_ENTRY_TEXT = """
    '["ila.entry.1",' || e.id || ',' || e.transaction_id || ',' || e.scheme_id || ',"' || e.kind || '","'
    || e.currency || '",' || to_json(e.idempotency_key::text) || ',' || e.actor_id
    || ',"' || to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '",'
    || coalesce(e.reverses_id::text, 'null') || ',['
    || coalesce(string_agg(
        '[' || p.id || ',"' || p.bucket || '","' || p.fund || '",' || p.amount_cents
        || ',' || coalesce(p.lot_id::text, 'null') || ',' || coalesce(p.budget_id::text, 'null')
        || ',' || coalesce(p.booking_id::text, 'null') || ']', ',' ORDER BY p.id), '') || ']]'
"""
_LEAVES = f"""
    SELECT e.transaction_id, e.id, sha256('\\x00'::bytea || convert_to({_ENTRY_TEXT}, 'UTF8')) AS hash
      FROM {JournalEntry._meta.db_table} AS e LEFT JOIN {Posting._meta.db_table} AS p ON p.entry_id = e.id
     WHERE e.transaction_id >= %s AND e.transaction_id < %s AND e.id > %s AND e.id <= %s
     GROUP BY e.id
"""
_CONTENT = "string_agg(int8send(leaf.id) || leaf.hash, ''::bytea ORDER BY leaf.transaction_id, leaf.id)"
_NO_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Epoch:
    """A stretch of the journal on one cluster: entries with `after_entry` < id <= `until_entry`."""

    number: int
    cluster: str
    after_entry: int
    until_entry: int

    @property
    def closed(self) -> bool:
        """Whether the journal has gone on to another cluster."""
        return self.until_entry != _NO_END


@dataclass(frozen=True, slots=True)
class Leaves:
    """Ids and hashes of entries in their order, as they are stored with a seal."""

    content: bytes

    def __len__(self) -> int:
        return len(self.content) // _ROW

    @property
    def rows(self) -> list[tuple[int, bytes]]:
        """(entry id, hash) in order."""
        return [
            (
                int.from_bytes(self.content[at : at + _ID_BYTES], "big", signed=True),
                self.content[at + _ID_BYTES : at + _ROW],
            )
            for at in range(0, len(self.content), _ROW)
        ]

    @property
    def hashes(self) -> list[bytes]:
        """The hashes alone, in order."""
        return [self.content[at + _ID_BYTES : at + _ROW] for at in range(0, len(self.content), _ROW)]

    @property
    def root(self) -> str:
        """The Merkle root, in hex."""
        return merkle.root(self.hashes).hex()


@dataclass(frozen=True, slots=True)
class Proof:
    """That one entry is under a seal: everything a third party needs besides the seal's published root."""

    seal_number: int
    merkle_root: str
    entry_id: int
    entry_text: str
    index: int
    size: int
    path: tuple[str, ...]

    def holds(self) -> bool:
        """Whether the entry's text leads to the root: recomputed, nothing is looked up."""
        leaf = merkle.leaf_hash(self.entry_text.encode())
        try:
            found = merkle.root_of_path(
                leaf, self.index, self.size, [bytes.fromhex(step) for step in self.path]
            )
        except ValueError:
            return False
        return found.hex() == self.merkle_root


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a seal or with a sealed entry; `row` is `seal:number` or `journalentry:id`."""

    row: str
    code: str
    detail: str


def seal_entries(*, max_entries: int = MAX_ENTRIES) -> list[Seal]:
    """Seal every entry of a finished transaction that is not sealed yet. Returns the new seals, oldest first.

    Each seal is a transaction of its own unless the caller has one, and holds about `max_entries` (all of a
    transaction at least). While another process seals, it does nothing.
    Raises: DomainError `database_moved` when the database is on another cluster than `migrate` last saw.
    """
    made: list[Seal] = []
    while (seal := _seal_next(max_entries)) is not None:
        made.append(seal)
    return made


def head() -> Seal | None:
    """The newest seal: its number and chain hash, kept elsewhere, vouch for everything before it."""
    return Seal.objects.order_by("-number").first()


def count_unsealed() -> int:
    """Entries that no seal covers yet."""
    last = head()
    if last is None:
        return JournalEntry.objects.count()
    return sum(
        JournalEntry.objects.filter(
            pk__gt=epoch.after_entry,
            pk__lte=epoch.until_entry,
            transaction_id__gte=last.to_transaction if epoch.number == last.epoch else 0,
        ).count()
        for epoch in epochs()
        if epoch.number >= last.epoch
    )


def chain_hash(seal: Seal, previous: str) -> str:
    """The link of a seal to the one before it, in hex; the first seal's previous link is 64 zeros."""
    content = [
        "ila.seal.1",
        previous,
        str(seal.number),
        str(seal.epoch),
        str(seal.from_transaction),
        str(seal.to_transaction),
        str(seal.entries),
        seal.merkle_root,
        seal.sealed_at.isoformat(),
    ]
    return hashlib.sha256("|".join(content).encode()).hexdigest()


def epochs() -> list[Epoch]:
    """The journal's epochs in order; one without end where `migrate` has opened none yet."""
    rows = list(SealEpoch.objects.order_by("number"))
    if not rows:
        return [Epoch(1, "", 0, _NO_END)]
    ends = [row.after_entry for row in rows[1:]] + [_NO_END]
    return [
        Epoch(row.number, row.cluster, row.after_entry, until) for row, until in zip(rows, ends, strict=True)
    ]


def open_epoch(*, using: str) -> bool:
    """Begin a new epoch if the database is on another cluster than before. Returns whether it did.

    As the owner role, from `migrate`: a restored database has to be migrated before anybody can use it.
    """
    owner = connections[using]
    with transaction.atomic(using=using), owner.cursor() as cursor:
        cluster = _cluster(cursor)
        last = SealEpoch.objects.using(using).order_by("-number").first()
        if last is not None and last.cluster == cluster:
            return False
        # Nobody writes while the border between the two is drawn.
        cursor.execute(f"LOCK TABLE {JournalEntry._meta.db_table} IN EXCLUSIVE MODE")
        cursor.execute(
            f"""
            SELECT greatest(max(id), pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass), 0)
              FROM {JournalEntry._meta.db_table}
            """,
            [JournalEntry._meta.db_table],
        )
        (border,) = cursor.fetchone()
        SealEpoch.objects.using(using).create(
            number=1 if last is None else last.number + 1,
            cluster=cluster,
            after_entry=0 if last is None else border,
            opened_at=clock.now(),
        )
    return True


def open_epoch_after_migrate(*, using: str, **_kwargs: Any) -> None:
    """Signal receiver: see `open_epoch`. A half-way migration has no table for it yet."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [SealEpoch._meta.db_table])
        (table,) = cursor.fetchone()
    if table is not None:
        open_epoch(using=using)


def prove(*, entry_id: int) -> Proof:
    """The proof that an entry is under its seal. Raises: DomainError `not_found`, `not_sealed`."""
    entry = JournalEntry.objects.filter(pk=entry_id).first()
    if entry is None:
        raise DomainError("not_found", status=404, kind="journalentry")
    epoch = next(each for each in epochs() if each.after_entry < entry_id <= each.until_entry)
    seal = Seal.objects.filter(
        epoch=epoch.number,
        from_transaction__lte=entry.transaction_id,
        to_transaction__gt=entry.transaction_id,
    ).first()
    if seal is None:
        raise DomainError("not_sealed", entry=entry_id)
    rows = Leaves(bytes(seal.leaves.content)).rows
    index = [pk for pk, _ in rows].index(entry_id)
    return Proof(
        seal_number=seal.number,
        merkle_root=seal.merkle_root,
        entry_id=entry_id,
        entry_text=entry_text(entry_id),
        index=index,
        size=len(rows),
        path=tuple(step.hex() for step in merkle.path([leaf for _, leaf in rows], index)),
    )


def entry_text(entry_id: int) -> str:
    """The canonical text of an entry and its postings: what its leaf is the hash of."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_ENTRY_TEXT} FROM {JournalEntry._meta.db_table} AS e"
            f" LEFT JOIN {Posting._meta.db_table} AS p ON p.entry_id = e.id WHERE e.id = %s GROUP BY e.id",
            [entry_id],
        )
        (text,) = cursor.fetchone()
    return str(text)


@dataclass(slots=True)
class Verification:
    """Recomputes the whole chain, some seals at a time: `for fault in Verification.start().faults(): …`."""

    anchors: dict[int, str]
    seals: int = 0
    entries: int = 0
    expected: int = 0

    @classmethod
    def start(cls, anchors: dict[int, str] | None = None) -> Self:
        """anchors: chain hashes that were kept elsewhere, by seal number."""
        expected = sum(Seal.objects.values_list("entries", flat=True))
        return cls(anchors=anchors or {}, expected=expected)

    def faults(self, *, progress: Callable[[int, int], None] | None = None) -> Iterator[Fault]:
        """Every fault, in the order of the chain; `seals` and `entries` count what was looked at.

        progress: called with the entries looked at and to be looked at.
        """
        known = {epoch.number: epoch for epoch in epochs()}
        previous: Seal | None = None
        chunk: list[Seal] = []
        for seal in Seal.objects.order_by("number", "pk").iterator(chunk_size=2000):
            yield from self._check_link(seal, previous, known)
            joined = previous is None or (seal.epoch == previous.epoch and _joins(previous, seal))
            if chunk and (not joined or sum(each.entries for each in chunk) + seal.entries > MAX_ENTRIES):
                yield from self._check_leaves(chunk, known)
                chunk = []
                if progress is not None:
                    progress(self.entries, self.expected)
            if seal.epoch in known:
                chunk.append(seal)
            previous = seal
        if chunk:
            yield from self._check_leaves(chunk, known)
        last = 0 if previous is None else previous.number
        for number in self.anchors:
            if number > last:
                yield Fault(f"seal:{number}", "seal_missing", "a seal that was published is not in the chain")

    def _check_link(self, seal: Seal, previous: Seal | None, known: dict[int, Epoch]) -> Iterator[Fault]:
        self.seals += 1
        row = f"seal:{seal.number}"
        link = GENESIS if previous is None else previous.chain_hash
        if chain_hash(seal, link) != seal.chain_hash:
            yield Fault(
                row, "seal_link", "its chain hash does not follow from its content and the seal before"
            )
        if seal.number != (1 if previous is None else previous.number + 1):
            yield Fault(row, "seal_missing", "a seal before it is missing")
        elif seal.epoch not in known or not (previous is None or _joins(previous, seal)):
            yield Fault(row, "seal_range", "its range does not begin where the seal before ends")
        elif previous is None and (seal.epoch, seal.from_transaction) != (min(known), 0):
            yield Fault(row, "seal_range", "the chain does not begin with the first entry")
        if self.anchors.get(seal.number, seal.chain_hash) != seal.chain_hash:
            yield Fault(row, "seal_anchor", "its chain hash is not the one that was published")

    def _check_leaves(self, chunk: Sequence[Seal], known: dict[int, Epoch]) -> Iterator[Fault]:
        first, last = chunk[0], chunk[-1]
        epoch = known[first.epoch]
        stored = {
            row.seal_id: Leaves(bytes(row.content)) for row in SealedLeaves.objects.filter(seal__in=chunk)
        }
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT width_bucket(leaf.transaction_id, %s::bigint[]),"
                f" {_CONTENT} FROM ({_LEAVES}) AS leaf GROUP BY 1",
                [
                    [seal.from_transaction for seal in chunk],
                    first.from_transaction,
                    last.to_transaction,
                    epoch.after_entry,
                    epoch.until_entry,
                ],
            )
            found = {place: Leaves(bytes(content)) for place, content in cursor.fetchall()}
        for place, seal in enumerate(chunk, start=1):
            yield from _compare(seal, stored.get(seal.pk, Leaves(b"")), found.get(place, Leaves(b"")))
            self.entries += seal.entries


def _compare(seal: Seal, stored: Leaves, found: Leaves) -> Iterator[Fault]:
    row = f"seal:{seal.number}"
    if len(stored) != seal.entries or stored.root != seal.merkle_root:
        yield Fault(row, "seal_leaves", "the leaves kept with it do not lead to its root")
    if stored == found:
        return
    if not len(found) or found.root != seal.merkle_root:
        yield Fault(row, "seal_root", "the entries of its range do not lead to its root")
    before, now = dict(stored.rows), dict(found.rows)
    for entry_id in sorted(before.keys() | now.keys()):
        entry = f"journalentry:{entry_id}"
        if entry_id not in now:
            yield Fault(entry, "entry_missing", f"{row} covers it, and it is not there")
        elif entry_id not in before:
            yield Fault(entry, "entry_inserted", f"it lies in the range of {row}, which does not cover it")
        elif before[entry_id] != now[entry_id]:
            yield Fault(entry, "entry_changed", f"it, or a posting of it, is not as {row} found it")


def _joins(previous: Seal, seal: Seal) -> bool:
    if seal.epoch == previous.epoch:
        return (
            seal.from_transaction == previous.to_transaction and seal.to_transaction > seal.from_transaction
        )
    return seal.epoch > previous.epoch and seal.from_transaction == 0


@transaction.atomic
def _seal_next(max_entries: int) -> Seal | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        if not cursor.fetchone()[0]:
            return None
        last = head()
        finished = _finished_before(cursor)
        for epoch in epochs():
            if last is not None and epoch.number < last.epoch:
                continue
            start = last.to_transaction if last is not None and last.epoch == epoch.number else 0
            end = _end_of_range(cursor, epoch, start, finished, max_entries)
            if end is not None:
                return _write(cursor, epoch, start, end, last)
    return None


def _finished_before(cursor: Any) -> int:
    """The oldest transaction that may still write. Read before any entry: nothing appears below it later."""
    cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    (finished,) = cursor.fetchone()
    present = epochs()[-1]
    if present.cluster and _cluster(cursor) != present.cluster:
        raise DomainError("database_moved", status=500, hint="run `manage.py migrate` first")
    return int(finished)


def _end_of_range(cursor: Any, epoch: Epoch, start: int, finished: int, max_entries: int) -> int | None:
    """Where a seal that begins at `start` ends; None when there is nothing to seal."""
    # Of a closed epoch everything is finished: its cluster is gone.
    limit = _NO_END if epoch.closed else finished
    cursor.execute(
        f"""
        WITH next AS (
            SELECT transaction_id FROM {JournalEntry._meta.db_table}
             WHERE transaction_id >= %s AND transaction_id < %s AND id > %s AND id <= %s
             ORDER BY transaction_id LIMIT %s
        )
        SELECT count(*), min(transaction_id), max(transaction_id) FROM next
        """,
        [start, limit, epoch.after_entry, epoch.until_entry, max_entries + 1],
    )
    count, lowest, highest = cursor.fetchone()
    if not count:
        return None
    if count <= max_entries:
        return int(highest) + 1 if epoch.closed else limit
    # The last transaction may go on beyond the limit: it belongs to the next seal, unless it is the only one.
    return int(highest) if highest > lowest else int(lowest) + 1


def _write(cursor: Any, epoch: Epoch, start: int, end: int, last: Seal | None) -> Seal:
    cursor.execute(
        f"SELECT {_CONTENT} FROM ({_LEAVES}) AS leaf",
        [start, end, epoch.after_entry, epoch.until_entry],
    )
    leaves = Leaves(bytes(cursor.fetchone()[0]))
    seal = Seal(
        number=1 if last is None else last.number + 1,
        epoch=epoch.number,
        from_transaction=start,
        to_transaction=end,
        entries=len(leaves),
        merkle_root=leaves.root,
        sealed_at=clock.now(),
    )
    seal.chain_hash = chain_hash(seal, GENESIS if last is None else last.chain_hash)
    seal.save(force_insert=True)
    SealedLeaves(seal=seal, content=leaves.content).save(force_insert=True)
    return seal


def _cluster(cursor: Any) -> str:
    cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
    return str(cursor.fetchone()[0])
