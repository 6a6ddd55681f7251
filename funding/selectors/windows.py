"""What is public of windows and grants: bands of age, no name, no day (N-17)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from funding.models import Application, Scheme, Window
from funding.schemes.deadlines import add_months

# Learners' ages are published in bands of so many years from 18 on.
BAND_YEARS = 10
YOUNGEST = 18


@dataclass(frozen=True, slots=True)
class PublishedGrant:
    """One grant of the public register: provider, programme, amount; the learner's age band, status, education."""

    window: str
    provider: str
    programme: str
    grant_cents: int
    age_band: str
    status: str
    education_level: int


def published_grants(scheme: Scheme, *, year: int) -> Iterator[PublishedGrant]:
    """The register of a year's grants, in no order that tells who applied when. Streams; one query."""
    rows = in_published_order(Application.objects.filter(account__scheme=scheme, year=year))
    return map(published, rows.iterator(chunk_size=1000))


def grants_of(window: Window) -> QuerySet[Application]:
    """A window's grants in the order in which they are published; `published` makes a row of each."""
    return in_published_order(Application.objects.filter(window=window))


def in_published_order(found: QuerySet[Application]) -> QuerySet[Application]:
    """By provider and programme; among those in an order that tells nothing. With all that a row needs."""
    return found.select_related(
        "window", "booking__provider", "booking__credential", "account__citizen"
    ).order_by("booking__provider__name", "booking__credential__title", "booking__public_id")


def published(row: Application) -> PublishedGrant:
    """What of a grant everybody may read."""
    citizen = row.account.citizen
    return PublishedGrant(
        window=row.window.name,
        provider=row.booking.provider.name or "",
        programme=row.booking.credential.title,
        grant_cents=row.grant_cents,
        age_band=_band(age_on(citizen.birth_date, row.applied_at.date())),
        status=citizen.status,
        education_level=citizen.qualification_level,
    )


def age_on(birth_date: date, day: date) -> int:
    """Whole years of age on a day."""
    years = day.year - birth_date.year
    return years if add_months(birth_date, 12 * years) <= day else years - 1


def _band(age: int) -> str:
    if age < YOUNGEST:
        return f"under {YOUNGEST}"
    first = YOUNGEST + (age - YOUNGEST) // BAND_YEARS * BAND_YEARS
    return f"{first}-{first + BAND_YEARS - 1}"
