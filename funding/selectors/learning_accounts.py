"""A citizen's learning accounts: what is in them, when it expires, what moved, and which more they could open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Prefetch, Q, QuerySet, Sum

from accounts.models import Citizen, User
from funding.models import Booking, JournalEntry, LearningAccount, Lot, Posting, Scheme, SchemeVersion
from funding.schemes import planning
from funding.schemes.prospects import Money, Year, prospects
from funding.selectors.schemes import today, version_at, with_versions
from funding.services.bookings.context import facts_of_learner
from ila.core.errors import DomainError

SOON = timedelta(days=183)
"""Money that expires within half a year is pointed out."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One account as its learner sees it, in cents. today: where the scheme is."""

    account: LearningAccount
    lots: tuple[Lot, ...]
    today: date

    @property
    def available_cents(self) -> int:
        """What may be booked with now."""
        return sum(lot.available_cents for lot in self.lots if not self._expired(lot))

    @property
    def held_cents(self) -> int:
        """What is kept for bookings under way."""
        return sum(lot.held_cents for lot in self.lots)

    @property
    def rows(self) -> list[Lot]:
        """What there is, what expires first on top; what expires never, last."""
        kept = [
            lot for lot in self.lots if (lot.available_cents and not self._expired(lot)) or lot.held_cents
        ]
        return sorted(kept, key=lambda lot: (lot.expires_on or date.max, lot.source, lot.pk))

    @property
    def expiring(self) -> list[Lot]:
        """What is lost within half a year unless it is used."""
        until = self.today + SOON
        return [
            lot
            for lot in self.rows
            if lot.available_cents and lot.expires_on is not None and lot.expires_on <= until
        ]

    @property
    def suspended(self) -> bool:
        """Nothing may be booked for a time (F-25)."""
        until = self.account.suspended_until
        return until is not None and self.today <= until

    def years(self, version: SchemeVersion | None) -> tuple[Year, ...]:
        """What would be there at the end of the coming years, by the rules of that version."""
        if version is None:
            return ()
        owned = [
            Money(
                lot.source,
                lot.available_cents,
                used_cents=lot.held_cents + lot.spent_cents,
                held_cents=lot.held_cents,
                expires_on=lot.expires_on,
                accrued_years=tuple(lot.accrued_years),
            )
            for lot in self.lots
            if not self._expired(lot)
        ]
        return prospects(version.parsed, facts_of_learner(self.account.citizen), owned, today=self.today)

    def _expired(self, lot: Lot) -> bool:
        return lot.expires_on is not None and lot.expires_on < self.today


def standings_of(user: User) -> list[Standing]:
    """All learning accounts of a person, the oldest first. Two queries."""
    return _standings(Q(citizen__user_id=user.pk))


def standings_of_citizen(citizen: Citizen) -> list[Standing]:
    """The same of a citizen, for whom they let look. Two queries."""
    return _standings(Q(citizen_id=citizen.pk))


def _standings(whose: Q) -> list[Standing]:
    found = (
        LearningAccount.objects.filter(whose)
        .select_related("scheme", "citizen")
        .prefetch_related(Prefetch("lots", Lot.objects.order_by("pk")))
        .order_by("opened_at", "pk")
    )
    return [_standing(account) for account in found]


def standing_of_account(user: User, public_id: Any) -> Standing | None:
    """One account of this very person; None for whatever is not theirs."""
    found = LearningAccount.objects.filter(citizen__user_id=user.pk, public_id=public_id)
    account = found.select_related("scheme", "citizen").prefetch_related("lots").first()
    return None if account is None else _standing(account)


def _standing(account: LearningAccount) -> Standing:
    return Standing(account, tuple(account.lots.all()), today(account.scheme))


@dataclass(frozen=True, slots=True)
class Movement:
    """A journal entry that changed what is available in an account: by how many cents, and for which booking."""

    entry: JournalEntry
    cents: int
    booking: Booking | None = None


def movements(account: LearningAccount) -> QuerySet[Posting, Any]:
    """The entries that changed what is available, newest first, for a paginator; see `movements_on`."""
    found = Posting.objects.filter(lot__account=account, bucket="available")
    of_entries = found.values("entry_id", "entry__occurred_at").annotate(cents=Sum("amount_cents"))
    return of_entries.order_by("-entry__occurred_at", "-entry_id")


def movements_on(account: LearningAccount, rows: list[dict[str, Any]]) -> list[Movement]:
    """A page of movements with what they were for. Two queries."""
    ids = [row["entry_id"] for row in rows]
    entries = JournalEntry.objects.in_bulk(ids)
    bookings: dict[int, Booking] = {}
    concerned = Posting.objects.filter(entry_id__in=ids, booking__account=account).select_related(
        "booking__credential"
    )
    for posting in concerned.order_by("pk"):
        if posting.booking is not None:
            bookings.setdefault(posting.entry_id, posting.booking)
    return [
        Movement(entries[row["entry_id"]], row["cents"], bookings.get(row["entry_id"]))
        for row in rows
        if row["cents"]
    ]


@dataclass(frozen=True, slots=True)
class Openable:
    """A scheme the citizen has no account in. refusal: why they may not open one today, if so."""

    scheme: Scheme
    version: SchemeVersion
    refusal: DomainError | None


def openable(citizen: Citizen, held: list[Standing]) -> list[Openable]:
    """Schemes with rules in force and without an account of this citizen: those they may open first. Two queries."""
    mine = {one.account.scheme_id for one in held}
    facts = facts_of_learner(citizen)
    found = []
    for scheme in with_versions().exclude(pk__in=mine).order_by("name"):
        day = today(scheme)
        version = version_at(scheme.versions.all(), day)
        if version is None:
            continue
        refusal = None
        try:
            planning.check_eligible(version.parsed, facts, day)
        except DomainError as error:
            refusal = error
        found.append(Openable(scheme, version, refusal))
    return sorted(found, key=lambda one: one.refusal is not None)
