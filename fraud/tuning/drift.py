"""Each detector against its own past, week by week: what it names, what people make of it, when it could not run."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db.models import Min

from fraud.detection.registry import DETECTORS
from fraud.models import LIVE, Alert, AlertState, CaseState, PaymentScreening, ScreeningOutcome
from fraud.models.cases import AT_FAULT
from ila.core import clock

# So many whole weeks are shown; the last is compared with those before it.
WEEKS = 16
# Fewer weeks with runs, or fewer decisions, are no past to compare with.
LEAST_WEEKS, LEAST_DECIDED = 6, 8
# Beyond so many deviations from its own past a number has drifted.
LIMIT = 3.0


@dataclass
class Week:
    """A detector's week. known: providers that there were. failed, not_run, missing: days of seven."""

    monday: date
    alerts: int = 0
    providers: int = 0
    known: int = 0
    confirmed: int = 0
    refuted: int = 0
    dismissed: int = 0
    failed: int = 0
    not_run: int = 0
    missing: int = 0

    @property
    def decided(self) -> int:
        """Alerts of the week on which people have decided since."""
        return self.confirmed + self.refuted + self.dismissed

    @property
    def ran(self) -> bool:
        """Whether it could say anything on any day."""
        return self.failed + self.not_run + self.missing < 7


@dataclass
class Drift:
    """A detector's weeks, the earliest first. odd: what of its last week is far from its past, and how (+ or −).

    usual: how many alerts a week its past explains, from and to; None while it is too short.
    """

    detector: str
    weeks: list[Week]
    odd: dict[str, int] = field(default_factory=dict)
    usual: tuple[int, int] | None = None

    @property
    def last(self) -> Week:
        """The week that is looked at."""
        return self.weeks[-1]

    @property
    def has_past(self) -> bool:
        """Whether there is enough to compare with."""
        return self.usual is not None


def drifts(detectors: Sequence[str] = ()) -> list[Drift]:
    """All detectors (or these), over whole weeks. Five queries, whatever the number of detectors."""
    names = list(detectors or DETECTORS)
    today = clock.now().date()
    monday = today - timedelta(days=today.weekday())
    mondays = [monday - timedelta(weeks=back) for back in range(WEEKS, 0, -1)]
    weeks = {name: [Week(each) for each in mondays] for name in names}
    _count_alerts(weeks, mondays)
    _count_days(weeks, mondays)
    _count_known(weeks, mondays)
    return [_judged(name, weeks[name]) for name in names]


def _count_alerts(weeks: dict[str, list[Week]], mondays: list[date]) -> None:
    rows = Alert.objects.filter(
        detector__in=weeks, found_on__gte=mondays[0], found_on__lt=mondays[-1] + timedelta(weeks=1)
    ).values_list("detector", "found_on", "provider_ref", "state", "case__outcome")
    named: dict[tuple[str, int], set[str]] = defaultdict(set)
    for detector, found_on, provider, state, outcome in rows.iterator():
        place = (found_on - mondays[0]).days // 7
        week = weeks[detector][place]
        week.alerts += 1
        named[detector, place].add(provider)
        week.confirmed += outcome in AT_FAULT
        week.refuted += outcome == CaseState.REFUTED
        week.dismissed += state == AlertState.DISMISSED
    for (detector, place), providers in named.items():
        weeks[detector][place].providers = len(providers)


def _count_days(weeks: dict[str, list[Week]], mondays: list[date]) -> None:
    """Of several runs of a day the best counts: it did run."""
    runs: dict[date, list[tuple[bool, set[str], set[str]]]] = defaultdict(list)
    rows = PaymentScreening.objects.filter(
        batch__isnull=True, day__gte=mondays[0], day__lt=mondays[-1] + timedelta(weeks=1)
    ).exclude(outcome=ScreeningOutcome.RUNNING)
    for day, error, failed, not_run in rows.values_list("day", "error", "failed", "not_run"):
        runs[day].append((bool(error), set(failed), set(not_run)))
    for offset in range(7 * len(mondays)):
        day = mondays[0] + timedelta(days=offset)
        of_day = runs.get(day, [])
        for detector, found in weeks.items():
            week = found[offset // 7]
            said = {_said(detector, *run) for run in of_day}
            if not said:
                week.missing += 1
            elif "ran" not in said:
                week.failed += "failed" in said
                week.not_run += "failed" not in said


def _said(detector: str, whole: bool, failed: set[str], not_run: set[str]) -> str:
    if whole or detector in failed:
        return "failed"
    return "not_run" if detector in not_run else "ran"


def _count_known(weeks: dict[str, list[Week]], mondays: list[date]) -> None:
    facts = LIVE["providers"]._default_manager.values("provider_id").annotate(since=Min("recorded_at"))
    since = sorted(each["since"] for each in facts)
    for place, monday in enumerate(mondays):
        end = datetime.combine(monday + timedelta(weeks=1), datetime.min.time(), UTC)
        known = bisect_right(since, end)
        for found in weeks.values():
            found[place].known = known


def _judged(detector: str, weeks: list[Week]) -> Drift:
    drift = Drift(detector, weeks)
    last = drift.last
    past = [week for week in weeks[:-1] if week.ran]
    if last.failed or last.missing:
        drift.odd["silent"] = -1
    if len(past) < LEAST_WEEKS or not last.ran:
        return drift
    mean = sum(week.alerts for week in past) / len(past)
    drift.usual = usual_range(mean)
    _note(drift, "alerts", _of_count(last.alerts, mean))
    _note(drift, "providers", _of_shares(last.providers, last.known, past, "providers", "known"))
    if last.decided >= LEAST_DECIDED and sum(week.decided for week in past) >= LEAST_DECIDED:
        for what in ("confirmed", "dismissed"):
            _note(drift, what, _of_shares(getattr(last, what), last.decided, past, what, "decided"))
    return drift


def _note(drift: Drift, what: str, deviations: float) -> None:
    if abs(deviations) > LIMIT:
        drift.odd[what] = 1 if deviations > 0 else -1


def usual_range(mean: float) -> tuple[int, int]:
    """From how many to how many a week are no surprise where the mean is this (a Poisson number, stabilised)."""
    middle = math.sqrt(mean + 0.375)
    low = max(middle - LIMIT / 2, 0.0) ** 2 - 0.375
    return max(math.ceil(low), 0), max(math.floor((middle + LIMIT / 2) ** 2 - 0.375), 0)


def _of_count(number: int, mean: float) -> float:
    return 2 * (math.sqrt(number + 0.375) - math.sqrt(mean + 0.375))


def _of_shares(hits: int, size: int, past: Sequence[Week], what: str, of: str) -> float:
    """Deviations of a share from that of the past, stabilised by its arc sine, both of them uncertain."""
    totals: Counter[str] = Counter()
    for week in past:
        totals["hits"] += getattr(week, what)
        totals["size"] += getattr(week, of)
    if not size or not totals["size"]:
        return 0.0
    difference = _arc(hits, size) - _arc(totals["hits"], totals["size"])
    return 2 * difference / math.sqrt(1 / size + 1 / totals["size"])


def _arc(hits: int, size: int) -> float:
    return math.asin(math.sqrt((hits + 0.375) / (size + 0.75)))
