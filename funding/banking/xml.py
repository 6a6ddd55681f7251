"""Reading a foreign XML document without trusting it: no DTD, no entity, no network, bounded size.

Bank messages are in UTF-8; nothing else is read, so that one look at the bytes finds a DOCTYPE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

from lxml import etree

from funding.banking.messages import BadBankMessage

MAX_BYTES = 32 * 1024 * 1024

_DECLARED_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\S*|Z|[+-]\d{2}:\d{2})?", re.ASCII)
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_TRUNCATION_ERRORS = frozenset(
    {
        etree.ErrorTypes.ERR_TAG_NOT_FINISHED,
        etree.ErrorTypes.ERR_GT_REQUIRED,
        etree.ErrorTypes.ERR_LTSLASH_REQUIRED,
        etree.ErrorTypes.ERR_DOCUMENT_END,
        etree.ErrorTypes.ERR_DOCUMENT_EMPTY,
        etree.ErrorTypes.ERR_XMLDECL_NOT_FINISHED,
        etree.ErrorTypes.ERR_COMMENT_NOT_FINISHED,
        etree.ErrorTypes.ERR_CDATA_NOT_FINISHED,
        etree.ErrorTypes.ERR_ATTRIBUTE_NOT_FINISHED,
        etree.ErrorTypes.ERR_PI_NOT_FINISHED,
    }
)


class Node:
    """An element seen by local names only: banks differ in prefixes, not in names."""

    __slots__ = ("_element", "path")

    def __init__(self, element: etree._Element, path: str) -> None:
        self._element = element
        self.path = path

    @property
    def name(self) -> str:
        return etree.QName(self._element).localname

    def children(self, name: str) -> Iterator[Node]:
        """Direct children of that name, in order; their path carries the position (from 1)."""
        namespace = etree.QName(self._element).namespace
        tag = f"{{{namespace}}}{name}" if namespace else name
        for position, child in enumerate(self._element.iterchildren(tag), start=1):
            yield Node(child, f"{self.path}/{name}[{position}]")

    def child(self, *names: str) -> Node | None:
        """The first element down the path, or None."""
        node: Node | None = self
        for name in names:
            node = next(node.children(name), None) if node is not None else None
        return node

    def required(self, *names: str) -> Node:
        """The first element down the path; `missing_value` when it is not there."""
        node = self.child(*names)
        if node is None:
            raise BadBankMessage("missing_value", f"{self.path}/{'/'.join(names)} is missing")
        return node

    def text(self, *names: str) -> str:
        """Text down the path without its surrounding space; empty when it is not there."""
        node = self.child(*names)
        return (node._element.text or "").strip() if node is not None else ""

    def required_text(self, *names: str, maximum: int = 0) -> str:
        """Text down the path; `missing_value` when absent or empty, `bad_value` when over `maximum`."""
        text = self.text(*names)
        where = "/".join((self.path, *names))
        if not text:
            raise BadBankMessage("missing_value", f"{where} is missing")
        if maximum and len(text) > maximum:
            raise BadBankMessage("bad_value", f"{where} is longer than {maximum} characters")
        return text

    def attribute(self, name: str) -> str:
        value = self._element.get(name)
        return value.strip() if value else ""

    def first_element(self) -> Node | None:
        for child in self._element.iterchildren("{*}*"):
            return Node(child, f"{self.path}/{etree.QName(child).localname}")
        return None


def read_document(content: bytes) -> tuple[str, Node]:
    """Namespace and root of a foreign document.

    Raises: BadBankMessage `empty`, `too_large`, `wrong_encoding`, `doctype`, `truncated`, `not_xml`.
    """
    if not content.strip():
        raise BadBankMessage("empty", "the file is empty")
    if len(content) > MAX_BYTES:
        raise BadBankMessage(
            "too_large",
            f"{len(content)} bytes are more than the {MAX_BYTES} that are read",
        )
    body = content.removeprefix(b"\xef\xbb\xbf")
    declared = _DECLARED_ENCODING.match(body[:200])
    if declared and declared.group(1).upper() not in (
        b"UTF-8",
        b"UTF8",
        b"US-ASCII",
        b"ASCII",
    ):
        name = declared.group(1)[:20].decode("ascii", "replace")
        raise BadBankMessage("wrong_encoding", f"declared as {name}, not UTF-8")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadBankMessage("wrong_encoding", f"byte {error.start} is not UTF-8") from error
    if not body.lstrip().startswith(b"<"):
        raise BadBankMessage("not_xml", "the file does not begin with a tag")
    if _DOCTYPE.search(body):
        raise BadBankMessage(
            "doctype",
            "a document type or entity declaration is never part of a bank's message",
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        code = "truncated" if getattr(error, "code", None) in _TRUNCATION_ERRORS else "not_xml"
        raise BadBankMessage(
            code, f"line {error.lineno}: {' '.join(str(error.msg).split())[:160]}"
        ) from error
    except (ValueError, OSError) as error:
        raise BadBankMessage("not_xml", str(error)[:160]) from error
    name = etree.QName(root)
    return name.namespace or "", Node(root, f"/{name.localname}")


def read_day(node: Node | None) -> date | None:
    """The day of a `DateAndDateTime` choice (`Dt` or `DtTm`), or of a plain date; None when absent."""
    if node is None:
        return None
    text = node.text("Dt") or node.text("DtTm") or node.text()
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10] if _DAY.fullmatch(text) else text)
    except ValueError as error:
        raise BadBankMessage("bad_date", f"{node.path}: {text[:30]!r} is no day") from error


def read_moment(node: Node) -> datetime:
    """A required moment; the bank's local time without a zone is read as UTC."""
    text = node.text()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadBankMessage("bad_date", f"{node.path}: {text[:40]!r} is no moment") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
