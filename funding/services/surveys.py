"""Surveys follow proved services: who completed a training is invited by the catalogue to say how it was (S-15)."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db.models import Exists, OuterRef

from catalogue.models import SurveyInvitation
from catalogue.services import surveys
from funding.models import Booking, BookingState, ExitReason

COMPLETED_STATES = (BookingState.SERVICE_VALIDATED, BookingState.SETTLED)
CHUNK = 500


def invite_completers(*, since: datetime) -> int:
    """Invite the learners whose completed training was validated since then; returns how many invitations are new.

    Who left early, did nothing or disputes it is not asked. Idempotent: each is invited once for each entry.
    What was asked about a training that was undone meanwhile is closed.
    """
    undone = Booking.objects.filter(
        state=BookingState.CANCELLED_BY_FUNDER, service_validated_at__isnull=False
    ).values("public_id")
    surveys.close_invitations(sources=undone)
    known = Exists(SurveyInvitation.objects.filter(source=OuterRef("public_id")))
    waiting = (
        Booking.objects.filter(
            ~known,
            state__in=COMPLETED_STATES,
            exit_reason=ExitReason.COMPLETE,
            realised_percent__gt=0,
            service_validated_at__gte=since,
        )
        .select_related("account__citizen", "credential", "session")
        .order_by("pk")
    )
    made = 0
    last = 0
    while batch := list(waiting.filter(pk__gt=last)[:CHUNK]):
        for booking in batch:
            ended = booking.left_at or booking.session.ends_at or booking.service_validated_at
            assert ended is not None
            made += surveys.invite_completer(
                source=uuid.UUID(str(booking.public_id)),
                citizen=booking.account.citizen,
                micro_credential=booking.credential,
                ended_at=ended,
            )
        last = batch[-1].pk
    return made
