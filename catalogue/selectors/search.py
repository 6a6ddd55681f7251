"""What a search finds: how many, under which facets, and which of them are on a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from catalogue.selectors import places, traits, words
from catalogue.selectors.cards import Card, cards_sql, read_cards
from catalogue.selectors.places import Centre
from catalogue.selectors.sql import Sql
from catalogue.selectors.traits import Tally

RANKED_AT_MOST = 1000
"""More matches than these are not ranked word by word: that reads the texts of all of them."""
WALKED = 3000
"""So many lines are looked through, in the list's own order, for what very many entries fit."""
FAR_AWAY = date(9999, 12, 31)

DAYS_OF_A_MONTH = 30.5


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """The highest price, in cents, of what somebody can have of one kind for an own part they named."""

    kind: str
    currency: str
    cents: int


@dataclass(frozen=True, slots=True)
class Search:
    """A search made ready: nothing is asked of the lines yet.

    clauses: by filter, conditions on the lines beside the traits. chosen: the traits in force.
    words: those that count; spellings: what some of them were taken for. centre: where it looks.
    """

    clauses: Mapping[str, Sql]
    chosen: Mapping[str, Any]
    words: tuple[str, ...] = ()
    spellings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    centre: Centre | None = None

    def tally(self, *, besides: str = "") -> Tally:
        """Count all facets in one statement; without one of the clauses, if told."""
        with connection.cursor() as cursor:
            cursor.execute(*self.tally_statement(besides=besides))
            raw, entries = cursor.fetchone()
        return traits.tally(traits.unpacked(raw), self.chosen, entries)

    def page(self, tally: Tally, *, sort: str, offset: int, limit: int) -> list[Card]:
        """The cards of one page, in order. tally: how many there are, by which it is chosen how they are ranked."""
        cards: list[Card] = []
        for text, params in self.page_statements(tally, sort=sort, offset=offset, limit=limit):
            cards = read_cards(text, params)
            if len(cards) == limit:
                break
        return cards

    def tally_statement(self, *, besides: str = "") -> tuple[str, list[Any]]:
        """What `tally` sends, with its parameters."""
        where = _all_of(clause for name, clause in self.clauses.items() if name != besides)
        if besides or not (self.words and self.chosen):
            return tally_sql(where.text), where.params
        fits = _all_of(self._trait_clauses())
        params = [*fits.params, *where.params]
        return tally_sql(where.text, fits.text), [RANKED_AT_MOST, RANKED_AT_MOST, *params]

    def page_statements(
        self, tally: Tally, *, sort: str, offset: int, limit: int
    ) -> list[tuple[str, list[Any]]]:
        """What `page` sends, with the parameters: the next one only if one finds less than a page."""
        offset = max(0, offset)
        made = [self._sorted(tally, sort, offset, limit)]
        if self.words and not sort and tally.total > RANKED_AT_MOST:
            made = [self._titles_met(offset, limit), self._titles_and_mentions_met(offset, limit), *made]
        return made

    def _sorted(self, tally: Tally, sort: str, offset: int, limit: int) -> tuple[str, list[Any]]:
        if tally.entries is None:
            where = _all_of([*self.clauses.values(), *self._trait_clauses()])
        else:
            where = Sql("line.entry_id = ANY(%s::bigint[])", [f"{{{tally.entries}}}"])
        order = self._order(sort, tally.total)
        cards = cards_sql(lines_sql(where.text, order.text), centre=self.centre)
        return cards.text, [*cards.params, *where.params, *order.params, limit, offset]

    def _titles_met(self, offset: int, limit: int) -> tuple[str, list[Any]]:
        """A page of very many matches, if the first lines of the list fill it.

        What has all words in its title comes first, in the list's own order (standing, start, title): where a word
        is in very many titles, a page of them is soon met on the way through the list, and nothing has to be sorted.
        """
        where = _all_of([self._in_titles(), *self._beside_words()])
        cards = cards_sql(f"{met_sql(where.text)} OFFSET %s", centre=self.centre)
        return cards.text, [*cards.params, WALKED, *where.params, limit, offset]

    def _titles_and_mentions_met(self, offset: int, limit: int) -> tuple[str, list[Any]]:
        """The same for a word that is in few titles: an index knows those, and mentions are met on the way."""
        others = self._beside_words()
        titles = _all_of([Sql("line.standing < 2"), self._in_titles(), *others])
        in_title = self._in_titles()
        mentions = _all_of([self.clauses["q"], Sql(f"NOT ({in_title.text})", in_title.params), *others])
        cards = cards_sql(titles_first_sql(titles.text, mentions.text), centre=self.centre)
        met = [WALKED, *mentions.params, offset + limit]
        return cards.text, [*cards.params, *titles.params, *met, limit, offset]

    def _beside_words(self) -> list[Sql]:
        return [*(clause for name, clause in self.clauses.items() if name != "q"), *self._trait_clauses()]

    def _in_titles(self) -> Sql:
        """All the words are in the title."""
        asked = words.matching(self.words, self.spellings)
        return Sql(f"line.title_search @@ ({asked.text})", asked.params)

    def new_since(self, moment: datetime, *, limit: int) -> list[int]:
        """The entries listed since that moment that fit, newest first."""
        conditions = [*self.clauses.values(), *self._trait_clauses(), Sql("line.listed_at > %s", [moment])]
        where = _all_of(conditions)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT line.entry_id FROM ({lines_sql(where.text, 'line.listed_at DESC, line.entry_id')}) AS line",
                [*where.params, limit, 0],
            )
            return [pk for (pk,) in cursor.fetchall()]

    def _trait_clauses(self) -> Iterable[Sql]:
        for name, value in self.chosen.items():
            yield Sql(*traits.condition(name, value))

    def _order(self, sort: str, total: int) -> Sql:
        """What can be booked first; then as asked, guaranteed sessions before others; always in one same order."""
        last = "line.next_start NULLS LAST, line.title_key, line.entry_id"
        if sort == "price":
            return Sql(f"line.standing = 2, line.from_cents NULLS LAST, {last}")
        if sort == "start":
            return Sql(f"line.standing = 2, {last}")
        if sort == "distance" and self.centre is not None:
            distance = places.distance_sql(self.centre)
            nearest = (
                f"(SELECT min({distance.text}) FROM catalogue_spot AS place WHERE place.id = ANY(line.spots))"
            )
            return Sql(f"line.standing = 2, {nearest} NULLS LAST, {last}", distance.params)
        if not self.words:
            return Sql(f"line.standing, {last}")
        in_title = self._in_titles()
        if total > RANKED_AT_MOST:
            return Sql(f"line.standing = 2, NOT ({in_title.text}), line.standing, {last}", in_title.params)
        asked = words.matching(self.words, self.spellings)
        return Sql(
            f"line.standing = 2, NOT ({in_title.text}), line.standing,"
            f" ts_rank(line.search, {asked.text}) DESC, {last}",
            [*in_title.params, *asked.params],
        )


