"""Schemes as pages show them: versions with their dates, what a draft changes, how many bookings keep their rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Prefetch, Q, QuerySet

from funding.models import Booking, BookingState, DraftKind, DraftState, Scheme, SchemeDraft, SchemeVersion
from funding.schemes.changes import Change, changes
from funding.schemes.drafting import Checked
from funding.schemes.rules import SchemeRules
from funding.schemes.samples import Booking as SampleBooking
from funding.schemes.samples import Credit as SampleCredit
from funding.schemes.samples import sample_bookings, sample_credits
from funding.services import scheme_drafts
from ila.core import clock
from ila.core.calendars import calendar_for

OPEN_DRAFTS = (DraftState.DRAFT, DraftState.PROPOSED, DraftState.REJECTED)
# Accepted and not yet ended: the rules of their acceptance stay theirs.
_BOUND = (
    BookingState.ACCEPTED,
    BookingState.IN_TRAINING,
    BookingState.LEFT,
    BookingState.SERVICE_DECLARED,
    BookingState.SERVICE_VALIDATED,
    BookingState.DISPUTED,
)
_NOT_YET = (BookingState.REQUESTED, BookingState.PROPOSED)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an approval would do. before: the rules of the day before, if any. until: the first day after them."""

    first: date
    until: date | None
    before: SchemeVersion | None
    after: SchemeRules
    changes: tuple[Change, ...]
    bookings: tuple[SampleBooking, ...]
    credits: tuple[SampleCredit, ...]
    bound: int
    not_yet: int


@dataclass(frozen=True, slots=True)
class Step:
    """A version of a scheme, and what it changes against the one before."""

    version: SchemeVersion
    changes: tuple[Change, ...]
    first: bool


def today(scheme: Scheme) -> date:
    """The day it is in the scheme's time zone."""
    return calendar_for(scheme.country, scheme.timezone).local_date(clock.now())


def with_versions() -> QuerySet[Scheme]:
    """Schemes with their versions, oldest first. Two queries."""
    ordered = SchemeVersion.objects.order_by("valid_from")
    return Scheme.objects.prefetch_related(Prefetch("versions", queryset=ordered)).order_by("name", "code")


def version_at(versions: Iterable[SchemeVersion], day: date) -> SchemeVersion | None:
    """The version of these that holds on a day."""
    return next(
        (
            each
            for each in versions
            if each.valid_from <= day and (each.valid_until is None or day < each.valid_until)
        ),
        None,
    )


def steps(versions: Iterable[SchemeVersion]) -> list[Step]:
    """Each version with what it changes, oldest first."""
    found: list[Step] = []
    before: SchemeRules | None = None
    for version in versions:
        found.append(Step(version, changes(before, version.parsed), before is None))
        before = version.parsed
    return found


def drafts(schemes: frozenset[int] | None) -> QuerySet[SchemeDraft]:
    """Drafts with who wrote and decided them, newest first. schemes: of these alone, and of no new one; None: all."""
    found = SchemeDraft.objects.select_related(
        "scheme", "author", "approver", "version", "replaces__scheme", "withdraws__scheme"
    )
    if schemes is not None:
        found = found.filter(scheme__in=schemes)
    return found.order_by("-created_at", "-pk")


def preview_of(draft: SchemeDraft, checked: Checked) -> Preview | None:
    """What would change; None for rules that cannot be read."""
    scheme = draft.scheme
    versions = [] if scheme is None else list(scheme.versions.order_by("valid_from"))
    if draft.kind == DraftKind.WITHDRAWAL:
        gone = draft.withdraws
        assert gone is not None
        first, until = gone.valid_from, gone.valid_until
        stays = next((each for each in versions if each.valid_until == first), None)
        if stays is None or gone.withdrawn_at is not None:
            return None
        before: SchemeVersion | None = gone
        after = stays.parsed
    else:
        if checked.rules is None or checked.valid_from is None:
            return None
        first, after = checked.valid_from, checked.rules
        standing = [each for each in versions if each.pk not in (draft.replaces_id, draft.version_id)]
        earlier = [each for each in standing if each.valid_from < first]
        before = earlier[-1] if earlier else None
        until = next((each.valid_from for each in standing if each.valid_from > first), None)
    old = None if before is None else before.parsed
    counts = {"bound": 0, "not_yet": 0}
    if scheme is not None:
        counts = Booking.objects.filter(account__scheme=scheme).aggregate(
            bound=Count("pk", filter=Q(state__in=_BOUND)), not_yet=Count("pk", filter=Q(state__in=_NOT_YET))
        )
    return Preview(
        first=first,
        until=until,
        before=before,
        after=after,
        changes=changes(old, after),
        bookings=sample_bookings(old, after, first),
        credits=sample_credits(old, after, first),
        **counts,
    )


def seen(draft: SchemeDraft) -> dict[str, str]:
    """What an approver has before them, to be said again with the approval."""
    return {"content_hash": draft.content_hash, "timeline_hash": scheme_drafts.timeline_of(draft.scheme)}
