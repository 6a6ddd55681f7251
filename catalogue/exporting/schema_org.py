"""An entry as schema.org describes courses and programmes, for search engines and whoever reads linked data."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from catalogue.exporting.records import PublicEntry, decimal_amount, plain
from catalogue.models import CredentialKind, Offer, Provider, Session, WorkloadScheme
from ila.core import clock

CONTEXT = "https://schema.org"
# What leads to a qualification, or certifies without a course: a programme in the words of schema.org.
PROGRAMMES = {
    CredentialKind.RNCP: None,
    CredentialKind.SKILLS_ASSESSMENT: "Skills assessment",
    CredentialKind.PRIOR_LEARNING: "Recognition of prior learning",
}
MODES = {"in_person": "onsite", "blended": "blended", "online": "online"}
MAX_INSTANCES = 30
MAX_DESCRIPTION = 5000
_UNSAFE = {
    ord("<"): "\\u003C",
    ord(">"): "\\u003E",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def document(one: PublicEntry) -> dict[str, Any]:
    """The entry as a `Course`, or as an `EducationalOccupationalProgram` with its course."""
    credential = one.credential
    if credential.kind not in PROGRAMMES:
        return {"@context": CONTEXT, **_course(one, one.address)}
    made: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "EducationalOccupationalProgram",
        **_common(one),
        "programType": PROGRAMMES[CredentialKind(credential.kind)],
        "educationalProgramMode": [MODES[mode] for mode in one.modes] or None,
        "timeToComplete": _hours(credential.hours),
        "programPrerequisites": _prerequisites(credential.has_prerequisites),
        "educationalCredentialAwarded": _credential(one),
        "numberOfCredits": _credits(one),
    }
    if one.sessions:
        made["hasCourse"] = _course(one, f"{one.address}#course")
    return _filled(made)


def embedded(one: PublicEntry) -> str:
    """The document for a `script` element of a page: nothing in it can end the element or begin a comment."""
    return json.dumps(document(one), ensure_ascii=False).translate(_UNSAFE)


def _common(one: PublicEntry) -> dict[str, Any]:
    credential = one.credential
    text = plain(credential.goals_html) or plain(credential.content_html) or credential.title
    return {
        "@id": one.address,
        "url": one.address,
        "name": credential.title,
        "description": text[:MAX_DESCRIPTION],
        "identifier": {
            "@type": "PropertyValue",
            "propertyID": credential.provider.namespace.name,
            "value": credential.entry,
        },
        "provider": _provider(credential.provider),
        "offers": _offers(one),
    }


def _course(one: PublicEntry, address: str) -> dict[str, Any]:
    credential = one.credential
    made = {
        "@type": "Course",
        **_common(one),
        "@id": address,
        "courseCode": credential.code or None,
        "inLanguage": credential.language or None,
        "teaches": _skills(credential.skills),
        "timeRequired": _hours(credential.hours),
        "coursePrerequisites": _prerequisites(credential.has_prerequisites),
        "educationalLevel": _level(credential.eqf_level),
        "educationalCredentialAwarded": _credential(one),
        "numberOfCredits": _credits(one),
        "hasCourseInstance": [_instance(one, session) for session in one.sessions[:MAX_INSTANCES]],
    }
    return _filled(made)


def _instance(one: PublicEntry, session: Session) -> dict[str, Any]:
    zone = one.credential.provider.time_zone
    offer = session.offer
    workload = one.credential.workload if one.credential.workload_scheme == WorkloadScheme.HOURS else None
    open_now = not session.recruitment_closed and (
        session.starts_at is None or session.starts_at > clock.now()
    )
    return _filled(
        {
            "@type": "CourseInstance",
            "@id": f"{one.address}#session-{session.pk}",
            "name": one.credential.title,
            "courseMode": MODES.get(offer.mode) if offer else None,
            "startDate": _when(session.starts_at, zone, whole_days=session.whole_days),
            "endDate": _when(session.ends_at, zone, whole_days=session.whole_days),
            "courseWorkload": _hours(workload),
            "location": _place(offer) if offer else None,
            "offers": {
                "@type": "Offer",
                "category": "Paid",
                "price": decimal_amount(session.price_cents),
                "priceCurrency": session.currency,
                "availability": f"{CONTEXT}/{'InStock' if open_now else 'SoldOut'}",
                "url": one.address,
            },
        }
    )


def _when(moment: datetime | None, zone: str, *, whole_days: bool) -> str | None:
    if moment is None:
        return None
    here = moment.astimezone(ZoneInfo(zone))
    return here.date().isoformat() if whole_days else here.isoformat(timespec="minutes")


def _place(offer: Offer) -> dict[str, Any]:
    if offer.mode == "online":
        return {"@type": "VirtualLocation", "name": "Online"}
    made: dict[str, Any] = {
        "@type": "Place",
        "name": offer.place or offer.city or None,
        "address": _address(offer.street, offer.postcode, offer.city, offer.country),
    }
    if offer.latitude is not None and offer.longitude is not None:
        made["geo"] = {
            "@type": "GeoCoordinates",
            "latitude": offer.latitude,
            "longitude": offer.longitude,
        }
    return _filled(made)


def _address(street: str, postcode: str, city: str, country: str, region: str = "") -> dict[str, Any]:
    return _filled(
        {
            "@type": "PostalAddress",
            "streetAddress": street or None,
            "postalCode": postcode or None,
            "addressLocality": city or None,
            "addressRegion": region or None,
            "addressCountry": country or None,
        }
    )


def _provider(provider: Provider) -> dict[str, Any]:
    return {
        "@type": "Organization",
        "name": str(provider),
        "identifier": {
            "@type": "PropertyValue",
            "propertyID": provider.namespace.name,
            "value": provider.external_id,
        },
        "address": _address("", provider.postcode, provider.city, provider.country, provider.region),
    }


def _offers(one: PublicEntry) -> dict[str, Any] | None:
    cents = one.price_cents
    if not cents:
        return None
    return {
        "@type": "Offer",
        "category": "Paid",
        "price": decimal_amount(cents),
        "priceCurrency": one.credential.currency,
        "url": one.address,
    }


def _credential(one: PublicEntry) -> dict[str, Any]:
    credential = one.credential
    return _filled(
        {
            "@type": "EducationalOccupationalCredential",
            "name": credential.title,
            "educationalLevel": _level(credential.eqf_level),
            "validFor": f"P{credential.validity_months}M" if credential.validity_months else None,
            "recognizedBy": {"@type": "Organization", "name": one.accreditation.authority}
            if one.accreditation
            else None,
        }
    )


def _credits(one: PublicEntry) -> dict[str, Any] | None:
    """Credits with the scheme they are counted in: hours are no credits, and are never made into some."""
    credential = one.credential
    if credential.workload is None or credential.workload_scheme == WorkloadScheme.HOURS:
        return None
    return {
        "@type": "PropertyValue",
        "value": float(credential.workload),
        "unitText": str(WorkloadScheme(credential.workload_scheme or "").label),
    }


def _level(eqf: int | None) -> dict[str, Any] | None:
    if eqf is None:
        return None
    return {
        "@type": "DefinedTerm",
        "name": f"EQF level {eqf}",
        "termCode": str(eqf),
        "inDefinedTermSet": "http://data.europa.eu/snb/eqf/25831c2",
    }


def _skills(skills: Any) -> list[dict[str, Any]] | None:
    if not skills:
        return None
    return [
        {"@type": "DefinedTerm", "@id": address, "url": address}
        for address in skills
        if isinstance(address, str) and address.startswith(("http://", "https://"))
    ]


def _prerequisites(has: bool | None) -> str | None:
    """Nothing is said where nothing is known: "not specified" is not "none"."""
    return None if has is None else "The provider asks about prerequisites." if has else "No prerequisites."


def _hours(hours: Any) -> str | None:
    """An ISO 8601 duration: 7.5 hours are PT7H30M."""
    if not hours:
        return None
    minutes = round(float(hours) * 60)
    return f"PT{minutes // 60}H" + (f"{minutes % 60}M" if minutes % 60 else "")


def _filled(made: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in made.items() if value not in (None, [], {})}