def tally_sql(where: str, fits: str = "") -> str:
    """The statement that fetches which traits what matches has, and how many have each, as one value.

    fits: conditions that leave few of very many matches. Where they do, the entries left come along in a second
    value, parted by commas, so that no second statement has to find the very many again. Its first two parameters
    say what is many, and what few.
    """
    ids = f", array_agg(line.entry_id) FILTER (WHERE {fits}) AS ids" if fits else ""
    few = (
        "CASE WHEN sum(entries) > %s AND sum(cardinality(ids)) <= %s"
        " THEN string_agg(array_to_string(ids, ','), ',') END"
    )
    return (
        f"SELECT string_agg(int8send(traits) || int8send(entries), ''), {few if fits else 'NULL'}"
        f" FROM (SELECT line.traits, count(*) AS entries{ids}"
        f" FROM catalogue_listing AS line WHERE {where} GROUP BY line.traits) AS counted"
    )


_COLUMNS = "line.entry_id, line.traits, line.from_cents, line.next_start, line.spots"
# The index `listing_order`: what can be booked, guaranteed sessions first.
_LIST_ORDER = "line.standing, line.next_start, line.title_key, line.entry_id"


def lines_sql(where: str, order: str) -> str:
    """The query of a page's lines; its last parameters are how many, and after how many."""
    return (
        f"SELECT {_COLUMNS} FROM catalogue_listing AS line WHERE {where} ORDER BY {order} LIMIT %s OFFSET %s"
    )


