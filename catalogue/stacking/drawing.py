"""A picture of what stacks onto what: boxes and lines, laid out here, drawn by the template as SVG.

Colours are classes of the style sheet: the pages' policy allows no style in the picture.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

WIDTH = 340
BOX = 46
GAP = 14
LEFT = 36  # the line along which members lead on runs at its left
LETTERS = 36


@dataclass(frozen=True, slots=True)
class Box:
    """A credential. label: as much of the title as fits; title: all of it."""

    x: int
    y: int
    width: int
    height: int
    label: str
    title: str
    mark: str
    look: str

    @property
    def text_y(self) -> int:
        """Where the label stands."""
        return self.y + self.height // 2 + 5


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it, in a frame of width × height."""

    width: int
    height: int
    boxes: list[Box]
    lines: list[Line]
    arrow: str


def draw(titles: list[tuple[int, str]], goal: str, *, ordered: bool, held: Container[int] = ()) -> Picture:
    """Members from top to bottom, and under them what they add up to.

    titles: key and title of each member. held: keys of those that count already.
    """
    boxes, lines = [], []
    y = 8
    bus = 14
    for number, (key, title) in enumerate(titles, 1):
        mark = "✓" if key in held else str(number) if ordered else "+"
        look = "held" if key in held else "open"
        boxes.append(Box(LEFT, y, WIDTH - LEFT - 8, BOX, shortened(title), title, mark, look))
        middle = y + BOX // 2
        lines.append(Line(bus, middle, LEFT, middle))
        y += BOX + GAP
    top = 8 + BOX // 2
    goal_y = y + GAP
    lines.append(Line(bus, top, bus, goal_y + BOX // 2))
    end = goal_y + BOX // 2
    boxes.append(Box(LEFT, goal_y, WIDTH - LEFT - 8, BOX, shortened(goal), goal, "=", "goal"))
    lines.append(Line(bus, end, LEFT - 8, end))
    arrow = f"{LEFT - 9},{end - 6} {LEFT},{end} {LEFT - 9},{end + 6}"
    return Picture(WIDTH, goal_y + BOX + 8, boxes, lines, arrow)


def shortened(title: Any) -> str:
    """As much of a title as a box has room for."""
    text = str(title)
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1].rstrip()}…"
