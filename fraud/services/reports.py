"""What learners report of a training by themselves: facts that detectors read, and words that investigators read."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import User
from fraud.models import LearnerReport, ReportKind
from funding.models import Booking
from funding.permissions import is_learner
from ila.core import clock
from ila.core.errors import DomainError


def booking_of(actor: User, public_id: UUID) -> Booking | None:
    """The learner's own booking of that number."""
    found = Booking.objects.select_related("credential", "provider", "session", "account__citizen")
    return found.filter(public_id=public_id, account__citizen__user_id=actor.pk).first()


def all_reports() -> QuerySet[LearnerReport]:
    """Every report with what it is about, the latest first."""
    found = LearnerReport.objects.select_related("booking__credential", "booking__provider")
    return found.order_by("-made_at", "-pk")


def report_training(*, actor: User, booking_id: int, kind: str, said: str = "") -> LearnerReport:
    """Say that something about a training is wrong, once of each kind. Nothing is booked, stopped or paid by it.

    Raises: DomainError `not_found` (404) for anybody but the booking's learner; `incomplete` without a kind, or without
    words for something else; `not_begun` for "nothing was taught" before the training begins; `already_reported`.
    """
    booking = Booking.objects.select_related("account__citizen", "session").filter(pk=booking_id).first()
    if booking is None or not is_learner(booking, actor):
        raise DomainError("not_found", status=404, kind="booking")
    if kind not in ReportKind.values or (kind == ReportKind.OTHER and not said.strip()):
        raise DomainError("incomplete", status=422, what="kind, said")
    now = clock.now()
    starts = booking.session.starts_at
    if kind == ReportKind.NOT_TAUGHT and starts is not None and now < starts:
        raise DomainError("not_begun", status=409)
    try:
        with transaction.atomic():
            return LearnerReport.objects.create(
                booking=booking, kind=kind, said=said.strip(), made_by=actor, made_at=now
            )
    except IntegrityError as error:
        raise DomainError("already_reported", status=409) from error
