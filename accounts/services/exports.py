"""A copy of everything about a person, as one file for them alone (GDPR Art. 15 and 20)."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils import translation

from accounts import personal_registry as registry
from accounts.models import ExportPiece, ExportState, PersonalExport, SignIn, User
from accounts.models.personal_data import UNDER_WAY
from accounts.services import consents, messages
from ila.core import clock
from ila.core.errors import DomainError

PIECE = 1_000_000
MAX_PER_DAY = 3
# What is in memory of a copy while it is made; the rest waits on disk.
SPOOL = 10_000_000


def ask_for_copy(*, actor: User) -> PersonalExport:
    """Ask for a copy; one that is under way is the answer. The caller enqueues the making.

    Raises: DomainError `too_many` after three in a day.
    """
    if not actor.is_active or actor.is_service:
        raise DomainError("not_allowed", status=403)
    mine = PersonalExport.objects.filter(user=actor)
    if mine.filter(asked_at__gt=clock.now() - timedelta(days=1)).count() >= MAX_PER_DAY:
        raise DomainError("too_many", status=409)
    try:
        with transaction.atomic():
            return PersonalExport.objects.create(user=actor, asked_at=clock.now())
    except IntegrityError:
        return mine.get(state__in=UNDER_WAY)


def make_copy(*, export_id: int) -> PersonalExport:
    """Make a copy that was asked for, and mail its owner; one that was interrupted is made anew."""
    export = PersonalExport.objects.select_related("user").get(pk=export_id)
    if export.state not in UNDER_WAY:
        return export
    tables = registry.tables()
    _tell(export, state=ExportState.MAKING, done=0, total=len(tables) + 1)
    with tempfile.SpooledTemporaryFile(max_size=SPOOL) as spool:
        with (
            translation.override(export.user.language),
            zipfile.ZipFile(spool, "w", compression=zipfile.ZIP_DEFLATED) as archive,
        ):
            _write(archive, export, tables)
        size = spool.tell()
        spool.seek(0)
        _keep(export, spool, size)
    return export


def fail_copy(*, export_id: int) -> None:
    """Write down that a job broke: its owner asks again."""
    PersonalExport.objects.filter(pk=export_id, state__in=UNDER_WAY).update(state=ExportState.FAILED)


def open_copy(*, actor: User, public_id: UUID, sign_in: SignIn | None) -> PersonalExport:
    """A copy for its owner, who has proved just now who they are; that it was taken is noted.

    Raises: DomainError `not_found` (404) for everybody else and for one that is gone; `sign_in_too_old` (403).
    """
    found = PersonalExport.objects.filter(public_id=public_id, user=actor).first()
    if found is None or not found.can_be_had(clock.now()):
        raise DomainError("not_found", status=404, kind="export")
    if consents.needs_strong_sign_in(sign_in):
        raise DomainError("sign_in_too_old", status=403, minutes=settings.CONSENT_SIGN_IN_MINUTES)
    PersonalExport.objects.filter(pk=found.pk).update(downloaded_at=clock.now())
    return found


def content_of(export: PersonalExport) -> Iterator[bytes]:
    """A copy's content, piece by piece."""
    pieces = ExportPiece.objects.filter(export=export).order_by("number").values_list("content", flat=True)
    for piece in pieces.iterator(chunk_size=1):
        yield bytes(piece)


def delete_old_copies() -> int:
    """Delete the content of copies whose time is over. Returns how many were."""
    over = PersonalExport.objects.filter(state=ExportState.READY, expires_at__lte=clock.now())
    gone = list(over.values_list("pk", flat=True))
    with transaction.atomic():
        ExportPiece.objects.filter(export__in=gone).delete()
        PersonalExport.objects.filter(pk__in=gone).update(state=ExportState.GONE)
    return len(gone)


def _write(archive: zipfile.ZipFile, export: PersonalExport, tables: list[registry.Table]) -> None:
    listed: list[dict[str, Any]] = []
    for number, table in enumerate(tables, start=1):
        rows = list(table.export(export.user))
        listed.append({"file": f"{table.file}.json", "rows": len(rows), "after_an_erasure": _fate(table)})
        if rows:
            archive.writestr(f"{table.file}.json", _json(rows))
        _tell(export, done=number)
    for name, content in registry.files_of(registry.Person(export.user)):
        archive.writestr(name, content)
    about = {
        "made_at": clock.now(),
        "tables": listed,
        "not_in_the_copy": registry.reasons_left_out(),
        "amounts": "in cents of the currency named beside them",
    }
    archive.writestr("index.json", _json(about))


def _fate(table: registry.Table) -> str:
    return table.stays or "erased, or emptied of what names you"


@transaction.atomic
def _keep(export: PersonalExport, spool: IO[bytes], size: int) -> None:
    ExportPiece.objects.filter(export=export).delete()
    for number, piece in enumerate(iter(lambda: spool.read(PIECE), b"")):
        ExportPiece.objects.create(export=export, number=number, content=piece)
    now = clock.now()
    export.ready_at, export.expires_at = now, now + timedelta(days=settings.EXPORT_DAYS)
    export.state, export.size, export.done = ExportState.READY, size, export.total
    export.save(update_fields=["ready_at", "expires_at", "state", "size", "done"])
    messages.queue(recipient=export.user, template="copy_ready", days=settings.EXPORT_DAYS)


def _tell(export: PersonalExport, **values: Any) -> None:
    for name, value in values.items():
        setattr(export, name, value)
    PersonalExport.objects.filter(pk=export.pk).update(**values)


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
