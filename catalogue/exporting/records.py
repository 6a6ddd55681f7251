"""What is published of an entry, read batch by batch: memory does not grow with the register."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from html import unescape
from zoneinfo import ZoneInfo

import nh3
from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from catalogue.models import (
    Accreditation,
    AccreditationState,
    CredentialState,
    MicroCredential,
    Offer,
    Session,
)
from ila.core import clock

BATCH = 500
# Sessions of one entry in its structured data; the tables have all of them.
PUBLIC_STATES = (CredentialState.REGISTERED, CredentialState.SUSPENDED)
_BLOCK_END = re.compile(r"</(?:p|li|ul|ol|h[1-6])>|<br ?/?>")
_BLANKS = re.compile(r"[ \t]*\n\s*")


@dataclass(frozen=True, slots=True)
class PublicEntry:
    """A registered micro-credential with all that the register publishes about it.

    accreditation: the one in force today, of the provider or of the entry itself; null: none is.
    """

    credential: MicroCredential
    accreditation: Accreditation | None
    offers: list[Offer] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it is shown: the identifier that never changes."""
        return entry_address(self.credential.pk)

    @property
    def price_cents(self) -> int | None:
        """Its lowest session's price, else the whole programme's; null: none is published."""
        prices = [one.price_cents for one in self.sessions] or [one.price_cents for one in self.offers]
        return min(prices, default=self.credential.price_cents)

    @property
    def modes(self) -> list[str]:
        """The ways in which it is taught, each once."""
        return sorted({one.mode for one in self.offers if one.mode})


def site_address(path: str) -> str:
    """The whole address of a path of ours."""
    return f"{settings.SITE_ADDRESS}{path}"


def entry_address(pk: int) -> str:
    """The whole address of an entry's page."""
    return site_address(reverse("entry", args=[pk]))


def listed() -> QuerySet[MicroCredential]:
    """What the register publishes: entries that are registered, and suspended ones, said to be so."""
    return MicroCredential.objects.filter(state__in=PUBLIC_STATES)


def read_register(*, batch: int = BATCH) -> Iterator[PublicEntry]:
    """Every published entry by its number. Four queries for each batch, whatever is in it."""
    after = 0
    while True:
        page = list(listed().filter(pk__gt=after).select_related("provider").order_by("pk")[:batch])
        if not page:
            return
        yield from read_entries(page)
        after = page[-1].pk


def read_entries(credentials: list[MicroCredential]) -> list[PublicEntry]:
    """What is published of these entries, whose providers are at hand. Three queries."""
    now = clock.now()
    ids = [one.pk for one in credentials]
    offers: dict[int, list[Offer]] = defaultdict(list)
    for offer in Offer.objects.filter(micro_credential__in=ids, removed_at=None).order_by("pk"):
        offers[offer.micro_credential_id].append(offer)
    sessions: dict[int, list[Session]] = defaultdict(list)
    found = (
        Session.objects.filter(micro_credential__in=ids, removed_at=None)
        .exclude(ends_at__lt=now)
        .exclude(state__in=("cancelled", "never_held", "planned"))
        .defer("details")
        .order_by("starts_at", "pk")
    )
    for session in found:
        sessions[session.micro_credential_id].append(session)
    standing = _standing(credentials, now)
    result = []
    for one in credentials:
        by_pk = {offer.pk: offer for offer in offers[one.pk]}
        for session in sessions[one.pk]:
            # Known already: asking the session for its offer costs no query.
            session.offer = by_pk.get(session.offer_id or 0)
        result.append(PublicEntry(one, standing.get(one.pk), offers[one.pk], sessions[one.pk]))
    return result


def _standing(credentials: list[MicroCredential], now: datetime) -> dict[int, Accreditation]:
    """The accreditation in force today of each entry, its own before its provider's."""
    rows = Accreditation.objects.filter(state=AccreditationState.ACCREDITED)
    rows = rows.filter(micro_credential__in=[one.pk for one in credentials]) | rows.filter(
        provider__in={one.provider_id for one in credentials}
    )
    by_entry: dict[int, list[Accreditation]] = defaultdict(list)
    by_provider: dict[int, list[Accreditation]] = defaultdict(list)
    for row in rows.order_by("pk"):
        if row.micro_credential_id is not None:
            by_entry[row.micro_credential_id].append(row)
        elif row.provider_id is not None:
            by_provider[row.provider_id].append(row)
    found = {}
    for one in credentials:
        day = one.provider.local_date(now)
        for row in [*by_entry[one.pk], *by_provider[one.provider_id]]:
            if _covers(row, day):
                found[one.pk] = row
                break
    return found


def _covers(row: Accreditation, day: date) -> bool:
    begun = row.valid_from is None or row.valid_from <= day
    return begun and (row.valid_until is None or day <= row.valid_until)


def plain(html: str) -> str:
    """A provider's text without its tags: its paragraphs and list items become lines."""
    text = unescape(nh3.clean(_BLOCK_END.sub("\n", html), tags=set()))
    return _BLANKS.sub("\n", text).strip()


def local_day(moment: datetime | None, zone: str) -> str | None:
    """The day of a moment at the provider's place (2026-12-31)."""
    return None if moment is None else moment.astimezone(ZoneInfo(zone)).date().isoformat()


def decimal_amount(cents: int) -> str:
    """Cents as a decimal amount: 165000 is 1650.00."""
    return f"{cents // 100}.{cents % 100:02d}"
