"""Who pays a booking: eligibility, draw-down, participation, caps; and who gets back what was not used.

Pure: facts in, a plan or a DomainError out. Services load the facts, call, and write.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from funding.schemes.accrual import HOURS_SCALE, accrual, accrual_cents, is_low_qualified, year_hours
from funding.schemes.deadlines import (
    CancellationOutcome,
    accept_due,
    acknowledge_due,
    add_months,
    advance_due,
    answer_due,
    auto_validation_due,
    cancellation_outcome,
    earliest_start,
    earliest_start_ok,
    entry_due,
    exit_due,
    own_refund_due,
    payment_due,
    withdrawal_ok,
    withdrawal_until,
)
from funding.schemes.facts import (
    Accrual,
    Allocation,
    CredentialFacts,
    Explanation,
    LearnerFacts,
    LotFacts,
    LotId,
    SourcePlan,
)
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import LEARNER
from ila.core.errors import DomainError
from ila.core.money import percent_floor, share_floor, split_largest_remainder

__all__ = [
    "HOURS_SCALE",
    "Accrual",
    "Allocation",
    "CancellationOutcome",
    "CredentialFacts",
    "Explanation",
    "LearnerFacts",
    "LotFacts",
    "LotId",
    "Settlement",
    "SourcePlan",
    "accept_due",
    "accrual",
    "accrual_cents",
    "acknowledge_due",
    "add_months",
    "advance_cents",
    "advance_due",
    "answer_due",
    "auto_validation_due",
    "cancellation_outcome",
    "check_bookable",
    "credit_expiry",
    "earliest_start",
    "earliest_start_ok",
    "entry_due",
    "exit_due",
    "is_complete",
    "is_low_qualified",
    "own_refund_due",
    "payment_due",
    "plan_sources",
    "realised_percent",
    "settle_shares",
    "usable_lots",
    "usage_cap",
    "withdrawal_ok",
    "withdrawal_until",
    "year_hours",
]


def check_bookable(rules: SchemeRules, learner: LearnerFacts, credential: CredentialFacts) -> None:
    """Refuse what this learner can never book under these rules, whatever money there is.

    Raises: DomainError `not_bookable` for a kind the scheme does not pay (F-17); `not_eligible` for a
    light licence asked by the holder of a licence of the light group (F-15).
    """
    if credential.kind not in rules.bookable_kinds:
        raise DomainError("not_bookable", rule="F-17", kind=credential.kind)
    if credential.kind == "light_licence":
        held = {licence.strip().upper() for licence in learner.driving_licences}
        if refused := sorted(held.intersection(rules.light_licence_refused_holding)):
            raise DomainError("not_eligible", rule="F-15", held=",".join(refused))


def usage_cap(rules: SchemeRules, credential: CredentialFacts) -> int | None:
    """The most that the capped sources pay in one booking of this credential; None: no cap (F-13)."""
    if credential.code.strip().upper() in rules.usage_cap_exempt_codes:
        return None
    return next((cents for kind, cents in rules.usage_cap_cents.items() if kind == credential.kind), None)


def usable_lots(
    rules: SchemeRules, credential: CredentialFacts, lots: Iterable[LotFacts], on: date
) -> tuple[LotFacts, ...]:
    """The lots that may pay for this credential on that day, in draw-down order (F-07).

    Left out: empty lots, lots past their last valid day, sources that the scheme does not draw, and money
    kept for something else. Within a class what expires first comes first, what never expires last; equals
    keep the order in which they came (give the oldest first).
    """
    classes = _classes(rules)
    usable = [
        lot
        for lot in lots
        if lot.available_cents > 0
        and lot.source in classes
        and (lot.expires is None or on <= lot.expires)
        and _pays_for(rules, lot, credential)
    ]
    return tuple(sorted(usable, key=lambda lot: (classes[lot.source], lot.expires or date.max)))


def plan_sources(
    rules: SchemeRules,
    learner: LearnerFacts,
    credential: CredentialFacts,
    price_cents: int,
    lots: Iterable[LotFacts],
    on: date,
) -> SourcePlan:
    """Who pays this booking, to the cent, on the day the learner accepts (F-07 to F-17).

    The learner pays max(participation, price - usable money), or their sum, never more than the price
    (F-08, F-12); the rest is drawn in order (F-07), the capped sources up to the usage cap (F-13): what
    is above the cap falls to the other sources, then to the learner.

    An employer's money waives the participation when the booking draws a cent of it (F-10), while the
    participation itself lowers what is drawn. Settled in the learner's favour: the booking is planned
    without participation first; if that plan draws an employer's cent, it stands; if not, the
    participation is due, and no plan with it can reach that money either, since it draws less in the
    same order. Co-funding of a light licence (F-14) is judged on the plan that stands.

    Raises: DomainError `bad_price`, `not_bookable` (F-17), `not_eligible` (F-15, F-14),
    `insufficient_rights` (no usable money in the account), `usage_cap` (F-13: the scheme forbids
    shifting the shortfall to the learner).
    """
    if price_cents <= 0:
        raise DomainError("bad_price", price_cents=price_cents)
    check_bookable(rules, learner, credential)
    usable = usable_lots(rules, credential, lots, on)
    ceilings = _ceilings(rules, usable, usage_cap(rules, credential))
    if not any(ceilings):
        raise DomainError("insufficient_rights", price_cents=price_cents)
    shortfall = max(0, price_cents - sum(ceilings))
    if shortfall and not rules.shortfall_to_learner:
        raise DomainError("usage_cap", rule="F-13", shortfall_cents=shortfall, price_cents=price_cents)

    own = _OwnPart(shortfall)
    drawn = _draw(usable, ceilings, price_cents - shortfall)
    if rules.participation_mode is not None and rules.participation_cents:
        if exempt_reason := _exemption(rules, learner, drawn):
            own = _OwnPart(shortfall, exempt_reason=exempt_reason)
        else:
            own = _OwnPart(shortfall, participation=min(rules.participation_cents, price_cents))
            drawn = _draw(usable, ceilings, price_cents - own.cents(rules, price_cents))
    _check_light_licence(rules, learner, credential, drawn)

    allocations = [Allocation(lot.id, lot.source, cents) for lot, cents in drawn]
    if own_cents := price_cents - sum(cents for _, cents in drawn):
        allocations.append(Allocation(None, LEARNER, own_cents))
    return SourcePlan(
        price_cents=price_cents,
        allocations=tuple(allocations),
        participation_cents=own.participation,
        exempt_reason=own.exempt_reason,
        explanations=tuple(_explain(rules, credential, usable, drawn, own)),
    )


def realised_percent(done: int | Decimal, planned: int | Decimal) -> int:
    """Whole percent of the planned hours that were done, rounded down, at most 100 (F-28).

    Raises: ValueError for negative hours or none planned.
    """
    return min(100, percent_floor(done, planned))


def is_complete(
    rules: SchemeRules, credential: CredentialFacts, percent: int, *, certificate: bool, exam: bool = False
) -> bool:
    """Whether the training was completed as the scheme asks before it pays; else `incomplete` (N-08).

    By the attendance, a certificate, or, in a publicly funded programme, an exam taken.
    """
    if rules.attendance_min_percent is None or certificate or percent >= rules.attendance_min_percent:
        return True
    return exam and credential.publicly_funded


class _OwnPart(NamedTuple):
    """Why a learner pays of their own money: what no source covers, and the participation or its waiver."""

    shortfall: int
    participation: int = 0
    exempt_reason: str | None = None

    def cents(self, rules: SchemeRules, price_cents: int) -> int:
        """The greater of participation and shortfall, or their sum, at most the price (F-12)."""
        if rules.participation_mode == "sum":
            return min(self.participation + self.shortfall, price_cents)
        return max(self.participation, self.shortfall)


class Settlement(NamedTuple):
    """Per allocation, in the order given: what the provider gets, and what goes back to the source."""

    provider: tuple[int, ...]
    returned: tuple[int, ...]


def settle_shares(
    rules: SchemeRules, price_cents: int, percent: int, allocations: Sequence[Allocation]
) -> Settlement:
    """Divide a price between the provider and the sources by the realised share (F-28).

    The provider's part is price × percent, rounded down to the cent. The rest goes back in proportion to
    what each source gave, by largest remainder; ties to the learner's own money, then in draw-down order.
    The provider's part of each allocation is what remains of it: never negative, never more than it gave.
    The totals grow with the percent; a single allocation's part may fall by a cent from one percent to the
    next, as largest remainders do: post differences, not floors.

    Raises: ValueError for allocations that do not add up to the price, or a percent outside 0 to 100.
    """
    if sum(allocation.cents for allocation in allocations) != price_cents:
        raise ValueError("the allocations do not add up to the price")
    returned_total = price_cents - share_floor(price_cents, percent)
    weights = [allocation.cents for allocation in allocations]
    returned = split_largest_remainder(returned_total, weights, _draw_places(rules, allocations))
    provider = (gave - back for gave, back in zip(weights, returned, strict=True))
    return Settlement(tuple(provider), tuple(returned))


def advance_cents(rules: SchemeRules, price_cents: int) -> int:
    """The advance on a long training, rounded down to the cent; 0 where the scheme pays none (F-31)."""
    return share_floor(price_cents, rules.advance_percent or 0)


def credit_expiry(rules: SchemeRules, credited_on: date) -> date | None:
    """The last day on which money credited that day may be used; None: it never expires."""
    return None if rules.validity_months is None else add_months(credited_on, rules.validity_months)


def _classes(rules: SchemeRules) -> dict[str, int]:
    """The place of each source's class in the draw-down order (F-07)."""
    return {source: place for place, one_class in enumerate(rules.draw_order) for source in one_class}


