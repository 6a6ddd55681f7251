"""What a person says of a day on which bank and books differ: an owner, and whether it is explained."""

from datetime import date

from accounts.models import Membership, OrganisationKind, User
from funding.models import ReconciliationNote, Side
from funding.permissions import BATCH_ROLES, PAYMENT_ROLES, is_for_every_scheme
from ila.core.errors import DomainError


def owners() -> list[User]:
    """Who may look after a difference: the agency's people who see its batches."""
    members = Membership.objects.filter(
        organisation__kind=OrganisationKind.AGENCY, role__in=BATCH_ROLES, ended_at__isnull=True
    )
    return list(User.objects.filter(pk__in=members.values("user"), is_active=True).order_by("pk"))


def note_difference(
    *,
    actor: User,
    day: date,
    currency: str,
    difference_cents: int,
    owner: User,
    note: str,
    explained: bool,
    side: str = Side.BANK,
) -> ReconciliationNote:
    """Say who looks after a day's difference and what is known of it; an explanation holds for that difference alone.

    Raises: DomainError `not_allowed` (403), `incomplete` without words, `invalid` for an owner who sees no batches.
    """
    if not is_for_every_scheme(actor, *PAYMENT_ROLES):
        raise DomainError("not_allowed", status=403)
    if not note.strip():
        raise DomainError("incomplete", status=422, what="note")
    if owner not in owners():
        raise DomainError("invalid", status=422, what="owner")
    return ReconciliationNote.objects.create(
        day=day,
        side=side,
        currency=currency,
        difference_cents=difference_cents,
        explained=explained,
        note=note.strip()[:500],
        owner=owner,
        written_by=actor,
    )
