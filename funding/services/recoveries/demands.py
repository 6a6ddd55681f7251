"""Asking for what is owed: a demand with a term, reminders after it, and handing a debt to who collects it."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import F, Q

from accounts.models import Membership, Role, User
from accounts.services import messages, service_users
from funding.models import (
    Booking,
    BookingState,
    InstalmentPlan,
    PlanState,
    Receivable,
    ReceivableState,
    Source,
)
from funding.permissions import may_pay
from funding.services import receivables
from funding.services.bookings.context import calendar_of, today
from funding.services.bookings.money import restore_paid
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError
from ila.core.money import split_largest_remainder

DEFAULT_TERM_DAYS = 30
# After the term: this many days to each reminder, and so many of them; then a person decides.
REMINDER_AFTER_DAYS = (7, 21)


def open_receivable(*, actor: User, booking_id: int, amount_cents: int, reason: str) -> Receivable:
    """The agency takes back so much of what was paid for a booking: the sources first, then the provider owes it.

    For what no step of the booking takes back by itself: misuse that was found after payment, a control.
    Split over the sources by what was paid of each, by largest remainder.
    Locks: the booking. Logs: receivable `open`.
    Raises: DomainError `not_allowed` (403) for who may not, and for nothing or more than was paid; `incomplete`.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        (booking,) = locks.acquire(locks.lock(Booking, booking_id))
        if not may_pay(booking, actor):
            raise DomainError("not_allowed", status=403, transition="open_receivable")
        ours = booking.allocations.filter(reimburses=False, direct=False, paid_cents__gt=0)
        paid = list(ours.order_by("position"))
        total = sum(each.paid_cents for each in paid)
        if not 0 < amount_cents <= total or booking.state == BookingState.DISPUTED:
            raise DomainError("not_allowed", reason="more than was paid", amount_cents=amount_cents)
        # A cent that cannot be split goes to the learner's own money first (F-28).
        ties = [0 if each.source == Source.LEARNER else 1 + place for place, each in enumerate(paid)]
        shares = split_largest_remainder(amount_cents, [each.paid_cents for each in paid], ties)
        receivable = restore_paid(
            booking, actor=actor, reason=reason.strip()[:200], parts=list(zip(paid, shares, strict=True))
        )
        if receivable is None:
            raise DomainError("not_allowed", reason="nothing was paid by the platform")
    return receivable


def term_days(receivable: Receivable) -> int:
    """How long the provider has after the demand, in days, by the rules of the booking."""
    version = receivable.booking.scheme_version
    days = None if version is None else version.parsed.debt_term_days
    return DEFAULT_TERM_DAYS if days is None else days


def interest_of(receivable: Receivable, *, on: date | None = None) -> int:
    """Interest that is owed beside it by the rules of the booking, in cents."""
    version = receivable.booking.scheme_version
    points = None if version is None else version.parsed.debt_interest_basis_points
    day = on or today(receivable.booking.account.scheme)
    return receivables.interest_cents(receivable, basis_points=points, on=day)


def demand_receivable(*, actor: User, receivable_id: int) -> Receivable:
    """Send the demand: its term begins today. Providers read it on their page and are told by mail.

    Locks: the receivable. Logs: `demand`. Raises: DomainError `not_allowed`, also while the dispute that it comes
    from is not decided; `in_instalments`.
    """
    with transaction.atomic():
        receivable = lock_receivable(receivable_id)
        if receivable.booking.state == BookingState.DISPUTED:
            raise DomainError("not_allowed", reason="disputed")
        if InstalmentPlan.objects.filter(receivable=receivable, state=PlanState.AGREED).exists():
            raise DomainError("in_instalments")
        day = today(receivable.booking.account.scheme)
        receivables.count_interest(receivable, on=day)
        due_on = day + timedelta(days=term_days(receivable))
        fsm.apply(receivable, "demand", actor=actor, due_on=due_on)
        tell_provider(receivable, "debt_demanded")
    return receivable


