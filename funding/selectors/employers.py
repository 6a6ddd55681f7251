"""What employers, the agency and learners see of top-ups: never a balance of anybody but to themselves."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Substr

from accounts.models import Employer, Membership, Organisation, OrganisationKind, User
from funding.models import (
    Allocation,
    LearningAccount,
    Lot,
    PayrollNumber,
    TopUp,
    TopUpDraft,
    TopUpReceipt,
    TopUpReference,
    TopUpRefund,
    TopUpRefundState,
)
from funding.selectors.agency_cards import open_debts

LEAST_PEOPLE = 5
"""Use is shown from so many people together on; a smaller group would tell of one of them."""


def employers_of(user: User) -> QuerySet[Employer]:
    """The employers that a person acts for today."""
    standing = Membership.objects.filter(user=user, ended_at__isnull=True)
    return (
        Employer.objects.filter(organisation__in=standing.values("organisation"))
        .select_related("organisation")
        .order_by("organisation__name", "pk")
    )


def organisations_without_registration(user: User) -> QuerySet[Organisation]:
    """Employers' organisations of a person that have not registered yet."""
    standing = Membership.objects.filter(user=user, ended_at__isnull=True)
    return Organisation.objects.filter(
        pk__in=standing.values("organisation"), kind=OrganisationKind.EMPLOYER, employer__isnull=True
    )


def orders_of(organisation_id: int) -> QuerySet[TopUp]:
    """An employer's orders, the latest first."""
    orders = TopUp.objects.filter(organisation=organisation_id).select_related("scheme")
    return orders.order_by("-ordered_at", "-pk")


@dataclass(frozen=True, slots=True)
class Money:
    """An employer's money in one currency, in cents: what came, what is on accounts, what it may have back.

    owed_cents: what it owes since its bank took payments back that were spent.
    """

    currency: str
    pledged_cents: int
    received_cents: int
    allocated_cents: int
    refundable_cents: int
    owed_cents: int


def money_of(organisation_id: int, *, schemes: frozenset[int] | None = None) -> list[Money]:
    """All orders of an employer together, by currency; only those of these schemes where they are told."""
    found: dict[str, list[int]] = {}
    orders = TopUp.objects.filter(organisation=organisation_id)
    orders = orders if schemes is None else orders.filter(scheme__in=schemes)
    for order in orders:
        sums = found.setdefault(order.currency, [0, 0, 0, 0, 0])
        sums[0] += order.missing_cents
        sums[1] += order.received_cents
        sums[2] += order.allocated_cents
        sums[3] += order.refundable_cents
    for debt in open_debts().filter(payment__top_up__in=orders):
        found[debt.payment.currency][4] += debt.owed_cents
    return [Money(currency, *sums) for currency, sums in sorted(found.items())]


@dataclass(frozen=True, slots=True)
class Use:
    """What a group of employees did with an employer's money, in cents. label: a field of study, or empty for all."""

    label: str
    people: int
    cents: int
    currency: str


def use_of(organisation_id: int) -> tuple[list[Use], list[Use], bool]:
    """Use in all, and by field of study; only of groups of `LEAST_PEOPLE`, so that nobody can be told apart.

    Returns the totals by currency, the fields that are shown, and whether smaller ones were left out. Where what
    is left out is itself fewer people, the smallest group that would be shown is left out with it.
    """
    used = Allocation.objects.filter(
        lot__top_up__organisation=organisation_id, amount_cents__gt=F("returned_cents")
    )
    kept = F("amount_cents") - F("returned_cents")
    all_use = [
        Use("", row["people"], row["cents"], row["lot__currency"])
        for row in used.values("lot__currency")
        .annotate(people=Count("lot__account", distinct=True), cents=Sum(kept))
        .order_by("lot__currency")
        if row["people"] >= LEAST_PEOPLE
    ]
    by_field = [
        Use(row["field"], row["people"], row["cents"], row["lot__currency"])
        for row in used.annotate(field=Substr("booking__credential__isced_field", 1, 2))
        .values("field", "lot__currency")
        .annotate(people=Count("lot__account", distinct=True), cents=Sum(kept))
        .order_by("-people", "field")
    ]
    shown = [each for each in by_field if each.people >= LEAST_PEOPLE]
    hidden = [each for each in by_field if each.people < LEAST_PEOPLE]
    if hidden and sum(each.people for each in hidden) < LEAST_PEOPLE and shown:
        shown = shown[:-1]
    return all_use, shown if all_use else [], bool(hidden) or (bool(by_field) and not all_use)


def unmatched_receipts() -> QuerySet[TopUpReceipt]:
    """Transfers that nobody could place yet, the oldest first."""
    return TopUpReceipt.objects.filter(top_up__isnull=True, settled_at__isnull=True).order_by("told_at", "pk")


def open_refunds() -> QuerySet[TopUpRefund]:
    """Refunds that employers asked for and nobody has paid or refused, the oldest first."""
    wanted = TopUpRefund.objects.filter(state=TopUpRefundState.REQUESTED)
    return wanted.select_related("top_up", "organisation").order_by("requested_at", "pk")


def noted_refunds() -> QuerySet[TopUpRefund]:
    """Refunds that one person noted as paid and another has to confirm, the oldest first."""
    noted = TopUpRefund.objects.filter(state=TopUpRefundState.NOTED)
    return noted.select_related("top_up", "organisation", "noted_by").order_by("noted_at", "pk")


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """A learner's account with the code and the payroll numbers that stand for it, and what employers put on it."""

    account: LearningAccount
    reference: TopUpReference | None
    lots: list[Lot]
    numbers: list[PayrollNumber]


def accounts_of(user: User) -> list[OwnAccount]:
    """A learner's own accounts. Four queries, however many."""
    accounts = list(
        LearningAccount.objects.filter(citizen__user=user).select_related("scheme").order_by("scheme__name")
    )
    references = {
        each.account_id: each
        for each in TopUpReference.objects.filter(account__in=accounts, revoked_at__isnull=True)
    }
    lots: dict[int, list[Lot]] = {}
    for lot in (
        Lot.objects.filter(account__in=accounts, top_up__isnull=False)
        .select_related("top_up__organisation")
        .order_by("-created_at", "-pk")
    ):
        lots.setdefault(lot.account_id, []).append(lot)
    numbers: dict[int, list[PayrollNumber]] = {}
    for number in PayrollNumber.objects.filter(account__in=accounts, revoked_at__isnull=True).select_related(
        "organisation"
    ):
        numbers.setdefault(number.account_id, []).append(number)
    return [
        OwnAccount(each, references.get(each.pk), lots.get(each.pk, []), numbers.get(each.pk, []))
        for each in accounts
    ]


def lists_of(organisation_id: int, *, schemes: frozenset[int] | None = None) -> QuerySet[TopUpDraft]:
    """The lists that an employer handed in, the newest first, without what is in them."""
    found = TopUpDraft.objects.filter(organisation=organisation_id).select_related("scheme")
    found = found if schemes is None else found.filter(scheme__in=schemes)
    return found.defer("content", "faults").order_by("-requested_at", "-pk")


def waiting_employers() -> QuerySet[Employer]:
    """Employers to be verified, the oldest application first."""
    waiting = Employer.objects.filter(state="applied").select_related("organisation")
    return waiting.order_by("applied_at", "pk")


def employers_in(states: Iterable[str]) -> QuerySet[Employer]:
    """All employers in these states, the latest first."""
    found = Employer.objects.filter(Q(state__in=list(states))).select_related("organisation")
    return found.order_by("-applied_at", "-pk")
