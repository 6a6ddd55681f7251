"""What a credential says: the claims of an Open Badge 3.0, with the elements of the EU recommendation."""

from __future__ import annotations

import calendar
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from lxml import html as lxml_html

from accounts.models import Citizen
from catalogue.awards import addresses, terms
from catalogue.models import AwardKind, MicroCredential, Provider

MAX_OUTCOMES = 60
MAX_OUTCOME = 500
_LINES = {"p", "li", "h3", "h4", "h5", "br", "ul", "ol", "div"}
# "You can", "Goals": what introduces outcomes is none.
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


@dataclass(frozen=True)
class Completion:
    """What a learner has done, as whoever proved it says.

    source: the number of the proof (a booking's public id). mode: form of participation, empty if not known.
    assessed: an assessment was passed, proved by a certificate. attended_percent: whole percent, None if not known.
    starts, ends: the training's, where known. grade: as written, empty if none was given. certifies: what a passed
    assessment proves. awarding_body: empty where it is the provider.
    """

    source: uuid.UUID
    citizen: Citizen
    micro_credential: MicroCredential
    assessed: bool
    mode: str = ""
    attended_percent: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    grade: str = ""
    quality_assurance: str = ""
    certifies: str = "learning_outcomes"
    awarding_body: str = ""

    @property
    def kind(self) -> AwardKind:
        """Outcomes where they were assessed, else attendance and no more."""
        return AwardKind.ACHIEVEMENT if self.assessed else AwardKind.ATTENDANCE


def holder_name(citizen: Citizen) -> str:
    """The learner's name as a credential says it; empty when the platform does not know it."""
    return f"{citizen.given_name} {citizen.family_name}".strip()


def expiry(completion: Completion, issued_at: datetime) -> datetime | None:
    """The first moment at which an award of today is no longer valid; None: never. Attendance does not expire."""
    months = completion.micro_credential.validity_months
    if months is None or not completion.assessed:
        return None
    provider = completion.micro_credential.provider
    issued = provider.local_date(issued_at)
    years, month = divmod(issued.month - 1 + months, 12)
    year, month = issued.year + years, month + 1
    last = date(year, month, min(issued.day, calendar.monthrange(year, month)[1]))
    return datetime.combine(last + timedelta(days=1), datetime.min.time(), ZoneInfo(provider.time_zone))


def plain_lines(markup: str) -> list[str]:
    """The sentences of a provider's text, one for each paragraph or item, without markup and headings."""
    if not markup.strip():
        return []
    root = lxml_html.fragment_fromstring(markup, create_parent="div")
    lines = [""]
    for event, node in _walk(root):
        if event == "text":
            lines[-1] += str(node)
        elif lines[-1].strip():
            lines.append("")
    cleaned = (" ".join(line.split())[:MAX_OUTCOME] for line in lines)
    return [line for line in cleaned if line][:MAX_OUTCOMES]


def build_claims(
    completion: Completion,
    *,
    public_id: uuid.UUID,
    issued_at: datetime,
    expires_at: datetime | None,
    status_list: str,
    status_index: int,
) -> dict[str, Any]:
    """The claims of the credential, as JSON: the payload of the signed token."""
    provider = completion.micro_credential.provider
    award_id, issuer_id = addresses.of_award(public_id), addresses.of_issuer(provider.pk)
    subject_id = f"urn:uuid:{completion.citizen.public_id}"
    claims: dict[str, Any] = {
        "@context": [addresses.CONTEXT_VC, addresses.CONTEXT_OB, terms.context()],
        "id": award_id,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": _title(completion),
        "issuer": issuer_profile(provider),
        "validFrom": _stamp(issued_at),
        "awardedDate": _stamp(issued_at),
        "credentialSubject": _subject(completion, subject_id, issued_at),
        "credentialStatus": {
            "id": f"{status_list}#{status_index}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(status_index),
            "statusListCredential": status_list,
        },
        "iss": issuer_id,
        "sub": subject_id,
        "jti": award_id,
        "nbf": int(issued_at.timestamp()),
    }
    if expires_at is not None:
        claims["validUntil"] = _stamp(expires_at)
        claims["exp"] = int(expires_at.timestamp())
    return claims


def issuer_profile(provider: Provider) -> dict[str, Any]:
    """A provider's public profile as an issuer."""
    address = {"type": ["Address"], "addressCountryCode": provider.country}
    if provider.city:
        address["addressLocality"] = provider.city
    return {
        "id": addresses.of_issuer(provider.pk),
        "type": ["Profile"],
        "name": str(provider),
        "address": address,
        "otherIdentifier": [
            {
                "type": "IdentifierEntry",
                "identifier": provider.external_id,
                "identifierType": f"ext:{provider.register}",
            }
        ],
    }


def number(value: Decimal) -> str:
    """A decimal in digits, without zeros that say nothing."""
    return f"{value.normalize():f}"


def _title(completion: Completion) -> str:
    title = completion.micro_credential.title
    # Whoever shows the name alone must not make an outcome of having been there.
    return title if completion.assessed else f"Attendance: {title}"


