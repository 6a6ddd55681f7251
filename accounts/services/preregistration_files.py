"""Files of citizens handed in on a page: tried without writing, stored when a person says so, then forgotten."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from cryptography.fernet import MultiFernet
from django.conf import settings
from django.db import transaction
from django.utils.encoding import force_bytes

from accounts import permissions
from accounts.factors import fernet_of
from accounts.models import Preregistration, PreregistrationStage, User
from accounts.services.preregistration import Report, preregister_citizens
from ila.core import clock
from ila.core.errors import DomainError
from ila.core.locks import acquire, lock

P = PreregistrationStage
MAX_BYTES = 25_000_000
# What nobody decided on is put aside: it names people.
WAITS = timedelta(days=7)
UNDER_WAY = (P.CHECKING, P.STORING)


def request_preregistration(*, actor: User, name: str, content: bytes) -> Preregistration:
    """Keep a file to be checked; nothing of it is stored before a person says so. The caller enqueues the check.

    Raises: DomainError `not_allowed` (403), `file_empty`, `file_too_large` (over 25 MB).
    """
    _require(actor)
    if not content.strip():
        raise DomainError("file_empty", status=422)
    if len(content) > MAX_BYTES:
        raise DomainError("file_too_large", status=422, limit_mb=MAX_BYTES // 1_000_000)
    return Preregistration.objects.create(
        name=Path(name).name[:200] or "file",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        content=fernet_of(force_bytes(settings.SECRET_KEY), purpose=_PURPOSE).encrypt(content),
        requested_by=actor,
        requested_at=clock.now(),
    )


def check_file(*, run_id: int) -> Preregistration:
    """Read the file and compare it with who is registered; write nothing but the report."""
    run = Preregistration.objects.get(pk=run_id)
    if run.stage != P.CHECKING:
        return run
    report = _run(run, dry_run=True)
    Preregistration.objects.filter(pk=run.pk, stage=P.CHECKING).update(
        report=report.as_json(), stage=P.CHECKED, done=0
    )
    run.refresh_from_db()
    return run


@transaction.atomic
def decide(*, actor: User, public_id: UUID, store: bool) -> Preregistration:
    """Let a checked file be stored, or put it aside; asked twice it is done once. The caller enqueues the storing.

    Locks: the file. Raises: DomainError `not_allowed` (403), `not_found` (404), `not_checked` in another stage or with
    rows at fault.
    """
    _require(actor)
    found = Preregistration.objects.filter(public_id=public_id).first()
    if found is None:
        raise DomainError("not_found", status=404, kind="preregistration")
    (run,) = acquire(lock(Preregistration, found.pk))
    faulty = bool((run.report or {}).get("errors"))
    if run.stage != P.CHECKED or (store and faulty):
        raise DomainError("not_checked", stage=run.stage)
    run.stage, run.decided_by, run.decided_at = P.STORING if store else P.DISCARDED, actor, clock.now()
    if not store:
        run.content, run.finished_at = b"", clock.now()
    run.save(update_fields=["stage", "decided_by", "decided_at", "content", "finished_at"])
    return run  # type: ignore[no-any-return]


def store_file(*, run_id: int) -> Preregistration:
    """Register everybody of a confirmed file, whole or not at all; then the file is forgotten.

    Somebody may have been registered since the check: who is at fault now is in the result, and nothing is stored.
    """
    run = Preregistration.objects.get(pk=run_id)
    if run.stage != P.STORING:
        return run
    with transaction.atomic():
        report = _run(run, dry_run=False)
        told = {"result": report.as_json(), "content": b"", "finished_at": clock.now()}
        stage = P.FAILED if report.errors else P.STORED
        Preregistration.objects.filter(pk=run.pk, stage=P.STORING).update(stage=stage, **told)
    run.refresh_from_db()
    return run


def fail_file(*, run_id: int, error: str) -> None:
    """Write down that a job broke, and forget the file: nothing of it was stored."""
    Preregistration.objects.filter(pk=run_id, stage__in=UNDER_WAY).update(
        stage=P.FAILED, error=error[:200], content=b"", finished_at=clock.now()
    )


def forget_undecided() -> int:
    """Put aside what nobody decided on for a week. Returns how many files."""
    old = Preregistration.objects.filter(stage=P.CHECKED, requested_at__lt=clock.now() - WAITS)
    return old.update(stage=P.DISCARDED, content=b"", finished_at=clock.now())


_PURPOSE = "accounts.preregistration"


def _run(run: Preregistration, *, dry_run: bool) -> Report:
    def tell(rows: int) -> None:
        Preregistration.objects.filter(pk=run.pk).update(done=rows)

    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    cipher = MultiFernet([fernet_of(force_bytes(secret), purpose=_PURPOSE) for secret in secrets])
    content = cipher.decrypt(bytes(run.content))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DomainError("not_utf8", status=422) from error
    return preregister_citizens(
        io.StringIO(text, newline=""), dry_run=dry_run, progress=tell if dry_run else None
    )


def _require(actor: User) -> None:
    if not permissions.may_preregister(actor):
        raise DomainError("not_allowed", status=403, what="preregister")
