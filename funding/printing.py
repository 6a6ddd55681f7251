"""Receipts and statements on paper: real text with its letters embedded, in the language that is active."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language
from fpdf import FPDF, FontFace

from catalogue.awards import printing as awards_printing

_FONTS = Path(awards_printing.__file__).resolve().parent / "fonts" / "dejavu-sans-2.37"
_DEEP, _INK, _MUTED, _LINE = (11, 66, 80), (20, 33, 43), (74, 90, 102), (191, 210, 208)
MARGIN = 20.0


class Paper(FPDF):
    """A4 with the platform's name above, and a reference with the page's number below every page."""

    def __init__(self, *, title: str, foot: str, made_at: datetime) -> None:
        super().__init__(format="A4", unit="mm")
        self.foot = foot
        self.set_creation_date(made_at)
        self.set_lang(get_language() or settings.LANGUAGE_CODE)
        self.set_title(title)
        self.set_creator("ila")
        self.add_font("Sans", "", _FONTS / "DejaVuSans.ttf")
        self.add_font("Sans", "B", _FONTS / "DejaVuSans-Bold.ttf")
        self.set_margins(MARGIN, 24, MARGIN)
        self.set_auto_page_break(auto=True, margin=22)
        self.add_page()
        self.say(title, size=18, style="B", colour=_DEEP, after=3)

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
        self.cell(0, 5, f"{self.foot} · {self.page_no()}", align="C")

    def say(
        self,
        text: str,
        *,
        size: float = 10,
        style: str = "",
        colour: tuple[int, int, int] = _INK,
        after: float = 1,
    ) -> None:
        """A paragraph; its line breaks are kept."""
        self.set_font("Sans", style, size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.55, text, new_x="LMARGIN", new_y="NEXT", align="L")
        self.ln(after)

    def small(self, text: str, *, after: float = 1) -> None:
        """A remark."""
        self.say(text, size=8, colour=_MUTED, after=after)

    def keep(self, height: float) -> None:
        """Begin a page where less than so many millimetres are left: what comes next belongs together."""
        if self.will_page_break(height):
            self.add_page()

    def rows(self, head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> None:
        """A table whose last column is amounts; its head is said again on every page."""
        self.set_font("Sans", "", 9)
        self.set_text_color(*_INK)
        self.set_draw_color(*_LINE)
        aligned = ["LEFT"] * (len(head) - 1) + ["RIGHT"]
        style = FontFace(emphasis="BOLD", color=_INK)
        with self.table(
            col_widths=tuple(widths),
            text_align=tuple(aligned),
            borders_layout="HORIZONTAL_LINES",
            headings_style=style,
            line_height=5.5,
        ) as table:
            for cells in (head, *rows):
                row = table.row()
                for cell in cells:
                    row.cell(cell)
        self.ln(3)

    def content(self) -> bytes:
        """The finished file."""
        return bytes(self.output())
