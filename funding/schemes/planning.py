"""Who pays a booking: eligibility, draw-down, participation, caps; and who gets back what was not used.

Pure: facts in, a plan or a DomainError out. Services load the facts, call, and write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from funding.schemes import earmarks
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
from funding.schemes.eligibility import check_bookable, check_day_plan, check_eligible
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
from funding.schemes.vocabulary import LEARNER, PRIVATE_SOURCES, SOURCES
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
    "check_day_plan",
    "check_eligible",
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
    kept for something else. Within a class what is kept for such a credential comes before what may pay for
    any; then what expires first comes first, what never expires last; equals keep the order in which they came
    (give the oldest first).
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
    return tuple(
        sorted(usable, key=lambda lot: (classes[lot.source], lot.earmark is None, lot.expires or date.max))
    )


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
    (F-08, F-12); the rest is drawn in order (F-07), the capped sources up to the usage cap (F-13), public money
    up to its share of the price and its amount for each planned hour: what is above a limit falls to the other
    sources, then to the learner. Where the learner pays and is given back a part, everything is the learner's.

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
    if rules.funding == "reimbursement":
        return _paid_by_learner(rules, price_cents)
    usable = usable_lots(rules, credential, lots, on)
    limits = limits_of(rules, learner, credential, price_cents)
    ceilings = _ceilings(usable, limits)
    discount = _discount(rules, learner, credential, price_cents, usable, ceilings)
    if not any(ceilings) and not discount:
        raise DomainError("insufficient_rights", price_cents=price_cents)
    shortfall = max(0, price_cents - sum(ceilings) - discount)
    if shortfall and not rules.shortfall_to_learner:
        raise DomainError("usage_cap", rule="F-13", shortfall_cents=shortfall, price_cents=price_cents)

    own = _OwnPart(shortfall)
    drawn = _draw(usable, ceilings, price_cents - shortfall)
    if rules.participation_mode is not None and rules.participation_cents and not _is_later(rules, learner):
        if exempt_reason := _exemption(rules, learner, drawn):
            own = _OwnPart(shortfall, exempt_reason=exempt_reason)
        else:
            own = _OwnPart(shortfall, participation=min(rules.participation_cents, price_cents))
            drawn = _draw(usable, ceilings, price_cents - own.cents(rules, price_cents))
    _check_light_licence(rules, learner, credential, drawn)

    allocations = [Allocation(lot.id, lot.source, cents) for lot, cents in drawn]
    left = price_cents - sum(cents for _, cents in drawn)
    if discount := min(discount, left):
        allocations.append(Allocation(None, BUDGET_SOURCE, discount))
    if own_cents := left - discount:
        allocations.append(Allocation(None, LEARNER, own_cents))
    return SourcePlan(
        price_cents=price_cents,
        allocations=tuple(allocations),
        participation_cents=own.participation,
        exempt_reason=own.exempt_reason,
        explanations=tuple(_explain(usable, drawn, own, limits, discount)),
    )


def reimbursement_cents(rules: SchemeRules, price_cents: int) -> int:
    """What the learner is given back of a price that they paid, once the training is complete, in cents."""
    part = share_floor(price_cents, rules.reimbursement_percent or 0)
    return part if rules.reimbursement_cap_cents is None else min(part, rules.reimbursement_cap_cents)


def realised_percent(done: int | Decimal, planned: int | Decimal) -> int:
    """Whole percent of the planned hours that were done, rounded down, at most 100 (F-28).

    Raises: ValueError for negative hours or none planned.
    """
    return min(100, percent_floor(done, planned))


def is_complete(
    rules: SchemeRules, credential: CredentialFacts, percent: int, *, certificate: bool, exam: bool = False
) -> bool:
    """Whether the training was completed as the scheme asks before it pays; else `incomplete` (N-08).

    By the attendance, a certificate, or, in a publicly funded programme, an exam taken; where a certificate is
    required, nothing takes its place.
    """
    attended = rules.attendance_min_percent is None or percent >= rules.attendance_min_percent
    if rules.certificate_required:
        return certificate and attended
    return attended or certificate or (exam and credential.publicly_funded)


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that some sources pay of one booking together, and the rule and the words that say why."""

    cents: int
    sources: frozenset[str]
    rule: str
    code: str
    kind: str = ""


