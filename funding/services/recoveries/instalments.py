"""A debt paid in parts: proposed by one person of the agency, agreed by another, broken when a part is late."""

from collections.abc import Sequence
from datetime import date, timedelta

from django.db import transaction

from accounts.models import User
from accounts.services import service_users
from funding.models import Instalment, InstalmentPlan, PlanState, Receivable, ReceivableState
from funding.models.receivables import UNSETTLED
from funding.permissions import may_pay
from funding.services import receivables
from funding.services.bookings.context import today
from funding.services.recoveries import demands
from ila.core import clock, fsm
from ila.core.errors import DomainError

MAX_INSTALMENTS = 60


def split_evenly(amount_cents: int, *, parts: int, first: date) -> list[tuple[date, int]]:
    """So many monthly parts, the odd cents with the first; a month later is the same day, or its month's last.

    Raises: DomainError `invalid` for no part, too many, or more parts than cents.
    """
    if not 1 <= parts <= MAX_INSTALMENTS or amount_cents < parts:
        raise DomainError("invalid", status=422, what="instalments")
    each, odd = divmod(amount_cents, parts)
    return [(_months_later(first, n), each + (odd if n == 0 else 0)) for n in range(parts)]


def propose_plan(
    *, actor: User, receivable_id: int, parts: Sequence[tuple[date, int]], reason: str
) -> InstalmentPlan:
    """Propose that a debt is paid in these parts, which together are all that is owed and not being kept already.

    Locks: the receivable. Raises: DomainError `not_allowed` (403), `incomplete` without a reason, `already_waiting`
    while another plan is proposed or agreed, `invalid` for parts that do not add up, are past or out of order.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        receivable = demands.lock_receivable(receivable_id)
        _require_payer(receivable, actor)
        if receivable.state not in UNSETTLED or receivable.state == ReceivableState.REFERRED:
            raise DomainError("not_allowed", state=receivable.state)
        if receivable.plans.filter(state__in=[PlanState.PROPOSED, PlanState.AGREED]).exists():
            raise DomainError("already_waiting")
        days = [day for day, _ in parts]
        sound = (
            0 < len(parts) <= MAX_INSTALMENTS
            and days == sorted(set(days))
            and days[0] >= today(receivable.booking.account.scheme)
            and all(cents > 0 for _, cents in parts)
            and sum(cents for _, cents in parts) == receivable.free_cents
        )
        if not sound:
            raise DomainError("invalid", status=422, what="instalments")
        plan = InstalmentPlan.objects.create(
            receivable=receivable, reason=reason.strip()[:500], proposed_by=actor
        )
        Instalment.objects.bulk_create(
            Instalment(plan=plan, number=number, due_on=day, amount_cents=cents)
            for number, (day, cents) in enumerate(parts, start=1)
        )
    return plan


def decide_plan(*, actor: User, plan_id: int, agreed: bool) -> InstalmentPlan:
    """Another person agrees to the instalments, or refuses them.

    Locks: the receivable. Raises: DomainError `not_found`, `not_allowed` (403) for who proposed it, `already_settled`,
    `changed_since` where what is owed is not what the parts add up to any more.
    """
    with transaction.atomic():
        plan = _lock_plan(plan_id)
        receivable = plan.receivable
        _require_payer(receivable, actor)
        if plan.proposed_by_id == actor.pk:
            raise DomainError("not_allowed", status=403, reason="approved by its own author")
        if plan.state != PlanState.PROPOSED:
            raise DomainError("already_settled")
        if agreed and sum(each.amount_cents for each in plan.instalments.all()) != receivable.free_cents:
            raise DomainError("changed_since")
        plan.state = PlanState.AGREED if agreed else PlanState.REFUSED
        plan.recovered_before_cents = receivable.recovered_cents + receivable.reserved_cents
        plan.decided_by, plan.decided_at = actor, clock.now()
        plan.closed_at = None if agreed else clock.now()
        plan.save()
        if agreed:
            demands.tell_provider(receivable, "debt_in_instalments")
    return plan


def paid_of(plan: InstalmentPlan) -> int:
    """What came back since the plan was agreed, in cents."""
    return plan.receivable.recovered_cents - plan.recovered_before_cents


def look_at_plan(receivable: Receivable) -> None:
    """A plan whose debt came back in full is fulfilled. The receivable is locked."""
    if receivable.state == ReceivableState.RECOVERED:
        InstalmentPlan.objects.filter(
            receivable=receivable, state__in=[PlanState.AGREED, PlanState.PROPOSED]
        ).exclude(decided_by__isnull=True).update(state=PlanState.FULFILLED, closed_at=clock.now())


def break_late_plans(*, actor: User | None = None) -> int:
    """Where an instalment's day is over and what came is less than was due, the whole rest is demanded.

    Returns how many plans were broken. Killed and called again, each is broken once. Locks: the receivable.
    """
    actor = actor or service_users.get("clock")
    latest = clock.now().date() + timedelta(days=1)
    agreed = InstalmentPlan.objects.filter(state=PlanState.AGREED, instalments__due_on__lt=latest)
    return sum(_break_one(pk, actor) for pk in agreed.order_by("pk").distinct().values_list("pk", flat=True))


@transaction.atomic
def _break_one(plan_id: int, actor: User) -> int:
    plan = _lock_plan(plan_id)
    receivable = plan.receivable
    on = today(receivable.booking.account.scheme)
    due = sum(each.amount_cents for each in plan.instalments.filter(due_on__lt=on))
    if plan.state != PlanState.AGREED or paid_of(plan) >= due:
        return 0
    plan.state, plan.closed_at = PlanState.BROKEN, clock.now()
    plan.save(update_fields=["state", "closed_at"])
    receivables.count_interest(receivable, on=on)
    due_on = on + timedelta(days=demands.term_days(receivable))
    if receivable.state in (ReceivableState.OPENED, ReceivableState.PARTLY_RECOVERED):
        fsm.apply(receivable, "demand", actor=actor, reason="an instalment is late", due_on=due_on)
    else:
        receivable.due_on, receivable.reminders = receivable.due_on or due_on, 0
        receivable.save(update_fields=["due_on", "reminders", "cent_days", "cent_days_until"])
    demands.tell_provider(receivable, "debt_demanded")
    return 1


def _lock_plan(plan_id: int) -> InstalmentPlan:
    seen = InstalmentPlan.objects.filter(pk=plan_id).values_list("receivable_id", flat=True).first()
    if seen is None:
        raise DomainError("not_found", status=404, kind="plan")
    receivable = demands.lock_receivable(seen)
    plan = InstalmentPlan.objects.get(pk=plan_id)
    plan.receivable = receivable
    return plan


def _require_payer(receivable: Receivable, actor: User) -> None:
    if not may_pay(receivable.booking, actor):
        raise DomainError("not_allowed", status=403)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    following = date(year + month // 12, month % 12 + 1, 1)
    last = (following - timedelta(days=1)).day
    return date(year, month, min(day.day, last))
