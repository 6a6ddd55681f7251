"""Charts of a result as SVG: drawn here, without script, style sheet or network, with a title and a description."""

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any, Final

import altair as alt
import vl_convert
from django.utils.translation import gettext as _

from funding.laboratory import labels
from funding.laboratory.compare import MEASURES
from funding.laboratory.tables import Words

COST_FLOWS: Final = ("credited", "granted", "paid", "own", "expired", "outstanding")
BEFORE, AFTER, GAIN, LOSS = "#6b7785", "#0b5563", "#0b5563", "#b3541e"
INK: Final = "#1c2530"
FONT: Final = "Liberation Sans, Arial, sans-serif"
NO_NETWORK: Final[list[str]] = []


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


def _costs(result: Mapping[str, Any], locale: str) -> str:
    before, after = _("Before"), _("After")
    years = [row for row in result["costs"] if row["year"] != "total"]
    panels = []
    for flow in COST_FLOWS:
        if not any(row[flow]["before"] or row[flow]["after"] for row in years):
            continue
        values = [
            {"year": row["year"], "side": side, "amount": (row[flow][key] or 0) / 100}
            for row in years
            for side, key in ((before, "before"), (after, "after"))
            if row[flow][key] is not None
        ]
        panels.append(_bars(values, labels.label(labels.FLOWS, flow), str(result["currency"]), before, after))
    title = _("Costs by year, before and after")
    total = result["costs"][-1]["paid"]
    words = Words(result, locale)
    description = _("Public money paid out over all years: %(before)s before, %(after)s after.") % {
        "before": words.money(total["before"]),
        "after": words.money(total["after"]),
    }
    chart = alt.concat(*panels, columns=2, spacing=28)
    return _svg(chart, title, description)


def _bars(values: list[dict[str, Any]], title: str, currency: str, before: str, after: str) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart({"values": values})
        .mark_bar()
        .encode(
            x=alt.X("year:O", title=None, axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("side:N", sort=[before, after]),
            y=alt.Y("amount:Q", title=currency, axis=alt.Axis(format="~s", tickCount=5)),
            color=alt.Color(
                "side:N",
                sort=[before, after],
                title=None,
                scale=alt.Scale(domain=[before, after], range=[BEFORE, AFTER]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .properties(title=title, width=280, height=170)
    )
    return chart


def _gains(result: Mapping[str, Any], measure: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    return [
        (row["kind"], row["name"], row["measures"][measure])
        for row in result["groups"]
        if row["measures"][measure]
        and (row["measures"][measure]["gainers"] or row["measures"][measure]["losers"])
    ]


def _gain_chart(result: Mapping[str, Any], measure: str, locale: str) -> str:
    gained, lost = _("Gained"), _("Lost")
    values, order = [], []
    for kind, name, figures in _gains(result, measure):
        group = labels.label(labels.GROUPS[kind], name)
        order.append(group)
        values.append({"group": group, "side": gained, "amount": figures["gained_cents"] / 100})
        values.append({"group": group, "side": lost, "amount": -figures["lost_cents"] / 100})
    chart = (
        alt.Chart({"values": values})
        .mark_bar()
        .encode(
            y=alt.Y("group:N", sort=order, title=None, axis=alt.Axis(labelLimit=240)),
            x=alt.X(
                "amount:Q", title=str(result["currency"]), stack=None, axis=alt.Axis(format="~s", tickCount=6)
            ),
            color=alt.Color(
                "side:N",
                sort=[gained, lost],
                title=None,
                scale=alt.Scale(domain=[gained, lost], range=[GAIN, LOSS]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .properties(width=420, height=alt.Step(22))
    )
    words, everybody = Words(result, locale), result["groups"][0]["measures"][measure]
    title = labels.label(labels.MEASURES, measure)
    description = words.few
    if everybody is not None:
        description = _("%(gainers)s learners gain %(gained)s, %(losers)s lose %(lost)s.") % {
            "gainers": words.number(everybody["gainers"]),
            "gained": words.money(everybody["gained_cents"]),
            "losers": words.number(everybody["losers"]),
            "lost": words.money(everybody["lost_cents"]),
        }
    return _svg(chart, title, description)


def _svg(chart: Any, title: str, description: str) -> str:
    chart = (
        chart.properties(title=alt.TitleParams(title, anchor="start", fontSize=16, offset=14))
        .configure(font=FONT, background="white", padding=12)
        .configure_axis(labelColor=INK, titleColor=INK, labelFontSize=12, titleFontSize=12, grid=True)
        .configure_title(color=INK)
        .configure_legend(labelColor=INK, labelFontSize=12)
        .configure_view(stroke=None)
    )
    svg = _convert(chart.to_json(indent=None))
    # The drawing is one picture with a name; its inner parts are not announced one by one.
    head = f'<title id="t">{escape(title)}</title><desc id="d">{escape(description)}</desc>'
    return re.sub(r"<svg ([^>]*)>", rf'<svg role="img" aria-labelledby="t d" \1>{head}', svg, count=1)


@lru_cache(maxsize=16)
def _convert(spec: str) -> str:
    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=NO_NETWORK))
