"""Models of fraud."""

from fraud.models.facts import EVALUATION, LIVE, EvaluationLoad, evaluation_table, live_table

__all__ = ["EVALUATION", "LIVE", "EvaluationLoad", "evaluation_table", "live_table"]
