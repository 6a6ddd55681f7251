"""An award as a picture: a badge of 600 by 600, drawn as SVG; the same drawing makes the PNG.

Colours are attributes, letters are plain text, nothing moves and nothing is fetched: it may stand in any page.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import vl_convert
from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from lxml import etree

from catalogue.awards.reading import Description, describe
from catalogue.models import Award

SIDE = 600
SVG = "http://www.w3.org/2000/svg"
# The library's types know no default namespace; the library does.
NAMES: Any = {None: SVG}
_FONTS = Path(__file__).resolve().parent / "fonts" / "dejavu-sans-2.37"
# A reader without these letters takes its own; the PNG is made with ours.
_LETTERS = "DejaVu Sans, Verdana, Arial, sans-serif"
_DEEP, _MIST, _INK, _MUTED, _WHITE = "#0b4250", "#e6f1f0", "#14212b", "#4a5a66", "#ffffff"
_LINE_LETTERS, _LINES = 24, 4


def draw(award: Award) -> etree._Element:
    """The badge, in the language that is active."""
    said = describe(award.claims)
    root = etree.Element(
        f"{{{SVG}}}svg",
        {"viewBox": f"0 0 {SIDE} {SIDE}", "width": str(SIDE), "height": str(SIDE), "role": "img"},
        nsmap=NAMES,
    )
    etree.SubElement(root, f"{{{SVG}}}title").text = f"{said.title} – {said.holder}"
    _shape(root, "rect", width=SIDE, height=SIDE, rx=36, fill=_DEEP)
    _shape(root, "rect", x=18, y=96, width=SIDE - 36, height=SIDE - 150, rx=22, fill=_WHITE)
    _text(root, "ila", y=64, size=34, colour=_WHITE, bold=True)
    _body(root, said)
    address = f"{settings.SITE_ADDRESS}{reverse('verify')}".partition("://")[2]
    _text(root, _("Upload this file to verify it:"), y=SIDE - 32, size=15, colour=_WHITE)
    _text(root, textwrap.shorten(address, 60, placeholder="…"), y=SIDE - 11, size=15, colour=_WHITE)
    return root


def as_svg(root: etree._Element) -> bytes:
    """A drawing as a file."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def as_png(root: etree._Element) -> bytes:
    """A drawing as pixels."""
    vl_convert.register_font_directory(str(_FONTS))
    return bytes(vl_convert.svg_to_png(etree.tostring(root, encoding="unicode")))


def _body(root: etree._Element, said: Description) -> None:
    kind = _("Certificate of attendance") if said.attendance else _("Micro-credential")
    _shape(root, "rect", x=60, y=124, width=SIDE - 120, height=42, rx=21, fill=_MIST)
    _text(root, kind, y=152, size=20, colour=_DEEP, bold=True)
    lines = textwrap.wrap(
        said.title, _LINE_LETTERS, max_lines=_LINES, placeholder=" …", break_long_words=True
    )
    height, size = (48, 36) if len(lines) <= 2 else (40, 30)
    top = 268 - height * (len(lines) - 1) // 2
    for number, line in enumerate(lines):
        _text(root, line, y=top + height * number, size=size, colour=_DEEP, bold=True)
    _text(root, _("awarded to"), y=386, size=18, colour=_MUTED)
    _text(root, textwrap.shorten(said.holder, 32, placeholder=" …"), y=422, size=28, colour=_INK, bold=True)
    by = textwrap.shorten(said.awarding_body, 44, placeholder=" …")
    _text(root, by, y=474, size=20, colour=_INK)
    _text(root, date_format(said.issued_on, "j F Y"), y=506, size=18, colour=_MUTED)


def _shape(root: etree._Element, kind: str, **values: object) -> None:
    etree.SubElement(root, f"{{{SVG}}}{kind}", {name: str(value) for name, value in values.items()})


def _text(root: etree._Element, text: str, *, y: int, size: int, colour: str, bold: bool = False) -> None:
    values = {
        "x": str(SIDE // 2),
        "y": str(y),
        "text-anchor": "middle",
        "font-family": _LETTERS,
        "font-size": str(size),
        "font-weight": "bold" if bold else "normal",
        "fill": colour,
    }
    etree.SubElement(root, f"{{{SVG}}}text", values).text = text
