"""The books checked against each other, row by row and independently of the audit: what must hold after any walk."""

from __future__ import annotations

from collections import Counter, defaultdict

from django.db.models import Sum

from catalogue.models import SessionSeats
from funding.models import (
    Allocation,
    Booking,
    Budget,
    JournalEntry,
    Lot,
    OwnTransfer,
    Posting,
    Receivable,
    Reservation,
)
from funding.models.bookings import CONSENTED_STATES, SEATED_STATES
from funding.models.receivables import UNSETTLED

IN_BOOKING = ("held", "payable", "in_transit")
# All of the price is with the learner's sources again (what is still with the bank comes back with its word).
GIVEN_BACK = ("withdrawn", "cancelled_by_provider", "cancelled_by_funder")
NEVER_PAID = (
    "requested",
    "proposed",
    "refused_by_provider",
    "refused_by_learner",
    "lapsed",
)


def faults() -> list[str]:
    """What does not add up, in words; empty when all is well."""
    return [*_entries(), *_balances(), *_allocations(), *_seats(), *_consents(), *_receivables(), *_ended()]


def by_bucket(booking: Booking) -> dict[str, int]:
    """Cents of a booking by bucket, without those of 0 and without where the learner's own money came from."""
    sums = (
        booking.postings.exclude(bucket="appropriation")
        .order_by()
        .values_list("bucket")
        .annotate(cents=Sum("amount_cents"))
    )
    return {bucket: cents for bucket, cents in sums if cents}


def _entries() -> list[str]:
    sums = Posting.objects.order_by().values_list("entry", "fund").annotate(cents=Sum("amount_cents"))
    found = [f"entry {entry} is off by {cents} in {fund}" for entry, fund, cents in sums if cents]
    empty = JournalEntry.objects.filter(postings__isnull=True).values_list("pk", flat=True)
    return found + [f"entry {pk} has no postings" for pk in empty]


def _balances() -> list[str]:
    moved: dict[int, Counter[str]] = defaultdict(Counter)
    sums = Posting.objects.filter(lot__isnull=False).order_by().values_list("lot", "bucket")
    for lot_id, bucket, cents in sums.annotate(cents=Sum("amount_cents")):
        moved[lot_id][bucket] += cents
    found = []
    for lot in Lot.objects.all():
        sums_of = moved[lot.pk]
        expected = (
            sums_of["available"],
            sum(sums_of[bucket] for bucket in IN_BOOKING),
            sums_of["paid"] + sums_of["owed"],
        )
        stored = (lot.available_cents, lot.held_cents, lot.spent_cents)
        if stored != expected or min(stored) < 0:
            found.append(f"lot {lot.pk} says {stored}, its postings {expected}")
    for budget in Budget.objects.all():
        total = (
            Posting.objects.filter(budget=budget, bucket="budget").aggregate(c=Sum("amount_cents"))["c"] or 0
        )
        if budget.available_cents != total or total < 0:
            found.append(f"budget {budget.pk} says {budget.available_cents}, its postings {total}")
    return found


