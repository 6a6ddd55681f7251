"""Models of fraud."""

from fraud.models.facts import EVALUATION, LIVE, EvaluationLoad, evaluation_table, live_table
from fraud.models.feeds import FeedCursor, FeedState

__all__ = [
    "EVALUATION",
    "LIVE",
    "EvaluationLoad",
    "FeedCursor",
    "FeedState",
    "evaluation_table",
    "live_table",
]
