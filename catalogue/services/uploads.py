"""Files handed in on a page: kept by their content, tried without writing, stored when a person says so."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Self
from uuid import UUID

from django.db import connection, transaction

from accounts.models import User
from catalogue.importing.problems import Report
from catalogue.models import CatalogueFile, FilePiece, ImportFormat, ImportRun, ImportStage
from catalogue.permissions import is_authority
from catalogue.services.imports import import_catalogue
from catalogue.services.imports.run import Format
from ila.core import clock
from ila.core.errors import DomainError
from ila.core.locks import acquire, lock

MAX_BYTES = 250_000_000
PIECE = 1_000_000
TELL_SECONDS = 1.0
# Who mends a table wants all of its errors at once.
LISTED = 10_000
KINDS: dict[str, Format] = {"template": "template", "edof": "edof", "etpl": "etpl"}
_UNDER_WAY = {ImportStage.CHECKING, ImportStage.STORING}


def keep_file(*, actor: User, name: str, chunks: Iterable[bytes]) -> CatalogueFile:
    """Keep a file as it came; one with the same content is kept once.

    Raises: DomainError `not_allowed` (403), `file_empty`, `file_too_large` (over 250 MB).
    """
    _require(actor)
    digest = hashlib.sha256()
    size = 0
    with tempfile.TemporaryFile() as spool:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_BYTES:
                raise DomainError("file_too_large", limit_mb=MAX_BYTES // 1_000_000)
            digest.update(chunk)
            spool.write(chunk)
        if not size:
            raise DomainError("file_empty")
        known = CatalogueFile.objects.filter(sha256=digest.hexdigest()).first()
        if known is not None:
            return known
        spool.seek(0)
        with transaction.atomic():
            file, made = CatalogueFile.objects.get_or_create(
                sha256=digest.hexdigest(),
                defaults={"size": size, "name": Path(name).name[:200] or "file", "uploaded_by": actor},
            )
            if made:
                for number, piece in enumerate(iter(lambda: spool.read(PIECE), b"")):
                    FilePiece.objects.create(file=file, number=number, content=piece)
    return file


def request_import(
    *,
    actor: User,
    kind: str,
    file: CatalogueFile,
    register: CatalogueFile | None,
    full: bool,
) -> ImportRun:
    """Ask for an import: it is checked first, and nothing is written. The caller enqueues the check.

    Raises: DomainError `not_allowed` (403), `register_missing` (ETPL needs its register of providers).
    """
    _require(actor)
    if kind == ImportFormat.ETPL and register is None:
        raise DomainError("register_missing")
    return ImportRun.objects.create(format=kind, file=file, register=register, full=full, requested_by=actor)


def check_import(*, run_id: int) -> ImportRun:
    """Read the file, compare it with what is stored, and write nothing but the report."""
    run = ImportRun.objects.select_related("file", "register").get(pk=run_id)
    if run.stage != ImportStage.CHECKING:
        return run
    report = _run(run, dry_run=True)
    ImportRun.objects.filter(pk=run.pk, stage=ImportStage.CHECKING).update(
        report=report.as_json(), stage=ImportStage.CHECKED, work="", done=0
    )
    run.refresh_from_db()
    return run


def confirm_import(*, actor: User, public_id: UUID) -> ImportRun:
    """Let a checked import be stored; asked twice it is stored once. The caller enqueues the storing.

    Locks: the import. Raises: DomainError `not_allowed` (403), `not_found` (404), `not_checked`.
    """
    return _decide(actor, public_id, ImportStage.STORING)


def discard_import(*, actor: User, public_id: UUID) -> ImportRun:
    """Put a checked import aside: nothing of it was or will be stored.

    Locks: the import. Raises: DomainError `not_allowed` (403), `not_found` (404), `not_checked`.
    """
    return _decide(actor, public_id, ImportStage.DISCARDED)


def store_import(*, run_id: int) -> ImportRun:
    """Store a confirmed import, each provider whole or not at all; one that was interrupted goes on."""
    run = ImportRun.objects.select_related("file", "register").get(pk=run_id)
    if run.stage != ImportStage.STORING:
        return run
    report = _run(run, dry_run=False)
    ImportRun.objects.filter(pk=run.pk, stage=ImportStage.STORING).update(
        result=report.as_json(), stage=ImportStage.STORED, work="", finished_at=clock.now()
    )
    run.refresh_from_db()
    return run


def fail_import(*, run_id: int, error: str) -> None:
    """Write down that a job broke: what it had not stored yet is not stored."""
    ImportRun.objects.filter(pk=run_id, stage__in=_UNDER_WAY).update(
        stage=ImportStage.FAILED, error=error[:200], finished_at=clock.now()
    )


@contextmanager
def opened(file: CatalogueFile | None) -> Iterator[Path | None]:
    """A file's content where a reader can open it by its path, for as long as the block runs."""
    if file is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ila-import-") as folder:
        # Its own name is a stranger's: it stays in the database.
        path = Path(folder) / "upload"
        with path.open("wb") as target:
            pieces = FilePiece.objects.filter(file=file).order_by("number").values_list("content", flat=True)
            for piece in pieces.iterator(chunk_size=4):
                target.write(bytes(piece))
        yield path


def _run(run: ImportRun, *, dry_run: bool) -> Report:
    with opened(run.file) as path, opened(run.register) as register, _Progress(run.pk) as progress:
        assert path is not None
        return import_catalogue(
            kind=KINDS[run.format],
            files=[path],
            register=register,
            full=run.full,
            dry_run=dry_run,
            progress=progress,
            listed=LISTED,
        )


def _decide(actor: User, public_id: UUID, stage: ImportStage) -> ImportRun:
    _require(actor)
    with transaction.atomic():
        pk = ImportRun.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
        if pk is None:
            raise DomainError("not_found", status=404, kind="import")
        run: ImportRun
        (run,) = acquire(lock(ImportRun, pk))
        if run.stage != ImportStage.CHECKED:
            raise DomainError("not_checked", stage=run.stage)
        run.stage, run.decided_by, run.decided_at = stage, actor, clock.now()
        run.done = 0
        run.save(update_fields=["stage", "decided_by", "decided_at", "done"])
    return run


def _require(actor: User) -> None:
    if actor.is_service or not is_authority(None, actor):
        raise DomainError("not_allowed", status=403)


class _Progress:
    """Tells how far a run is on a connection of its own: the import's transactions would hide it until their end."""

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._next = monotonic() + TELL_SECONDS
        self._connection = connection.copy()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(self, stage: str, count: int) -> None:
        if monotonic() < self._next:
            return
        self._next = monotonic() + TELL_SECONDS
        with self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE catalogue_importrun SET work = %s, done = %s WHERE id = %s",
                [stage, count, self._run_id],
            )
