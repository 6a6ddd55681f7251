"""Which accounts may be paid into: those of which a bank has matched the name, and those that were paid before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from catalogue.connect import is_connected_account
from catalogue.lookalikes import skeleton
from catalogue.models import AccountChange, AccountChangeState, Application, ConnectedAccount, PayeeAnswer
from funding.banking.identifiers import normalise_account
from funding.models import Claim, PayeeAcceptance, PayeeCheck, Payment, PaymentOutcome

# An account, and a name without the ways of writing it.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Unverified:
    """Why an account is not paid into yet, and the bank's newest answer.

    code: `payee_unasked`, `payee_close_match`, `payee_no_match` or `payee_not_possible`.
    """

    code: str
    check: PayeeCheck | None


def payee_of(claim: Claim) -> tuple[str, str]:
    """The account that a claim is paid into, and the name that the bank is told. Raises: ValueError for none."""
    return normalise_account(claim.payee_iban or claim.provider.iban), creditor_name(claim)


def has_account(claim: Claim) -> bool:
    """Whether the claim can be paid into an account at all."""
    try:
        payee_of(claim)
    except ValueError:
        return False
    return True


def unready_accounts(claims: Sequence[Claim]) -> set[int]:
    """Of these claims, those to an account at Stripe from which nothing reaches a bank now. One query at most."""
    accounts = {
        claim.pk: claim.provider.iban
        for claim in claims
        if not claim.payee_iban and is_connected_account(claim.provider.iban)
    }
    if not accounts:
        return set()
    ready = set(
        ConnectedAccount.objects.filter(account_id__in=accounts.values(), ready=True).values_list(
            "account_id", "provider"
        )
    )
    providers = {claim.pk: claim.provider_id for claim in claims}
    return {pk for pk, account in accounts.items() if (account, providers[pk]) not in ready}


def creditor_name(claim: Claim) -> str:
    """In whose name the account is, as far as the platform knows."""
    if claim.payee_name:
        return claim.payee_name
    provider = claim.provider
    name = provider.organisation.name if provider.organisation is not None else provider.name
    return (name or provider.external_id)[:140]


def pair_of(iban: str, name: str) -> Pair:
    """What two ways of writing one payee have in common."""
    return "".join(iban.split()).upper(), skeleton(name)


def find_unverified(claims: Sequence[Claim]) -> dict[int, Unverified]:
    """Of these claims, those that would be the first payment into an account that nobody has vouched for, by id.

    Vouched for is an account in this name that a bank has matched, before the payment or when the provider asked for
    it; that the agency let into force; that was paid into; or that somebody accepted who neither wrote nor approved
    the claim. Claims come with their provider and its organisation, and good IBANs. Five queries at most.
    """
    pairs = {claim.pk: pair_of(*payee_of(claim)) for claim in claims}
    ibans = {iban for iban, _name in pairs.values()}
    if not ibans:
        return {}
    good = _vouched(ibans)
    newest: dict[Pair, PayeeCheck] = {}
    for check in PayeeCheck.objects.filter(iban__in=ibans).order_by("asked_at", "pk"):
        newest[pair_of(check.iban, check.name)] = check
        if check.answer == PayeeAnswer.MATCH:
            good.add(pair_of(check.iban, check.name))
    accepted = _accepted(ibans)
    found = {}
    for claim in claims:
        pair = pairs[claim.pk]
        if pair in good or accepted[pair] - {claim.approver_id, claim.author_id}:
            continue
        last = newest.get(pair)
        found[claim.pk] = Unverified(f"payee_{last.answer}" if last else "payee_unasked", last)
    return found


def accepted_payments(payments: Collection[Payment]) -> dict[int, PayeeAcceptance]:
    """By payment, why its account is paid into although no bank has matched it. One query."""
    found = PayeeAcceptance.objects.filter(verification__iban__in={payment.iban for payment in payments})
    by_pair = {
        pair_of(each.verification.iban, each.verification.name): each
        for each in found.select_related("verification", "accepted_by").order_by("accepted_at", "pk")
    }
    pairs = {payment.pk: pair_of(payment.iban, payment.creditor_name) for payment in payments}
    return {pk: by_pair[pair] for pk, pair in pairs.items() if pair in by_pair}


def _vouched(ibans: set[str]) -> set[Pair]:
    """Pairs that were paid, or settled when the provider asked to be paid there."""
    paid = Payment.objects.filter(iban__in=ibans, outcome=PaymentOutcome.EXECUTED)
    changes = AccountChange.objects.filter(iban__in=ibans, state=AccountChangeState.IN_FORCE)
    applications = Application.objects.filter(iban__in=ibans, payee_answer=PayeeAnswer.MATCH)
    rows = [
        *paid.values_list("iban", "creditor_name").distinct(),
        *changes.values_list("iban", "holder"),
        *applications.values_list("iban", "account_holder"),
    ]
    return {pair_of(iban, name) for iban, name in rows}


def _accepted(ibans: set[str]) -> dict[Pair, set[int | None]]:
    """Who accepted each pair."""
    found: dict[Pair, set[int | None]] = defaultdict(set)
    rows = PayeeAcceptance.objects.filter(verification__iban__in=ibans)
    for iban, name, person in rows.values_list("verification__iban", "verification__name", "accepted_by"):
        found[pair_of(iban, name)].add(person)
    return found
