"""A bank behind a folder: files are left in one directory, messages taken from another (EBICS, SFTP)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from funding.banking.port import (
    Acknowledgement,
    BankRefusedDelivery,
    BankUnreachable,
    OutgoingFile,
    RawMessage,
)

# Files that a transfer client is still writing.
_UNFINISHED = (".tmp", ".part", ".filepart")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_TAKEN = "taken"


class FolderBank:
    """`outbox` receives payment files, `inbox` holds the bank's; confirmed ones move to `inbox/taken`."""

    def __init__(self, outbox: Path, inbox: Path) -> None:
        self._outbox = outbox
        self._inbox = inbox

    def send(self, outgoing: OutgoingFile) -> Acknowledgement:
        """Written beside and renamed: no client takes half a file. The same file again is a no-op."""
        name = f"{outgoing.name}.xml"
        if not _SAFE_NAME.fullmatch(name):
            raise BankRefusedDelivery(f"{name!r} is no file name")
        target = self._outbox / name
        try:
            if target.exists():
                if target.read_bytes() != outgoing.content:
                    raise BankRefusedDelivery(f"{name} is there with other content")
                return Acknowledgement(reference=name, detail="already there")
            partial = self._outbox / f".{name}.tmp"
            with partial.open("wb") as stream:
                stream.write(outgoing.content)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(target)
        except OSError as error:
            raise BankUnreachable(f"{self._outbox}: {error.strerror}") from error
        return Acknowledgement(reference=name)

    def fetch(self, *, again: bool = False) -> list[RawMessage]:
        folders = [self._inbox / _TAKEN, self._inbox] if again else [self._inbox]
        found: list[tuple[float, str, Path]] = []
        try:
            for folder in folders:
                if not folder.is_dir() and folder != self._inbox:
                    continue
                found.extend((p.stat().st_mtime, p.name, p) for p in folder.iterdir() if _is_finished(p))
            return [RawMessage(reference=name, content=path.read_bytes()) for _, name, path in sorted(found)]
        except OSError as error:
            raise BankUnreachable(f"{self._inbox}: {error.strerror}") from error

    def confirm(self, messages: Sequence[RawMessage]) -> None:
        try:
            (self._inbox / _TAKEN).mkdir(exist_ok=True)
            for message in messages:
                path = self._inbox / Path(message.reference).name
                # Another run may have taken it already.
                if path.is_file():
                    path.replace(self._inbox / _TAKEN / path.name)
        except OSError as error:
            raise BankUnreachable(f"{self._inbox}: {error.strerror}") from error


def _is_finished(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix not in _UNFINISHED
