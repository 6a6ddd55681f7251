"""The register as tables (CSV) and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from catalogue.exporting.cells import PIECE, csv_lines
from catalogue.exporting.records import PublicEntry, decimal_amount, local_day, plain, read_register
from ila.core import clock

# The headers are relied on: docs/exports.md says what each column holds. New columns come at the end.
ENTRY_COLUMNS = (
    *("id", "entry", "register", "provider_id", "provider_name", "provider_city", "provider_country"),
    *("title", "kind", "code", "state", "language", "hours", "workload", "workload_scheme", "eqf_level"),
    *("isced_field", "has_prerequisites", "modes", "cities", "currency", "price", "next_start"),
    *("accredited", "accreditation_authority", "accreditation_valid_until", "goals", "updated_at"),
)
SESSION_COLUMNS = (
    *("id", "entry_id", "entry", "offer", "session", "title", "provider_id", "provider_name", "mode"),
    *("street", "postcode", "city", "country", "latitude", "longitude", "language", "starts", "ends"),
    *("currency", "price", "state", "open", "guaranteed"),
)


def register_csv() -> Iterator[str]:
    """One line an entry."""
    return csv_lines(ENTRY_COLUMNS, (_entry_row(one) for one in read_register()))


def sessions_csv() -> Iterator[str]:
    """One line a session to come."""
    return csv_lines(SESSION_COLUMNS, (row for one in read_register() for row in _session_rows(one)))


def register_json() -> Iterator[str]:
    """One object: when it was made, and the entries, each on a line of its own."""
    head = json.dumps({"generated_at": clock.now().isoformat(timespec="seconds")})
    yield f'{head[:-1]}, "entries": ['
    yield from joined(json.dumps(entry_object(one), ensure_ascii=False) for one in read_register())
    yield "\n]}\n"


def joined(texts: Iterable[str]) -> Iterator[str]:
    """The items of a JSON list, each on a line, as many at a time as make a piece worth sending."""
    pieces: list[str] = []
    size = 0
    first = True
    for text in texts:
        pieces.append(f"\n{text}" if first else f",\n{text}")
        size += len(text)
        first = False
        if size >= PIECE:
            yield "".join(pieces)
            pieces.clear()
            size = 0
    yield "".join(pieces)


def entry_object(one: PublicEntry) -> dict[str, Any]:
    """An entry with its offers and sessions. A null is "not specified", which is never the same as no."""
    credential, provider = one.credential, one.credential.provider
    zone = provider.time_zone
    return {
        "id": one.address,
        "entry": credential.entry,
        "register": provider.register,
        "provider": {
            "id": provider.external_id,
            "name": provider.name,
            "postcode": provider.postcode or None,
            "city": provider.city or None,
            "region": provider.region or None,
            "country": provider.country,
        },
        "title": credential.title,
        "kind": credential.kind,
        "code": credential.code or None,
        "state": credential.state,
        "language": credential.language or None,
        "hours": _number(credential.hours),
        "workload": _number(credential.workload),
        "workload_scheme": credential.workload_scheme,
        "eqf_level": credential.eqf_level,
        "national_level": credential.national_level,
        "isced_field": credential.isced_field or None,
        "has_prerequisites": credential.has_prerequisites,
        "assessed": credential.assessed,
        "assessment_type": credential.assessment_type,
        "stackable": credential.stackable,
        "validity_months": credential.validity_months,
        "skills": credential.skills,
        "goals_html": credential.goals_html or None,
        "content_html": credential.content_html or None,
        "currency": credential.currency,
        "price": _price(one.price_cents),
        "accreditation": _accreditation(one),
        "offers": [
            {
                "id": offer.external_id,
                "mode": offer.mode or None,
                "street": offer.street or None,
                "postcode": offer.postcode or None,
                "city": offer.city or None,
                "country": offer.country or None,
                "latitude": offer.latitude,
                "longitude": offer.longitude,
                "language": offer.language or None,
                "currency": offer.currency,
                "price": decimal_amount(offer.price_cents),
            }
            for offer in one.offers
        ],
        "sessions": [
            {
                "id": _session_id(session),
                "offer": session.offer.external_id if session.offer else None,
                "starts": local_day(session.starts_at, zone),
                "ends": local_day(session.ends_at, zone),
                "currency": session.currency,
                "price": decimal_amount(session.price_cents),
                "state": session.state,
                "open": not session.recruitment_closed,
                "guaranteed": session.guaranteed_at is not None,
            }
            for session in one.sessions
        ],
        "updated_at": credential.updated_at.isoformat(timespec="seconds"),
    }


def _accreditation(one: PublicEntry) -> dict[str, Any] | None:
    found = one.accreditation
    if found is None:
        return None
    return {
        "authority": found.authority,
        "reference": found.reference or None,
        "valid_from": found.valid_from.isoformat() if found.valid_from else None,
        "valid_until": found.valid_until.isoformat() if found.valid_until else None,
        "grade": found.grade,
    }


def _session_id(session: Any) -> str:
    return f"{session.offer.external_id}/{session.external_id}" if session.offer else session.external_id


def _price(cents: int | None) -> str | None:
    # A price of nothing is one that nobody published.
    return decimal_amount(cents) if cents else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _yes_no(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _entry_row(one: PublicEntry) -> list[Any]:
    credential, provider = one.credential, one.credential.provider
    starts = [session.starts_at for session in one.sessions if session.starts_at and _takes(session)]
    found = one.accreditation
    return [
        one.address,
        credential.entry,
        provider.register,
        provider.external_id,
        provider.name,
        provider.city,
        provider.country,
        credential.title,
        credential.kind,
        credential.code,
        credential.state,
        credential.language,
        credential.hours,
        credential.workload,
        credential.workload_scheme,
        credential.eqf_level,
        credential.isced_field,
        _yes_no(credential.has_prerequisites),
        "|".join(one.modes),
        "|".join(sorted({offer.city for offer in one.offers if offer.city})),
        credential.currency,
        _price(one.price_cents),
        local_day(min(starts, default=None), provider.time_zone),
        _yes_no(found is not None),
        found.authority if found else "",
        found.valid_until if found else "",
        plain(credential.goals_html),
        credential.updated_at.isoformat(timespec="seconds"),
    ]


def _takes(session: Any) -> bool:
    return not session.recruitment_closed and session.starts_at > clock.now()


def _session_rows(one: PublicEntry) -> Iterator[list[Any]]:
    credential, provider = one.credential, one.credential.provider
    for session in one.sessions:
        offer = session.offer
        yield [
            f"{one.address}#session-{session.pk}",
            one.address,
            credential.entry,
            offer.external_id if offer else "",
            session.external_id,
            credential.title,
            provider.external_id,
            provider.name,
            offer.mode if offer else "",
            offer.street if offer else "",
            offer.postcode if offer else "",
            offer.city if offer else "",
            offer.country if offer else "",
            offer.latitude if offer else "",
            offer.longitude if offer else "",
            (offer.language if offer else "") or credential.language,
            local_day(session.starts_at, provider.time_zone),
            local_day(session.ends_at, provider.time_zone),
            session.currency,
            decimal_amount(session.price_cents),
            session.state,
            _yes_no(not session.recruitment_closed),
            _yes_no(session.guaranteed_at is not None),
        ]