def _subject(completion: Completion, subject_id: str, issued_at: datetime) -> dict[str, Any]:
    subject: dict[str, Any] = {"id": subject_id, "type": ["AchievementSubject"]}
    if name := holder_name(completion.citizen):
        subject["identifier"] = [
            {"type": "IdentityObject", "hashed": False, "identityHash": name, "identityType": "name"}
        ]
    if completion.starts is not None:
        subject["activityStartDate"] = _stamp(completion.starts)
    if completion.ends is not None:
        subject["activityEndDate"] = _stamp(completion.ends)
    subject["achievement"] = _achievement(completion, issued_at)
    entry = completion.micro_credential
    if completion.assessed and entry.workload_scheme == "ects" and entry.workload is not None:
        subject["creditsEarned"] = _json_number(entry.workload)
    return subject


def _achievement(completion: Completion, issued_at: datetime) -> dict[str, Any]:
    entry = completion.micro_credential
    outcomes = plain_lines(entry.goals_html)
    if completion.assessed:
        kind, description = "MicroCredential", "\n".join(outcomes) or entry.title
        narrative = "Awarded on completion of the training and a certificate of the assessment passed."
    else:
        # What was taught is not repeated here: it would read like what was learnt.
        kind, description = "ext:Attendance", f"Took part in the training “{entry.title}”."
        narrative = "Awarded for attendance. Learning outcomes were not assessed and are not certified."
    made: dict[str, Any] = {
        "id": addresses.of_entry(entry.pk),
        "type": ["Achievement"],
        "achievementType": kind,
        "name": _title(completion),
        "description": description,
        "criteria": {"narrative": narrative},
        "creator": {
            "id": addresses.of_issuer(entry.provider_id),
            "type": ["Profile"],
            "name": str(entry.provider),
        },
        "microCredential": _elements(completion, outcomes, issued_at),
    }
    if entry.language:
        made["inLanguage"] = entry.language
    if entry.code:
        made["humanCode"] = entry.code
    if completion.assessed:
        if entry.workload_scheme == "ects" and entry.workload is not None:
            made["creditsAvailable"] = _json_number(entry.workload)
        if alignments := _alignments(entry):
            made["alignment"] = alignments
    return made


def _alignments(entry: MicroCredential) -> list[dict[str, Any]]:
    made = []
    if entry.eqf_level is not None:
        made.append(
            {
                "type": ["Alignment"],
                "targetName": f"EQF level {entry.eqf_level}",
                "targetUrl": f"http://data.europa.eu/snb/eqf/{entry.eqf_level}",
                "targetFramework": "European Qualifications Framework",
                "targetCode": str(entry.eqf_level),
            }
        )
    made += [
        {
            "type": ["Alignment"],
            "targetName": skill.rpartition("/")[2],
            "targetUrl": skill,
            "targetFramework": "ESCO",
            "targetType": "ceasn:Competency",
        }
        for skill in entry.skills or []
    ]
    return made


def _elements(completion: Completion, outcomes: list[str], issued_at: datetime) -> dict[str, Any]:
    entry, provider = completion.micro_credential, completion.micro_credential.provider
    made: dict[str, Any] = {
        "certifies": completion.certifies if completion.assessed else "attendance",
        "country": provider.country,
        "awardingBody": completion.awarding_body or str(provider),
        "dateOfIssue": provider.local_date(issued_at).isoformat(),
        "participation": completion.mode or terms.NOT_SPECIFIED,
        "qualityAssurance": entry.quality_assurance or completion.quality_assurance or terms.NOT_SPECIFIED,
        "workload": terms.NOT_SPECIFIED,
        "prerequisites": terms.three_valued(entry.has_prerequisites),
        "stackable": terms.three_valued(entry.stackable),
        "moreInformation": entry.more_information or addresses.of_entry(entry.pk),
    }
    if entry.workload is not None:
        made["workload"] = {"workloadValue": number(entry.workload), "workloadScheme": entry.workload_scheme}
    if entry.hours is not None:
        made["teachingHours"] = number(entry.hours)
    if completion.attended_percent is not None:
        made["attendedPercent"] = completion.attended_percent
    if not completion.assessed:
        return made | {"assessmentType": "none"}
    made |= {
        "learningOutcomes": outcomes or [entry.title],
        "eqfLevel": entry.eqf_level if entry.eqf_level is not None else terms.NOT_SPECIFIED,
        "assessmentType": entry.assessment_type or terms.NOT_SPECIFIED,
        "supervised": terms.three_valued(entry.assessment_supervised),
        "identityChecked": terms.three_valued(entry.identity_checked),
    }
    if entry.national_level:
        made["nationalLevel"] = entry.national_level
    if entry.skills:
        made["skills"] = list(entry.skills)
    if completion.grade:
        made["grade"] = completion.grade
    return made


def _walk(node: Any) -> Any:
    """Texts of a tree in order, with a break wherever a paragraph, item or line ends."""
    breaks = node.tag in _LINES
    if breaks:
        yield "break", ""
    if node.tag not in _HEADINGS:
        yield "text", node.text or ""
    for child in node:
        if node.tag not in _HEADINGS:
            yield from _walk(child)
            yield "text", child.tail or ""
    if breaks:
        yield "break", ""


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