def _allocations() -> list[str]:
    moved: dict[tuple[int, int | None, int | None, str], Counter[str]] = defaultdict(Counter)
    sums = Posting.objects.filter(booking__isnull=False).order_by()
    dimensions = sums.values_list("booking", "lot", "budget", "fund", "bucket")
    for booking_id, lot_id, budget_id, fund, bucket, cents in dimensions.annotate(cents=Sum("amount_cents")):
        moved[booking_id, lot_id, budget_id, fund][bucket] += cents
    found = []
    given: Counter[int] = Counter()
    in_vain: Counter[int] = Counter()
    for booking_id, cents in OwnTransfer.objects.values_list("booking", "due_cents"):
        in_vain[booking_id] += cents
    for each in Allocation.objects.all():
        given[each.booking_id] += 0 if each.reimburses else each.amount_cents
        sums_of = moved.pop((each.booking_id, each.lot_id, each.budget_id, each.fund), Counter())
        expected = (sum(sums_of[bucket] for bucket in IN_BOOKING), sums_of["paid"] + sums_of["owed"])
        stored = (each.outstanding_cents, each.paid_cents)
        if stored != expected or min(*stored, each.returned_cents) < 0:
            found.append(f"allocation {each.pk} ({each.source}) says {stored}, its postings {expected}")
        # What was sent back to the learner's card, or settled what they owed, is due no more.
        gone = sums_of["returned"] + sums_of["debt"]
        # What was transferred too much, twice or late was never part of the price.
        gone -= in_vain.pop(each.booking_id, 0) if each.source == "learner" else 0
        if each.source == "learner" and sums_of["refund_due"] + gone != each.returned_cents:
            found.append(
                f"own money {each.pk}: {sums_of['refund_due']} to be refunded, not {each.returned_cents}"
            )
    for booking_id, cents in in_vain.items():
        sums_of = moved.pop((booking_id, None, None, "own"), Counter())
        total: int = sum(sums_of.values())
        if total or sums_of["refund_due"] + sums_of["returned"] != cents:
            found.append(f"booking {booking_id}: {cents} came in vain, its postings {dict(sums_of)}")
    found += [
        f"postings without an allocation: {key}" for key, sums_of in moved.items() if any(sums_of.values())
    ]
    for pk, price, accepted_at in Booking.objects.values_list("pk", "price_cents", "accepted_at"):
        if given[pk] != (price if accepted_at else 0):
            found.append(f"booking {pk}: its sources give {given[pk]} of {price}")
    return found


def _seats() -> list[str]:
    taken: Counter[int] = Counter()
    for session_id, state, before in Booking.objects.values_list("session", "state", "state_before_dispute"):
        taken[session_id] += (before if state == "disputed" else state) in SEATED_STATES
    taken.update(Reservation.objects.filter(ended_at__isnull=True).values_list("session", flat=True))
    return [
        f"session {seats.pk}: {seats.taken} of {seats.seats} seats taken, {taken[seats.pk]} booked"
        for seats in SessionSeats.objects.all()
        if seats.taken != taken[seats.pk] or (seats.seats is not None and seats.taken > seats.seats)
    ]


def _consents() -> list[str]:
    """Invariant 8, from the rows themselves."""
    found = []
    accepted = Booking.objects.filter(state__in=CONSENTED_STATES)
    for booking in accepted.select_related("consent__sign_in", "account__citizen"):
        consent = booking.consent
        own = (
            consent is not None
            and consent.citizen_id == booking.account.citizen_id
            and consent.sign_in is not None
            and consent.sign_in.user_id == booking.account.citizen.user_id
            and consent.state in ("given", "withdrawn")
        )
        if not own:
            found.append(f"booking {booking.pk} is {booking.state} without its learner's consent")
    return found


def _receivables() -> list[str]:
    owed: Counter[int] = Counter()
    for each in Receivable.objects.filter(state__in=UNSETTLED):
        owed[each.booking_id] += each.owed_cents
    sums = Posting.objects.filter(bucket="owed").order_by().values_list("booking")
    for booking_id, cents in sums.annotate(cents=Sum("amount_cents")):
        owed[booking_id] += cents
    return [f"booking {pk}: receivables and ledger differ by {cents}" for pk, cents in owed.items() if cents]


def _ended() -> list[str]:
    found = []
    for booking in Booking.objects.filter(state__in=(*GIVEN_BACK, *NEVER_PAID)):
        buckets = by_bucket(booking)
        if buckets.get("held") or buckets.get("payable"):
            found.append(f"booking {booking.pk} is {booking.state} and holds {buckets}")
    open_in_cancelled = Booking.objects.filter(
        state__in=("requested", "proposed", "accepted", "in_training"), session__state="cancelled"
    )
    return found + [f"booking {each.pk} is {each.state} in a cancelled session" for each in open_in_cancelled]
