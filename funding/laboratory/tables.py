"""A result as tables that people read: the same on a terminal, on a page and, in plain figures, in a CSV file."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from funding.laboratory import labels
from funding.laboratory.compare import MEASURES
from funding.laboratory.play import FLOWS
from ila.core.money import format_cents

COUNTS: Final = ("bookings", "refused")
NOTHING: Final = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A caption, column headings (the first one is of the row headings), rows of text."""

    key: str
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @property
    def labelled(self) -> list[list[tuple[str, str]]]:
        """The rows with each cell's heading beside it, for narrow screens."""
        return [list(zip(self.headings, row, strict=True)) for row in self.rows]


class Words:
    """Writes figures of one result in one language."""

    def __init__(self, result: Mapping[str, Any], locale: str) -> None:
        self._currency, self._locale = str(result["currency"]), locale
        self.few = _("fewer than %(number)s") % {"number": result["smallest_group"]}

    def money(self, cents: int | None, *, signed: bool = False) -> str:
        """An amount; a plus sign before a difference."""
        if cents is None:
            return self.few
        return ("+" if signed and cents > 0 else "") + format_cents(cents, self._currency, self._locale)

    def number(self, number: int | None, *, signed: bool = False) -> str:
        """A number with the language's thousands separator."""
        if number is None:
            return self.few
        text = format_cents(number * 100, "EUR", self._locale).replace("€", "").strip("\u00a0\u202f ")
        text = text[:-3]
        return f"+{text}" if signed and number > 0 else text

    def flow(self, name: str, value: int | None, *, signed: bool = False) -> str:
        """A figure of a year: money, or a number of bookings."""
        return self.number(value, signed=signed) if name in COUNTS else self.money(value, signed=signed)


def tables(result: Mapping[str, Any], locale: str = "en") -> list[Table]:
    """Everything of a result, most important first; what did not happen under either rule set is left out."""
    words = Words(result, locale)
    found = [_changes(result), *_costs(result, words)]
    for measure in MEASURES:
        found += _gains(result, measure, words)
    found += [_explained(result, words), *_bookings(result, words)]
    return [table for table in found if table.rows]


def summary(result: Mapping[str, Any], locale: str = "en") -> list[str]:
    """The main findings, a sentence each."""
    words, everybody = Words(result, locale), result["groups"][0]
    concerned, learners = result["learners_concerned"], result["population"]["learners"]
    lines = [
        _("%(concerned)s of %(learners)s learners are better or worse off.")
        % {"concerned": words.number(concerned), "learners": words.number(learners)}
    ]
    for measure in MEASURES:
        figures = everybody["measures"][measure]
        if figures is None or figures["concerned"]:
            name = labels.label(labels.MEASURES, measure)
            lines.append(f"{name}: {gains(figures, words)}")
    total = result["costs"][-1]["paid"]
    if total["difference"] is not None:
        lines.append(
            _("Public money paid out over all years: %(before)s before, %(after)s after (%(difference)s).")
            % {
                "before": words.money(total["before"]),
                "after": words.money(total["after"]),
                "difference": words.money(total["difference"], signed=True),
            }
        )
    return lines


def gains(figures: Mapping[str, Any] | None, words: Words) -> str:
    """Who gains and who loses how much, in a sentence; what cannot be told apart together."""
    if figures is None:
        return _("changed for %(few)s learners.") % {"few": words.few}
    if figures["gainers"] is None:
        return _("%(concerned)s learners together: %(net)s.") % {
            "concerned": words.number(figures["concerned"]),
            "net": words.money(figures["net_cents"], signed=True),
        }
    return _("%(gainers)s learners gain %(gained)s, %(losers)s lose %(lost)s.") % {
        "gainers": words.number(figures["gainers"]),
        "gained": words.money(figures["gained_cents"]),
        "losers": words.number(figures["losers"]),
        "lost": words.money(figures["lost_cents"]),
    }


def suppressed_note(result: Mapping[str, Any]) -> str:
    """What is said wherever figures may be left out."""
    number = result["smallest_group"]
    return ngettext(
        "Figures that concern fewer than %(number)s learner are left out, and those they could be reckoned from.",
        "Figures that concern fewer than %(number)s learners are left out, and those they could be reckoned from.",
        number,
    ) % {"number": number}


def write_csv(result: Mapping[str, Any], which: str) -> str:
    """`costs`, `groups` or `rules` of a result as CSV, amounts in cents, what is left out empty."""
    rows = {"costs": _cost_rows, "groups": _group_rows, "rules": _rule_rows}[which](result)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(rows)
    return out.getvalue()


def _changes(result: Mapping[str, Any]) -> Table:
    rows = tuple(
        (each["parameter"], each["rule"] or NOTHING, _plain(each["before"]), _plain(each["after"]))
        for each in result["changes"]
    )
    return Table("changes", _("What is changed"), (_("Parameter"), _("Rule"), _("Before"), _("After")), rows)


