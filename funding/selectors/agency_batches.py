"""What a payment batch would hold, before there is one; and how far its sending is."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import User
from catalogue.models import ConnectedAccount
from catalogue.payees import payees_are_configured
from funding.banking.pain001 import MAX_TRANSFERS
from funding.models import BankMessage, Claim, ClaimState, Payment, PaymentBatch, Rail, Scheme
from funding.rails import payable_by
from funding.selectors.batches import batches
from funding.selectors.payees import find_unverified, has_account
from funding.services.batches import LeftOut, sort_payable
from funding.services.recoveries.netting import preview_nettings

SEND_JOB = "funding.send_batch"


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Claims that would be paid, those left out with their reasons, and the sums by payee, in cents.

    totals: name (empty for all), currency, number, what is claimed, what of it is kept for debts, what is paid.
    more: claims beyond what one file holds. seen: what was shown, in short.
    """

    ready: list[Claim]
    left_out: list[LeftOut]
    totals: list[tuple[str, str, int, int, int, int]]
    more: int
    seen: str


def plan_batch(scheme: Scheme, *, actor: User, rail: str = Rail.SEPA) -> BatchPlan:
    """What a batch of this person would hold now. Nothing is written. As many queries for any number of claims."""
    payable = Claim.objects.filter(
        payable_by(rail), state=ClaimState.APPROVED, booking__account__scheme=scheme
    )
    whole = payable.count()
    claims = list(payable.order_by("pk")[:MAX_TRANSFERS])
    ready, left_out = sort_payable(claims, actor=actor)
    kept = preview_nettings(ready, scheme=scheme)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for claim in ready:
        for name in (claim.payee_name or str(claim.provider), ""):
            sums[name][0] += 1
            sums[name][1] += claim.amount_cents
            sums[name][2] += kept.get(claim.pk, 0)
    names = [*sorted(name for name in sums if name), *([""] if ready else [])]
    facts = [
        (claim.pk, claim.amount_cents, kept.get(claim.pk, 0), claim.payee_iban or claim.provider.iban)
        for claim in ready
    ]
    return BatchPlan(
        ready=ready,
        left_out=left_out,
        totals=[_total(name, scheme.currency, *sums[name]) for name in names],
        more=max(0, whole - MAX_TRANSFERS),
        seen=hashlib.sha256(repr(facts).encode()).hexdigest()[:32],
    )


def _total(
    name: str, currency: str, number: int, gross: int, kept: int
) -> tuple[str, str, int, int, int, int]:
    return name, currency, number, gross, kept, gross - kept


def anybody_at_stripe() -> bool:
    """Whether a provider is paid into an account at Stripe."""
    return ConnectedAccount.objects.filter(provider__iban__startswith="acct_").exists()


def waiting_for_payees(scheme: Scheme) -> list[LeftOut]:
    """Approved claims of a scheme that go into nobody's batch, because nobody vouches for the account."""
    if not payees_are_configured():
        return []
    claims = Claim.objects.filter(state=ClaimState.APPROVED, booking__account__scheme=scheme)
    related = claims.select_related("provider__organisation").order_by("pk")[:MAX_TRANSFERS]
    known = [claim for claim in related if has_account(claim)]
    unverified = find_unverified(known)
    return [
        LeftOut(claim, unverified[claim.pk].code, unverified[claim.pk].check)
        for claim in known
        if claim.pk in unverified
    ]


def batches_for(schemes: Collection[int] | None) -> QuerySet[PaymentBatch]:
    """The batches of these schemes (None: of every scheme), newest first."""
    return batches() if schemes is None else batches().filter(scheme__in=schemes)


def messages_for(schemes: Collection[int] | None) -> QuerySet[BankMessage]:
    """The bank's messages; to whom works for some schemes only, those about a batch of theirs."""
    found = BankMessage.objects.all()
    return found if schemes is None else found.filter(batch__scheme__in=schemes)


def sending_of(batch: PaymentBatch) -> str:
    """How far the job is that sends the batch: `todo`, `doing`, `succeeded`, `failed`; empty without one."""
    jobs = ProcrastinateJob.objects.filter(task_name=SEND_JOB, args__batch_id=batch.pk)
    return jobs.order_by("-pk").values_list("status", flat=True).first() or ""


def reissued(payments: Collection[Payment]) -> dict[int, Payment]:
    """By claim, the latest payment: of a claim whose payment came back, where it was paid again. One query."""
    claims = [payment.claim_id for payment in payments if payment.outcome in ("rejected", "returned")]
    later = Payment.objects.filter(claim__in=claims).select_related("batch").order_by("pk")
    return {payment.claim_id: payment for payment in later}
