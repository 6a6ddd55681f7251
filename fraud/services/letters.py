"""Letters of a case: written from templates in both languages, kept as sent, told by mail."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.models import Membership, Role, User
from accounts.services import messages
from catalogue.models import Provider
from fraud import words
from fraud.models import Case, Letter, LetterKind, Measure, RecordKind
from fraud.services import case_file
from ila.core import clock
from ila.core.calendars import WorkingCalendar, calendar_for

LANGUAGES = ("en", "fr")
# Whoever is told of a measure has so many days to answer (FRAUD).
ANSWER_DAYS = 10


def calendar_of(provider: Provider) -> WorkingCalendar:
    """Days are counted where the provider is."""
    return calendar_for(provider.country, provider.time_zone)


def answer_due(provider: Provider, *, days: int = ANSWER_DAYS) -> datetime:
    """The end of the last day to answer; a term that would end on a day without work ends on the next working day."""
    calendar = calendar_of(provider)
    last = calendar.local_date(clock.now()) + timedelta(days=days)
    while not calendar.is_working_day(last):
        last += timedelta(days=1)
    return calendar.end_of_day(last)


def send(
    case: Case,
    kind: LetterKind,
    *,
    actor: User,
    measure: Measure | None = None,
    answer_due_at: datetime | None = None,
    **context: Any,
) -> Letter:
    """Write a letter to the provider of a locked case, keep it, and tell the provider's managers by mail.

    Records: `letter`.
    """
    provider = case.provider
    subjects, bodies = {}, {}
    for language in LANGUAGES:
        with translation.override(language), timezone.override(ZoneInfo(provider.time_zone)):
            text = render_to_string(
                f"letters/{kind}.txt",
                {
                    "case": case,
                    "measure": measure,
                    "measure_kind": words.MEASURES[measure.kind] if measure is not None else "",
                    "provider": provider,
                    "answer_due_at": answer_due_at,
                    # What ends at midnight ends with the day before.
                    "answer_by": None if answer_due_at is None else answer_due_at - timedelta(seconds=1),
                    "today": clock.now(),
                    **context,
                },
            )
        subject, _, body = text.partition("\n")
        subjects[language], bodies[language] = subject.strip(), body.strip()
    letter = Letter.objects.create(
        case=case,
        measure=measure,
        kind=kind,
        provider=provider,
        addressee=str(provider),
        subjects=subjects,
        bodies=bodies,
        answer_due_at=answer_due_at,
        sent_by=actor,
        sent_at=clock.now(),
    )
    case_file.record(
        case,
        RecordKind.LETTER,
        actor=actor,
        text=subjects["en"],
        data={
            "letter": letter.public_id,
            "kind": str(kind),
            "measure": None if measure is None else measure.public_id,
            "sha256": {each: hashlib.sha256(body.encode()).hexdigest() for each, body in bodies.items()},
            "answer_due_at": answer_due_at,
        },
    )
    tell_managers(provider, "fraud_letter", letter=str(letter.public_id), subjects=subjects, bodies=bodies)
    return letter


def tell_managers(provider: Provider, template: str, **context: Any) -> None:
    """Write to the managers of the provider's organisation."""
    managers = Membership.objects.filter(
        organisation=provider.organisation_id,
        role=Role.MANAGER,
        ended_at__isnull=True,
        user__is_active=True,
    ).select_related("user")
    for membership in managers.order_by("pk"):
        messages.queue(recipient=membership.user, template=template, **context)