def met_sql(where: str, columns: str = _COLUMNS) -> str:
    """Those of the list's first lines that fit; a parameter before `where`'s is how many are looked at, the last
    how many are wanted."""
    first = f"SELECT line.* FROM catalogue_listing AS line WHERE line.standing < 2 ORDER BY {_LIST_ORDER} LIMIT %s"
    return f"SELECT {columns} FROM ({first}) AS line WHERE {where} ORDER BY {_LIST_ORDER} LIMIT %s"


def titles_first_sql(titles: str, mentions: str) -> str:
    """All lines that fit `titles`, then those of the list's first lines that fit `mentions`."""
    columns = f"{_COLUMNS}, line.standing, line.title_key"
    return (
        f"WITH titled AS MATERIALIZED (SELECT {columns} FROM catalogue_listing AS line WHERE {titles}),"
        f" met AS MATERIALIZED ({met_sql(mentions, columns)})"
        f" SELECT {_COLUMNS} FROM (SELECT 0 AS part, * FROM titled UNION ALL SELECT 1, * FROM met) AS line"
        f" ORDER BY part, {_LIST_ORDER} LIMIT %s OFFSET %s"
    )


def make_search(
    asked: Mapping[str, Any],
    now: datetime,
    *,
    limits: Sequence[PriceLimit] | None = None,
    spellings: Mapping[str, Sequence[str]] | None = None,
) -> Search:
    """A search for all that was asked for, by the names of `catalogue.forms.SearchForm`.

    limits: what an own part asked for (`own`) means for this person; None: nobody knows, so it is left out.
    Queries: those of `places.find_centre`, when a place is asked for.
    """
    clauses: dict[str, Sql] = {}
    asked_words = words.words_of(asked.get("q", ""))
    if asked_words:
        # A condition for each word: the index meets two of them faster than one that joins them.
        each = [words.matching([word], spellings) for word in asked_words]
        clauses["q"] = _all_of(Sql(f"line.search @@ ({one.text})", one.params) for one in each)
    centre = None
    if place := asked.get("place"):
        centre = places.find_centre(place)
        km = asked.get("km") or places.DEFAULT_KM
        clauses["place"] = places.around(centre, km) if centre is not None else places.named(place)
    if within := asked.get("within"):
        until = now + timedelta(days=round(DAYS_OF_A_MONTH * within))
        clauses["within"] = Sql("line.next_start <= %s", [until])
    clauses |= _dates(asked)
    if "own" in asked and limits is not None:
        clauses["own"] = _affordable(limits)
    chosen = {name: asked[name] for name in traits.TRAITS if asked.get(name)}
    return Search(clauses, chosen, asked_words, spellings or {}, centre)


def _dates(asked: Mapping[str, Any]) -> dict[str, Sql]:
    """Sessions that begin from one day until another; each of the two days can be dropped alone."""
    first, last = asked.get("after"), asked.get("before")
    if first is None and last is None:
        return {}
    name = "after" if last is None else "before" if first is None else "dates"
    found = Sql(
        "EXISTS (SELECT 1 FROM unnest(line.starts) AS day WHERE day BETWEEN %s AND %s)",
        [first or date.min, last or FAR_AWAY],
    )
    return {name: found}


def _affordable(limits: Sequence[PriceLimit]) -> Sql:
    parts, params = [], []
    for one in limits:
        kind = Sql(*traits.condition("kind", one.kind))
        parts.append(f"({kind.text} AND line.currency = %s AND line.from_cents <= %s)")
        params += [*kind.params, one.currency, one.cents]
    return Sql(f"({' OR '.join(parts)})", params) if parts else Sql("false")


def _all_of(clauses: Iterable[Sql]) -> Sql:
    listed = list(clauses)
    if not listed:
        return Sql("true")
    return Sql(" AND ".join(one.text for one in listed), [value for one in listed for value in one.params])
