"""Facts about citizens in words, with how a case worker writes them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding import words

NAMES: dict[str, Promise] = {
    "birth_date": _("Birth date"),
    "status": _("What you do for a living"),
    "qualification_level": _("Level of qualification"),
    "disabled": _("Disability recognised"),
    "hours_ratio": _("Working time"),
    "annual_hours": _("Hours worked in a year"),
    "driving_licences": _("Driving licences"),
    "residence": _("Country of residence"),
    "citizenship": _("Citizenship"),
    "work_incapacity_percent": _("Incapacity for work, in percent"),
    "prevention_account": _("Prevention account"),
    "income_cents": _("Income in a year, in cents"),
    "student_finance": _("Student finance received"),
    "insured_months": _("Months insured"),
}

HINTS: dict[str, Promise] = {
    "birth_date": _("As 1990-12-31."),
    "status": _("One of: employed, job_seeker, self_employed, student, retired, inactive."),
    "qualification_level": _("A number from 0 to 8."),
    "disabled": _("yes or no"),
    "prevention_account": _("yes or no"),
    "student_finance": _("yes or no"),
    "hours_ratio": _("1 is full time, 0.5 is half."),
    "annual_hours": _("A number, or nothing where it is not known."),
    "driving_licences": _("Classes, with commas between: B, C."),
    "residence": _("Two letters: FR."),
    "citizenship": _("Two letters: FR."),
    "income_cents": _("In cents; nothing where it is not known."),
}

STATES: dict[str, tuple[str, Promise]] = {
    "asked": ("asked", _("To be looked at")),
    "corrected": ("settled", _("Corrected")),
    "refused": ("refused", _("Refused")),
    "taken_back": ("ended", _("Taken back")),
}


def said(fact: str, value: Any) -> str:
    """A fact's value as a person reads it."""
    if value is None or value == []:
        return _now("none known")
    if fact == "status":
        return str(words.STATUSES.get(value, value))
    if isinstance(value, bool):
        return _now("yes") if value else _now("no")
    if isinstance(value, date):
        return date_format(value, "j F Y")
    return ", ".join(value) if isinstance(value, list) else _number(value)


def _number(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
