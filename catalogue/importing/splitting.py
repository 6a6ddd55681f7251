"""An EDOF file cut into its formations while it streams by: memory holds one of them at a time.

expat walks the whole file once: it knows where a tag starts, refuses what is not well-formed, and is told
to stop at a DOCTYPE before it reads a word of it. Each formation is then a small document of its own.
"""

import pyexpat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from catalogue.importing.decoding import open_file, read_utf8
from catalogue.importing.problems import Problem, RefusedWholeError

NAMESPACE = "https://www.of.moncompteformation.gouv.fr"
MAX_TEXT = 10_000_000  # bytes between two tags
MAX_ENTRY = 40_000_000  # bytes of one formation: far above any real one, far below what memory bears
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SEPARATOR = "\n"  # no name or namespace has one after attribute normalisation


@dataclass(frozen=True, slots=True)
class Piece:
    """A formation cut out of its file. xml: a document whose root holds it alone; None: too large to read."""

    line: int
    xml: bytes | None


def split_file(path: Path) -> Iterator[Piece | Problem]:
    """The formations of an EDOF file in their order, and problems of what is around them.

    Raises: RefusedWholeError `not_found`, `not_xml`, `wrong_encoding`, `doctype`, `wrong_root` as soon as
    it is known, which may be at the very end of the file.
    """
    with open_file(path) as file:
        splitter = _Splitter()
        for chunk in read_utf8(file):
            splitter.feed(chunk)
            yield from splitter.taken()
        splitter.close()
        yield from splitter.taken()


