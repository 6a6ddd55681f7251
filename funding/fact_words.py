"""Facts about citizens in words, with how a case worker writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding import words
from ila.core.countries import country_name

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
    "income_cents": _("Income in a year"),
    "student_finance": _("Student finance received"),
    "insured_months": _("Months insured"),
}

HINTS: dict[str, Promise] = {
    "birth_date": _("As 1990-12-31."),
    "qualification_level": _("A number from 0 to 8."),
    "hours_ratio": _("1 is full time, 0.5 is half."),
    "annual_hours": _("A number, or nothing where it is not known."),
    "driving_licences": _("Classes, with commas between: B, C."),
    "residence": _("Two letters: FR."),
    "citizenship": _("Two letters: FR."),
    "income_cents": _("As 24000.50; nothing where it is not known."),
}

STATES: dict[str, tuple[str, Promise]] = {
    "asked": ("asked", _("To be looked at")),
    "corrected": ("settled", _("Corrected")),
    "refused": ("refused", _("Refused")),
    "taken_back": ("ended", _("Taken back")),
}


YES_OR_NO = ("disabled", "prevention_account", "student_finance")


def answers(fact: str) -> list[tuple[str, Promise]]:
    """The values to choose from, with their words; none for a fact that is written."""
    if fact == "status":
        return list(words.STATUSES.items())
    return [("yes", _("yes")), ("no", _("no"))] if fact in YES_OR_NO else []


def said(fact: str, value: Any) -> str:
    """A fact's value as a person reads it."""
    if value is None or value == []:
        return _now("none known")
    if fact in _SAID:
        return _SAID[fact](value)
    if isinstance(value, bool):
        return _now("yes") if value else _now("no")
    if isinstance(value, date):
        return date_format(value, "j F Y")
    return ", ".join(value) if isinstance(value, list) else _number(value)


def _number(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


_SAID: dict[str, Callable[[Any], str]] = {
    "status": lambda value: str(words.STATUSES.get(value, value)),
    "residence": country_name,
    "citizenship": country_name,
    "hours_ratio": lambda value: _now("%(percent)s %% of full time") % {"percent": _number(value * 100)},
    "income_cents": lambda value: number_format(Decimal(value) / 100, 2, force_grouping=True),
}
