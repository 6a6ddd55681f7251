"""What a scenario has come to: bookings, accounts, providers, as the books say at the end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Sum

from funding.models import Allocation, Booking, Bucket, Lot, Posting, version_on
from funding.replay.acts import Acts
from funding.replay.cast import Cast
from ila.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of one event.

    code, rule: of a refusal; sentence: the refusal in words. moved: cents by bucket. fell_due: the states that
    bookings came to by themselves before it, by booking, and the cents moved by that.
    """

    number: int
    ok: bool
    at: datetime
    code: str = ""
    rule: str | None = None
    sentence: str = ""
    moved: Mapping[str, int] = field(default_factory=dict)
    fell_due: Sequence[tuple[str, str]] = ()
    moved_before: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The event's line of the outcome."""
        if self.ok:
            return {"n": self.number, "ok": True}
        return {"n": self.number, "ok": False, "code": self.code, "rule": self.rule}


def bookings_json(acts: Acts) -> dict[str, Any]:
    """Per booking that came to be: state, price, flags, and what each source has in it.

    A source's figure is what it gave less what went back to it: held, on its way, or paid.
    """
    ids = {pk: name for name, pk in acts.bookings.items() if pk is not None}
    sources: dict[int, dict[str, int]] = defaultdict(dict)
    shares = Allocation.objects.filter(booking_id__in=ids, reimburses=False)
    for allocation in shares.order_by("booking_id", "position"):
        cents = allocation.amount_cents - allocation.returned_cents
        if cents:
            mine = sources[allocation.booking_id]
            mine[allocation.source] = mine.get(allocation.source, 0) + cents
    found = {}
    for booking in Booking.objects.filter(pk__in=ids).order_by("pk"):
        found[ids[booking.pk]] = {
            "state": str(booking.state),
            "price_cents": booking.price_cents,
            "sources": sources[booking.pk],
            "flags": sorted(booking.flags),
        }
    return found


def learners_json(cast: Cast, *, today: date) -> dict[str, Any]:
    """Per learner: what may be used, what is held, what is spent, and the lots in draw-down order."""
    lots: dict[int, list[Lot]] = defaultdict(list)
    accounts = {part.account.pk for part in cast.learners.values()}
    for lot in Lot.objects.filter(account_id__in=accounts).order_by("pk"):
        lots[lot.account_id].append(lot)
    places = _draw_places(cast, today)
    found = {}
    for name, part in cast.learners.items():
        mine = sorted(
            lots[part.account.pk],
            key=lambda lot: (places.get(lot.source, len(places)), lot.expires_on or date.max, lot.pk),
        )
        found[name] = {
            **_reimbursed(cast, part.account.pk),
            "available_cents": sum(lot.available_cents for lot in mine),
            "held_cents": sum(lot.held_cents for lot in mine),
            "spent_cents": sum(lot.spent_cents for lot in mine),
            "lots": [
                {
                    "source": str(lot.source),
                    "available_cents": lot.available_cents,
                    "expires": None if lot.expires_on is None else lot.expires_on.isoformat(),
                }
                for lot in mine
                if _is_alive(lot, today)
            ],
        }
    return found


def providers_json(cast: Cast) -> dict[str, Any]:
    """Per provider: approved and not yet sent, on its way, paid, and owed back."""
    sums: dict[int, dict[str, int]] = defaultdict(dict)
    ids = {part.provider.pk for part in cast.providers.values()}
    rows = (
        # Where the learner pays and is given back a part, no money of the platform's goes to a provider.
        Posting.objects.filter(booking__provider_id__in=ids)
        .exclude(booking__scheme_version__rules__funding="reimbursement")
        .values("booking__provider_id", "bucket")
        .annotate(cents=Sum("amount_cents"))
        .order_by()
    )
    for row in rows:
        sums[row["booking__provider_id"]][row["bucket"]] = row["cents"]
    found = {}
    for name, part in cast.providers.items():
        mine = sums[part.provider.pk]
        found[name] = {
            "payable_cents": mine.get(Bucket.PAYABLE, 0),
            "in_transit_cents": mine.get(Bucket.IN_TRANSIT, 0),
            "paid_cents": mine.get(Bucket.PAID, 0),
            "owed_cents": -mine.get(Bucket.OWED, 0),
        }
    return found


def _reimbursed(cast: Cast, account_id: int) -> dict[str, int]:
    """What a learner was given back, in schemes that reimburse."""
    if all(rules.funding != "reimbursement" for _, rules in cast.plan.preset.versions):
        return {}
    back = Allocation.objects.filter(booking__account=account_id, reimburses=True)
    return {"reimbursed_cents": back.aggregate(cents=Sum("paid_cents"))["cents"] or 0}


def _draw_places(cast: Cast, today: date) -> dict[str, int]:
    """The place of each source in the draw-down order of today's rules; none before the scheme begins."""
    try:
        rules = version_on(cast.scheme, today).parsed
    except DomainError:
        return {}
    return {source: place for place, one_class in enumerate(rules.draw_order) for source in one_class}


def _is_alive(lot: Lot, today: date) -> bool:
    """Whether a lot has money, or may get some back; one that is empty and past its last day is history."""
    if lot.available_cents:
        return True
    over = lot.expires_on is not None and lot.expires_on < today
    return not over and bool(lot.held_cents or lot.spent_cents)
