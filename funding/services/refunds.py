"""Learners' own money that is due back (F-23): drawn up, approved and paid like a claim, to their own account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Min, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import Membership, Message, OrganisationKind, Role, User
from accounts.services import messages, service_users
from funding.models import (
    Allocation,
    Booking,
    Bucket,
    CardPayment,
    CardPaymentState,
    Claim,
    ClaimKind,
    ClaimLine,
    ClaimState,
    Fund,
    OwnTransfer,
    Payment,
    PaymentOutcome,
    Posting,
    RefundAccount,
)
from funding.services.bookings.context import calendar_of
from ila.core import clock, fsm, locks

# What is drawn up and not paid: this money is asked for already.
UNDER_WAY = (
    ClaimState.DRAFT,
    ClaimState.SUBMITTED,
    ClaimState.APPROVED,
    ClaimState.IN_BATCH,
    ClaimState.RETURNED,
)
DEFAULT_DAYS = 30
# So many days before the term ends, the agency's payment officers are warned.
WARNED_DAYS_BEFORE = 7


@dataclass(frozen=True, slots=True)
class Due:
    """Own money of a booking that is due back, in cents, since when and until when (F-23)."""

    booking: Booking
    cents: int
    since: date
    until: date


def due_refunds(*, booking_ids: list[int] | None = None) -> list[Due]:
    """Own money that is due back and not asked for yet, longest due first. A fixed number of queries.

    What was paid by card goes back to the card, not here.
    """
    postings = Posting.objects.filter(bucket=Bucket.REFUND_DUE, fund=Fund.OWN)
    if booking_ids is not None:
        postings = postings.filter(booking__in=booking_ids)
    by_card = CardPayment.objects.filter(state=CardPaymentState.SUCCEEDED, booking__isnull=False)
    sums = (
        postings.exclude(booking__in=by_card.values("booking"))
        .order_by()
        .values("booking")
        .annotate(cents=Sum("amount_cents"), since=Min("entry__occurred_at"))
        .annotate(
            asked=Coalesce(
                Subquery(
                    Claim.objects.filter(
                        booking=OuterRef("booking"), kind=ClaimKind.REFUND, state__in=UNDER_WAY
                    )
                    .order_by()
                    .values("booking")
                    .annotate(cents=Sum("amount_cents"))
                    .values("cents")
                ),
                0,
            )
        )
    )
    open_sums = {row["booking"]: row for row in sums if row["cents"] > row["asked"]}
    bookings = Booking.objects.filter(pk__in=list(open_sums)).select_related(
        "account__scheme", "account__citizen__user", "provider", "scheme_version"
    )
    found = []
    for booking in bookings:
        row = open_sums[booking.pk]
        since = calendar_of(booking.account.scheme).local_date(row["since"])
        until = since + timedelta(days=_days(booking))
        found.append(Due(booking, row["cents"] - row["asked"], since, until))
    return sorted(found, key=lambda due: (due.until, due.booking.pk))


def prepare_refunds(*, actor: User | None = None) -> int:
    """Draw up a refund for all own money that is due to learners who named an account; the others are asked for one.

    Returns how many were drawn up. Killed and called again, or by two workers at once, each cent is drawn up once.
    """
    actor = actor or service_users.get("clock")
    made = 0
    due = due_refunds()
    accounts = _accounts({each.booking.account.citizen_id for each in due})
    for each in due:
        account = accounts.get(each.booking.account.citizen_id)
        if account is None:
            _ask_for_account(each)
        elif _prepare(each.booking.pk, account, actor):
            made += 1
    return made


@transaction.atomic
def _prepare(booking_id: int, account: RefundAccount, actor: User) -> bool:
    (booking,) = locks.acquire(locks.lock(Booking, booking_id))
    due = due_refunds(booking_ids=[booking.pk])
    if not due:
        return False
    (found,) = due
    claim = Claim(
        booking=booking,
        provider=found.booking.provider,
        kind=ClaimKind.REFUND,
        amount_cents=found.cents,
        currency=booking.currency,
        payee_iban=account.iban,
        payee_name=account.holder[:140],
        author=actor,
        created_at=clock.now(),
        due_on=found.until,
    )
    fsm.start(claim, actor=actor)
    # First what came too much or in vain, which no part of a price ever was; then what the price gives back.
    left = found.cents - min(found.cents, _beside_price(booking, claim))
    for allocation in Allocation.objects.filter(
        booking=booking, lot__isnull=True, budget__isnull=True, fund=Fund.OWN
    ).order_by("position"):
        part = min(left, allocation.returned_cents)
        left -= part
        if part:
            ClaimLine.objects.create(claim=claim, allocation=allocation, amount_cents=part)
    if left:
        raise RuntimeError(f"{left} cents more are due of booking {booking.pk} than its learner paid")
    fsm.apply(claim, "submit", actor=actor)
    return True


def _beside_price(booking: Booking, claim: Claim) -> int:
    """What is due of transfers that no acceptance took, and that no refund was drawn up for, in cents."""
    came = OwnTransfer.objects.filter(booking=booking).aggregate(cents=Sum("due_cents"))["cents"] or 0
    earlier = Claim.objects.filter(booking=booking, kind=ClaimKind.REFUND).exclude(pk=claim.pk)
    earlier = earlier.exclude(state=ClaimState.REJECTED)
    lines = ClaimLine.objects.filter(claim__in=earlier).aggregate(cents=Sum("amount_cents"))["cents"] or 0
    asked = earlier.aggregate(cents=Sum("amount_cents"))["cents"] or 0
    return int(came - (asked - lines))


def refresh_accounts() -> int:
    """Refunds that are not on their way go to the account that their learner names now. Returns how many changed."""
    waiting = Claim.objects.filter(
        kind=ClaimKind.REFUND, state__in=[ClaimState.SUBMITTED, ClaimState.APPROVED]
    ).select_related("booking__account")
    accounts = _accounts({claim.booking.account.citizen_id for claim in waiting})
    changed = 0
    for claim in waiting:
        account = accounts.get(claim.booking.account.citizen_id)
        if account is None:
            continue
        if (account.iban, account.holder[:140]) != (claim.payee_iban, claim.payee_name):
            changed += Claim.objects.filter(
                pk=claim.pk, state__in=[ClaimState.SUBMITTED, ClaimState.APPROVED]
            ).update(payee_iban=account.iban, payee_name=account.holder[:140])
    return changed


def warn_before_term() -> int:
    """Tell the agency's payment officers of own money whose term ends within days. Returns how many bookings.

    Once a day, by the job that calls it.
    """
    soon = clock.now().date() + timedelta(days=WARNED_DAYS_BEFORE)
    unasked = [each for each in due_refunds() if each.until <= soon]
    waiting = Claim.objects.filter(kind=ClaimKind.REFUND, state__in=UNDER_WAY, due_on__lte=soon)
    count = len({each.booking.pk for each in unasked} | set(waiting.values_list("booking_id", flat=True)))
    if count:
        officers = Membership.objects.filter(
            organisation__kind=OrganisationKind.AGENCY,
            role=Role.PAYMENT_OFFICER,
            ended_at__isnull=True,
            user__is_active=True,
        ).select_related("user")
        for membership in officers.order_by("pk"):
            messages.queue(recipient=membership.user, template="refunds_due_soon", number=count)
    return count


def failed_refunds(claims: Sequence[Claim]) -> set[int]:
    """Ids of refunds of which a payment to the very same account failed: another account is wanted first."""
    wanted = {claim.pk: claim.payee_iban for claim in claims if claim.kind == ClaimKind.REFUND}
    if not wanted:
        return set()
    failed = Payment.objects.filter(
        claim__in=list(wanted), outcome__in=[PaymentOutcome.REJECTED, PaymentOutcome.RETURNED]
    )
    return {pk for pk, iban in failed.values_list("claim_id", "iban") if wanted[pk] == iban}


def _accounts(citizens: set[int]) -> dict[int, RefundAccount]:
    standing = RefundAccount.objects.filter(citizen__in=citizens, ended_at__isnull=True)
    return {each.citizen_id: each for each in standing}


def _ask_for_account(due: Due) -> None:
    """Once for a booking."""
    user = due.booking.account.citizen.user
    reference = str(due.booking.public_id)
    asked = Message.objects.filter(
        recipient=user, template="refund_account_wanted", context__booking=reference
    )
    if user is not None and not asked.exists():
        messages.queue(
            recipient=user,
            template="refund_account_wanted",
            booking=reference,
            amount_cents=due.cents,
            currency=due.booking.currency,
        )


def _days(booking: Booking) -> int:
    version = booking.scheme_version
    days = None if version is None else version.parsed.own_refund_days
    return DEFAULT_DAYS if days is None else days
