"""The file of a case: records are added, never changed, and each is sealed to the one before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from fraud.models import Case, CaseRecord, RecordKind
from ila.core import clock, locks

Entry = tuple[RecordKind, str, Mapping[str, Any]]
"""What a record is of, its text, and its data."""


def record(
    case: Case, kind: RecordKind, *, actor: User, text: str = "", data: Mapping[str, Any] | None = None
) -> CaseRecord:
    """Add a record to the file of a locked case."""
    (row,) = record_all(case, [(kind, text, data or {})], actor=actor)
    return row


def record_all(case: Case, entries: Sequence[Entry], *, actor: User) -> list[CaseRecord]:
    """Add records to the file of a locked case, in this order. Two queries, however many they are."""
    locks.require([case])
    last = case.records.order_by("-number").values_list("number", "hash").first()
    number, previous = (0, "") if last is None else last
    rows = []
    for kind, text, data in entries:
        number += 1
        row = CaseRecord(
            case=case,
            number=number,
            kind=kind,
            at=clock.now(),
            actor=actor,
            text=text,
            data=json.loads(json.dumps(data, cls=DjangoJSONEncoder)),
            previous_hash=previous,
        )
        row.hash = previous = hash_of(case, row)
        rows.append(row)
    return CaseRecord.objects.bulk_create(rows, batch_size=1000)


def hash_of(case: Case, row: CaseRecord) -> str:
    """SHA-256 over the case's id, all that the record says, and the hash before."""
    said = [
        str(case.public_id),
        row.number,
        str(row.kind),
        row.at.isoformat(),
        row.actor_id,
        row.text,
        row.data,
        row.previous_hash,
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def faults(case: Case) -> Iterator[str]:
    """What is wrong with the file: a record that is missing, was inserted, or says something else than it did."""
    yield from faults_in(case, case.records.order_by("number"))


def faults_in(case: Case, records: Iterable[CaseRecord]) -> Iterator[str]:
    """As `faults`, of records that were read already, by number."""
    previous = ""
    for expected, row in enumerate(records, start=1):
        if row.number != expected:
            yield f"record {expected} is missing"
            return
        if row.previous_hash != previous:
            yield f"record {row.number} does not follow the one before"
        if row.hash != hash_of(case, row):
            yield f"record {row.number} was changed"
        previous = row.hash
