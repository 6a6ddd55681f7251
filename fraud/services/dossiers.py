"""The dossier of a case: everything of it in one archive, with a manifest of hashes by which anybody can check it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model
from django.utils import formats, translation
from django.utils.translation import gettext as _

from accounts.models import User
from catalogue import documents
from fraud import permissions, words
from fraud.detection.registry import DETECTORS
from fraud.models import Alert, BlacklistEntry, Case, MeasureEffect, RecordKind
from fraud.services import case_file
from fraud.services.cases import lock_case
from funding.printing import Paper
from ila.core import clock
from ila.core.errors import DomainError
from ila.core.money import format_cents

MANIFEST = "manifest.json"
# The paper names so many rows of an alert; the data has them all.
EVIDENCE_NAMED = 40
# A short record with its hash.
RECORD_MM = 14
# A spreadsheet takes what begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@transaction.atomic
def make_dossier(*, actor: User, case_id: int) -> bytes:
    """Everything of a case as a ZIP: a PDF to read, data as JSON and CSV, letters, files, and the manifest.

    That it was made is a record of the file itself, with the hash of the manifest. Locks: the case.
    Records: `dossier`. Raises: DomainError `not_allowed` (403) for who may not see cases.
    """
    case = lock_case(case_id)
    if not permissions.may_see_cases(actor):
        raise DomainError("not_allowed", status=403, what="dossier")
    files = dict(_files(case))
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    last = case.records.order_by("-number").first()
    manifest = _json(
        {
            "case": case.number,
            "id": case.public_id,
            "made_at": clock.now(),
            "made_by": actor.pk,
            "records": 0 if last is None else last.number,
            "chain": "" if last is None else last.hash,
            "sha256": hashes,
        }
    )
    case_file.record(
        case,
        RecordKind.DOSSIER,
        actor=actor,
        data={"manifest_sha256": hashlib.sha256(manifest).hexdigest(), "files": len(files)},
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(MANIFEST, manifest), *sorted(files.items())]:
            archive.writestr(zipfile.ZipInfo(name, clock.now().timetuple()[:6]), content)
    return stream.getvalue()


def faults_of(source: BinaryIO) -> Iterator[str]:
    """What is wrong with a dossier: a file missing, added or changed, or a chain of records that is broken."""
    try:
        with zipfile.ZipFile(source) as archive:
            names = set(archive.namelist())
            if MANIFEST not in names:
                yield f"{MANIFEST} is missing"
                return
            manifest = json.loads(archive.read(MANIFEST))
            wanted: Mapping[str, str] = manifest["sha256"]
            for name in sorted(wanted.keys() - names):
                yield f"{name} is missing"
            for name in sorted(names - wanted.keys() - {MANIFEST}):
                yield f"{name} was added"
            for name in sorted(names & wanted.keys()):
                if hashlib.sha256(archive.read(name)).hexdigest() != wanted[name]:
                    yield f"{name} was changed"
            if "data/records.json" in names:
                yield from _chain_faults(json.loads(archive.read("data/records.json")), manifest)
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        yield f"not a dossier: {type(error).__name__}"


def _chain_faults(records: list[Mapping[str, Any]], manifest: Mapping[str, Any]) -> Iterator[str]:
    previous = ""
    for expected, row in enumerate(records, start=1):
        if row["number"] != expected or row["previous_hash"] != previous:
            yield f"record {expected} does not follow the one before"
        previous = row["hash"]
    if previous != manifest["chain"]:
        yield "the last record is not the one that the manifest names"


def _files(case: Case) -> Iterator[tuple[str, bytes]]:
    yield "dossier.pdf", _paper(case)
    yield "data/case.json", _json({**_row(case), "number": case.number, "provider": str(case.provider)})
    yield "data/records.json", _json([_row(each) for each in case.records.order_by("number")])
    yield "data/steps.json", _json([_row(each) for each in case.log.order_by("pk")])
    alerts = list(case.alerts.order_by("pk").prefetch_related("sightings"))
    yield (
        "data/alerts.json",
        _json(
            [{**_row(each), "sightings": [_row(more) for more in each.sightings.all()]} for each in alerts]
        ),
    )
    rows = [row for each in alerts for row in each.evidence_rows]
    rows += [row for each in alerts for more in each.sightings.all() for row in more.evidence_rows]
    yield from _tables(rows)
    measures = case.measures.order_by("pk")
    effects = MeasureEffect.objects.filter(measure__case=case).order_by("pk")
    entries = BlacklistEntry.objects.filter(measure__case=case).order_by("pk")
    yield "data/measures.json", _json([_row(each) for each in measures])
    yield "data/effects.json", _json([_row(each) for each in effects])
    yield "data/blacklist.json", _json([_row(each) for each in entries])
    bookings = case.bookings.select_related("booking").order_by("pk")
    yield (
        "data/bookings.json",
        _json([{**_row(each), "public_id": each.booking.public_id} for each in bookings]),
    )
    yield "data/questions.json", _json([_row(each) for each in case.questions.order_by("pk")])
    yield "data/surveys.json", _json([_row(each) for each in case.surveys.order_by("pk")])
    for letter in case.letters.order_by("pk"):
        for language, body in sorted(letter.bodies.items()):
            text = f"{letter.subjects[language]}\n\n{body}\n"
            yield f"letters/{letter.pk:06d}-{letter.kind}-{language}.txt", text.encode()
    for document in case.documents.order_by("pk"):
        yield f"documents/{document.pk:06d}-{document.name}", documents.read(document.sha256)


def _tables(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """The frozen rows behind the evidence, one CSV a table, each row once."""
    tables: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        tables.setdefault(row["table"], {})[json.dumps(row, sort_keys=True)] = row
    for table, found in sorted(tables.items()):
        text = io.StringIO()
        columns = sorted({name for row in found.values() for name in row} - {"table"})
        writer = csv.writer(text)
        writer.writerow(columns)
        for _key, row in sorted(found.items()):
            writer.writerow([_cell(row.get(name)) for name in columns])
        yield f"evidence/{table}.csv", text.getvalue().encode("utf-8-sig")


def _paper(case: Case) -> bytes:
    """What a person reads first, in the language that is active."""
    title = f"{_('Dossier')} {case.number}"
    paper = Paper(title=title, foot=title, made_at=clock.now())
    paper.say(f"{_('Provider')}: {case.provider}")
    paper.say(f"{_('About')}: {words.TYPOLOGIES[case.typology]}")
    paper.say(f"{_('State')}: {words.CASE_STATES[case.state]}")
    if case.outcome:
        paper.say(f"{_('Decided')}: {words.CASE_STATES[case.outcome]} — {case.proposal}")
    if case.currency:
        money = format_cents(case.amount_cents, case.currency, translation.get_language() or "en")
        paper.say(f"{_('Public money concerned')}: {money}", after=4)
    paper.say(_("Alerts"), size=13, style="B")
    for alert in case.alerts.order_by("pk"):
        paper.say(f"{alert.detector}: {_explanation(alert)}", after=0)
        said = (
            words.ACTIONS[alert.action],
            f"{alert.score:.2f}",
            alert.found_on.isoformat(),
            _ran_with(alert),
        )
        paper.small(", ".join(map(str, said)))
        paper.small(", ".join(alert.evidence[:EVIDENCE_NAMED]), after=3)
    paper.say(_("Measures"), size=13, style="B")
    for measure in case.measures.order_by("pk"):
        state = words.MEASURE_STATES[measure.state]
        paper.say(f"{words.MEASURES[measure.kind]}: {state}. {measure.reason}")
    paper.say(_("What happened"), size=13, style="B")
    for record in case.records.select_related("actor").order_by("number"):
        when = formats.date_format(record.at, "Y-m-d H:i")
        state = words.state_in(record)
        what = f"{words.RECORDS[record.kind]} ({state})" if state else str(words.RECORDS[record.kind])
        text = f"{record.number}. {when} {what}" + (f": {record.text}" if record.text else "")
        paper.keep(RECORD_MM)
        paper.say(text[:900], after=0)
        paper.small(f"{record.actor} · {record.hash}", after=2)
    return paper.content()


def _explanation(alert: Alert) -> str:
    detector = DETECTORS.get(alert.detector)
    return alert.detector if detector is None else str(detector.explanation)


def _ran_with(alert: Alert) -> str:
    said = {"version": alert.version, "values": alert.rule}
    return _("version %(version)s, values %(values)s") % said


def _row(row: Model) -> dict[str, Any]:
    """All columns of a row; people by their numbers."""
    return {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}


def _json(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1, sort_keys=True).encode()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
