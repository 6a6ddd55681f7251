"""The random control (D26): what learners drawn by lot say about the bookings that no detector named."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import CharField, F, Func, Q, QuerySet, Sum, TextField, Value
from django.db.models.functions import Cast, Concat

from fraud.models import Alert, AlertAction, AlertSighting, LearnerSurvey, SurveyAnswer
from funding.models import Allocation, Source
from ila.core import clock

CONTROL = "D26"
DAYS = 365
# Below so many answers an interval says nothing that anybody could act on.
LEAST_ANSWERS = 30
# Of the standard normal distribution, for 95 in 100.
Z = 1.959964
CONTRADICTS = (SurveyAnswer.DENIED, SurveyAnswer.NOT_TAUGHT)


@dataclass(frozen=True)
class Money:
    """Public money in cents of the bookings that nobody named, and what of it the sample says is misused."""

    currency: str
    unnamed_cents: int
    low_cents: int
    likely_cents: int
    high_cents: int


@dataclass
class Control:
    """The control of a year. unnamed: answers about bookings that no detector named; found: of them, contradicted.

    low, high: the interval (Wilson, 95 in 100) of the share of misuse among what no detector named.
    """

    since: datetime
    drawn: int
    asked: int = 0
    answered: int = 0
    contradicted: int = 0
    unnamed: int = 0
    found: int = 0
    low: float = 0.0
    high: float = 1.0
    money: list[Money] = field(default_factory=list)

    @property
    def is_enough(self) -> bool:
        """Whether anything can be said."""
        return self.unnamed >= LEAST_ANSWERS

    @property
    def share(self) -> float:
        """Of the answers about what no detector named, those that contradict."""
        return self.found / self.unnamed if self.unnamed else 0.0


def wilson(hits: int, size: int) -> tuple[float, float]:
    """The interval in which a share lies 95 times in 100, also where hardly anything was found; (0, 1) of nothing."""
    if not size:
        return 0.0, 1.0
    share, square = hits / size, Z * Z
    middle = (share + square / (2 * size)) / (1 + square / size)
    half = Z / (1 + square / size) * math.sqrt(share * (1 - share) / size + square / (4 * size * size))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def look() -> Control:
    """What the control of the last year says."""
    since = clock.now() - timedelta(days=DAYS)
    control = Control(since, Alert.objects.filter(detector=CONTROL, found_at__gte=since).count())
    rows = list(
        LearnerSurvey.objects.filter(case__isnull=True, sent_at__gte=since).values_list(
            "booking__public_id", "answer", "answered_at"
        )
    )
    control.asked = len(rows)
    answers = [(f"bookings:{ref}", answer, at) for ref, answer, at in rows if at is not None]
    control.answered = len(answers)
    control.contradicted = sum(answer in CONTRADICTS for _ref, answer, _at in answers)
    named = _named([ref for ref, _answer, _at in answers])
    # What a detector says because of the very answer is nothing that it had found.
    unnamed = [answer for ref, answer, at in answers if ref not in named or named[ref] >= at]
    control.unnamed, control.found = len(unnamed), sum(answer in CONTRADICTS for answer in unnamed)
    control.low, control.high = wilson(control.found, control.unnamed)
    if control.is_enough:
        control.money = list(_money(control))
    return control


def _suspicion() -> Q:
    """Alerts that say something against somebody."""
    return ~Q(detector=CONTROL) & ~Q(action=AlertAction.NOTE)


def _later() -> QuerySet[AlertSighting]:
    """What later days added to them."""
    return AlertSighting.objects.exclude(action=AlertAction.NOTE).exclude(alert__detector=CONTROL)


def _named(refs: list[str]) -> dict[str, datetime]:
    """Since when a detector names each of these; what none names is left out."""
    wanted, found = set(refs), dict[str, datetime]()
    alerts = Alert.objects.filter(_suspicion(), evidence__overlap=refs).values_list("evidence", "found_at")
    sightings = _later().filter(evidence__overlap=refs).values_list("evidence", "at")
    for evidence, at in (*alerts, *sightings):
        for ref in wanted.intersection(evidence):
            found[ref] = min(found.get(ref, at), at)
    return found


def _money(control: Control) -> Iterable[Money]:
    ref = Func(F("evidence"), function="unnest", output_field=TextField())
    named = Alert.objects.filter(_suspicion()).annotate(ref=ref).values("ref")
    later = _later().annotate(ref=ref).values("ref")
    public = (
        Allocation.objects.filter(booking__requested_at__gte=control.since, reimburses=False)
        .exclude(source=Source.LEARNER)
        .annotate(
            ref=Concat(Value("bookings:"), Cast("booking__public_id", CharField()), output_field=TextField())
        )
        .exclude(ref__in=named)
        .exclude(ref__in=later)
        .values("booking__currency")
        .annotate(cents=Sum("amount_cents"))
        .order_by("booking__currency")
    )
    for row in public:
        cents = row["cents"]
        yield Money(
            row["booking__currency"],
            cents,
            low_cents=math.floor(cents * control.low),
            likely_cents=round(cents * control.share),
            high_cents=math.ceil(cents * control.high),
        )
