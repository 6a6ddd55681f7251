"""The learners of this database as the laboratory plays them: facts, money and habits, no names, nothing written.

Habits: what a learner booked in the years before the first one played is wished for again, on the same day of the
year, over and over. Read in parts, each in a transaction of its own that may not write.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Exists, F, Min, OuterRef

from funding.laboratory.people import OpeningLot, Person, Wish
from funding.laboratory.rulesets import LaboratoryError, Timeline
from funding.models import AgeCreditGiven, Allocation, Booking, LearningAccount, Lot, Scheme, Source
from funding.services.bookings.context import calendar_of, facts_of_credential, facts_of_learner
from ila.core import clock
from ila.core.calendars import WorkingCalendar

CHUNK: Final = 2000
HISTORY_YEARS: Final = 5

CITIZEN = (
    "birth_date",
    "status",
    "qualification_level",
    "disabled",
    "hours_ratio",
    "annual_hours",
    "driving_licences",
    "residence",
    "citizenship",
    "work_incapacity_percent",
    "prevention_account",
    "student_finance",
    "insured_months",
    "income_cents",
)
CREDENTIAL = ("kind", "code", "publicly_funded", "has_prerequisites", "hours")
BOOKING = (
    "account_id",
    "state",
    "realised_percent",
    "price_cents",
    "accepted_at",
    "session_id",
    "credential_id",
)


@dataclass(frozen=True, slots=True)
class Part:
    """Some learners, read."""

    people: tuple[Person, ...]

    def __len__(self) -> int:
        return len(self.people)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)


def timeline_of(scheme: Scheme) -> Timeline:
    """The stored rules of a scheme. Raises: LaboratoryError where it has none."""
    versions = tuple((each.valid_from, each.parsed) for each in scheme.versions.order_by("valid_from"))
    if not versions:
        raise LaboratoryError(f"{scheme.code} has no rules")
    return Timeline(scheme.code, versions)


def today(scheme: Scheme) -> date:
    """The day it is in the scheme's time zone: that on which accounts are read."""
    return calendar_of(scheme).local_date(clock.now())


def count(scheme: Scheme) -> int:
    """How many learners have an account."""
    return LearningAccount.objects.filter(scheme=scheme).count()


def read(scheme: Scheme, rules: Timeline, years: tuple[int, ...], *, opened: date) -> Iterator[Part]:
    """The learners of a scheme by account, a part at a time.

    Raises: LaboratoryError for years that begin before the day on which the accounts are read.
    """
    if years[0] < opened.year:
        raise LaboratoryError(
            f"the accounts are those of {opened}: the first year cannot be before {opened.year}"
        )
    return _parts(_Reader(scheme, rules, years, opened))


def _parts(reader: "_Reader") -> Iterator[Part]:
    last = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            last, people = reader.people_after(last)
        if not people:
            return
        yield Part(people)


@dataclass(slots=True)
class _Of:
    """What was found of one account."""

    lots: list[Lot] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    bookings: list[Booking] = field(default_factory=list)


