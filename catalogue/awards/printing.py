"""A credential on paper: one page or more of real text with its letters embedded, and a code that leads to the proof.

Drawn by a library without parts of the operating system: it prints wherever Python runs.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import qrcode
from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from fpdf import FPDF, XPos, YPos

from catalogue.awards import addresses
from catalogue.awards.reading import Description, describe
from catalogue.models import Award, AwardState

_FONTS = Path(__file__).resolve().parent / "fonts" / "dejavu-sans-2.37"
_DEEP, _INK, _MUTED, _LINE, _RED = (11, 66, 80), (20, 33, 43), (74, 90, 102), (191, 210, 208), (179, 38, 30)
MARGIN = 20.0
QR_MM = 36.0


class _Sheet(FPDF):
    """A4 with the platform's name above and the address of the proof below every page."""

    foot = ""

    def header(self) -> None:
        self.set_fill_color(*_DEEP)
        self.rect(0, 0, self.w, 14, style="F")
        self.set_xy(MARGIN, 4)
        self.set_font("Sans", "B", 12)
        self.set_text_color(255, 255, 255)
        self.cell(0, 6, "ila")
        self.set_y(24)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("Sans", "", 8)
        self.set_text_color(*_MUTED)
        self.cell(0, 5, self.foot, align="C")


def print_award(award: Award) -> bytes:
    """The certificate as PDF, in the language that is active."""
    said = describe(award.claims)
    address = addresses.of_award(award.public_id)
    sheet = _Sheet(format="A4", unit="mm")
    sheet.foot = address
    sheet.set_creation_date(award.issued_at)
    sheet.set_lang(get_language() or settings.LANGUAGE_CODE)
    sheet.set_title(f"{said.title} – {said.holder}")
    sheet.set_author(said.awarding_body)
    sheet.set_creator("ila")
    sheet.add_font("Sans", "", _FONTS / "DejaVuSans.ttf")
    sheet.add_font("Sans", "B", _FONTS / "DejaVuSans-Bold.ttf")
    sheet.set_margins(MARGIN, 24, MARGIN)
    sheet.set_auto_page_break(auto=True, margin=22)
    sheet.add_page()
    _head(sheet, award, said)
    _outcomes(sheet, said)
    _elements(sheet, said)
    _proof(sheet, address)
    return bytes(sheet.output())


def _head(sheet: FPDF, award: Award, said: Description) -> None:
    what = _("Certificate of attendance") if said.attendance else _("Micro-credential")
    _text(sheet, what, size=11, colour=_MUTED)
    _text(sheet, said.title, size=20, style="B", colour=_DEEP, after=4)
    if award.state == AwardState.REVOKED:
        _text(sheet, _("Revoked: do not rely on this certificate."), size=12, style="B", colour=_RED, after=2)
    _text(sheet, _("awarded to"), size=10, colour=_MUTED)
    _text(sheet, said.holder, size=16, style="B", after=2)
    _text(sheet, _("by"), size=10, colour=_MUTED)
    _text(sheet, f"{said.awarding_body} ({said.country})", size=12, style="B", after=2)
    day = date_format(said.issued_on, "j F Y")
    _text(sheet, _("on %(day)s") % {"day": day}, size=11)
    if award.expires_at is not None:
        until = date_format(last_day(award), "j F Y")
        _text(sheet, _("valid until %(day)s") % {"day": until}, size=11)
    sheet.ln(4)


def last_day(award: Award) -> date:
    """The last day on which the award is valid, at its provider's place."""
    assert award.expires_at is not None
    return award.provider.local_date(award.expires_at - timedelta(seconds=1))


def _outcomes(sheet: FPDF, said: Description) -> None:
    if said.attendance:
        _text(
            sheet,
            _("This certifies attendance. Learning outcomes were not assessed and are not certified."),
            size=11,
            after=4,
        )
        return
    _text(sheet, _("Learning outcomes"), size=12, style="B", colour=_DEEP, after=1)
    for line in said.outcomes:
        _text(sheet, f"• {line}", size=10)
    sheet.ln(4)


def _elements(sheet: FPDF, said: Description) -> None:
    sheet.set_draw_color(*_LINE)
    sheet.set_text_color(*_INK)
    with sheet.table(
        col_widths=(4, 6),
        borders_layout="HORIZONTAL_LINES",
        line_height=5.5,
        padding=(1.2, 1),
        first_row_as_headings=False,
        text_align="LEFT",
    ) as table:
        for each in said.rows:
            sheet.set_font("Sans", "B", 9)
            row = table.row()
            row.cell(each.label)
            sheet.set_font("Sans", "", 9)
            row.cell(each.value)
    sheet.ln(6)


def _proof(sheet: FPDF, address: str) -> None:
    if sheet.get_y() + QR_MM > sheet.h - 22:
        sheet.add_page()
    top = sheet.get_y()
    code = qrcode.QRCode(border=0, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(address)
    matrix = code.get_matrix()
    side = QR_MM / len(matrix)
    sheet.set_fill_color(*_INK)
    for y, line in enumerate(matrix):
        for x, start in _runs(line):
            # Runs of a line are one rectangle: hairs between squares disturb readers.
            sheet.rect(MARGIN + start * side, top + y * side, x * side, side, style="F")
    sheet.link(MARGIN, top, QR_MM, QR_MM, address, alt_text=_("Verify this certificate"))
    left = sheet.l_margin
    sheet.set_left_margin(MARGIN + QR_MM + 8)
    sheet.set_xy(MARGIN + QR_MM + 8, top)
    _text(sheet, _("Verify this certificate"), size=11, style="B", colour=_DEEP)
    _text(
        sheet,
        _(
            "Paper can be changed; the register cannot. Read the code with a telephone, or open the address below: "
            "the page says whether this certificate is genuine and in force today."
        ),
        size=9,
        after=1,
    )
    sheet.set_font("Sans", "", 8)
    sheet.set_text_color(*_INK)
    sheet.multi_cell(0, 4.5, address, align="L", link=address, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.set_left_margin(left)


def _runs(line: list[bool]) -> list[tuple[int, int]]:
    """Length and start of each dark run of a line."""
    found: list[tuple[int, int]] = []
    for at, dark in enumerate(line):
        if dark and found and sum(found[-1]) == at:
            found[-1] = (found[-1][0] + 1, found[-1][1])
        elif dark:
            found.append((1, at))
    return found


def _text(
    sheet: FPDF,
    text: str,
    *,
    size: float,
    style: str = "",
    colour: tuple[int, int, int] = _INK,
    after: float = 0,
) -> None:
    sheet.set_font("Sans", style, size)
    sheet.set_text_color(*colour)
    sheet.multi_cell(0, size * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(after + 0.6)