PUBLIC_SOURCES = frozenset(SOURCES) - PRIVATE_SOURCES
BUDGET_SOURCE = "public"
"""The source of money that comes from the scheme's budget itself, without lying on an account."""


def limits_of(
    rules: SchemeRules, learner: LearnerFacts, credential: CredentialFacts, price_cents: int
) -> tuple[Limit, ...]:
    """What limits this booking: the usage cap (F-13), the public share of the price, the amount for each hour."""
    limits = []
    cap = usage_cap(rules, credential)
    if cap is not None:
        limits.append(
            Limit(cap, frozenset(rules.usage_cap_sources), "F-13", "usage_cap_applies", credential.kind)
        )
    share = public_share(rules, learner, credential)
    if share is not None:
        limits.append(Limit(share_floor(price_cents, share), PUBLIC_SOURCES, "", "share_applies"))
    if rules.first_booking_cents is not None and not learner.earlier_bookings:
        limits.append(Limit(rules.first_booking_cents, PUBLIC_SOURCES, "", "first_booking_applies"))
    if rules.public_cents_per_hour is not None:
        cents = int((credential.hours or 0) * rules.public_cents_per_hour)
        limits.append(Limit(cents, PUBLIC_SOURCES, "", "hours_apply"))
    return tuple(limits)


def public_share(rules: SchemeRules, learner: LearnerFacts, credential: CredentialFacts) -> int | None:
    """The most that public money pays of the price, in percent; another from the second booking on. None: all."""
    if _is_later(rules, learner):
        by_kind = {str(kind): percent for kind, percent in rules.later_share_by_kind.items()}
        return by_kind.get(credential.kind, rules.later_share_percent)
    return rules.public_share_percent


def _is_later(rules: SchemeRules, learner: LearnerFacts) -> bool:
    return rules.later_share_percent is not None and learner.earlier_bookings > 0


def _discount(
    rules: SchemeRules,
    learner: LearnerFacts,
    credential: CredentialFacts,
    price_cents: int,
    usable: Sequence[LotFacts],
    ceilings: Sequence[int],
) -> int:
    """What the budget adds to the public money of the account, up to a later booking's share of the price."""
    share = public_share(rules, learner, credential)
    if not rules.later_share_from_budget or not _is_later(rules, learner) or share is None:
        return 0
    given = sum(
        cents for lot, cents in zip(usable, ceilings, strict=True) if lot.source not in PRIVATE_SOURCES
    )
    private = sum(ceilings) - given
    return max(0, min(share_floor(price_cents, share) - given, price_cents - given - private))


def _paid_by_learner(rules: SchemeRules, price_cents: int) -> SourcePlan:
    back = reimbursement_cents(rules, price_cents)
    why = (
        Explanation("", "paid_by_learner", {"cents": price_cents}),
        Explanation("", "reimbursed_when_complete", {"cents": back}),
    )
    paid = (Allocation(None, LEARNER, price_cents),)
    return SourcePlan(price_cents, paid, 0, None, why, reimbursement_cents=back)


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
    return earmarks.pays_for(lot.earmark, credential)


def _ceilings(lots: Sequence[LotFacts], limits: Sequence[Limit]) -> list[int]:
    """What each lot can give to one booking: its balance, and with the others of a limit at most that limit."""
    left = [limit.cents for limit in limits]
    ceilings = []
    for lot in lots:
        concerned = [place for place, limit in enumerate(limits) if lot.source in limit.sources]
        cents = min([lot.available_cents, *(left[place] for place in concerned)])
        for place in concerned:
            left[place] -= cents
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
    usable: Sequence[LotFacts],
    drawn: Sequence[tuple[LotFacts, int]],
    own: _OwnPart,
    limits: Sequence[Limit],
    discount: int,
) -> Iterable[Explanation]:
    for lot, cents in drawn:
        yield Explanation("F-07", "drawn_from_source", {"source": lot.source, "cents": cents})
    if discount:
        yield Explanation("", "discount_from_budget", {"cents": discount})
    for limit in limits:
        held = sum(lot.available_cents for lot in usable if lot.source in limit.sources)
        if held > limit.cents:
            values: dict[str, int | str] = {"cap_cents": limit.cents, "held_cents": held}
            if limit.kind:
                values = {"kind": limit.kind, **values}
            yield Explanation(limit.rule, limit.code, values)
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