class _Reader:
    def __init__(self, scheme: Scheme, rules: Timeline, years: tuple[int, ...], opened: date) -> None:
        self._scheme, self._years, self._opened = scheme, years, opened
        self._calendar: WorkingCalendar = calendar_of(scheme)
        first = Booking.objects.filter(account__scheme=scheme).aggregate(first=Min("accepted_at"))["first"]
        known = years[0] - self._day(first).year if first is not None else 1
        self._cycle = max(1, min(HISTORY_YEARS, known))
        all_rules = [each for _, each in rules.versions]
        self._withdrawn_count = all(each.withdrawn_grant_counts for each in all_rules)
        self._asks_emptied = any(each.accrual == "once" for each in all_rules)
        self._cap_sources = {source for each in all_rules for source in each.cap_sources}

    def people_after(self, account_id: int) -> tuple[int, tuple[Person, ...]]:
        """The next learners, and the id of the last one's account: four queries, five for credits given once."""
        accounts = list(
            LearningAccount.objects.filter(scheme=self._scheme, pk__gt=account_id)
            .select_related("citizen")
            .only("id", *(f"citizen__{name}" for name in CITIZEN))
            .order_by("pk")[:CHUNK]
        )
        if not accounts:
            return account_id, ()
        ids = [account.pk for account in accounts]
        found: dict[int, _Of] = defaultdict(_Of)
        for lot in Lot.objects.filter(account__in=ids).order_by("pk"):
            found[lot.account_id].lots.append(lot)
        given = AgeCreditGiven.objects.filter(account__in=ids).values_list("account_id", "name")
        for account, name in given:
            found[account].given.add(name)
        for booking in self._bookings(ids):
            found[booking.account_id].bookings.append(booking)
        emptied = self._emptied(ids) if self._asks_emptied else {}
        people = tuple(
            self._person(account, found[account.pk], emptied.get(account.pk)) for account in accounts
        )
        return ids[-1], people

    def _bookings(self, ids: list[int]) -> Iterable[Booking]:
        return (
            Booking.objects.filter(account__in=ids, accepted_at__isnull=False)
            .select_related("session", "credential")
            .only(
                *BOOKING,
                "session__starts_at",
                "session__ends_at",
                *(f"credential__{name}" for name in CREDENTIAL),
            )
            .order_by("accepted_at", "pk")
        )

    def _emptied(self, ids: list[int]) -> dict[int, date]:
        """The day of the latest acceptance that still uses money of the sources that count."""
        used = Allocation.objects.filter(
            booking=OuterRef("pk"),
            lot__source__in=self._cap_sources,
            amount_cents__gt=F("returned_cents"),
        )
        rows = Booking.objects.filter(Exists(used), account__in=ids, accepted_at__isnull=False)
        latest: dict[int, date] = {}
        for account, at in rows.order_by("accepted_at").values_list("account_id", "accepted_at"):
            latest[account] = self._day(at)
        return latest

    def _person(self, account: LearningAccount, of: _Of, emptied: date | None) -> Person:
        rights = [lot for lot in of.lots if lot.source == Source.RIGHTS]
        standing = [each for each in of.bookings if not each.is_all_back]
        counting = of.bookings if self._withdrawn_count else standing
        return Person(
            facts=facts_of_learner(account.citizen),
            lots=tuple(
                OpeningLot(
                    source=lot.source,
                    available_cents=lot.available_cents,
                    held_cents=lot.held_cents,
                    spent_cents=lot.spent_cents,
                    expires=lot.expires_on,
                    earmark=lot.earmark,
                )
                for lot in of.lots
            ),
            wishes=tuple(sorted(self._wishes(standing), key=lambda wish: wish.on)),
            accrued_years=frozenset(year for lot in rights for year in lot.accrued_years),
            given=frozenset(of.given),
            credited=any(lot.accrued_years for lot in rights),
            granted_years=frozenset(self._day(each.accepted_at).year for each in counting),
            earlier_bookings=len(standing),
            emptied_on=emptied,
        )

    def _wishes(self, bookings: Iterable[Booking]) -> Iterator[Wish]:
        for booking in bookings:
            on = self._day(booking.accepted_at)
            age = self._years[0] - on.year
            if not 1 <= age <= self._cycle:
                continue
            for year in self._years:
                if (year - on.year) % self._cycle == 0 and (
                    wish := self._wish(booking, on, year)
                ).on > self._opened:
                    yield wish

    def _wish(self, booking: Booking, on: date, year: int) -> Wish:
        session = booking.session
        again = _in_year(on, year)
        starts = self._day(session.starts_at) if session.starts_at else on
        ends = self._day(session.ends_at) if session.ends_at else starts
        percent = booking.realised_percent
        return Wish(
            on=again,
            starts=again + (starts - on),
            ends=again + (ends - on),
            credential=facts_of_credential(booking.credential),
            price_cents=booking.price_cents,
            percent=100 if percent is None else percent,
        )

    def _day(self, at: Any) -> date:
        assert isinstance(at, datetime)
        return self._calendar.local_date(at)


def _in_year(day: date, year: int) -> date:
    """The same day of another year; 29 February becomes the 28th."""
    return day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
