"""One day's detection: every detector over the facts of the day, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from time import monotonic
from typing import Any

import structlog
from django.db import connection, transaction
from psycopg import Cursor

from fraud.detection.detector import Detector, Finding, not_runnable, one_of_each
from fraud.detection.scoring import Alert, Recent, final_actions, in_order, make_cases, strengths_of
from fraud.detection.snapshot import take_snapshot
from fraud.facts.tables import TABLES
from fraud.models import EvaluationLoad, evaluation_table, live_table

logger = structlog.get_logger(__name__)

# What is recent, when a provider's few new bookings are looked at beside its many old ones.
RECENT_DAYS = 70
# Tables whose evidence names a booking.
_OF_BOOKINGS = ("bookings", "booking_events", "attendance", "surveys")


@dataclass
class DayResult:
    """What was found on a day, and which detectors could not say anything.

    not_run: detector → what is missing. failed: detector → the kind of error.
    """

    day: date
    alerts: list[Alert] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    ran: dict[str, int] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Which detectors ran with which version and parameters, and which did not."""
        return {
            "as_of": self.day.isoformat(),
            "ran": self.ran,
            "not_run": self.not_run,
            "failed": self.failed,
        }


def detect_evaluated(*, day: date, detectors: Iterable[Detector]) -> DayResult:
    """Detection over the evaluated population, as known at the end of the day."""
    load = EvaluationLoad.objects.order_by("-pk").first()
    columns: Mapping[str, Iterable[str]] = load.columns if load is not None else {}
    return _detect(day, list(detectors), evaluation_table, columns)


def detect_live(*, day: date, detectors: Iterable[Detector]) -> DayResult:
    """Detection over the running platform's facts, as known at the end of the day."""
    columns = {name: table.names for name, table in TABLES.items()}
    return _detect(day, list(detectors), live_table, columns)


def _detect(
    day: date,
    detectors: list[Detector],
    database_table: Callable[[str], str],
    columns: Mapping[str, Iterable[str]],
) -> DayResult:
    result = DayResult(day)
    found: list[tuple[Detector, Finding]] = []
    started = monotonic()
    with _snapshot(day, database_table) as cursor:
        result.seconds["snapshot"] = monotonic() - started
        for detector in detectors:
            reason = not_runnable(detector, columns)
            if reason:
                result.not_run[detector.id] = reason
                continue
            started = monotonic()
            findings = _ask(cursor, detector, day, result)
            result.seconds[detector.id] = monotonic() - started
            found.extend((detector, finding) for finding in findings)
        sizes, recent = _sizes(cursor, day, found)
        result.alerts = in_order(_alerts(cursor, day, found, sizes, recent))
    result.cases = make_cases(result.alerts, sizes, day, recent)
    return result


@contextmanager
def _snapshot(day: date, database_table: Callable[[str], str]) -> Iterator[Cursor[Any]]:
    """The facts of a day, in a transaction of their own, and gone after it."""
    with transaction.atomic(), connection.cursor() as wrapped:
        cursor: Cursor[Any] = wrapped.cursor
        take_snapshot(cursor, day, database_table)
        yield cursor
        for name in (*TABLES, "span", "bk", "zone"):
            cursor.execute(f"DROP TABLE pg_temp.{name}".encode())


@dataclass(frozen=True)
class Answer:
    """What one detector says by itself of a day. error: the kind of what went wrong, or what is missing.

    amounts: public money in cents of the bookings that the findings name, by booking.
    """

    findings: tuple[Finding, ...] = ()
    error: str = ""
    amounts: Mapping[str, int] = field(default_factory=dict)

    def amount_of(self, finding: Finding) -> int:
        """The public money of the bookings of a finding, in cents."""
        return sum(self.amounts.get(name, 0) for name in _bookings(finding.evidence))


def ask_live(*, day: date, detectors: Sequence[Detector]) -> list[Answer]:
    """Each of these on the running platform's facts of a day, by itself: no scoring, no alert, no hold.

    The same detector may be asked several times with other parameters. Answers come in the order of the detectors.
    """
    columns = {name: table.names for name, table in TABLES.items()}
    answers = []
    with _snapshot(day, live_table) as cursor:
        for detector in detectors:
            missing = not_runnable(detector, columns)
            if missing:
                answers.append(Answer(error=missing))
                continue
            result = DayResult(day)
            findings = tuple(_ask(cursor, detector, day, result))
            touched = frozenset[str]().union(*(_bookings(each.evidence) for each in findings))
            answers.append(Answer(findings, result.failed.get(detector.id, ""), _amounts(cursor, touched)))
    return answers


def _ask(cursor: Cursor[Any], detector: Detector, day: date, result: DayResult) -> list[Finding]:
    try:
        with transaction.atomic():
            findings = one_of_each(detector.find(cursor, day, detector.parameters))
    except Exception as error:
        # One detector's failure must be seen, and must not silence the others.
        logger.exception("fraud_detector_failed", detector=detector.id, day=day.isoformat())
        result.failed[detector.id] = type(error).__name__
        return []
    result.ran[detector.id] = detector.version
    return findings


def _sizes(
    cursor: Cursor[Any], day: date, found: list[tuple[Detector, Finding]]
) -> tuple[dict[str, int], Recent]:
    """Bookings by provider, of all time and of the latest weeks; of the latest those that something was found of."""
    cursor.execute(
        "SELECT provider_id, count(*), count(*) FILTER (WHERE (created_at AT TIME ZONE 'UTC')::date"
        " > %s::date - %s::int) FROM bk GROUP BY provider_id",
        [day, RECENT_DAYS],
    )
    rows: list[tuple[str, int, int]] = cursor.fetchall()
    named = sorted(frozenset[str]().union(*(_bookings(finding.evidence) for _detector, finding in found)))
    cursor.execute(
        "SELECT booking_id FROM bk WHERE booking_id = ANY(%s)"
        "   AND (created_at AT TIME ZONE 'UTC')::date > %s::date - %s::int",
        [named, day, RECENT_DAYS],
    )
    lately = frozenset(booking_id for (booking_id,) in cursor)
    counts = {provider_id: number for provider_id, _all, number in rows if number}
    return {provider_id: number for provider_id, number, _lately in rows}, Recent(lately, counts)


def _alerts(
    cursor: Cursor[Any],
    day: date,
    found: list[tuple[Detector, Finding]],
    sizes: dict[str, int],
    recent: Recent,
) -> list[Alert]:
    touched = [_bookings(finding.evidence) for _detector, finding in found]
    amounts = _amounts(cursor, frozenset[str]().union(*touched))
    alerts = [
        Alert(
            day, detector, finding, finding.action, sum(amounts.get(name, 0) for name in bookings), bookings
        )
        for (detector, finding), bookings in zip(found, touched, strict=True)
    ]
    # Notes are no evidence for a hold.
    said = strengths_of((alert for alert in alerts if alert.action != "N"), sizes, recent)
    actions = final_actions(found, said, len(sizes))
    return [replace(alert, action=action) for alert, (*_pair, action) in zip(alerts, actions, strict=True)]


def _amounts(cursor: Cursor[Any], bookings: frozenset[str]) -> dict[str, int]:
    cursor.execute(
        "SELECT booking_id, coalesce(amount_cents, 0) FROM bk WHERE booking_id = ANY(%s)", [sorted(bookings)]
    )
    return dict(cursor.fetchall())


def _bookings(evidence: tuple[str, ...]) -> frozenset[str]:
    named = (row.split(":", 1) for row in evidence)
    return frozenset(identity for table, identity in named if table in _OF_BOOKINGS)