def demand_opened(*, actor: User | None = None) -> int:
    """Demand every debt that was opened on an earlier day and is not under dispute. Returns how many.

    Killed and called again, each is demanded once.
    """
    actor = actor or service_users.get("clock")
    waiting = (
        Receivable.objects.filter(state=ReceivableState.OPENED, opened_at__lt=clock.now() - timedelta(days=1))
        .exclude(booking__state=BookingState.DISPUTED)
        .exclude(plans__state=PlanState.AGREED)
    )
    return sum(_demand_one(pk, actor) for pk in waiting.order_by("pk").values_list("pk", flat=True))


def _demand_one(receivable_id: int, actor: User) -> int:
    try:
        demand_receivable(actor=actor, receivable_id=receivable_id)
    except DomainError as error:
        # Another worker, or a person, came first.
        if error.code not in ("not_allowed", "in_instalments"):
            raise
        return 0
    return 1


def remind_overdue() -> int:
    """Remind providers whose term is over, a few times each. Returns how many were reminded now."""
    late = Receivable.objects.filter(
        Q(state=ReceivableState.DEMANDED) | Q(state=ReceivableState.PARTLY_RECOVERED),
        due_on__lt=clock.now().date() - timedelta(days=REMINDER_AFTER_DAYS[0] - 1),
        reminders__lt=len(REMINDER_AFTER_DAYS),
    ).exclude(plans__state=PlanState.AGREED)
    return sum(_remind_one(pk) for pk in late.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _remind_one(receivable_id: int) -> int:
    receivable = lock_receivable(receivable_id)
    if receivable.due_on is None or receivable.reminders >= len(REMINDER_AFTER_DAYS):
        return 0
    scheme = receivable.booking.account.scheme
    after = timedelta(days=REMINDER_AFTER_DAYS[receivable.reminders])
    # The day is the scheme's: the query that found it looked at the world's.
    if calendar_of(scheme).local_date(clock.now()) < receivable.due_on + after or not receivable.owed_cents:
        return 0
    Receivable.objects.filter(pk=receivable.pk).update(reminders=F("reminders") + 1)
    tell_provider(receivable, "debt_reminded")
    return 1


def refer_receivable(*, actor: User, receivable_id: int, reason: str) -> Receivable:
    """Hand a debt to whoever collects or prosecutes; nothing is kept of payments for it any more.

    Locks: the receivable. Logs: `refer`. Raises: DomainError `incomplete` without a reason, `not_allowed`,
    `being_netted` while a payment that keeps some of it is on its way.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        receivable = lock_receivable(receivable_id)
        require_free(receivable)
        fsm.apply(receivable, "refer", actor=actor, reason=reason.strip())
    return receivable


def lock_receivable(receivable_id: int) -> Receivable:
    """A receivable locked with its booking, and what it belongs to filled in. Raises: DomainError `not_found`."""
    seen = (
        Receivable.objects.select_related(
            "booking__account__scheme", "booking__scheme_version", "booking__provider", "provider"
        )
        .filter(pk=receivable_id)
        .first()
    )
    if seen is None:
        raise DomainError("not_found", status=404, kind="receivable")
    booking, receivable = locks.acquire(
        locks.lock(Booking, seen.booking_id), locks.lock(Receivable, receivable_id)
    )
    booking.account, booking.provider = seen.booking.account, seen.booking.provider
    booking.scheme_version = seen.booking.scheme_version
    receivable.booking, receivable.provider = booking, seen.provider
    found: Receivable = receivable
    return found


def require_free(receivable: Receivable) -> None:
    """Raise DomainError `being_netted` while a payment on its way keeps some of it."""
    if receivable.reserved_cents:
        raise DomainError("being_netted")


def tell_provider(receivable: Receivable, template: str) -> None:
    """Write to the managers of the provider's organisation."""
    managers = Membership.objects.filter(
        organisation=receivable.provider.organisation_id,
        role=Role.MANAGER,
        ended_at__isnull=True,
        user__is_active=True,
    ).select_related("user")
    for membership in managers.order_by("pk"):
        messages.queue(
            recipient=membership.user,
            template=template,
            receivable=receivable.pk,
            reference=receivable.reference,
            amount_cents=receivable.owed_cents + interest_of(receivable),
            currency=receivable.currency,
            day=None if receivable.due_on is None else receivable.due_on.isoformat(),
        )