def _plain(value: Any) -> str:
    if value is None or value in ({}, [], ()):
        return NOTHING
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_plain(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _costs(result: Mapping[str, Any], words: Words) -> Iterator[Table]:
    for name in FLOWS:
        if not any(row[name]["before"] or row[name]["after"] for row in result["costs"]):
            continue
        rows = tuple(
            (
                _("All years") if row["year"] == "total" else row["year"],
                words.flow(name, row[name]["before"]),
                words.flow(name, row[name]["after"]),
                words.flow(name, row[name]["difference"], signed=True),
            )
            for row in result["costs"]
        )
        caption = labels.label(labels.FLOWS, name)
        yield Table(f"cost_{name}", caption, (_("Year"), _("Before"), _("After"), _("Difference")), rows)


def _gains(result: Mapping[str, Any], measure: str, words: Words) -> Iterator[Table]:
    shown = [(row, row["measures"][measure]) for row in result["groups"]]
    if not any(figures is None or figures["concerned"] for _row, figures in shown):
        return
    name = labels.label(labels.MEASURES, measure)
    rows, deciles = [], []
    for row, figures in shown:
        label = labels.label(labels.GROUPS[row["kind"]], row["name"])
        if figures is None:
            rows.append((label, words.number(row["learners"]), words.few, *[NOTHING] * 6))
        elif not figures["concerned"]:
            rows.append((label, words.number(row["learners"]), words.number(0), *[NOTHING] * 6))
        else:
            rows.append((label, words.number(row["learners"]), *_change(figures, words)))
            sizes = [words.money(each, signed=True) for each in figures["deciles_of_concerned_cents"]]
            if sizes:
                deciles.append((label, *sizes))
    headings = (
        _("Group"),
        _("Learners"),
        _("Concerned"),
        _("Gain"),
        _("Lose"),
        _("Gained"),
        _("Lost"),
        _("Together"),
        _("Mean of who is concerned"),
    )
    yield Table(f"gains_{measure}", name, headings, tuple(rows), suppressed_note(result))
    yield Table(
        f"deciles_{measure}",
        _("%(measure)s: deciles of the change") % {"measure": name},
        (_("Group"), *(f"{tenth}0 %" for tenth in range(1, 10))),
        tuple(deciles),
        _("Among the learners whose figure changes, to three figures."),
    )


def _change(figures: Mapping[str, Any], words: Words) -> tuple[str, ...]:
    apart = (
        (NOTHING,) * 4
        if figures["gainers"] is None
        else (
            words.number(figures["gainers"]),
            words.number(figures["losers"]),
            words.money(figures["gained_cents"]),
            words.money(figures["lost_cents"]),
        )
    )
    return (
        words.number(figures["concerned"]),
        *apart,
        words.money(figures["net_cents"], signed=True),
        words.money(figures["mean_of_concerned_cents"], signed=True),
    )


def _explained(result: Mapping[str, Any], words: Words) -> Table:
    rows = tuple(
        (
            labels.label(labels.RULES, each["rule"]),
            words.number(each["learners"]),
            words.money(each["credited_cents"], signed=True),
            words.money(each["support_cents"], signed=True),
            words.money(each["own_cents"], signed=True),
        )
        for each in result["explained_by"]
    )
    headings = (_("Rule"), _("Learners"), _("Credited"), _("Public money"), _("Own money"))
    return Table("rules", _("Rules that explain the difference"), headings, rows)


def _bookings(result: Mapping[str, Any], words: Words) -> Iterator[Table]:
    reason = (_("Reason"), _("Bookings"))
    for key, caption in (
        ("no_longer_booked", _("Bookings that no longer take place")),
        ("newly_booked", _("Bookings that take place only with the change")),
    ):
        rows = tuple((_reason(each), words.number(each["bookings"])) for each in result[key])
        yield Table(key, caption, reason, rows)
    refused = tuple(
        (_reason(each), words.number(each["before"]), words.number(each["after"]))
        for each in result["refused"]
    )
    yield Table("refused", _("Why bookings were refused"), (_("Reason"), _("Before"), _("After")), refused)


def _reason(each: Mapping[str, Any]) -> str:
    words = labels.label(labels.RULES, each["code"])
    return f"{words} ({each['rule']})" if each["rule"] else words


def _cost_rows(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield ("year", "figure", "before", "after", "difference")
    for row in result["costs"]:
        for name in FLOWS:
            yield (row["year"], name, row[name]["before"], row[name]["after"], row[name]["difference"])


def _group_rows(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    columns = (
        "concerned",
        "gainers",
        "losers",
        "gained_cents",
        "lost_cents",
        "net_cents",
        "mean_cents",
        "mean_of_concerned_cents",
    )
    yield (
        "kind",
        "group",
        "learners",
        "measure",
        *columns,
        *(f"decile_{tenth}_cents" for tenth in range(1, 10)),
    )
    for row in result["groups"]:
        for measure in MEASURES:
            figures = row["measures"][measure] or {}
            deciles = figures.get("deciles_of_concerned_cents") or [None] * 9
            yield (
                row["kind"],
                row["name"],
                row["learners"],
                measure,
                *(figures.get(column) for column in columns),
                *deciles,
            )


def _rule_rows(result: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    columns = ("rule", "learners", "times", "credited_cents", "support_cents", "own_cents")
    return [columns, *(tuple(each[name] for name in columns) for each in result["explained_by"])]
