"""What a training costs a person after public money: asked of whoever knows the schemes, which the catalogue does not.

The app that keeps learning accounts says at its start who answers (`use`). Nobody answers: no figure is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from catalogue.models import MicroCredential
from catalogue.selectors.search import PriceLimit


@dataclass(frozen=True, slots=True)
class Cost:
    """What one booking would cost its learner. own_cents: of their own money, in the entry's currency.

    scheme: the name of the scheme that pays the rest.
    """

    own_cents: int
    currency: str
    scheme: str


class Figures(Protocol):
    """Whoever can say what trainings cost a person. A constant number of queries, however many are asked about."""

    def costs(self, user: Any, priced: Sequence[tuple[MicroCredential, int]]) -> Mapping[int, Cost]:
        """By entry's id: what it costs this person at that price, where a scheme of theirs would pay a part."""

    def limits(self, user: Any, own_cents: int) -> Sequence[PriceLimit] | None:
        """The highest prices that cost this person no more than that; None for somebody without an account."""


class _Nobody:
    def costs(self, user: Any, priced: Sequence[tuple[MicroCredential, int]]) -> Mapping[int, Cost]:  # noqa: ARG002
        return {}

    def limits(self, user: Any, own_cents: int) -> Sequence[PriceLimit] | None:  # noqa: ARG002
        return None


_figures: list[Figures] = [_Nobody()]


def use(figures: Figures) -> None:
    """Let `figures` answer from now on."""
    _figures[0] = figures


def costs(user: Any, priced: Sequence[tuple[MicroCredential, int]]) -> Mapping[int, Cost]:
    """As `Figures.costs`; nothing for who is not signed in."""
    return _figures[0].costs(user, priced) if user.is_authenticated and priced else {}


def limits(user: Any, own_cents: int) -> Sequence[PriceLimit] | None:
    """As `Figures.limits`; None for who is not signed in."""
    return _figures[0].limits(user, own_cents) if user.is_authenticated else None
