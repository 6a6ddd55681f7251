"""The migrated cluster of an earlier run, taken over as long as nothing that shapes a database has changed.

Migrating takes half a minute of processor time, copying a second. What is kept lies in the system's folder for
temporary files and may be removed at any time. ILA_TEST_TEMPLATE=new migrates anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# What decides how a migrated database looks: its tables, triggers, rights, and the rows that come with it.
SHAPED_BY = (
    "*/migrations/*.py",
    "*/models/*.py",
    "*/apps.py",
    "ila/core/**/*.py",
    "ila/settings/*.py",
    "accounts/services/service_users.py",
    "requirements.lock",
    "tests/support/database.py",
)
KEPT = 8


def restore(directory: Path) -> None:
    """Put the kept cluster into a run's empty directory, with its password; nothing where there is none."""
    kept = _folder()
    if kept is None or not kept.exists():
        return
    try:
        _copy(kept / "pg", directory / "pg")
        shutil.copy2(kept / "password", directory / "password")
        os.utime(kept)
    except (OSError, subprocess.CalledProcessError):
        # Somebody removed it meanwhile: then it is made anew.
        shutil.rmtree(directory / "pg", ignore_errors=True)
        (directory / "password").unlink(missing_ok=True)


def keep(directory: Path, before: str) -> None:
    """Keep a run's cluster: just migrated, written to disk, and used by nobody at this moment.

    before: the `fingerprint` before it was migrated; if files changed meanwhile, nobody knows what it was made from.
    """
    kept = _folder()
    if kept is None or kept.exists() or kept.name != before:
        return
    scratch = Path(tempfile.mkdtemp(dir=kept.parent, prefix="new-"))
    try:
        _copy(directory / "pg", scratch / "pg")
        (scratch / "pg" / "postmaster.pid").unlink(missing_ok=True)
        # The lock of its socket names a process too: once another server has that number, none starts from it.
        for socket in (scratch / "pg").glob(".s.PGSQL.*"):
            socket.unlink()
        shutil.copy2(directory / "password", scratch / "password")
        # Another run that was faster has the same.
        with contextlib.suppress(OSError):
            scratch.rename(kept)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    older = sorted(kept.parent.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)[KEPT:]
    for each in older:
        shutil.rmtree(each, ignore_errors=True)


def _folder() -> Path | None:
    """Where the cluster of today's files is kept; None where nothing shall be, or the place is somebody else's."""
    if os.environ.get("ILA_TEST_TEMPLATE") == "new":
        return None
    parent = Path(tempfile.gettempdir()) / f"ila-test-templates-{os.geteuid()}"
    parent.mkdir(mode=0o700, exist_ok=True)
    found = parent.lstat()
    if found.st_uid != os.geteuid() or parent.is_symlink():
        return None
    return parent / fingerprint()


def fingerprint() -> str:
    """What all that shapes a database says now, as a hash."""
    digest = hashlib.sha256()
    for path in sorted(set(_shaping_files())):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def _shaping_files() -> Iterator[Path]:
    for pattern in SHAPED_BY:
        for path in ROOT.glob(pattern):
            if ".venv" not in path.parts and path.is_file():
                yield path


def _copy(source: Path, target: Path) -> None:
    """A copy that keeps the owner: the server may run as another system user."""
    subprocess.run(  # noqa: S603 - our own command
        ["cp", "-a", "--reflink=auto", str(source), str(target)],  # noqa: S607 - the system's
        check=True,
        capture_output=True,
    )
