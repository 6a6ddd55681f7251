"""Bytes of an XML file, checked against the encoding they claim, as UTF-8: chunk by chunk."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from catalogue.importing.problems import RefusedWholeError

CHUNK = 1 << 16
_ENCODINGS = {
    **dict.fromkeys(("utf-8", "utf8"), "utf-8"),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "l1"), "iso-8859-1"),
    **dict.fromkeys(("windows-1252", "cp1252", "cp-1252"), "cp1252"),
    **dict.fromkeys(("us-ascii", "ascii"), "ascii"),
}
_DECLARATION = re.compile(rb"""\A(?:\xef\xbb\xbf)?<\?xml\s[^>]*?\bencoding\s*=\s*(["'])([^"'>]*)\1""")
_COMPRESSED = (
    b"\x1f\x8b",
    b"\x1f\x9d",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"(\xb5/\xfd",
    b"7z\xbc\xaf",
)
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"<\x00", b"\x00<", b"\x00\x00\x00<")
# ISO 8859-1 has no characters there; a file that has them was written in another encoding.
_UNASSIGNED_LATIN_1 = re.compile(rb"[\x80-\x9f]")


def open_file(path: Path) -> BinaryIO:
    """Open a file named on the command line. Raises: RefusedWholeError `not_found`."""
    try:
        return path.open("rb")
    except OSError as error:
        raise RefusedWholeError("not_found", f"{path}: {error.strerror or error}") from error


def read_utf8(file: BinaryIO) -> Iterator[bytes]:
    """The text of an XML file as UTF-8 in chunks.

    Reads UTF-8, ISO-8859-1 and windows-1252. Raises: RefusedWholeError `not_xml` for an empty or compressed
    file and for NUL; `wrong_encoding` for an unknown encoding, bytes that are not the declared encoding,
    and single-byte declarations over what is in truth UTF-8.
    """
    chunk = _first_chunk(file)
    name = _declared(chunk)
    decoder = codecs.getincrementaldecoder(name)("strict")
    mojibake = _MojibakeWatch() if name in {"iso-8859-1", "cp1252"} else None
    while True:
        if b"\0" in chunk:
            raise RefusedWholeError("not_xml", "the file has a NUL character")
        if name == "iso-8859-1" and _UNASSIGNED_LATIN_1.search(chunk):
            raise RefusedWholeError(
                "wrong_encoding", "the file has bytes that are no characters of ISO-8859-1"
            )
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise RefusedWholeError("wrong_encoding", f"the file is not {name}: {error.reason}") from error
        if mojibake is not None:
            mojibake.feed(chunk)
        if not chunk:
            break
        # Bytes that proved to be UTF-8 are passed on as they are.
        yield chunk if name == "utf-8" else text.encode()
        chunk = file.read(CHUNK)
    if mojibake is not None and mojibake.found:
        raise RefusedWholeError("wrong_encoding", f"the file says {name} and is UTF-8")


def _first_chunk(file: BinaryIO) -> bytes:
    chunk = b""
    while len(chunk) < CHUNK and (more := file.read(CHUNK - len(chunk))):
        chunk += more
    if not chunk.strip(b" \t\r\n"):
        raise RefusedWholeError("not_xml", "the file is empty")
    if chunk.startswith(_COMPRESSED):
        raise RefusedWholeError("not_xml", "the file is compressed")
    if chunk.startswith(_WIDE):
        raise RefusedWholeError(
            "wrong_encoding", "the file is UTF-16 or UTF-32; UTF-8, ISO-8859-1 and windows-1252 are read"
        )
    return chunk


def _declared(chunk: bytes) -> str:
    match = _DECLARATION.match(chunk[:2048])
    if match is None:
        return "utf-8"
    declared = match[2].decode("ascii", "replace")
    name = _ENCODINGS.get(declared.strip().lower())
    if name is None:
        raise RefusedWholeError("wrong_encoding", f"the encoding {declared[:60]!r} is not known")
    if chunk.startswith(codecs.BOM_UTF8) and name not in {"utf-8", "ascii"}:
        raise RefusedWholeError("wrong_encoding", f"the file says {name} and starts as UTF-8 does")
    return "utf-8" if chunk.startswith(codecs.BOM_UTF8) else name


class _MojibakeWatch:
    """Whether all that was fed is valid UTF-8 with at least one character beyond ASCII."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._valid = True
        self._beyond_ascii = False

    def feed(self, chunk: bytes) -> None:
        if not self._valid:
            return
        try:
            self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            self._valid = False
        self._beyond_ascii = self._beyond_ascii or not chunk.isascii()

    @property
    def found(self) -> bool:
        return self._valid and self._beyond_ascii
