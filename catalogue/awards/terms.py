"""The elements of the EU recommendation that Open Badges has no word for, as JSON-LD terms of our own.

Recommendation 2022/C 243/02, annex I. What is not known is said to be so (`not_specified`), never left out.
"""

from __future__ import annotations

from typing import Any

from catalogue.awards import addresses

NOT_SPECIFIED = "not_specified"
YES, NO = "yes", "no"

# term: what it means (in English: these are for whoever programs a verifier).
TERMS = {
    "microCredential": "The elements of Recommendation 2022/C 243/02 for this credential.",
    "certifies": "learning_outcomes: shown in an assessment. course_aims: reached, as assessed. attendance: no more.",
    "country": "Country of the issuer (ISO 3166-1 alpha-2). Mandatory element.",
    "awardingBody": "Name of the awarding body. Mandatory element.",
    "dateOfIssue": "Day of issue at the awarding body's place. Mandatory element.",
    "learningOutcomes": "What the learner knows, understands and can do. Mandatory element; absent from attendance.",
    "workload": "Notional workload needed to achieve the outcomes: the learner's effort. Mandatory element.",
    "workloadValue": "How much, as a decimal number written in digits.",
    "workloadScheme": "What it is counted in: ects, ecvet, hours or national. Never converted.",
    "teachingHours": "Hours of teaching: not the workload.",
    "eqfLevel": "Level of the European Qualifications Framework, 1 to 8. Mandatory element where there is one.",
    "nationalLevel": "Level of the national framework, as it is called there.",
    "assessmentType": "Type of assessment; none for attendance. Mandatory element.",
    "participation": "Form of participation: in_person, online, blended or hybrid. Mandatory element.",
    "qualityAssurance": "Type of quality assurance behind the credential. Mandatory element.",
    "prerequisites": "Whether there are prerequisites to enrol. yes, no or not_specified.",
    "supervised": "Whether the assessment was supervised. yes, no or not_specified.",
    "identityChecked": "Whether identity was checked at the assessment. yes, no or not_specified.",
    "grade": "Grade achieved.",
    "stackable": "Whether it may count towards a larger credential. yes, no or not_specified.",
    "skills": "Skills by their ESCO address.",
    "attendedPercent": "How much of the training was attended, in whole percent.",
    "moreInformation": "Where to read on.",
}


def context() -> dict[str, Any]:
    """The JSON-LD context of our terms, put into each credential: nothing has to be fetched to read it."""
    base = addresses.of_terms()
    made: dict[str, Any] = {term: f"{base}{term}" for term in TERMS}
    made["skills"] = {"@id": f"{base}skills", "@type": "@id"}
    made["moreInformation"] = {"@id": f"{base}moreInformation", "@type": "@id"}
    return made


def three_valued(value: bool | None) -> str:
    """yes, no or not_specified: missing is not no."""
    return NOT_SPECIFIED if value is None else YES if value else NO
