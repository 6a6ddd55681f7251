"""The register in the European Learning Model (version 3): learning opportunities, as Europass reads them.

The application profile "Learning opportunities and qualifications" says what must be there: title, homepage,
provider with its legal name and country, what is achieved, default language. Lists it names (languages, countries,
currencies, EQF, ISCED-F) are those of the Publications Office. What it asks for and a provider did not say is left
out, never guessed: docs/exports.md lists it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pycountry

from catalogue.exporting.records import PublicEntry, decimal_amount, plain, read_register, site_address
from catalogue.exporting.tables import joined
from catalogue.models import Offer, Provider, WorkloadScheme

AUTHORITY = "http://publications.europa.eu/resource/authority"
SNB = "http://data.europa.eu/snb"
MODES = {
    "online": f"{SNB}/learning-assessment/920fbb3cbe",
    "in_person": f"{SNB}/learning-assessment/9191af2ed9",
    "blended": f"{SNB}/learning-assessment/c_3a90b26d",
}
ECTS = f"{SNB}/education-credit/6fcec5c5af"
# Prefixes alone, so that the file is read without asking any other server.
CONTEXT = {
    "elm": "http://data.europa.eu/snb/model/elm/",
    "dc": "http://purl.org/dc/terms/",
    "adms": "http://www.w3.org/ns/adms#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rov": "http://www.w3.org/ns/regorg#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
UNKNOWN_LANGUAGE = "und"


def register_document() -> Iterator[str]:
    """The whole register, an opportunity a line."""
    head = json.dumps({"@context": CONTEXT})
    yield f'{head[:-1]}, "@graph": ['
    yield from joined(json.dumps(opportunity(one), ensure_ascii=False) for one in read_register())
    yield "\n]}\n"


def opportunity(one: PublicEntry) -> dict[str, Any]:
    """An entry as an `elm:LearningOpportunity`."""
    credential = one.credential
    language = _tag(credential.language)
    text = plain(credential.content_html)
    made: dict[str, Any] = {
        "@id": one.address,
        "@type": "elm:LearningOpportunity",
        "adms:identifier": _identifier(credential.entry, credential.provider.namespace.name),
        "dc:title": _text(credential.title, language),
        "foaf:homepage": _web_page(one.address),
        "elm:defaultLanguage": _language(language),
        "elm:providedBy": _organisation(credential.provider),
        "elm:learningAchievementSpecification": _achievement(one, language),
        "dc:modified": _literal(credential.updated_at.isoformat(timespec="seconds"), "dateTime"),
        "elm:mode": [_concept(MODES[mode]) for mode in one.modes],
    }
    if text:
        made["dc:description"] = _text(text, language)
    if credential.hours:
        made["elm:duration"] = _literal(f"PT{round(float(credential.hours) * 60)}M", "duration")
    if one.price_cents:
        made["elm:priceDetail"] = _price(one.price_cents, credential.currency)
    places = [_location(offer, language) for offer in one.offers if offer.city and offer.country]
    if places:
        made["elm:location"] = places
    parts = [part for part in (_running(one, session, language) for session in one.sessions) if part]
    if parts:
        made["elm:hasPart"] = parts
    return made


def _running(one: PublicEntry, session: Any, language: str) -> dict[str, Any] | None:
    """A session: an opportunity with its own time and price. One without dates says nothing of its own."""
    if session.starts_at is None:
        return None
    period: dict[str, Any] = {
        "@type": "dc:PeriodOfTime",
        "elm:startDate": _literal(session.starts_at.isoformat(timespec="seconds"), "dateTime"),
    }
    if session.ends_at is not None:
        period["elm:endDate"] = _literal(session.ends_at.isoformat(timespec="seconds"), "dateTime")
    return {
        "@id": f"{one.address}#session-{session.pk}",
        "@type": "elm:LearningOpportunity",
        "dc:title": _text(one.credential.title, language),
        "foaf:homepage": _web_page(one.address),
        "elm:defaultLanguage": _language(language),
        "elm:providedBy": {"@id": _organisation_address(one.credential.provider)},
        "elm:learningAchievementSpecification": {"@id": f"{one.address}#achievement"},
        "dc:temporal": period,
        "elm:priceDetail": _price(session.price_cents, session.currency),
    }


def _achievement(one: PublicEntry, language: str) -> dict[str, Any]:
    credential = one.credential
    goals = plain(credential.goals_html)
    skills = [address for address in credential.skills or [] if str(address).startswith("http")]
    outcome: dict[str, Any] = {
        "@type": "elm:LearningOutcome",
        "dc:title": _text(_first_line(goals) or credential.title, language),
    }
    if skills:
        outcome["elm:relatedESCOSkill"] = [_concept(address) for address in skills]
    made: dict[str, Any] = {
        "@id": f"{one.address}#achievement",
        "@type": "elm:LearningAchievementSpecification",
        "dc:title": _text(credential.title, language),
        "dc:language": _language(language),
        "elm:learningOutcome": outcome,
    }
    if goals:
        made["elm:learningOutcomeSummary"] = {"@type": "elm:Note", "elm:noteLiteral": _text(goals, language)}
    if credential.isced_field:
        made["elm:ISCEDFCode"] = _concept(f"{SNB}/isced-f/{credential.isced_field}")
    if credential.eqf_level:
        made["elm:educationLevel"] = _concept(f"{SNB}/eqf/{credential.eqf_level}")
    if credential.workload is not None and credential.workload_scheme == WorkloadScheme.HOURS:
        made["elm:volumeOfLearning"] = _literal(f"PT{round(float(credential.workload) * 60)}M", "duration")
    if credential.workload is not None and credential.workload_scheme == WorkloadScheme.ECTS:
        made["elm:creditPoint"] = {
            "@type": "elm:CreditPoint",
            "elm:framework": _concept(ECTS),
            "elm:point": f"{credential.workload.normalize():f}",
        }
    return made


def _organisation_address(provider: Provider) -> str:
    return site_address(f"/#provider-{provider.pk}")


def _organisation(provider: Provider) -> dict[str, Any]:
    return {
        "@id": _organisation_address(provider),
        "@type": "elm:Organisation",
        "rov:legalName": _text(str(provider), UNKNOWN_LANGUAGE),
        "adms:identifier": _identifier(provider.external_id, provider.namespace.name),
        "elm:location": {
            "@id": f"{_organisation_address(provider)}-location",
            "@type": "dc:Location",
            **({"elm:geographicName": _text(provider.city, UNKNOWN_LANGUAGE)} if provider.city else {}),
            "elm:address": {
                "@id": f"{_organisation_address(provider)}-address",
                "@type": "elm:Address",
                "elm:countryCode": _concept(_country(provider.country)),
            },
        },
    }


def _location(offer: Offer, language: str) -> dict[str, Any]:
    lines = ", ".join(part for part in (offer.street, f"{offer.postcode} {offer.city}".strip()) if part)
    return {
        "@type": "dc:Location",
        "elm:geographicName": _text(offer.city, language),
        "elm:address": {
            "@type": "elm:Address",
            "elm:fullAddress": {"@type": "elm:Note", "elm:noteLiteral": _text(lines, language)},
            "elm:countryCode": _concept(_country(offer.country)),
        },
    }


def _price(cents: int, currency: str) -> dict[str, Any]:
    return {
        "@type": "elm:PriceDetail",
        "elm:amount": {
            "@type": "elm:Amount",
            "elm:unit": _concept(f"{AUTHORITY}/currency/{currency}"),
            "rdf:value": _literal(decimal_amount(cents), "decimal"),
        },
    }


def _identifier(value: str, scheme: str) -> dict[str, Any]:
    return {"@type": "elm:Identifier", "skos:notation": value, "elm:schemeName": scheme}


def _web_page(address: str) -> dict[str, Any]:
    return {"@type": "elm:WebResource", "elm:contentUrl": _literal(address, "anyURI")}


def _concept(address: str) -> dict[str, Any]:
    return {"@id": address, "@type": "skos:Concept"}


def _text(text: str, language: str) -> dict[str, str]:
    return {"@value": text, "@language": language}


def _literal(value: str, kind: str) -> dict[str, str]:
    return {"@value": value, "@type": f"xsd:{kind}"}


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:300]


def _tag(code: str) -> str:
    """A language tag; what is no language of two letters is undetermined."""
    return code.lower() if _alpha_3(code) else UNKNOWN_LANGUAGE


def _language(tag: str) -> dict[str, Any]:
    return _concept(f"{AUTHORITY}/language/{_alpha_3(tag) or UNKNOWN_LANGUAGE.upper()}")


@lru_cache(maxsize=256)
def _alpha_3(code: str) -> str:
    found = pycountry.languages.get(alpha_2=code.lower()) if len(code) == 2 else None
    return str(found.alpha_3).upper() if found is not None else ""


@lru_cache(maxsize=256)
def _country(code: str) -> str:
    found = pycountry.countries.get(alpha_2=code.upper()) if len(code) == 2 else None
    return f"{AUTHORITY}/country/{found.alpha_3 if found is not None else 'OP_DATPRO'}"
