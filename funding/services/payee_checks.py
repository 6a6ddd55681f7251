"""Asking banks of accounts before the first payment into them, and taking on oneself what they did not match."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from catalogue.models import PayeeAnswer
from catalogue.payees import HttpPayees, NotConfigured, PayeePort, open_payees
from catalogue.services import account_changes
from funding import permissions
from funding.models import Claim, ClaimKind, ClaimState, PayeeAcceptance, PayeeCheck, Scheme
from funding.selectors.payees import Pair, find_unverified, has_account, pair_of, payee_of
from funding.services.batches import require_no_transaction
from funding.services.refunds import refresh_accounts
from ila.core import clock
from ila.core.errors import DomainError

# Somebody waits for the page meanwhile.
AT_ONCE = 50
# So many accounts in a row of which nothing can be known: the service is down, and is asked later.
GIVE_UP = 5
ASK_AGAIN = timedelta(hours=1)
LEARNERS_CLAIMS = (ClaimKind.REIMBURSEMENT, ClaimKind.REFUND)


@dataclass(frozen=True, slots=True)
class Asked:
    """How many accounts were asked about, and how many are still to be."""

    asked: int
    left: int


def ask_payees(
    *, actor: User, scheme: Scheme, port: PayeePort | None = None, at_once: int = AT_ONCE
) -> Asked:
    """Ask the bank about the accounts that a scheme's approved claims would be the first payment into.

    Each answer is kept as it comes. What was not matched is asked again after an hour. A service over the network is
    asked outside transactions only; where there is none, nothing is asked.

    Raises: DomainError `not_allowed`; RuntimeError inside a transaction.
    """
    if not permissions.may_pay(scheme, actor):
        raise DomainError("not_allowed", status=403)
    port = port or open_payees()
    if isinstance(port, NotConfigured):
        return Asked(0, 0)
    if isinstance(port, HttpPayees):
        require_no_transaction()
    with transaction.atomic():
        account_changes.put_due_into_force()
        refresh_accounts()
    wanted = _wanted(scheme)
    in_vain = asked = 0
    for claim in wanted[:at_once]:
        iban, name = payee_of(claim)
        told = port.verify(iban=iban, name=name)
        learners = claim.kind in LEARNERS_CLAIMS
        PayeeCheck.objects.create(
            scheme=scheme,
            provider=None if learners else claim.provider,
            citizen_id=claim.booking.account.citizen_id if learners else None,
            iban=iban,
            name=name,
            answer=told.answer,
            told_name=told.name,
            asked_by=actor,
            asked_at=clock.now(),
        )
        asked += 1
        in_vain = in_vain + 1 if told.answer == PayeeAnswer.NOT_POSSIBLE else 0
        if in_vain == GIVE_UP:
            break
    return Asked(asked, len(wanted) - asked)


@transaction.atomic
def accept_payee(*, actor: User, public_id: UUID, reason: str) -> PayeeAcceptance:
    """Let an account be paid into that no bank has matched with its name. Kept with the reason, and never taken back.

    Raises: DomainError `not_found`; `not_allowed` for who may not pay, or wrote or approved a claim that is to be
    paid there, or for what is matched; `claim_changed` when the bank has answered anew; `incomplete` without a reason.
    """
    check = PayeeCheck.objects.select_related("scheme").filter(public_id=public_id).first()
    if check is None:
        raise DomainError("not_found", status=404, kind="payee_check")
    if not permissions.may_pay(check.scheme, actor) or check.answer == PayeeAnswer.MATCH:
        raise DomainError("not_allowed", status=403)
    if any(actor.pk in (claim.approver_id, claim.author_id) for claim in claims_of(check)):
        raise DomainError("not_allowed", status=403, reason="has a claim of the same person")
    newer = PayeeCheck.objects.filter(iban=check.iban, name=check.name, pk__gt=check.pk)
    if newer.exists():
        raise DomainError("claim_changed", status=409)
    reason = reason.strip()[:500]
    if not reason:
        raise DomainError("incomplete", status=422, what="reason")
    made, _new = PayeeAcceptance.objects.get_or_create(
        verification=check, accepted_by=actor, defaults={"reason": reason, "accepted_at": clock.now()}
    )
    return made


def claims_of(check: PayeeCheck) -> list[Claim]:
    """The approved claims that are to be paid into the account of a check, under its name."""
    pair = pair_of(check.iban, check.name)
    payable = _payable(check.scheme)
    if check.provider_id is not None:
        payable = payable.filter(provider=check.provider_id).exclude(kind__in=LEARNERS_CLAIMS)
    else:
        payable = payable.filter(booking__account__citizen=check.citizen_id, kind__in=LEARNERS_CLAIMS)
    return [claim for claim in payable if has_account(claim) and pair_of(*payee_of(claim)) == pair]


def _payable(scheme: Scheme) -> QuerySet[Claim]:
    found = Claim.objects.filter(state=ClaimState.APPROVED, booking__account__scheme=scheme)
    return found.select_related("booking__account", "provider__organisation").order_by("pk")


def _wanted(scheme: Scheme) -> list[Claim]:
    """A claim for each account to be asked about: those that were never asked about first."""
    claims = [claim for claim in _payable(scheme) if has_account(claim)]
    again = clock.now() - ASK_AGAIN
    unverified = find_unverified(claims)
    never: dict[Pair, Claim] = {}
    once: dict[Pair, Claim] = {}
    for claim in claims:
        told = unverified.get(claim.pk)
        if told is None:
            continue
        pair = pair_of(*payee_of(claim))
        if told.check is None:
            never.setdefault(pair, claim)
        elif told.check.asked_at <= again:
            once.setdefault(pair, claim)
    return [*never.values(), *once.values()]
