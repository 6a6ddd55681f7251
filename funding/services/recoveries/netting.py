"""Keeping from a provider's payments what it owes back: planned with the batch, counted when the bank has paid.

Until then it is reserved on the debt, so that no other batch and no transfer takes it a second time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from funding.models import (
    Booking,
    BookingState,
    Claim,
    ClaimKind,
    InstalmentPlan,
    Netting,
    NettingOutcome,
    Payment,
    PlanState,
    Receivable,
    ReceivableState,
    Scheme,
)
from funding.services import receivables
from funding.services.bookings.context import today
from ila.core import clock, fsm, locks
from ila.core.money import share_floor

# What was handed to a collector is theirs to collect.
NETTED_STATES = (ReceivableState.OPENED, ReceivableState.DEMANDED, ReceivableState.PARTLY_RECOVERED)
PROVIDERS_CLAIMS = (ClaimKind.ADVANCE, ClaimKind.FINAL)


@dataclass(frozen=True, slots=True)
class Part:
    """So many cents of a payment for a debt."""

    receivable: Receivable
    amount_cents: int


def plan_nettings(claims: Sequence[Claim], *, scheme: Scheme) -> dict[int, list[Part]]:
    """What is kept of each of these locked claims, by its id: reserved on debts of its provider, oldest first.

    At most the share that the rules of the claim's own booking allow, and never all: a cent at least is paid, so
    that the bank tells when. Nothing for debts under dispute, in instalments, or with a collector (decision 0186).
    Locks: the receivables. A number of queries that does not grow with the claims.
    """
    limits = _limits(claims)
    if not limits:
        return {}
    planned = _share_out(claims, limits, locks.acquire_set(_debts(claims, limits, scheme)))
    touched = {part.receivable.pk: part.receivable for parts in planned.values() for part in parts}
    Receivable.objects.bulk_update(touched.values(), ["reserved_cents"])
    return planned


def preview_nettings(claims: Sequence[Claim], *, scheme: Scheme) -> dict[int, int]:
    """What `plan_nettings` would keep of each claim now, in cents by its id; nothing is locked or reserved."""
    limits = _limits(claims)
    if not limits:
        return {}
    planned = _share_out(claims, limits, list(_debts(claims, limits, scheme).order_by("pk")))
    return {pk: sum(part.amount_cents for part in parts) for pk, parts in planned.items()}


def _share_out(
    claims: Sequence[Claim], limits: Mapping[int, int], receivables: Sequence[Receivable]
) -> dict[int, list[Part]]:
    """Reserve parts of the debts, oldest first, for the claims in their order. Nothing is written."""
    debts: dict[int, list[Receivable]] = defaultdict(list)
    for receivable in receivables:
        debts[receivable.provider_id].append(receivable)
    planned: dict[int, list[Part]] = {}
    for claim in claims:
        left = limits.get(claim.pk, 0)
        for receivable in debts[claim.provider_id]:
            part = min(left, receivable.free_cents)
            if part <= 0:
                continue
            left -= part
            receivable.reserved_cents += part
            planned.setdefault(claim.pk, []).append(Part(receivable, part))
    return planned


def write_nettings(payments: Iterable[Payment], planned: Mapping[int, list[Part]]) -> None:
    """Keep with each written payment what was planned for its claim."""
    Netting.objects.bulk_create(
        Netting(payment=payment, receivable=part.receivable, amount_cents=part.amount_cents)
        for payment in payments
        for part in planned.get(payment.claim_id, [])
    )


def forget_nettings(payments: Collection[Payment]) -> None:
    """Payments that never went to the bank are forgotten: what was reserved for them is free again.

    Locks: the receivables.
    """
    nettings = list(Netting.objects.filter(payment__in=[payment.pk for payment in payments]))
    if not nettings:
        return
    debts = _lock({each.receivable_id for each in nettings})
    for netting in nettings:
        debts[netting.receivable_id].reserved_cents -= netting.amount_cents
    Receivable.objects.bulk_update(debts.values(), ["reserved_cents"])
    Netting.objects.filter(pk__in=[each.pk for each in nettings]).delete()


class Nettings:
    """What the payments of one message of the bank keep for debts, and what becomes of it.

    `booking_ids` are those of the debts, to be locked with the payments' own; `lock` follows the payments' locks.
    """

    def __init__(self, payment_ids: Collection[int]) -> None:
        self._wanted = Netting.objects.filter(
            payment__in=payment_ids, outcome__in=[NettingOutcome.PLANNED, NettingOutcome.KEPT]
        )
        self.booking_ids = set(self._wanted.values_list("receivable__booking_id", flat=True))
        self._by_payment: dict[int, list[Netting]] = defaultdict(list)
        self._bookings: Mapping[int, Booking] = {}
        self._moves: list[tuple[Netting, NettingOutcome]] = []

    def lock(self, bookings: Mapping[int, Booking]) -> None:
        """Lock the debts and read what is kept, now that nobody else changes it. Locks: the receivables."""
        if not self.booking_ids:
            return
        self._bookings = bookings
        found = list(self._wanted.order_by("pk"))
        debts = _lock({each.receivable_id for each in found})
        for netting in found:
            netting.receivable = debts[netting.receivable_id]
            self._by_payment[netting.payment_id].append(netting)

    def move(self, payment: Payment, outcome: NettingOutcome) -> None:
        """What becomes of the sums kept by a payment, to be written by `write`."""
        for netting in self._by_payment[payment.pk]:
            if netting.outcome != NettingOutcome.KEPT and outcome == NettingOutcome.UNDONE:
                self._moves.append((netting, NettingOutcome.RELEASED))
            else:
                self._moves.append((netting, outcome))

    def write(self, *, actor: User) -> None:
        """Write it: debts shrink, or are owed again. Logs: receivables."""
        for netting, outcome in self._moves:
            receivable = netting.receivable
            booking = self._bookings[receivable.booking_id]
            key = f"netting:{netting.pk}:kept"
            on = today(booking.account.scheme)
            if outcome != NettingOutcome.UNDONE:
                receivable.reserved_cents -= netting.amount_cents
            if outcome == NettingOutcome.KEPT:
                receivables.post_recovery(
                    booking, netting.amount_cents, actor=actor, kind="net_receivable", key=key
                )
                reason = f"payment {netting.payment_id}"
                receivables.take_off(receivable, netting.amount_cents, actor=actor, on=on, reason=reason)
            elif outcome == NettingOutcome.UNDONE:
                receivables.count_interest(receivable, on=on)
                receivables.undo_recovery(booking, key=key, actor=actor)
                reason = f"payment {netting.payment_id} came back"
                fsm.apply(receivable, "reopen", actor=actor, reason=reason, amount_cents=netting.amount_cents)
            else:
                receivable.save(update_fields=["reserved_cents"])
            netting.outcome, netting.closed_at = outcome, clock.now()
            netting.save(update_fields=["outcome", "closed_at"])


def _limits(claims: Sequence[Claim]) -> dict[int, int]:
    """The most that may be kept of each claim of which anything may be, in cents."""
    claims = [claim for claim in claims if claim.kind in PROVIDERS_CLAIMS]
    booked = Booking.objects.filter(pk__in=[claim.booking_id for claim in claims])
    versions = {each.pk: each.scheme_version for each in booked.select_related("scheme_version")}
    limits = {}
    for claim in claims:
        version = versions[claim.booking_id]
        percent = 0 if version is None else version.parsed.netting_percent or 0
        limit = min(share_floor(claim.amount_cents, percent), claim.amount_cents - 1)
        if limit > 0:
            limits[claim.pk] = limit
    return limits


def _debts(claims: Sequence[Claim], limits: Mapping[int, int], scheme: Scheme) -> QuerySet[Receivable]:
    agreed = InstalmentPlan.objects.filter(state=PlanState.AGREED).values("receivable")
    return (
        Receivable.objects.filter(
            provider__in={claim.provider_id for claim in claims if claim.pk in limits},
            state__in=NETTED_STATES,
            currency=scheme.currency,
            booking__account__scheme=scheme,
        )
        .exclude(booking__state=BookingState.DISPUTED)
        .exclude(pk__in=agreed)
    )


def _lock(ids: set[int]) -> dict[int, Receivable]:
    return {each.pk: each for each in locks.acquire_set(Receivable.objects.filter(pk__in=ids))}
