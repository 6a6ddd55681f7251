"""Charts as SVG, drawn here without script, style sheet or network, in one look.

Each is a Vega-Lite specification, plain data (decision 93).
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import vl_convert

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
INK: Final = "#1c2530"
STYLE: Final = {
    "font": "Liberation Sans, Arial, sans-serif",
    "background": "white",
    "padding": 12,
    "axis": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12},
    "title": {"color": INK},
    "legend": {"labelColor": INK, "labelFontSize": 12},
    "view": {"stroke": None},
}
NO_NETWORK: Final[list[str]] = []


def draw(spec: Mapping[str, Any]) -> str:
    """The SVG of a specification, in our style."""
    return _convert(json.dumps({"$schema": SCHEMA, **spec, "config": STYLE}))


@lru_cache(maxsize=16)
def _convert(spec: str) -> str:
    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=NO_NETWORK))
