"""What a credential of ours says, in the reader's language. Only claims that were proved to be ours come here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalogue import words
from catalogue.awards import terms
from ila.core.countries import country_name

NOT_SPECIFIED = gettext_lazy("not specified")
_ANSWERS = {"yes": gettext_lazy("yes"), "no": gettext_lazy("no")}
_WORKLOADS = {
    "ects": gettext_lazy("%(n)s ECTS credits"),
    "ecvet": gettext_lazy("%(n)s ECVET points"),
    "hours": gettext_lazy("%(n)s hours of learning"),
    "national": gettext_lazy("%(n)s national credits"),
}


@dataclass(frozen=True)
class Row:
    """One element: its name and what is said of it. missing: it is not specified."""

    label: str
    value: str
    missing: bool = False


@dataclass(frozen=True)
class Description:
    """A credential as a person reads it."""

    title: str
    holder: str
    awarding_body: str
    country: str
    issued_on: date
    attendance: bool
    outcomes: list[str]
    rows: list[Row]


def describe(claims: Mapping[str, Any]) -> Description:
    """The credential's content in words."""
    subject = claims["credentialSubject"]
    achievement = subject["achievement"]
    said = achievement["microCredential"]
    attendance = said["certifies"] == "attendance"
    return Description(
        title=achievement["name"].removeprefix("Attendance: ") if attendance else achievement["name"],
        holder=next(
            (
                each["identityHash"]
                for each in subject.get("identifier", [])
                if each["identityType"] == "name"
            ),
            "",
        ),
        awarding_body=said["awardingBody"],
        country=country_name(said["country"]),
        issued_on=date.fromisoformat(said["dateOfIssue"]),
        attendance=attendance,
        outcomes=list(said.get("learningOutcomes", [])),
        rows=_rows(said, achievement),
    )


def _rows(said: Mapping[str, Any], achievement: Mapping[str, Any]) -> list[Row]:
    attendance = said["certifies"] == "attendance"
    made = [
        _row(_("Awarding body"), said, "awardingBody"),
        _row(_("Country of the issuer"), said, "country", country_name),
        _row(_("Form of participation"), said, "participation", lambda code: words.word(words.MODES, code)),
    ]
    if attendance:
        made.append(Row(_("Assessment"), _("none: attendance only")))
    else:
        made += [
            _row(_("Type of assessment"), said, "assessmentType"),
            _row(_("Supervised assessment"), said, "supervised", _answer),
            _row(_("Identity checked at the assessment"), said, "identityChecked", _answer),
            _row(_("Level (EQF)"), said, "eqfLevel"),
        ]
    made.append(_row(_("Workload"), said, "workload", _workload))
    for term, label in (("teachingHours", _("Teaching hours")), ("nationalLevel", _("National level"))):
        if term in said:
            made.append(_row(label, said, term))
    if "attendedPercent" in said:
        made.append(Row(_("Attended"), f"{said['attendedPercent']} %"))
    if "grade" in said:
        made.append(_row(_("Grade"), said, "grade"))
    made += [
        _row(_("Quality assurance"), said, "qualityAssurance"),
        _row(_("Prerequisites"), said, "prerequisites", _answer),
        _row(_("Counts towards larger credentials"), said, "stackable", _answer),
    ]
    if "humanCode" in achievement:
        made.append(Row(_("Register code"), achievement["humanCode"]))
    return made


def _row(label: str, said: Mapping[str, Any], term: str, read: Callable[[Any], Any] = str) -> Row:
    value = said.get(term, terms.NOT_SPECIFIED)
    if value == terms.NOT_SPECIFIED:
        return Row(label, str(NOT_SPECIFIED), missing=True)
    return Row(label, str(read(value)))


def _answer(value: str) -> str:
    return str(_ANSWERS.get(value, value))


def _workload(value: Mapping[str, Any]) -> str:
    return str(_WORKLOADS[value["workloadScheme"]]) % {"n": value["workloadValue"]}
