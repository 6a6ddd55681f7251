"""What is public of windows and grants: no learner can be recognised in it (N-17)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from funding.models import Application, Scheme
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
    rows = (
        Application.objects.filter(account__scheme=scheme, year=year)
        .select_related("window", "booking__provider", "booking__credential", "account__citizen")
        .order_by("booking__provider__name", "booking__credential__title", "booking__public_id")
    )
    for row in rows.iterator(chunk_size=1000):
        citizen = row.account.citizen
        yield PublishedGrant(
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
