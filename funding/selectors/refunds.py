"""What comes back to a learner: from which booking, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Sum

from accounts.models import User
from funding.models import Booking, Bucket, Claim, ClaimKind, ClaimState, Posting
from funding.schemes.deadlines import own_refund_due
from funding.services.bookings.context import calendar_of

# Claims whose money goes to the learner.
TO_LEARNERS = (ClaimKind.REIMBURSEMENT, "refund")
# A reimbursement that was asked for and is not paid out yet.
UNDER_WAY = (
    ClaimState.DRAFT,
    ClaimState.SUBMITTED,
    ClaimState.APPROVED,
    ClaimState.IN_BATCH,
    ClaimState.RETURNED,
)


@dataclass(frozen=True, slots=True)
class Coming:
    """Money that comes back to a learner, in cents. due: the first moment at which it is late; None: no rule says."""

    booking: Booking
    cents: int
    since: datetime | None
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Reimbursed:
    """What a scheme gives back of a price that the learner paid, in cents."""

    claim: Claim

    @property
    def paid(self) -> bool:
        """Whether the bank has paid it."""
        return bool(self.claim.state == ClaimState.PAID)


def money_due(user: User) -> bool:
    """Whether the platform still has money of this person's to give back."""
    found = Posting.objects.filter(booking__account__citizen__user_id=user.pk, bucket=Bucket.REFUND_DUE)
    return (
        found.order_by().values("booking_id").annotate(cents=Sum("amount_cents")).filter(cents__gt=0).exists()
    )


def coming_back(user: User) -> list[Coming]:
    """Own money that is to be given back and not drawn up yet, the latest first. Three queries."""
    sums = (
        Posting.objects.filter(booking__account__citizen__user_id=user.pk, bucket=Bucket.REFUND_DUE)
        .order_by()
        .values("booking_id")
        .annotate(cents=Sum("amount_cents"), since=Max("entry__occurred_at"))
        .filter(cents__gt=0)
    )
    drawn_up = dict(
        Claim.objects.filter(booking__account__citizen__user_id=user.pk, kind="refund", state__in=UNDER_WAY)
        .order_by()
        .values_list("booking_id")
        .annotate(cents=Sum("amount_cents"))
    )
    rows = {}
    for row in sums:
        # What the agency has drawn up is said with its state, beside this.
        row["cents"] -= drawn_up.get(row["booking_id"], 0)
        if row["cents"] > 0:
            rows[row["booking_id"]] = row
    found = Booking.objects.filter(pk__in=rows).select_related(
        "credential", "provider", "account__scheme", "scheme_version"
    )
    return sorted(
        (_coming(booking, rows[booking.pk]["cents"], rows[booking.pk]["since"]) for booking in found),
        key=lambda one: (one.since is None, one.since, one.booking.pk),
        reverse=True,
    )


def reimbursements(user: User) -> list[Reimbursed]:
    """What schemes that reimburse give back, the latest first. One query."""
    found = Claim.objects.filter(
        booking__account__citizen__user_id=user.pk,
        kind__in=TO_LEARNERS,
        state__in=[*UNDER_WAY, ClaimState.PAID],
    )
    related = ("booking__credential", "booking__account__scheme")
    return [Reimbursed(claim) for claim in found.select_related(*related).order_by("-pk")]


def _coming(booking: Booking, cents: int, since: datetime) -> Coming:
    version = booking.scheme_version
    due = (
        None
        if version is None
        else own_refund_due(version.parsed, calendar_of(booking.account.scheme), since)
    )
    return Coming(booking, cents, since, due)