def _pays_for(rules: SchemeRules, lot: LotFacts, credential: CredentialFacts) -> bool:
    if any(
        source == lot.source and credential.kind not in kinds for source, kinds in rules.source_kinds.items()
    ):
        return False
    return lot.earmark is None or lot.earmark in (credential.kind, credential.code, credential.field)


def _ceilings(rules: SchemeRules, lots: Sequence[LotFacts], cap: int | None) -> list[int]:
    """What each lot can give to one booking: its balance; the capped sources together, at most the cap."""
    left, ceilings = cap, []
    for lot in lots:
        cents = lot.available_cents
        if left is not None and lot.source in rules.usage_cap_sources:
            cents = min(cents, left)
            left -= cents
        ceilings.append(cents)
    return ceilings


def _draw(lots: Sequence[LotFacts], ceilings: Sequence[int], amount: int) -> list[tuple[LotFacts, int]]:
    drawn = []
    for lot, ceiling in zip(lots, ceilings, strict=True):
        cents = min(ceiling, amount)
        if cents:
            drawn.append((lot, cents))
            amount -= cents
    return drawn


def _exemption(
    rules: SchemeRules, learner: LearnerFacts, drawn: Sequence[tuple[LotFacts, int]]
) -> str | None:
    """Why no participation is due when these lots are drawn; None when it is (F-10)."""
    if learner.status in rules.participation_exempt_statuses:
        return learner.status
    if learner.prevention_account and rules.participation_exempt_prevention_account:
        return "prevention_account"
    limit = rules.participation_exempt_incapacity_percent
    if limit is not None and learner.work_incapacity_percent >= limit:
        return "work_incapacity"
    if any(lot.source in rules.participation_exempt_sources for lot, _ in drawn):
        return "employer_top_up"
    return None


