"""Orders: a pledge of an employer, with the structured reference by which its transfer will be known."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

from accounts.models import Employer, EmployerState, Organisation, User
from accounts.permissions import manages_organisation
from funding.models import Scheme, Source, TopUp, TopUpLine, TopUpState, version_on
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import ENDOWMENTS
from funding.services.bookings.context import today
from funding.services.endowments import SOURCE_OF
from ila.core import fsm, locks
from ila.core.errors import DomainError

MAX_LINES = 200_000
MAX_LINE_CENTS = 10_000_000
_BATCH = 5_000
# Letters and digits that no bank's form refuses, and that are not mistaken for one another.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What one employee is to get, in cents."""

    account_id: int
    amount_cents: int
    matched_by: str = "reference"


def new_reference() -> str:
    """An ISO 11649 creditor reference: 12 random characters, so that nobody meets somebody else's by a slip."""
    body = "ILA" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
    return str(iso11649.validate(f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"))


def source_of(kind: str, rules: SchemeRules) -> str:
    """Where money of that kind lies on an account: an endowment (F-05), or a top-up where there are no endowments.

    Raises: DomainError `no_top_ups` where bookings of the scheme draw none of them.
    """
    drawn = {source for each in rules.draw_order for source in each}
    for source in (SOURCE_OF.get(kind, Source.ENDOWMENT), Source.EMPLOYER):
        if source in drawn:
            return str(source)
    raise DomainError("no_top_ups")


def least_cents(kind: str, rules: SchemeRules) -> int:
    """The least that a kind gives to one employee (F-05), in cents."""
    return {str(name): cents for name, cents in rules.endowment_least_cents.items()}.get(kind, 0)


def require_verified(organisation: Organisation) -> Employer:
    """The employer behind an organisation. Raises: DomainError `employer_not_verified` (403)."""
    employer = Employer.objects.filter(organisation=organisation).first()
    if employer is None or employer.state != EmployerState.VERIFIED:
        raise DomainError("employer_not_verified", status=403)
    return employer


def check_terms(*, scheme: Scheme, kind: str, ends_on: date | None) -> SchemeRules:
    """The rules an order is under today. Raises: DomainError `invalid`, `no_top_ups`, `already_over`."""
    on = today(scheme)
    rules = version_on(scheme, on).parsed
    if kind not in ENDOWMENTS:
        raise DomainError("invalid", rule="F-05", kind=kind)
    source_of(kind, rules)
    if ends_on is not None and ends_on < on:
        raise DomainError("already_over", ends_on=ends_on.isoformat())
    return rules


def order_top_up(
    *,
    actor: User,
    organisation: Organisation,
    scheme: Scheme,
    kind: str,
    lines: Sequence[OrderLine],
    earmark: str = "",
    ends_on: date | None = None,
) -> TopUp:
    """Pledge money for employees: nothing is on any account until it is paid.

    Raises: DomainError `not_allowed` (403) unless the actor manages the organisation, `employer_not_verified`,
    `invalid` (no line, an employee twice, an amount out of bounds or less than the kind's least, F-05),
    `no_top_ups`, `already_over`. Logs: top-up `create`.
    """
    order = TopUp(organisation=organisation, scheme=scheme, kind=kind)
    if not manages_organisation(order, actor):
        raise DomainError("not_allowed", status=403)
    require_verified(organisation)
    rules = check_terms(scheme=scheme, kind=kind, ends_on=ends_on)
    least = max(1, least_cents(kind, rules))
    if not lines or len(lines) > MAX_LINES:
        raise DomainError("invalid", status=422, lines=len(lines))
    if len({line.account_id for line in lines}) != len(lines):
        raise DomainError("invalid", status=422, twice=True)
    if any(not least <= line.amount_cents <= MAX_LINE_CENTS for line in lines):
        raise DomainError("invalid", rule="F-05", status=422, least_cents=least)
    order.source, order.earmark, order.ends_on = source_of(kind, rules), earmark, ends_on
    order.currency, order.reference, order.ordered_by = scheme.currency, new_reference(), actor
    order.total_cents, order.line_count = sum(line.amount_cents for line in lines), len(lines)
    with transaction.atomic():
        fsm.start(order, actor=actor)
        TopUpLine.objects.bulk_create(
            (
                TopUpLine(
                    top_up=order,
                    number=number,
                    account_id=line.account_id,
                    amount_cents=line.amount_cents,
                    matched_by=line.matched_by,
                )
                for number, line in enumerate(lines, start=1)
            ),
            batch_size=_BATCH,
        )
    return order


def cancel_top_up(*, actor: User, top_up_id: int) -> TopUp:
    """Take a pledge back before it is paid in full; what came for it already is to be refunded.

    Locks: the top-up. Raises: DomainError `not_found` (404), `not_allowed`. Logs: top-up `cancel`.
    """
    with transaction.atomic():
        order: TopUp
        (order,) = locks.acquire(locks.lock(TopUp, top_up_id))
        if order.state != TopUpState.PENDING:
            raise DomainError("not_allowed", transition="cancel", state=order.state)
        fsm.apply(order, "cancel", actor=actor)
    return order
