"""Credentials baked into pictures, as Open Badges 3.0 has it (section 5.3): into a PNG, into an SVG, and out again.

Coming out, a picture is somebody's word: it is taken apart by its outside alone. Nothing of it is drawn, unpacked
beyond a bound, run or fetched.
"""

from __future__ import annotations

import codecs
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from lxml import etree

from catalogue.awards.tokens import MAX_BYTES, NotAToken
from catalogue.models import Award
from ila.core.lazy import lazy_module

# Drawing loads what makes pixels; reading a picture needs none of it.
drawing = lazy_module("catalogue.awards.drawing")

KEYWORD = b"openbadgecredential"
NAMESPACE = "https://purl.imsglobal.org/ob/v3p0"
MAX_FILE = 5 * 1024 * 1024
MAX_SVG = 1024 * 1024
MAX_PIXELS = 40_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
# Behind the keyword: its end, not compressed, no method, no language, no translated keyword.
_PLAIN = bytes(5)
_PDF = b"%PDF-"
# Pictures that cannot carry a credential.
_OTHER_PICTURES = (b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")
_ACTIVE = frozenset(
    {"script", "foreignobject", "iframe", "embed", "object", "handler", "listener", "audio", "video"}
    | {"set", "animate", "animatemotion", "animatetransform"}
)
_LINKS = frozenset({"href", "src", "action", "formaction"})
_SAFE_LINK = re.compile(r"\s*(#|data:image/(png|jpeg|gif|webp)[;,])", re.IGNORECASE)
# Style sheets and attributes that load something or run something.
_ELSEWHERE = re.compile(
    r"url\s*\(\s*['\"]?\s*(?!['\"\s#])|@import|javascript:|vbscript:|expression\s*\(", re.IGNORECASE
)


def bake_png(award: Award) -> bytes:
    """The award's picture as PNG, with its signed credential in one uncompressed iTXt chunk."""
    picture: bytes = drawing.as_png(drawing.draw(award))
    baked = _chunk(b"iTXt", KEYWORD + _PLAIN + award.token.encode("ascii"))
    # Directly before the end, which is always the last twelve bytes.
    return picture[:-12] + baked + picture[-12:]


def bake_svg(award: Award) -> bytes:
    """The award's picture as SVG, with its signed credential in the first element."""
    drawn = drawing.draw(award)
    root = etree.Element(drawn.tag, dict(drawn.attrib), nsmap={**drawing.NAMES, "openbadges": NAMESPACE})
    etree.SubElement(root, f"{{{NAMESPACE}}}credential", {"verify": award.token})
    root.extend(list(drawn))
    drawn_bytes: bytes = drawing.as_svg(root)
    return drawn_bytes


def text_of(content: bytes) -> str:
    """The credential that a file holds: of a baked picture what is inside, of any other file its text.

    Raises: NotAToken: `too_large`, `huge_picture`, `packed`, `active_picture`, `broken_picture`,
    `empty_picture`, `several`, `paper`.
    """
    if len(content) > MAX_FILE:
        raise NotAToken("too_large")
    if content.startswith(_PNG):
        return _one(list(_of_png(content)))
    if content.startswith(_PDF):
        raise NotAToken("paper")
    if content.startswith(_OTHER_PICTURES):
        raise NotAToken("empty_picture")
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return _one(list(_of_svg(content)))
    return content.removeprefix(codecs.BOM_UTF8)[: MAX_BYTES * 2 + 1].decode("utf-8", "replace")


def _one(found: list[str]) -> str:
    if not found:
        raise NotAToken("empty_picture")
    if len(found) > 1:
        raise NotAToken("several")
    return found[0]


def _of_png(content: bytes) -> Iterator[str]:
    for number, (kind, data) in enumerate(_chunks(content)):
        if number == 0:
            _check_size(kind, data)
        elif kind == b"iTXt" and data.startswith(KEYWORD + b"\x00"):
            yield _itxt(data[len(KEYWORD) + 1 :])


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a PNG, each proved whole by its own sum; it has to end where it says that it ends."""
    at = len(_PNG)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, end = content[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(content):
            break
        data = content[at + 8 : end]
        if zlib.crc32(kind + data) != struct.unpack_from(">I", content, end)[0]:
            break
        yield kind, data
        if kind == b"IEND":
            return
        at = end + 4
    raise NotAToken("broken_picture")


def _check_size(kind: bytes, data: bytes) -> None:
    if kind != b"IHDR" or len(data) != 13:
        raise NotAToken("broken_picture")
    width, height = struct.unpack_from(">II", data)
    if not width or not height:
        raise NotAToken("broken_picture")
    if width * height > MAX_PIXELS:
        raise NotAToken("huge_picture")


def _itxt(data: bytes) -> str:
    """The text behind the keyword. Other issuers may have packed it, which the specification forbids: it is bounded."""
    if len(data) < 2:
        raise NotAToken("broken_picture")
    packed = data[0]
    _language, first, rest = data[2:].partition(b"\x00")
    _keyword, second, text = rest.partition(b"\x00")
    if not first or not second or packed > 1:
        raise NotAToken("broken_picture")
    if packed:
        text = _unpacked(text)
    return text[: MAX_BYTES * 2 + 1].decode("utf-8", "replace")


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error:
        raise NotAToken("broken_picture") from None
    if len(text) > MAX_BYTES:
        raise NotAToken("packed")
    if not unpacker.eof:
        raise NotAToken("broken_picture")
    return text


def _of_svg(content: bytes) -> Iterator[str]:
    if len(content) > MAX_SVG:
        raise NotAToken("too_large")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise NotAToken("active_picture")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, LookupError, ValueError, OSError):
        raise NotAToken("broken_picture" if b"<svg" in content else "not_a_credential") from None
    # Another encoding than ours could hide it from the look above.
    about: Any = root.getroottree().docinfo
    if about.doctype:
        raise NotAToken("active_picture")
    if etree.QName(root).localname != "svg":
        raise NotAToken("not_a_credential")
    for before in root.itersiblings(preceding=True):
        _check_node(before)
    for node in root.iter():
        _check_node(node)
        if node.tag == f"{{{NAMESPACE}}}credential":
            yield node.get("verify") or _words(node)


def _check_node(node: Any) -> None:
    """A badge only shows something: what could do more is refused, although nothing here would let it."""
    if isinstance(node, etree._ProcessingInstruction):
        raise NotAToken("active_picture")
    if not isinstance(node.tag, str):
        return
    local = etree.QName(node).localname.lower()
    if local in _ACTIVE or (local == "style" and _ELSEWHERE.search(_words(node))):
        raise NotAToken("active_picture")
    for name, value in node.attrib.items():
        attribute = etree.QName(str(name)).localname.lower()
        link = attribute in _LINKS and not _SAFE_LINK.match(str(value))
        if link or attribute.startswith("on") or _ELSEWHERE.search(str(value)):
            raise NotAToken("active_picture")


def _words(node: etree._Element) -> str:
    return "".join(str(each) for each in node.itertext())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