def _check_light_licence(
    rules: SchemeRules,
    learner: LearnerFacts,
    credential: CredentialFacts,
    drawn: Sequence[tuple[LotFacts, int]],
) -> None:
    """F-14: a light licence only with one of the statuses, or with co-funding that this booking draws."""
    if credential.kind != "light_licence" or not rules.light_licence_conditional:
        return
    if learner.status in rules.light_licence_statuses:
        return
    if not any(lot.source in rules.light_licence_cofunding_sources for lot, _ in drawn):
        raise DomainError("not_eligible", rule="F-14", status_of_learner=learner.status)


def _explain(
    rules: SchemeRules,
    credential: CredentialFacts,
    usable: Sequence[LotFacts],
    drawn: Sequence[tuple[LotFacts, int]],
    own: _OwnPart,
) -> Iterable[Explanation]:
    for lot, cents in drawn:
        yield Explanation("F-07", "drawn_from_source", {"source": lot.source, "cents": cents})
    cap = usage_cap(rules, credential)
    held = sum(lot.available_cents for lot in usable if lot.source in rules.usage_cap_sources)
    if cap is not None and held > cap:
        values: dict[str, int | str] = {"kind": credential.kind, "cap_cents": cap, "held_cents": held}
        yield Explanation("F-13", "usage_cap_applies", values)
    if own.participation:
        yield Explanation("F-08", "participation_due", {"cents": own.participation})
    elif own.exempt_reason is not None:
        yield Explanation("F-10", "participation_waived", {"reason": own.exempt_reason})
    if own.shortfall:
        yield Explanation("F-12", "shortfall_paid_by_learner", {"cents": own.shortfall})


def _draw_places(rules: SchemeRules, allocations: Sequence[Allocation]) -> list[int]:
    """Each allocation's place in a tie: the learner's own money, then draw-down order, then as given."""
    classes = _classes(rules)
    by_place = sorted(
        range(len(allocations)),
        key=lambda i: (
            allocations[i].source != LEARNER,
            classes.get(allocations[i].source, len(classes)),
            i,
        ),
    )
    places = [0] * len(allocations)
    for place, i in enumerate(by_place):
        places[i] = place
    return places
