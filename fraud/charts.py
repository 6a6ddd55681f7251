"""Pictures of a case as SVG: when its bookings were made, and who shares what. Each has a list beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from html import escape
from typing import Any, Final

import networkx
from django.utils.translation import gettext as _

from ila.core import charts

BAR: Final = "#0b5563"
COLOURS: Final = {"provider": "#b3541e", "learner": "#0b5563", "agent": "#4c2c92", "shared": "#5b6670"}
# Whoever sees no colours sees shapes.
SHAPES: Final = {"provider": "diamond", "learner": "circle", "agent": "triangle-up", "shared": "square"}
_LINE: Final = "#87919b"
# Up to so many days each has its own bar with its date below.
_EACH_DAY: Final = 31
# A picture of more says nothing; the list beside it has them all.
MOST_NODES = 150
_SHARED = re.compile(r"(ip|device|email|phone|address|iban)_hash$")
_PEOPLE = ("learner_id", "agent_id", "provider_id")


def by_day(moments: Iterable[datetime]) -> list[tuple[str, int]]:
    """How many of these moments fell on each day, in order of days."""
    return sorted(Counter(moment.date().isoformat() for moment in moments).items())


def timeline(days: list[tuple[str, int]]) -> str:
    """Bookings by the day on which they were made."""
    numbers = dict(days)
    first, last = (date.fromisoformat(days[place][0]) for place in (0, -1))
    span = (last - first).days + 1
    x: dict[str, Any] = {"field": "day", "type": "temporal", "timeUnit": "yearmonthdate", "title": None}
    x["axis"] = {"format": "%d.%m.%Y", "tickCount": 6, "labelFlush": False}
    if span <= _EACH_DAY:
        every = [first + timedelta(days=place) for place in range(span)]
        days = [(each.isoformat(), numbers.get(each.isoformat(), 0)) for each in every]
        x = {"field": "day", "type": "ordinal", "title": None, "scale": {"paddingInner": 0.15}}
        x["axis"] = {"labelAngle": -45, "labelExpr": "timeFormat(toDate(datum.value + 'T12:00'), '%d.%m.')"}
    spec = {
        "data": {"values": [{"day": day, "number": number} for day, number in days]},
        "mark": {"type": "bar", "color": BAR},
        "encoding": {
            "x": x,
            "y": {
                "field": "number",
                "type": "quantitative",
                "title": _("Bookings"),
                "axis": whole(max(numbers.values())),
            },
        },
        "width": 560,
        "height": 160,
    }
    return drawn(spec, _("Bookings by the day on which they were made"))


def whole(most: int) -> dict[str, Any]:
    """An axis of whole numbers up to this one."""
    return {"tickCount": min(5, most), "tickMinStep": 1, "format": "d"}


def by_kind(words: Mapping[str, Any], kinds: Iterable[str]) -> dict[str, Any]:
    """Colour and shape by `kind`, of those that are there, with their words above the picture."""
    there = list(kinds)
    given: dict[str, Any] = {"field": "kind", "type": "nominal", "title": None, "legend": {"orient": "top"}}
    domain = [str(words[kind]) for kind in there]
    return {
        "color": {**given, "scale": {"domain": domain, "range": [COLOURS[kind] for kind in there]}},
        "shape": {**given, "scale": {"domain": domain, "range": [SHAPES[kind] for kind in there]}},
    }


def links_in(rows: Iterable[Mapping[str, Any]]) -> networkx.Graph[str]:
    """Who shares what in frozen evidence: learners, agents and providers, and the hashes that several of them have."""
    graph: networkx.Graph[str] = networkx.Graph()
    for row in rows:
        people = [f"{key.removesuffix('_id')}:{row[key]}" for key in _PEOPLE if row.get(key)]
        shared = [f"{_SHARED.search(key)[1]}:{row[key]}" for key in row if _SHARED.search(key) and row[key]]  # type: ignore[index]
        graph.add_edges_from((one, other) for one in people for other in shared)
    alone = [node for node in graph if not _is_person(node) and graph.degree(node) < 2]
    graph.remove_nodes_from(alone)
    graph.remove_nodes_from(list(networkx.isolates(graph)))
    return graph


def shared_list(graph: networkx.Graph[str]) -> list[tuple[str, str, list[str]]]:
    """What is shared, by whom, the most shared first: kind, the value's first letters, people."""
    found = [
        (node.split(":")[0], node.split(":")[1][:8], sorted(graph.neighbors(node)))
        for node in graph
        if not _is_person(node)
    ]
    return sorted(found, key=lambda row: (-len(row[2]), row[:2]))


def picture(graph: networkx.Graph[str]) -> str:
    """The links as a picture."""
    largest = sorted(graph, key=lambda node: (-graph.degree(node), node))[:MOST_NODES]
    shown = graph.subgraph(largest)
    places = networkx.spring_layout(shown, seed=1)
    nodes = [
        {
            "x": float(places[node][0]),
            "y": float(places[node][1]),
            "kind": _kind(node),
            "degree": shown.degree(node),
        }
        for node in sorted(shown)
    ]
    edges = [
        {
            "x": float(places[a][0]),
            "y": float(places[a][1]),
            "x2": float(places[b][0]),
            "y2": float(places[b][1]),
        }
        for a, b in sorted(shown.edges())
    ]
    kinds = [kind for kind in COLOURS if any(node["kind"] == _kind_word(kind) for node in nodes)]
    bare: dict[str, Any] = {"axis": None, "scale": {"zero": False}, "type": "quantitative"}
    spec = {
        "layer": [
            {
                "data": {"values": edges},
                "mark": {"type": "rule", "color": _LINE},
                "encoding": {
                    "x": {"field": "x", **bare},
                    "y": {"field": "y", **bare},
                    "x2": {"field": "x2"},
                    "y2": {"field": "y2"},
                },
            },
            {
                "data": {"values": nodes},
                "mark": {"type": "point", "filled": True, "opacity": 1},
                "encoding": {
                    "x": {"field": "x", **bare},
                    "y": {"field": "y", **bare},
                    "size": {
                        "field": "degree",
                        "type": "quantitative",
                        "legend": None,
                        "scale": {"range": [40, 400]},
                    },
                    **by_kind({kind: _kind_word(kind) for kind in kinds}, kinds),
                },
            },
        ],
        "width": 560,
        "height": 360,
    }
    return drawn(spec, _("Who shares what"))


def _is_person(node: str) -> bool:
    return f"{node.split(':', maxsplit=1)[0]}_id" in _PEOPLE


def _kind(node: str) -> str:
    kind = node.split(":", maxsplit=1)[0]
    return _kind_word(kind if kind in COLOURS else "shared")


def _kind_word(kind: str) -> str:
    return {
        "provider": _("Provider"),
        "learner": _("Learner"),
        "agent": _("Agent"),
        "shared": _("What they share"),
    }[kind]


def drawn(spec: dict[str, Any], title: str) -> str:
    """The SVG of a specification, with a title for who does not see it."""
    svg = charts.draw(spec)
    return re.sub(r"(<svg\b[^>]*>)", rf"\1<title>{escape(title)}</title>", svg, count=1)
