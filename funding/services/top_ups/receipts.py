"""What arrives on our account: each transfer taken once, for the order whose reference it carries, or kept aside."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from stdnum import iso11649

from accounts.models import Employer, EmployerState, User
from accounts.services import messages, service_users
from funding.models import BankLine, Bucket, Fund, OwnTransfer, TopUp, TopUpReceipt, TopUpState
from funding.permissions import PAYMENT_ROLES, is_for_every_scheme
from funding.services import ledger
from funding.services.ledger import Line
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

# How a reference begins: payers and banks put spaces into it, and words around it.
_REFERENCE = re.compile(r"RF[0-9]{2}")
_LENGTH = 19  # of ours: RF, two digits, fifteen characters
CLOSED = (TopUpState.FAILED, TopUpState.REFUNDED, TopUpState.CHARGED_BACK)


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that came in: what the bank says of one transfer. `bank_reference`: the bank's own, the same for good."""

    amount_cents: int
    currency: str
    booked_on: date | None
    bank_reference: str = ""
    end_to_end_id: str = ""
    structured: str = ""
    note: str = ""
    payer_name: str = ""
    payer_iban: str = ""

    @property
    def written(self) -> str:
        """The reference as it was written, for whoever looks for whose it is."""
        return (self.structured or self.note or self.end_to_end_id)[:140]


def take_in(credits: Sequence[Credit], *, actor: User | None = None) -> list[TopUpReceipt]:  # noqa: A002
    """Take what the bank told: each transfer counts once, whatever is told again and in whatever order.

    One that names an order raises what was received for it, and the order is paid once all of it is there. What
    cannot be taken is kept aside with a finding: no_reference, unknown_reference, several_references,
    other_currency, closed_order, closed_employer, other_payer. Returns a receipt for each credit, in their order.
    Locks: the top-ups named. Logs: top-up `pay`.
    """
    actor = actor or service_users.get("bank")
    keys = keys_of(credits)
    known = {each.key: each for each in TopUpReceipt.objects.filter(key__in=keys).select_related("top_up")}
    new = [(key, credit) for key, credit in zip(keys, credits, strict=True) if key not in known]
    if new:
        named = {key: references_in(credit) for key, credit in new}
        orders = _lock_orders({reference for found in named.values() for reference in found})
        payers = _organisations_of({credit.payer_iban for _, credit in new if credit.payer_iban})
        verified = set(
            Employer.objects.filter(
                organisation__in={order.organisation_id for order in orders.values()},
                state=EmployerState.VERIFIED,
            ).values_list("organisation_id", flat=True)
        )
        for key, credit in new:
            of_credit = [orders[each] for each in named[key] if each in orders]
            finding = _finding(credit, named[key], of_credit, verified, payers)
            receipt = TopUpReceipt.objects.create(
                key=key,
                amount_cents=credit.amount_cents,
                currency=credit.currency,
                reference=credit.written,
                payer_name=credit.payer_name[:140],
                payer_iban=credit.payer_iban[:34],
                booked_on=credit.booked_on,
                top_up=None if finding else of_credit[0],
                finding=finding,
            )
            if not finding:
                receive(of_credit[0], receipt, actor=actor)
            known[key] = receipt
    return [known[key] for key in keys]


def references_in(credit: Credit) -> list[str]:
    """The valid ISO 11649 references that a transfer carries: the structured one before what its note says."""
    for text in (credit.structured, credit.note, credit.end_to_end_id):
        compact = written_together(text)
        # Ours have one length; another's is read only where it stands alone.
        tried = [compact[at.start() : at.start() + _LENGTH] for at in _REFERENCE.finditer(compact)]
        found = [each for each in (*tried, compact) if iso11649.is_valid(each)]
        if found:
            return list(dict.fromkeys(found))
    return []


def written_together(reference: str) -> str:
    """A reference as it is stored, however somebody spaced it."""
    return "".join(reference.split()).upper()


def receive(order: TopUp, receipt: TopUpReceipt, *, actor: User) -> None:
    """Raise what was received for a locked order by a receipt; the order is paid once it is complete."""
    ledger.post(
        scheme=order.scheme,
        kind="top_up_received",
        key=f"topup:{order.pk}:received:{receipt.pk}",
        actor=actor,
        lines=[
            Line(Bucket.APPROPRIATION, Fund.EMPLOYER, -receipt.amount_cents),
            Line(Bucket.DEPOSIT, Fund.EMPLOYER, receipt.amount_cents),
        ],
    )
    order.received_cents += receipt.amount_cents
    if order.state == TopUpState.PENDING and order.received_cents >= order.total_cents:
        fsm.apply(order, "pay", actor=actor, reason=f"receipt {receipt.pk}")
    else:
        order.save(update_fields=["received_cents"])
    messages.queue(
        recipient=order.ordered_by,
        template="top_up_received",
        top_up=str(order.public_id),
        reference=iso11649.format(order.reference),
        amount_cents=receipt.amount_cents,
        missing_cents=order.missing_cents,
        excess_cents=max(0, order.received_cents - order.total_cents),
        currency=order.currency,
    )


