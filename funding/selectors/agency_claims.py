"""Claims as the agency decides them: what is asked, what proves it, and what speaks against it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Prefetch, Q, QuerySet

from funding.models import (
    Booking,
    BookingReview,
    Certificate,
    Claim,
    ClaimApproval,
    ClaimState,
    Hold,
    Scheme,
)
from funding.selectors.operations import stops
from funding.services import claim_approvals, holds


def claims_for(schemes: Collection[int] | None) -> QuerySet[Claim]:
    """All claims of these schemes (None: of every scheme), the first to be paid first."""
    found = Claim.objects.exclude(state=ClaimState.DRAFT)
    if schemes is not None:
        found = found.filter(booking__account__scheme__in=schemes)
    return found.order_by("due_on", "pk")


def schemes_for(schemes: Collection[int] | None) -> QuerySet[Scheme]:
    """The schemes that somebody works for, by name."""
    found = Scheme.objects.order_by("name")
    return found if schemes is None else found.filter(pk__in=schemes)


def with_proof(found: QuerySet[Claim]) -> QuerySet[Claim]:
    """With all that `rows_of` reads: four queries for any number of claims."""
    return found.select_related(
        "booking__account__scheme",
        "booking__session",
        "booking__credential",
        "booking__consent",
        "booking__provider",
        "provider__organisation",
        "author",
        "approver",
        "booking__scheme_version",
        "first_approval__approver",
    ).prefetch_related(
        Prefetch("booking__certificates", queryset=Certificate.objects.order_by("pk")),
        Prefetch(
            "booking__reviews",
            queryset=BookingReview.objects.filter(closed_at__isnull=True).order_by("pk"),
            to_attr="open_reviews",
        ),
    )


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim with what proves it and what speaks against it.

    records: how many attendance records there are, last_record: when the last one was made. claimed_cents: of the
    booking, up to this claim.
    """

    claim: Claim
    holds: list[Hold]
    records: int
    last_record: Any
    seen: str
    claimed_cents: int = 0

    @property
    def booking(self) -> Booking:
        """The booking it is for."""
        return self.claim.booking

    @property
    def two_above_cents(self) -> int | None:
        """The limit that makes two approvals needed; None where one is enough."""
        limit = claim_approvals.limit_of(self.claim)
        return limit if limit is not None and self.claimed_cents > limit else None

    @property
    def first(self) -> ClaimApproval | None:
        """The first of two approvals, once it is given."""
        return claim_approvals.first_of(self.claim)

    @property
    def certificates(self) -> list[Certificate]:
        """Certificates and examinations."""
        return list(self.claim.booking.certificates.all())

    @property
    def reviews(self) -> list[BookingReview]:
        """Reviews of the booking that nobody has closed."""
        return list(getattr(self.claim.booking, "open_reviews", []))


def rows_of(claims: Sequence[Claim]) -> list[ClaimRow]:
    """The rows of claims that were read `with_proof`. Three queries more."""
    bookings = [claim.booking for claim in claims]
    standing = list(
        holds.open_holds().filter(holds.scopes_of(bookings)).select_related("owner").order_by("pk")
    )
    attended: dict[int, tuple[int, Any]] = defaultdict(lambda: (0, None))
    counted = (
        Booking.objects.filter(pk__in=[booking.pk for booking in bookings])
        .annotate(records=Count("attendance"), last=Max("attendance__recorded_at"))
        .values_list("pk", "records", "last")
    )
    for pk, records, last in counted:
        attended[pk] = (records, last)
    claimed = claim_approvals.claimed_with(claims)
    return [
        ClaimRow(
            claim,
            [hold for hold in standing if stops(hold, claim.booking)],
            *attended[claim.booking_id],
            fingerprint(claim, claim.booking),
            claimed[claim.pk],
        )
        for claim in claims
    ]


def fingerprint(claim: Claim, booking: Booking) -> str:
    """What of a claim a decision rests on, in short: whoever decides sends back what they were shown."""
    facts = (
        claim.pk,
        claim.state,
        claim.amount_cents,
        claim.payee_iban,
        booking.state,
        booking.realised_percent,
        booking.declared_percent,
        sorted(booking.flags),
        getattr(claim_approvals.first_of(claim), "pk", None),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:20]


def searched(found: QuerySet[Claim], *, state: str, scheme: str, text: str, only: str) -> QuerySet[Claim]:
    """Narrow a list of claims: by state, scheme, words of the provider or the training, and what is special."""
    if state:
        found = found.filter(state=state)
    if scheme:
        found = found.filter(booking__account__scheme__code=scheme)
    for word in text.split()[:6]:
        found = found.filter(
            Q(provider__name__icontains=word)
            | Q(provider__external_id__icontains=word)
            | Q(booking__credential__title__icontains=word)
        )
    if only == "flagged":
        found = found.exclude(booking__flags=[])
    elif only == "held":
        found = found.filter(Exists(_holds_of_claim()))
    elif only == "reviews":
        found = found.filter(
            Exists(BookingReview.objects.filter(booking=OuterRef("booking"), closed_at__isnull=True))
        )
    return found


def _holds_of_claim() -> QuerySet[Hold]:
    return holds.open_holds().filter(
        Q(booking=OuterRef("booking"))
        | Q(session=OuterRef("booking__session"))
        | Q(provider=OuterRef("provider"))
        | (~Q(iban="") & Q(iban=OuterRef("provider__iban")))
    )
