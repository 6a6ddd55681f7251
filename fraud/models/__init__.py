"""Models of fraud."""

from fraud.models.alerts import Alert, AlertAction, AlertLog, AlertSighting, AlertState, Snooze
from fraud.models.blacklist import BlacklistEntry, BlacklistKind
from fraud.models.cases import Case, CaseBooking, CaseLog, CaseState, InvestigatorCapacity, Typology
from fraud.models.facts import EVALUATION, LIVE, EvaluationLoad, evaluation_table, live_table
from fraud.models.feeds import FeedCursor, FeedState
from fraud.models.file import (
    CaseDocument,
    CaseQuestion,
    CaseRecord,
    LearnerSurvey,
    Letter,
    LetterKind,
    RecordKind,
    SurveyAnswer,
)
from fraud.models.hold_answers import HoldAnswer, HoldDecision, HoldDocument, HoldOutcome
from fraud.models.measures import (
    Measure,
    MeasureEffect,
    MeasureKind,
    MeasureLine,
    MeasureLog,
    MeasureState,
)
from fraud.models.places import KnownPlace, KnownPlaceLog, PlaceKind, PlaceState
from fraud.models.reports import LearnerReport, ReportKind
from fraud.models.rules import (
    BackTest,
    BackTestDay,
    BackTestFinding,
    BackTestOutcome,
    Became,
    ParameterVersion,
    ParameterVersionLog,
    RuleState,
    ShadowDay,
    ShadowFinding,
)
from fraud.models.screenings import AutomaticHold, PaymentScreening, ScreeningMatch, ScreeningOutcome

__all__ = [
    "EVALUATION",
    "LIVE",
    "Alert",
    "AlertAction",
    "AlertLog",
    "AlertSighting",
    "AlertState",
    "AutomaticHold",
    "BackTest",
    "BackTestDay",
    "BackTestFinding",
    "BackTestOutcome",
    "Became",
    "BlacklistEntry",
    "BlacklistKind",
    "Case",
    "CaseBooking",
    "CaseDocument",
    "CaseLog",
    "CaseQuestion",
    "CaseRecord",
    "CaseState",
    "EvaluationLoad",
    "FeedCursor",
    "FeedState",
    "HoldAnswer",
    "HoldDecision",
    "HoldDocument",
    "HoldOutcome",
    "InvestigatorCapacity",
    "KnownPlace",
    "KnownPlaceLog",
    "LearnerReport",
    "LearnerSurvey",
    "Letter",
    "LetterKind",
    "Measure",
    "MeasureEffect",
    "MeasureKind",
    "MeasureLine",
    "MeasureLog",
    "MeasureState",
    "ParameterVersion",
    "ParameterVersionLog",
    "PaymentScreening",
    "PlaceKind",
    "PlaceState",
    "RecordKind",
    "ReportKind",
    "RuleState",
    "ScreeningMatch",
    "ScreeningOutcome",
    "ShadowDay",
    "ShadowFinding",
    "Snooze",
    "SurveyAnswer",
    "Typology",
    "evaluation_table",
    "live_table",
]
