"""Lists about windows: of them, of the sessions one may apply for, of grants, and how a window's run goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncMinute

from catalogue.importing.values import folded
from catalogue.models import CredentialState, Session, SessionSeats
from catalogue.models.sessions import BOOKABLE_STATES
from funding.models import Application, Window
from funding.schemes.deadlines import add_months
from funding.schemes.rules import SchemeRules
from funding.services.bookings.context import calendar_of
from ila.core import clock

# Words of a search: more are not asked for.
MOST_WORDS = 8


def windows_with_money() -> QuerySet[Window]:
    """All windows with their scheme and what is left of their budgets: three queries for any number of them."""
    return Window.objects.select_related("scheme", "budget").prefetch_related("slices__budget")


@dataclass(frozen=True, slots=True)
class WindowLists:
    """Windows by where they are in time: the next to close, to open, and the last closed first."""

    open: list[Window]
    coming: list[Window]
    past: list[Window]


def window_lists(*, past: int) -> WindowLists:
    """Windows that are open or coming, and so many of the past ones."""
    now, every = clock.now(), windows_with_money()
    return WindowLists(
        list(every.filter(opens_at__lte=now, closes_at__gt=now).order_by("closes_at", "pk")),
        list(every.filter(opens_at__gt=now).order_by("opens_at", "pk")),
        list(every.filter(closes_at__lte=now).order_by("-closes_at", "-pk")[:past]),
    )


def first_and_last_start(window: Window, rules: SchemeRules) -> tuple[datetime, datetime | None]:
    """From when and until when a training may start that is applied for today, or as the window opens (N-05)."""
    calendar = calendar_of(window.scheme)
    day = calendar.local_date(max(clock.now(), window.opens_at))
    first = calendar.start_of_day(day + timedelta(days=rules.start_min_days or 0))
    most = rules.start_max_months
    if most is None:
        return first, None
    return first, calendar.end_of_day(add_months(calendar.last_day_before(window.closes_at), most))


def fitting_sessions(window: Window, rules: SchemeRules, text: str = "") -> QuerySet[Session]:
    """Sessions that one may apply for in a window: time, currency, price, seats; accreditation is asked later.

    text: words of the title, the provider's name, or a number. N-04, N-05.
    """
    first, last = first_and_last_start(window, rules)
    full = SessionSeats.objects.filter(session=OuterRef("pk"), seats__isnull=False, taken__gte=F("seats"))
    found = (
        Session.objects.filter(
            ~Exists(full),
            Q(micro_credential__register_price_cents__isnull=True)
            | Q(micro_credential__register_price_cents__gte=F("price_cents")),
            state__in=BOOKABLE_STATES,
            recruitment_closed=False,
            removed_at__isnull=True,
            starts_at__gte=max(first, clock.now()),
            price_cents__gt=0,
            currency=window.scheme.currency,
            micro_credential__state=CredentialState.REGISTERED,
            micro_credential__total_mismatch=False,
        )
        .exclude(micro_credential__provider__name="")
        .select_related("micro_credential__provider", "offer")
        .order_by("starts_at", "pk")
    )
    if last is not None:
        found = found.filter(starts_at__lt=last)
    for word in text.split()[:MOST_WORDS]:
        found = found.filter(
            Q(micro_credential__title__icontains=word)
            | Q(micro_credential__search_text__icontains=folded(word))
            | Q(micro_credential__provider__name__icontains=word)
            | Q(micro_credential__entry__istartswith=word)
            | Q(micro_credential__code__iexact=word)
        )
    return found


@dataclass(frozen=True, slots=True)
class Minute:
    """Grants of one minute."""

    at: datetime
    granted: int


@dataclass(frozen=True, slots=True)
class Run:
    """How a window goes. minutes: the latest in which something was granted, oldest first."""

    granted: int
    granted_cents: int
    minutes: list[Minute]


def run_of(window: Window, *, minutes: int) -> Run:
    """What was granted from a window, in all and minute by minute. Two queries."""
    granted = Application.objects.filter(window=window)
    total = granted.aggregate(number=Count("pk"), cents=Sum("grant_cents"))
    by_minute = (
        granted.annotate(minute=TruncMinute("applied_at"))
        .values("minute")
        .annotate(number=Count("pk"))
        .order_by("-minute")[:minutes]
    )
    rows = [Minute(row["minute"], row["number"]) for row in by_minute]
    return Run(total["number"], total["cents"] or 0, rows[::-1])


@dataclass(frozen=True, slots=True)
class Bar:
    """A minute's bar in a picture of 100 by 30, its foot at 30."""

    x: float
    y: float
    width: float
    height: float


def bars(rows: list[Minute]) -> list[Bar]:
    """A bar for each minute, as high as what was granted in it."""
    most = max((row.granted for row in rows), default=1)
    step = 100 / max(12, len(rows))
    heights = [row.granted * 30 / most for row in rows]
    return [Bar(position * step, 30 - high, step * 0.9, high) for position, high in enumerate(heights)]
