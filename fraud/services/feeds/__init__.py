"""How the facts follow the running platform: read by sets, at any time again, and never twice."""

from fraud.services.feeds.runs import FeedResult, catch_up, compare_everything
from fraud.services.feeds.states import Standing, blank_columns, blind_detectors, standings

__all__ = [
    "FeedResult",
    "Standing",
    "blank_columns",
    "blind_detectors",
    "catch_up",
    "compare_everything",
    "standings",
]
