"""Charts of a result as SVG: drawn here, without script, style sheet or network, with a title and a description.

Each is a Vega-Lite specification, plain data. The library that draws it is quick to load; the one that writes
specifications would add half a second to the start of every command (decision 93).
"""

import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from django.utils.translation import gettext as _

from funding.laboratory import labels
from funding.laboratory.compare import MEASURES
from funding.laboratory.tables import Words, gains
from ila.core import charts

COST_FLOWS: Final = ("credited", "granted", "paid", "own", "expired", "outstanding")
BEFORE, AFTER, GAIN, LOSS = "#7b8794", "#0b5563", "#0b5563", "#b3541e"
Spec = dict[str, Any]


def names(result: Mapping[str, Any]) -> list[str]:
    """The charts that there are of a result."""
    return ["costs", *(f"gains_{measure}" for measure in MEASURES if _gains(result, measure))]


def draw(result: Mapping[str, Any], name: str, locale: str = "en") -> str:
    """The SVG of one chart. Raises: LookupError for a chart that there is not."""
    if name not in names(result):
        raise LookupError(name)
    if name == "costs":
        return _costs(result, locale)
    return _gain_chart(result, name.removeprefix("gains_"), locale)


def describe(result: Mapping[str, Any], name: str, locale: str = "en") -> str:
    """What a chart shows, in a sentence, for who does not see it."""
    words = Words(result, locale)
    if name != "costs":
        return gains(result["groups"][0]["measures"][name.removeprefix("gains_")], words)
    total = result["costs"][-1]["paid"]
    return _("Public money paid out over all years: %(before)s before, %(after)s after.") % {
        "before": words.money(total["before"]),
        "after": words.money(total["after"]),
    }


def _costs(result: Mapping[str, Any], locale: str) -> str:
    sides = ((_("Before"), "before"), (_("After"), "after"))
    years = [row for row in result["costs"] if row["year"] != "total"]
    panels = []
    for flow in COST_FLOWS:
        if not any(row[flow]["before"] or row[flow]["after"] for row in years):
            continue
        values = [
            {"year": row["year"], "side": side, "amount": row[flow][key] / 100}
            for row in years
            for side, key in sides
            if row[flow][key] is not None
        ]
        title = labels.label(labels.FLOWS, flow)
        panels.append(_bars(values, title, str(result["currency"]), [side for side, _key in sides]))
    spec = {"concat": panels, "columns": 2, "spacing": 28}
    return _svg(spec, _("Costs by year, before and after"), describe(result, "costs", locale))


def _bars(values: list[Spec], title: str, currency: str, sides: list[str]) -> Spec:
    return {
        "title": title,
        "width": 280,
        "height": 170,
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "x": {"field": "year", "type": "ordinal", "title": None, "axis": {"labelAngle": 0}},
            "xOffset": {"field": "side", "type": "nominal", "sort": sides},
            "y": _amount(currency),
            "color": _sides(sides, [BEFORE, AFTER]),
        },
    }


def _gains(result: Mapping[str, Any], measure: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    shown = [(row["kind"], row["name"], row["measures"][measure]) for row in result["groups"]]
    return [each for each in shown if each[2] and each[2]["concerned"]]


def _gain_chart(result: Mapping[str, Any], measure: str, locale: str) -> str:
    gained, lost = _("Gained"), _("Lost")
    values: list[Spec] = []
    order = []
    for kind, name, figures in _gains(result, measure):
        group = labels.label(labels.GROUPS[kind], name)
        order.append(group)
        # Where the two are not told apart, what they come to together stands for both.
        net, apart = figures["net_cents"], figures["gainers"] is not None
        up, down = (figures["gained_cents"], figures["lost_cents"]) if apart else (max(0, net), max(0, -net))
        values.append({"group": group, "side": gained, "amount": up / 100})
        values.append({"group": group, "side": lost, "amount": -down / 100})
    spec: Spec = {
        "width": 420,
        "height": {"step": 22},
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "y": {
                "field": "group",
                "type": "nominal",
                "sort": order,
                "title": None,
                "axis": {"labelLimit": 240},
            },
            "x": {**_amount(str(result["currency"])), "stack": None},
            "color": _sides([gained, lost], [GAIN, LOSS]),
        },
    }
    title = labels.label(labels.MEASURES, measure)
    return _svg(spec, title, describe(result, f"gains_{measure}", locale))


def _amount(currency: str) -> Spec:
    return {
        "field": "amount",
        "type": "quantitative",
        "title": currency,
        "axis": {"format": "~s", "tickCount": 5},
    }


def _sides(sides: list[str], colours: list[str]) -> Spec:
    return {
        "field": "side",
        "type": "nominal",
        "sort": sides,
        "title": None,
        "scale": {"domain": sides, "range": colours},
        "legend": {"orient": "bottom"},
    }


def _svg(spec: Spec, title: str, description: str) -> str:
    svg = charts.draw({**spec, "title": {"text": title, "anchor": "start", "fontSize": 16, "offset": 14}})
    # The drawing is one picture with a name; its inner parts are not announced one by one.
    head = f'<title id="t">{escape(title)}</title><desc id="d">{escape(description)}</desc>'
    return re.sub(r"<svg ([^>]*)>", rf'<svg role="img" aria-labelledby="t d" \1>{head}', svg, count=1)
