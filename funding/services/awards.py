"""Awards follow proved services: what a booking has proved is issued by the catalogue, what was undone is revoked.

At once after the validation where it happens one by one; a sweeping job does the rest, and what was missed.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypedDict

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.services import service_users
from catalogue.awards.sealing import SealingError
from catalogue.models import Accreditation, AccreditationState, Award, AwardKind, AwardState, RevocationReason
from catalogue.services import awards
from catalogue.services.awards import Completion
from catalogue.services.awards.issuing import REPLACEABLE
from funding.models import Booking, BookingState, Certificate, ExitReason, SessionFinding
from funding.services.bookings.guards import CALLED_OFF
from ila.core import clock
from ila.core.errors import DomainError

log = structlog.get_logger(__name__)

PROVED_STATES = (BookingState.SERVICE_VALIDATED, BookingState.SETTLED)
# The sweep looks at services validated so lately each time, and at all of them each night.
RECENT = timedelta(days=7)
CHUNK = 500
_DONE = {"state__in": PROVED_STATES, "exit_reason": ExitReason.COMPLETE, "realised_percent__gt": 0}


class Swept(TypedDict):
    """What a sweep did, in numbers of awards."""

    issued: int
    revoked: int
    failed: int


def award_soon(*, booking_id: int) -> None:
    """Award what the booking proves once the open transaction is done; whatever fails is left to the sweep."""
    transaction.on_commit(partial(_try_award, booking_id))


def award_booking(*, booking_id: int) -> Award | None:
    """The award that the booking's proved service deserves; None while it deserves none.

    A service validated after a complete training: learning outcomes where the provider recorded a certificate,
    else attendance. An examination taken says nothing of its result: alone it is attendance too.
    Idempotent. Locks and Raises: as `catalogue.services.awards.issue_award`.
    """
    booking = (
        Booking.objects.select_related("account__citizen__user", "credential__provider", "session__offer")
        .filter(~_untaught(), pk=booking_id, **_DONE)
        .first()
    )
    if booking is None:
        return None
    return awards.issue_award(actor=service_users.get("clock"), completion=_completion(booking))


def sweep_awards(*, since: datetime | None = None) -> Swept:
    """Issue what proved services deserve and have not got, and revoke what was undone.

    since: only services validated from then on; None: all.
    """
    swept = Swept(issued=0, revoked=_revoke_undone(), failed=0)
    if not awards.signs():
        log.warning("awards_not_issued", reason="AWARD_KEY_SECRETS is not set")
        return swept
    waiting = _waiting() if since is None else _waiting().filter(service_validated_at__gte=since)
    last = 0
    while ids := list(waiting.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        for booking_id in ids:
            swept["issued" if _try_award(booking_id) else "failed"] += 1
        last = ids[-1]
    return swept


def _waiting() -> QuerySet[Booking]:
    """Bookings whose proof was not awarded yet."""
    own = Award.objects.filter(source=OuterRef("public_id"))
    taken_back = Exists(own.filter(state=AwardState.REVOKED).exclude(revocation_reason__in=REPLACEABLE))
    # As `catalogue.services.awards.issue_award` reads the entry, or the sweep would come back to it for ever.
    outcomes_possible = ~Q(credential__assessed=False) & ~Q(
        credential__description__certifies="participation"
    )
    certificate = Certificate.objects.filter(booking=OuterRef("pk"), kind="certificate")
    certified = Exists(certificate) & outcomes_possible
    stands = Exists(own.filter(state=AwardState.ISSUED))
    outcomes = Exists(own.filter(state=AwardState.ISSUED, kind=AwardKind.ACHIEVEMENT))
    named = ~Q(account__citizen__given_name="", account__citizen__family_name="")
    return Booking.objects.filter(
        named, ~taken_back, ~_untaught(), (certified & ~outcomes) | ~stands, **_DONE
    )


def _untaught() -> Q:
    """The session turned out not to have taken place: what was proved of it was not (decision 197)."""
    return Q(session__state__in=CALLED_OFF) | Q(session__in=SessionFinding.objects.values("session"))


def _revoke_undone() -> int:
    """Awards of trainings that turned out never to have been: denied by the learner and upheld, or never taught."""
    undone = Booking.objects.filter(
        Q(state=BookingState.CANCELLED_BY_FUNDER) | Q(_untaught(), state=BookingState.SETTLED),
        service_validated_at__isnull=False,
    ).values("public_id")
    found = Award.objects.filter(state=AwardState.ISSUED, source__in=undone).values_list("pk", flat=True)
    number = 0
    for award_id in list(found):
        awards.revoke_award(
            actor=service_users.get("clock"), award_id=award_id, reason=RevocationReason.UNDONE
        )
        number += 1
    return number


def _try_award(booking_id: int) -> bool:
    try:
        return award_booking(booking_id=booking_id) is not None
    except (DomainError, SealingError, DatabaseError) as error:
        # Never the trouble of whoever validated the service; the sweep comes back to it.
        reason = str(error) if isinstance(error, (DomainError, SealingError)) else ""
        log.warning("award_not_issued", booking=booking_id, kind=type(error).__name__, reason=reason)
        return False


def _completion(booking: Booking) -> Completion:
    offer = booking.session.offer
    return Completion(
        source=uuid.UUID(str(booking.public_id)),
        citizen=booking.account.citizen,
        micro_credential=booking.credential,
        assessed=booking.certificates.filter(kind="certificate").exists(),
        mode=offer.mode if offer is not None else "",
        attended_percent=booking.declared_percent,
        starts=booking.entered_at or booking.session.starts_at,
        ends=booking.left_at or booking.session.ends_at,
        quality_assurance=_quality_assurance(booking, clock.now().date()),
    )


def _quality_assurance(booking: Booking, on: date) -> str:
    """Which authorities accredited the provider or the programme, as it stands."""
    standing = Accreditation.objects.filter(
        Q(provider=booking.provider) | Q(micro_credential=booking.credential),
        Q(valid_from__isnull=True) | Q(valid_from__lte=on),
        Q(valid_until__isnull=True) | Q(valid_until__gte=on),
        state=AccreditationState.ACCREDITED,
    ).order_by("pk")
    names = [f"{one.authority} ({one.reference})" if one.reference else one.authority for one in standing[:5]]
    return "; ".join(names)[:300]
