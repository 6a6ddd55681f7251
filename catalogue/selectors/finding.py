"""From what was asked for to what is shown: typing errors forgiven, and a way on where nothing is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catalogue.selectors import words
from catalogue.selectors.cards import Card
from catalogue.selectors.search import PriceLimit, Search, make_search
from catalogue.selectors.traits import Tally

FEW = 5
"""With so few matches or fewer, another spelling that is far more common is offered."""


@dataclass(frozen=True, slots=True)
class Found:
    """A search and what it leaves. meant: for words that few entries have, a common word nearby.

    unused: filters that could not be applied to this person.
    """

    asked: Mapping[str, Any]
    now: datetime
    limits: Sequence[PriceLimit] | None
    search: Search
    tally: Tally
    meant: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many entries fit."""
        return self.tally.total

    @property
    def unused(self) -> tuple[str, ...]:
        """Filters that were asked for and left out."""
        return ("own",) if "own" in self.asked and self.limits is None else ()

    def page(self, *, offset: int, limit: int) -> list[Card]:
        """The cards of one page, in the order asked for."""
        sort = self.asked.get("sort", "")
        return self.search.page(self.tally, sort=sort, offset=offset, limit=limit)

    def without_each(self) -> dict[str, int]:
        """What dropping each single filter would leave, by its name. A query for each that is no facet."""
        counts = dict(self.tally.without)
        for name in self.search.clauses:
            if name == "dates":
                counts |= {one: self._without(one) for one in ("after", "before")}
            else:
                counts[name] = self.search.tally(besides=name).total
        return counts

    def without_each_word(self) -> dict[str, int]:
        """What dropping each single word would leave; nothing for a search of one word."""
        if len(self.search.words) < 2:
            return {}
        counts = {}
        for word in self.search.words:
            rest = " ".join(other for other in self.search.words if other != word)
            search = make_search({**self.asked, "q": rest}, self.now, limits=self.limits)
            counts[word] = search.tally().total
        return counts

    def _without(self, name: str) -> int:
        rest = {key: value for key, value in self.asked.items() if key != name}
        return make_search(rest, self.now, limits=self.limits, spellings=self.search.spellings).tally().total


def find(asked: Mapping[str, Any], now: datetime, *, limits: Sequence[PriceLimit] | None = None) -> Found:
    """Search; where the words find nothing, once more with the words that are nearest to them.

    limits: as in `make_search`. Queries: one, two for a place; two or three more where nothing is found.
    """
    search = make_search(asked, now, limits=limits)
    tally = search.tally()
    if not search.words or tally.total > FEW:
        return Found(asked, now, limits, search, tally)
    if not tally.total:
        spellings = words.spellings_of(search.words)
        if spellings:
            again = make_search(asked, now, limits=limits, spellings=spellings)
            return Found(asked, now, limits, again, again.tally())
        return Found(asked, now, limits, search, tally)
    return Found(asked, now, limits, search, tally, words.commoner(search.words))
