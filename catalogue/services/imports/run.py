"""One import, from files to what is stored."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.models import User
from accounts.services import service_users
from catalogue.importing import edof, etpl, registers, template
from catalogue.importing.decoding import open_file
from catalogue.importing.entries import Entry
from catalogue.importing.problems import MAX_LISTED, Problem, Problems, RefusedWholeError, Report
from catalogue.importing.registers import RegisterRow
from catalogue.importing.spool import Spool
from catalogue.importing.values import is_siret
from catalogue.models import CredentialState, MicroCredential, Provider
from catalogue.registers import ETPL_NJ, OWN, SIRET, Register
from catalogue.services.imports.entries import EntryWriter
from catalogue.services.imports.registers import RegisterWriter
from ila.core import clock

Format = Literal["edof", "etpl", "template"]
LOCK_KEY = 0x494C41_0001  # one import at a time on a database
# Whose numbers a file's providers have. Those of a table are told apart by their shape: only a SIRET is one.
NAMESPACES = {"edof": (SIRET,), "etpl": (ETPL_NJ,), "template": (SIRET, OWN)}
NUMBER_FIELDS = {"edof": "numero", "etpl": "programid", "template": "entry_number"}


def import_catalogue(
    *,
    kind: Format,
    files: Iterable[Path],
    register: Path | None = None,
    full: bool = False,
    dry_run: bool = False,
    progress: Callable[[str, int], None] | None = None,
    listed: int = MAX_LISTED,
) -> Report:
    """Read catalogue files as one catalogue, and store each provider whole or not at all.

    All files are read and checked before anything is stored. A second call waits for the first. Acts as
    the service user `catalogue-import`. full: what a provider no longer lists is delisted. dry_run: the
    same report, nothing written. progress: told the stage and how many entries it has done.
    listed: how many errors, and how many warnings, the report has at most; all are counted.
    Locks: an advisory lock for the whole storing; then as `EntryWriter.write`. Logs: each state written.
    """
    tell = progress or _silent
    try:
        # Asked first: a database that is not ready is no reason to read for a minute.
        actor = service_users.get("catalogue-import")
        paths = list(files)
        for path in [*paths, *([register] if register is not None else [])]:
            open_file(path).close()
        rows = _read_register(kind, register)
        with Spool(NUMBER_FIELDS[kind]) as spool:
            report = Report(errors=Problems(most=listed), warnings=Problems(most=listed))
            _read_files(kind, paths, rows, spool, report.errors, tell)
            _store(kind, rows, spool, report, actor=actor, full=full, dry_run=dry_run, tell=tell)
            return report
    except RefusedWholeError as refusal:
        return Report.refused(refusal.problem)


def _silent(_stage: str, _count: int) -> None:
    """Nobody wants to know."""


def _read_register(kind: Format, path: Path | None) -> dict[str, RegisterRow] | None:
    if path is None:
        return None
    if kind == "etpl":
        return registers.read_etpl_register(path)
    return registers.read_siret_register(path) if kind == "edof" else registers.read_any_register(path)


def _is_of(namespace: Register, name: str, kind: Format) -> bool:
    return kind != "template" or is_siret(name) == (namespace is SIRET)


def _is_known(name: str) -> bool:
    """Whether the platform knows a provider by that number, whichever of its registers it is of."""
    codes = [SIRET.code if is_siret(name) else OWN.code]
    return Provider.objects.filter(register__in=codes, external_id=name).exists()


def _read_files(
    kind: Format,
    paths: list[Path],
    rows: dict[str, RegisterRow] | None,
    spool: Spool,
    errors: Problems,
    tell: Callable[[str, int], None],
) -> None:
    entries: Iterator[Entry | Problem]
    if kind == "edof":
        entries = chain.from_iterable(edof.read_file(path) for path in paths)
    elif kind == "template":
        is_known = cache(_is_known)
        entries = chain.from_iterable(template.read_file(path, is_known=is_known) for path in paths)
    else:
        entries = chain.from_iterable(etpl.read_file(path, rows or {}) for path in paths)
    for entry in entries:
        if isinstance(entry, Problem):
            errors.add(entry)
            continue
        spool.add(entry)
        for error in entry.errors:
            errors.add(error)
        tell("read", spool.entries)
    spool.close()


def _store(
    kind: Format,
    rows: dict[str, RegisterRow] | None,
    spool: Spool,
    report: Report,
    *,
    actor: User,
    full: bool,
    dry_run: bool,
    tell: Callable[[str, int], None],
) -> None:
    report.rejected = spool.rejected
    spool.copy_warnings(report.warnings)
    done = 0

    def stored(count: int) -> None:
        nonlocal done
        done += count
        tell("store", done)

    with _alone():
        now = clock.now()
        for namespace in NAMESPACES[kind]:
            register_writer = RegisterWriter(namespace, actor=actor, at=now, dry_run=dry_run)
            mine = {name: row for name, row in (rows or {}).items() if _is_of(namespace, name, kind)}
            if rows is not None:
                register_writer.apply(mine, full=full)
            writer = EntryWriter(
                namespace, actor=actor, at=now, warnings=report.warnings, full=full, dry_run=dry_run
            )
            listed = [name for name in spool.providers() if _is_of(namespace, name, kind)]
            for name in chain(listed, _unlisted(kind, rows, spool, full=full)):
                counts = writer.write(name, spool, progress=stored)
                report.created += counts.created
                report.updated += counts.updated
                report.unchanged += counts.unchanged
                report.delisted += counts.delisted
            register_writer.warn(mine, report.warnings)
            today = now.astimezone(ZoneInfo(namespace.time_zone)).date()
            _warn_of(listed, register_writer.accredited_on(listed, today), report.warnings)


def _warn_of(listed: Iterable[str], accredited: set[str], warnings: Problems) -> None:
    for name in listed:
        if name not in accredited:
            message = "the provider is not accredited: its entries are not bookable"
            warnings.add(Problem("not_accredited", message, entry=name))


def _unlisted(kind: Format, rows: dict[str, RegisterRow] | None, spool: Spool, *, full: bool) -> list[str]:
    """Providers of an ETPL register that list nothing any more: a full catalogue delists what they had."""
    if kind != "etpl" or not full or rows is None:
        return []
    holding = MicroCredential.objects.filter(provider__register=ETPL_NJ.code).exclude(
        state__in=(CredentialState.DELISTED, CredentialState.DRAFT)
    )
    names = set(holding.order_by().values_list("provider__external_id", flat=True).distinct())
    return sorted((names & rows.keys()) - set(spool.providers()) - spool.faulty())


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other import stores anything, however long that takes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('lock_timeout', '0', false)")
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [before])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])