class _Splitter:
    def __init__(self) -> None:
        self._parser = parser = pyexpat.ParserCreate("utf-8", _SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartNamespaceDeclHandler = self._namespace
        parser.CharacterDataHandler = self._text_outside
        self._buffer = bytearray()
        self._offset = 0  # position in the file of the buffer's first byte
        self._depth = 0
        self._last_tag = 0
        self._piece_at: int | None = None
        self._piece_depth = 0
        self._piece_line = 0
        self._piece_is_entry = False
        self._in_offres = False
        self._seen_offres = 0
        self._seen_entries = 0
        self._seen_extras = False
        self._declared: dict[str, str] = {}  # by the tag that is about to start
        self._of_root: dict[str, str] = {}
        self._of_offres: dict[str, str] = {}
        self._opening = b""
        self._ready: list[Piece | Problem] = []

    def feed(self, chunk: bytes) -> None:
        self._buffer += chunk
        self._run(chunk, False)
        self._check_text(self._offset + len(self._buffer))
        keep_from = self._offset + len(self._buffer) if self._piece_at is None else self._piece_at
        if self._piece_at is not None and len(self._buffer) > MAX_ENTRY + MAX_TEXT:
            keep_from = self._offset + len(self._buffer)
        if keep_from > self._offset:
            # The last bytes stay: a tag cut in two by the chunk's end is reported where it began.
            keep_from = max(self._offset, min(keep_from, self._parser.CurrentByteIndex))
            del self._buffer[: keep_from - self._offset]
            self._offset = keep_from

    def close(self) -> None:
        self._run(b"", True)

    def taken(self) -> list[Piece | Problem]:
        ready, self._ready = self._ready, []
        return ready

    def _run(self, chunk: bytes, final: bool) -> None:
        try:
            self._parser.Parse(chunk, final)
        except pyexpat.ExpatError as error:
            message = pyexpat.ErrorString(error.code) or "not well-formed"
            raise RefusedWholeError(
                "not_xml", f"not well-formed XML: {message}", line=error.lineno
            ) from error

    def _doctype(self, *_declaration: object) -> None:
        line = self._parser.CurrentLineNumber
        raise RefusedWholeError("doctype", "a document type declaration is never read", line=line)

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if self._piece_at is None:
            self._declared[prefix or ""] = uri or ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        at = self._mark()
        self._depth += 1
        if self._piece_at is not None:
            return
        declared, self._declared = self._declared, {}
        uri, _, local = name.rpartition(_SEPARATOR)
        line = self._parser.CurrentLineNumber
        if self._depth == 1:
            self._of_root = declared
            self._root(uri, local, line)
            self._check_attributes(local, attributes, line)
        elif self._depth == 2 and uri == NAMESPACE and local == "offres":
            self._of_offres = declared
            self._offres(line)
            self._check_attributes(local, attributes, line)
        else:
            self._child(uri, local, line)
            self._begin_piece(at, line, is_entry=self._in_offres and local == "formation")

    def _end(self, _name: str) -> None:
        at = self._mark()
        if self._piece_at is not None and self._depth == self._piece_depth:
            self._finish_piece(at)
        elif self._depth == 2:
            self._in_offres = False
            if not self._seen_entries:
                self._fault("formation", "offres holds no formation", self._parser.CurrentLineNumber)
        elif self._depth == 1 and not self._seen_offres:
            self._fault("offres", "lheo holds no offres", self._parser.CurrentLineNumber)
        self._depth -= 1

    def _root(self, uri: str, local: str, line: int) -> None:
        if (uri, local) != (NAMESPACE, "lheo"):
            found = f"{{{uri}}}{local}" if uri else local
            raise RefusedWholeError(
                "wrong_root", f"the root is {found[:200]}, not {{{NAMESPACE}}}lheo", line=line
            )

    def _offres(self, line: int) -> None:
        if self._seen_offres or self._seen_extras:
            self._fault("offres", "offres comes once and first", line)
        self._in_offres = True
        self._seen_offres += 1
        self._seen_entries = 0
        self._seen_extras = False

    def _child(self, uri: str, local: str, line: int) -> None:
        if uri == NAMESPACE and local == "extras" and (self._in_offres or self._seen_offres):
            self._seen_extras = True
        elif not (self._in_offres and local == "formation"):
            self._fault(local, f"{local} is not expected here", line)
        else:
            self._seen_entries += 1
            if self._seen_extras:
                self._fault(local, "formation comes before extras", line)

    def _check_attributes(self, local: str, attributes: dict[str, str], line: int) -> None:
        for name in attributes:
            if name.rpartition(_SEPARATOR)[0] != _SCHEMA_INSTANCE:
                self._fault(local, f"{local} has no attribute {name.rpartition(_SEPARATOR)[2][:60]}", line)

    def _begin_piece(self, at: int, line: int, *, is_entry: bool) -> None:
        self._piece_at = at
        self._piece_depth = self._depth
        self._piece_line = line
        self._piece_is_entry = is_entry
        self._parser.CharacterDataHandler = None
        # What lheo and offres declare holds for the formations in them.
        scope = self._of_root | self._of_offres
        declared = "".join(
            f" xmlns{':' + prefix if prefix else ''}={quoteattr(uri)}" for prefix, uri in scope.items()
        )
        self._opening = f"<file{declared}>".encode()

    def _finish_piece(self, at: int) -> None:
        start = self._piece_at
        assert start is not None
        self._piece_at = None
        self._parser.CharacterDataHandler = self._text_outside
        if not self._piece_is_entry:
            return
        if start < self._offset or at - start > MAX_ENTRY:
            self._ready.append(Piece(self._piece_line, None))
            return
        # Of an empty tag both events point to its start: its attributes may hold a ">".
        end = self._tag_end(at)
        self._ready.append(
            Piece(
                self._piece_line, self._opening + bytes(self._buffer[start - self._offset : end]) + b"</file>"
            )
        )

    def _tag_end(self, at: int) -> int:
        position = at - self._offset
        quote = 0
        while True:
            byte = self._buffer[position]
            position += 1
            if quote:
                quote = 0 if byte == quote else quote
            elif byte in b"\"'":
                quote = byte
            elif byte == 0x3E:
                return position

    def _text_outside(self, text: str) -> None:
        if self._depth and text.strip(" \t\r\n"):
            self._fault(
                "offres" if self._in_offres else "lheo",
                "text between elements",
                self._parser.CurrentLineNumber,
            )

    def _fault(self, field: str, message: str, line: int) -> None:
        self._ready.append(Problem("schema", message[:300], line=line, field=field[:100]))

    def _mark(self) -> int:
        at = self._parser.CurrentByteIndex
        self._check_text(at)
        self._last_tag = at
        return at

    def _check_text(self, at: int) -> None:
        if at - self._last_tag > MAX_TEXT:
            line = self._parser.CurrentLineNumber
            raise RefusedWholeError("not_xml", f"a text of more than {MAX_TEXT // 1_000_000} MB", line=line)
