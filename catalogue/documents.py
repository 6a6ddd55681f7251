"""Files that people hand in: refused or kept by what they are, never by what they are called."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import unicodedata
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from PIL import Image
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from ila.core.errors import DomainError

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_OBJECTS = 50_000
MAX_PAGES = 1_000

PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"
SUFFIXES = {PDF: ".pdf", PNG: ".png", JPEG: ".jpg"}
_SIGNATURES = ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG))
# What a document that only shows something has no need of.
_ACTIVE = frozenset(
    {
        *("/JavaScript", "/JS", "/Launch", "/SubmitForm", "/ImportData", "/GoToE", "/GoToR", "/RichMedia"),
        *("/Rendition", "/XFA", "/EmbeddedFiles", "/EmbeddedFile", "/Sound", "/Movie", "/3D"),
    }
)
# Tables with a column sha256: the same content is kept once, whoever handed it in.
_KEEPERS: set[str] = set()
_UNSAFE = re.compile(r"[^\w. ()-]+")


@dataclass(frozen=True)
class CheckedFile:
    """A file that may be kept."""

    name: str
    media_type: str
    content: bytes
    sha256: str


def checked_file(name: str, content: bytes) -> CheckedFile:
    """The file, if it is a PDF, PNG or JPEG that does nothing but show something.

    Raises: DomainError `bad_file` with the reason: `empty`, `too_large`, `zip`, `markup`, `kind`, `polyglot`,
    `unreadable`, `pixels`, `encrypted`, `active`, `too_complex`.
    """
    if not content:
        raise _refused("empty")
    if len(content) > MAX_BYTES:
        raise _refused("too_large", most=MAX_BYTES)
    media_type = _kind(content)
    # A picture or a document with an archive behind it is one file to us and another one to somebody else.
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise _refused("polyglot")
    if media_type == PDF:
        _check_pdf(content)
    else:
        _check_picture(content, media_type)
    return CheckedFile(safe_name(name, media_type), media_type, content, hashlib.sha256(content).hexdigest())


def safe_name(name: str, media_type: str) -> str:
    """A file's name for people: without folders, signs that turn text around, and foreign suffixes."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    shown = "".join(char for char in last if unicodedata.category(char)[0] != "C")
    stem = _UNSAFE.sub("_", shown.rsplit(".", 1)[0]).strip(" .")[:100] or "document"
    return f"{stem}{SUFFIXES[media_type]}"


def _kind(content: bytes) -> str:
    for signature, media_type in _SIGNATURES:
        if content.startswith(signature):
            return media_type
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")):
        raise _refused("zip")
    start = content[:1024].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00").lower()
    if start.startswith(b"<"):
        raise _refused("markup")
    raise _refused("kind")


def _check_picture(content: bytes, media_type: str) -> None:
    formats = ["PNG"] if media_type == PNG else ["JPEG"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # The header alone is read here; a picture too large is never unpacked.
            with Image.open(io.BytesIO(content), formats=formats) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    raise _refused("pixels", most=MAX_PIXELS)
                picture.verify()
            with Image.open(io.BytesIO(content), formats=formats) as picture:
                picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refused("pixels", most=MAX_PIXELS) from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise _refused("unreadable") from error


def _check_pdf(content: bytes) -> None:
    try:
        reader = PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted:
            raise _refused("encrypted")
        if len(reader.pages) == 0:
            raise _refused("unreadable")
        if len(reader.pages) > MAX_PAGES:
            raise _refused("too_complex")
        _check_objects(reader)
    except DomainError:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        raise _refused("unreadable") from error
    except (RecursionError, MemoryError) as error:
        raise _refused("too_complex") from error


def _check_objects(reader: PdfReader) -> None:
    """Look at every object that the tables name, not only at what hangs on the catalogue: viewers differ."""
    places = [(number, generation) for generation, table in reader.xref.items() for number in table]
    places += [(number, 0) for number in reader.xref_objStm]
    if len(places) > MAX_OBJECTS:
        raise _refused("too_complex")
    seen = 0
    waiting: list[Any] = [reader.trailer]
    for number, generation in places:
        found = IndirectObject(number, generation, reader).get_object()
        if found is not None:
            waiting.append(found)
        while waiting:
            seen += 1
            if seen > MAX_OBJECTS * 20:
                raise _refused("too_complex")
            one = waiting.pop()
            if isinstance(one, DictionaryObject):
                if _is_active(one):
                    raise _refused("active")
                waiting += one.values()
            elif isinstance(one, ArrayObject):
                waiting += one


def _is_active(one: DictionaryObject) -> bool:
    named = {str(value) for key, value in one.items() if key in ("/S", "/Type", "/Subtype")}
    return bool(_ACTIVE & (set(map(str, one)) | named))


def _refused(reason: str, **params: Any) -> DomainError:
    return DomainError("bad_file", status=422, reason=reason, **params)


# -- keeping ----------------------------------------------------------------


def keep(file: CheckedFile) -> None:
    """Write the file under its hash, outside of everything that a web server serves. May be repeated."""
    path = path_of(file.sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(file.content)
        handle.flush()
        os.fsync(handle.fileno())
    scratch.replace(path)


def read(sha256: str) -> bytes:
    """What is kept under a hash. Raises: DomainError `not_found`; `altered` when it is no longer what it was."""
    try:
        content = path_of(sha256).read_bytes()
    except OSError as error:
        raise DomainError("not_found", status=404, kind="document") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DomainError("altered", status=500, kind="document")
    return content


def kept_in(*labels: str) -> None:
    """Say which tables keep files by their content: what one of them names is not forgotten for another."""
    _KEEPERS.update(labels)


def forget_unkept(sha256: str) -> bool:
    """Forget a file that no table names any more. Returns whether it was forgotten. Call it once that is committed."""
    keepers = (apps.get_model(label)._base_manager for label in sorted(_KEEPERS))
    if any(keeper.filter(sha256=sha256).exists() for keeper in keepers):
        return False
    forget(sha256)
    return True


def forget(sha256: str) -> None:
    """Take a file away that nobody needs any more; whether somebody does is the caller's to know. May be repeated."""
    path_of(sha256).unlink(missing_ok=True)


def path_of(sha256: str) -> Path:
    """Where a hash is kept. Raises: ValueError for what is no hash."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError("a document is named by its SHA-256")
    return Path(settings.DOCUMENTS_DIR) / sha256[:2] / sha256
