"""Endowments: what employers and others add to an account, each kind with the least that it must be (F-05)."""

from accounts.models import User
from funding.models import LearningAccount, Lot, Source, version_on
from funding.schemes.vocabulary import ENDOWMENTS
from funding.services import schemes
from funding.services.bookings.context import today
from ila.core.errors import DomainError

# The corrective endowment is accounted for apart; all others are one source.
SOURCE_OF = {"corrective": Source.CORRECTIVE}


def endow(
    *, account: LearningAccount, kind: str, amount_cents: int, actor: User, idempotency_key: str
) -> Lot:
    """Credit an endowment: no ceiling, no part of the cap (F-04); some kinds have a least amount (F-05).

    kind: voluntary, supplementary, corrective, dismissal, whistle_blower. A repeated key changes nothing.
    Locks and Raises: as `schemes.credit`; DomainError `invalid` for another kind or less than the least.
    """
    least = version_on(account.scheme, today(account.scheme)).parsed.endowment_least_cents
    if kind not in ENDOWMENTS:
        raise DomainError("invalid", rule="F-05", kind=kind)
    if amount_cents < {str(name): cents for name, cents in least.items()}.get(kind, 0):
        raise DomainError("invalid", rule="F-05", kind=kind, amount_cents=amount_cents)
    return schemes.credit(
        account=account,
        source=SOURCE_OF.get(kind, Source.ENDOWMENT),
        amount_cents=amount_cents,
        actor=actor,
        idempotency_key=idempotency_key,
    )