def assign_receipt(*, actor: User, receipt_id: int, reference: str, reason: str) -> TopUpReceipt:
    """A person of the agency says which order a receipt that was kept aside is for; it counts from now on.

    Locks: the top-up. Raises: DomainError `not_allowed` (403), `not_found` (404), `already_settled`, `incomplete`
    without a reason, `unknown_reference`, `other_currency`, `closed_order`, `closed_employer`.
    """
    _require(actor, reason)
    with transaction.atomic():
        receipt = _waiting(receipt_id)
        orders = _lock_orders({written_together(reference)})
        if not orders:
            raise DomainError("unknown_reference", status=422)
        (order,) = orders.values()
        if order.currency != receipt.currency:
            raise DomainError("other_currency", status=422)
        if order.state in CLOSED:
            raise DomainError("closed_order", status=422)
        if not _is_verified(order):
            raise DomainError("closed_employer", status=422)
        receipt.top_up, receipt.finding = order, ""
        _settle(receipt, actor, reason)
        receive(order, receipt, actor=actor)
    return receipt


def put_receipt_aside(*, actor: User, receipt_id: int, reason: str) -> TopUpReceipt:
    """A person of the agency has dealt with a receipt that is for no order: sent back, or told what it is.

    Raises: DomainError `not_allowed` (403), `not_found` (404), `already_settled`, `incomplete` without a reason.
    """
    _require(actor, reason)
    with transaction.atomic():
        receipt = _waiting(receipt_id)
        _settle(receipt, actor, reason)
    return receipt


def _settle(receipt: TopUpReceipt, actor: User, reason: str) -> None:
    receipt.settled_at, receipt.settled_by, receipt.settlement = clock.now(), actor, reason.strip()[:500]
    receipt.save(update_fields=["top_up", "finding", "settled_at", "settled_by", "settlement"])
    BankLine.objects.filter(receipt=receipt).update(finding="")


def _require(actor: User, reason: str) -> None:
    # A transfer without an order may be any scheme's.
    if not is_for_every_scheme(actor, *PAYMENT_ROLES):
        raise DomainError("not_allowed", status=403)
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")


def _waiting(receipt_id: int) -> TopUpReceipt:
    receipt = TopUpReceipt.objects.select_for_update(no_key=True).filter(pk=receipt_id).first()
    if receipt is None:
        raise DomainError("not_found", status=404, kind="receipt")
    if receipt.top_up_id is not None or receipt.settled_at is not None:
        raise DomainError("already_settled")
    return receipt


def _lock_orders(references: Iterable[str]) -> dict[str, TopUp]:
    orders = TopUp.objects.filter(reference__in=set(references)).select_related("scheme", "ordered_by")
    return {order.reference: order for order in locks.acquire_set(orders)}


def _is_verified(order: TopUp) -> bool:
    return Employer.objects.filter(organisation=order.organisation_id, state=EmployerState.VERIFIED).exists()


def _organisations_of(ibans: set[str]) -> dict[str, set[int]]:
    """Whose transfers came from these accounts before."""
    taken = TopUpReceipt.objects.filter(payer_iban__in=ibans, top_up__isnull=False)
    found: dict[str, set[int]] = defaultdict(set)
    for iban, organisation in taken.values_list("payer_iban", "top_up__organisation").distinct():
        found[iban].add(organisation)
    return found


def _finding(
    credit: Credit,
    named: Sequence[str],
    orders: Sequence[TopUp],
    verified: set[int],
    payers: dict[str, set[int]],
) -> str:
    if not orders:
        return _without_order(credit, named)
    order = orders[0]
    if len(named) > 1:
        return "several_references"
    if credit.currency != order.currency:
        return "other_currency"
    if order.state in CLOSED:
        return "closed_order"
    if order.organisation_id not in verified:
        return "closed_employer"
    known = payers.get(credit.payer_iban, set())
    return "other_payer" if known and order.organisation_id not in known else ""


def _without_order(credit: Credit, named: Sequence[str]) -> str:
    if OwnTransfer.objects.filter(reference__in=named).exclude(currency=credit.currency).exists():
        # A learner's own part, and not in the money that it was asked for in.
        return "other_currency"
    return "unknown_reference" if named else "no_reference"


def keys_of(credits: Sequence[Credit]) -> list[str]:  # noqa: A002
    """What tells each transfer from every other, the same whichever message tells of it.

    Where the bank gives no reference of its own, equal transfers of a day are numbered in their message.
    """
    seen: Counter[str] = Counter()
    keys = []
    for credit in credits:
        facts = (
            credit.bank_reference,
            str(credit.amount_cents),
            credit.currency,
            credit.booked_on.isoformat() if credit.booked_on and not credit.bank_reference else "",
            credit.end_to_end_id,
            "" if credit.bank_reference else f"{credit.structured}|{credit.note}|{credit.payer_iban}",
        )
        facts_key = "\x1f".join(facts)
        number = seen[facts_key]
        seen[facts_key] += 1
        keys.append(hashlib.sha256(f"{facts_key}\x1f{number}".encode()).hexdigest())
    return keys
