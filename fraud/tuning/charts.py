"""A control chart: alerts a week, and between which numbers the past explains them. A table beside it says the same."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from django.utils.translation import gettext as _

from fraud.tuning.drift import Drift
from ila.core import charts

INK, ODD, BAND = "#0b5563", "#b3541e", "#e3ebed"


def control_chart(drift: Drift) -> str:
    """The SVG of a detector's weeks."""
    odd = "alerts" in drift.odd
    values = [
        {"week": week.monday.isoformat(), "alerts": week.alerts, "odd": odd and week is drift.last}
        for week in drift.weeks
        if week.ran
    ]
    x: dict[str, Any] = {"field": "week", "type": "temporal", "title": None, "axis": {"format": "%d.%m."}}
    y: dict[str, Any] = {"type": "quantitative", "title": _("Alerts a week"), "axis": {"tickMinStep": 1}}
    layers: list[dict[str, Any]] = []
    if drift.usual is not None:
        low, high = drift.usual
        first, last = drift.weeks[0].monday.isoformat(), drift.weeks[-1].monday.isoformat()
        layers.append(
            {
                "data": {"values": [{"week": first, "until": last, "low": low, "high": high}]},
                "mark": {"type": "rect", "color": BAND},
                "encoding": {
                    "x": x,
                    "x2": {"field": "until"},
                    "y": {**y, "field": "low"},
                    "y2": {"field": "high"},
                },
            }
        )
    layers += [
        {
            "data": {"values": values},
            "mark": {"type": "line", "color": INK},
            "encoding": {"x": x, "y": {**y, "field": "alerts"}},
        },
        {
            "data": {"values": values},
            "mark": {"type": "circle", "size": 60, "opacity": 1},
            "encoding": {
                "x": x,
                "y": {**y, "field": "alerts"},
                "color": {
                    "field": "odd",
                    "type": "nominal",
                    "legend": None,
                    "scale": {"domain": [False, True], "range": [INK, ODD]},
                },
            },
        },
    ]
    svg = charts.draw({"layer": layers, "width": 560, "height": 200})
    title = escape(_("Alerts a week, and what the past explains"))
    return re.sub(r"(<svg\b[^>]*>)", rf"\1<title>{title}</title>", svg, count=1)
