"""Who may see which bookings, and where each euro of a booking stands."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum

from django.db.models import Q, QuerySet, Sum

from accounts.models import Membership, OrganisationKind, User
from funding.models import Allocation, Booking, Bucket, Posting
from funding.services.bookings.money import provider_parts


class Viewer(Enum):
    """As whom somebody looks at a booking; a provider is never shown the learner's account."""

    LEARNER = "learner"
    PROVIDER = "provider"
    AGENCY = "agency"


@dataclass(frozen=True, slots=True)
class Standing:
    """What one person is in the platform: read once per request.

    schemes: those that their work for an agency is limited to; None: every scheme.
    """

    user_id: int
    agency: bool
    provider_organisations: frozenset[int]
    schemes: frozenset[int] | None = None

    def sees_as(self, booking: Booking) -> Viewer | None:
        """As whom this person sees the booking; None: not at all. The learner's own eyes come first."""
        if booking.account.citizen.user_id == self.user_id:
            return Viewer.LEARNER
        if self.agency and (self.schemes is None or booking.account.scheme_id in self.schemes):
            return Viewer.AGENCY
        if booking.provider.organisation_id in self.provider_organisations:
            return Viewer.PROVIDER
        return None


def standing_of(user: User) -> Standing:
    """The user's memberships of today, in one query."""
    held = Membership.objects.filter(user=user, ended_at__isnull=True).values_list(
        "organisation__kind", "organisation_id", "scheme_limits__scheme_id"
    )
    rows = list(held) if user.is_active and not user.is_service else []
    limits = {scheme for kind, _, scheme in rows if kind == OrganisationKind.AGENCY}
    return Standing(
        user_id=user.pk,
        agency=bool(limits),
        provider_organisations=frozenset(pk for kind, pk, _ in rows if kind == OrganisationKind.PROVIDER),
        schemes=None if None in limits else frozenset(limits),
    )


def visible_bookings(standing: Standing) -> QuerySet[Booking]:
    """The bookings that a person may see: their own, their provider's, or all for an agency."""
    if standing.agency and standing.schemes is None:
        return Booking.objects.all()
    seen = Q(account__citizen__user_id=standing.user_id) | Q(
        provider__organisation_id__in=standing.provider_organisations
    )
    if standing.agency:
        seen |= Q(account__scheme_id__in=standing.schemes)
    return Booking.objects.filter(seen)


@dataclass(frozen=True, slots=True)
class SourceMoney:
    """What one source pays of a booking and where it stands, in cents: the seven parts add up to amount.

    direct: the learner pays it to the provider, and it never comes in here: it stands between the two (`direct_cents`)
    until some of it is not owed any more (`not_owed_cents`).
    """

    source: str
    amount_cents: int
    held_cents: int
    payable_cents: int
    in_transit_cents: int
    paid_cents: int
    returned_cents: int
    direct: bool = False
    direct_cents: int = 0
    not_owed_cents: int = 0


PLACES = ("held", "payable", "in_transit", "paid", "direct", "not_owed", "returned")


@dataclass(frozen=True, slots=True)
class BookingMoney:
    """Where the money of a booking stands. owed_cents: what the provider owes back of it.

    refund_cents: own money that is to be refunded to the learner.
    """

    sources: tuple[SourceMoney, ...]
    owed_cents: int
    refund_cents: int

    @property
    def amount_cents(self) -> int:
        """What all sources together gave, in cents."""
        return sum(one.amount_cents for one in self.sources)

    @property
    def not_owed_cents(self) -> int:
        """What learners owe the provider no more, in cents: what they had paid of it, the provider gives back."""
        return sum(one.not_owed_cents for one in self.sources)

    @property
    def places(self) -> list[tuple[str, int]]:
        """Cents by the place where they stand, in the order money takes; what is between others only where it is."""
        sums = [(place, sum(getattr(one, f"{place}_cents") for one in self.sources)) for place in PLACES]
        return [(place, cents) for place, cents in sums if cents or place not in ("direct", "not_owed")]


_OPEN = (Bucket.HELD, Bucket.PAYABLE, Bucket.IN_TRANSIT)


def money_of(booking: Booking) -> BookingMoney:
    """Where each euro of a booking stands, from its allocations and its postings. Two queries."""
    balances: dict[tuple[str, str, int | None, int | None], int] = defaultdict(int)
    rows = (
        Posting.objects.filter(booking=booking)
        .values_list("bucket", "fund", "lot_id", "budget_id")
        .annotate(cents=Sum("amount_cents"))
    )
    for bucket, fund, lot_id, budget_id, cents in rows:
        balances[bucket, fund, lot_id, budget_id] += cents
    sources = []
    allocations = list(Allocation.objects.filter(booking=booking).order_by("position"))
    for allocation in allocations:
        where = (allocation.fund, allocation.lot_id, allocation.budget_id)
        held, payable, in_transit = (balances[bucket, *where] for bucket in _OPEN)
        if allocation.direct:
            sources.append(_between_the_two(booking, allocation, allocations))
            continue
        sources.append(
            SourceMoney(
                source=allocation.source,
                amount_cents=allocation.amount_cents,
                held_cents=held,
                payable_cents=payable,
                in_transit_cents=in_transit,
                paid_cents=allocation.paid_cents,
                returned_cents=allocation.returned_cents,
            )
        )
    return BookingMoney(
        sources=tuple(sources),
        owed_cents=-_sum(balances, Bucket.OWED),
        refund_cents=_sum(balances, Bucket.REFUND_DUE),
    )


def _between_the_two(booking: Booking, direct: Allocation, allocations: list[Allocation]) -> SourceMoney:
    """What the learner owes the provider, as a share of the price; no books of ours follow it once it was paid."""
    cents = direct.amount_cents
    ours = [each for each in allocations if not each.direct and not each.reimburses]
    owed = cents - direct.returned_cents
    if ours and all(each.returned_cents == each.amount_cents for each in ours):
        owed = 0
    elif booking.realised_percent is not None and booking.scheme_version is not None:
        price = [each for each in allocations if not each.reimburses]
        parts = provider_parts(booking, booking.scheme_version.parsed, price, away={})
        owed = min(owed, parts[price.index(direct)])
    return SourceMoney(
        direct.source, cents, 0, 0, 0, 0, 0, direct=True, direct_cents=owed, not_owed_cents=cents - owed
    )


def _sum(balances: dict[tuple[str, str, int | None, int | None], int], bucket: str) -> int:
    return sum(cents for (one, *_), cents in balances.items() if one == bucket)
