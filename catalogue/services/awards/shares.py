"""Links by which learners show their awards: for a time, to be taken back, with a secret that is kept nowhere."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db import models, transaction
from django.db.models import F

from accounts.models import Citizen, User
from catalogue.models import Award, AwardState, PortfolioShare, SharedAward
from ila.core import clock
from ila.core.errors import DomainError

DAYS = (7, 30, 90, 365)
MAX_AWARDS = 50
MAX_OPEN = 50
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@transaction.atomic
def create_share(
    *, actor: User, awards: Collection[uuid.UUID], days: int, label: str = ""
) -> tuple[PortfolioShare, str]:
    """The learner shows these awards to whoever has the link. Returns the share and the link's secret.

    The secret (256 bits) is known to nobody else and cannot be shown again. Locks: the learner's row.
    Raises: DomainError `not_allowed` for another's or a revoked award, `incomplete`, `too_many`.
    """
    citizen = Citizen.objects.select_for_update(no_key=True).filter(user=actor).first()
    if citizen is None or not actor.is_active:
        raise DomainError("not_allowed", status=403, what="create_share")
    wanted = set(awards)
    if not wanted or len(wanted) > MAX_AWARDS or days not in DAYS:
        raise DomainError("incomplete", what="awards or days")
    owned = list(Award.objects.filter(citizen=citizen, public_id__in=wanted, state=AwardState.ISSUED))
    if len(owned) != len(wanted):
        raise DomainError("not_allowed", status=403, what="award")
    now = clock.now()
    if _open(citizen).count() >= MAX_OPEN:
        raise DomainError("too_many", limit=MAX_OPEN)
    secret = secrets.token_urlsafe(32)
    share = PortfolioShare.objects.create(
        citizen=citizen,
        label=label.strip()[:100],
        token_hash=_hash(secret),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    SharedAward.objects.bulk_create([SharedAward(share=share, award=award) for award in owned])
    return share, secret


@transaction.atomic
def revoke_share(*, actor: User, public_id: uuid.UUID) -> PortfolioShare:
    """The link shows nothing from now on. Locks: the share. Raises: DomainError `not_found`."""
    share = (
        PortfolioShare.objects.select_for_update().filter(public_id=public_id, citizen__user=actor).first()
    )
    if share is None:
        raise DomainError("not_found", status=404, kind="share")
    if share.revoked_at is None:
        share.revoked_at = clock.now()
        share.save(update_fields=["revoked_at"])
    return share


def open_share(secret: str) -> PortfolioShare | None:
    """The share behind a link, while it is open; the opening is counted, and nothing else of it is kept."""
    if _SECRET.fullmatch(secret) is None:
        return None
    share = PortfolioShare.objects.select_related("citizen").filter(token_hash=_hash(secret)).first()
    if share is None or not share.is_open(clock.now()):
        return None
    PortfolioShare.objects.filter(pk=share.pk).update(views=F("views") + 1)
    return share


def _open(citizen: Citizen) -> models.QuerySet[PortfolioShare]:
    return PortfolioShare.objects.filter(citizen=citizen, revoked_at__isnull=True, expires_at__gt=clock.now())


def _hash(secret: str) -> str:
    # The secret is random and long: a plain hash cannot be searched back.
    return hashlib.sha256(secret.encode()).hexdigest()
