"""What a fault in rules means and how to put it right, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding.schemes.changes import meaning
from funding.schemes.coherence import RuleFault
from funding.schemes.parsing import parameters

SENTENCES: dict[str, Promise] = {
    "bad_value": _("This value cannot be read."),
    "unknown_parameter": _("There is no parameter of this name."),
    "missing": _("This is needed."),
    "missing_calendar": _("There is no calendar of public holidays, or no time zone, of this name."),
    "unknown_currency": _("There is no currency of this name."),
    "not_in_cents": _("This currency has no hundredths; amounts are counted in hundredths."),
    "fixed": _("This never changes in a scheme."),
    "bad_date": _("Write a date, such as 2027-01-31."),
    "too_far": _("This day is too far away."),
    "bad_code": _("Write 1 to 40 small letters, digits, hyphens or underscores."),
    "bad_name": _("Write a name of 1 to 200 letters."),
    "cap_below_credit": _("The most is below the credit of one year."),
    "never_applies": _("This never applies beside the other values."),
    "nobody_concerned": _("With these values nobody would be concerned, or nothing would ever be paid."),
    "source_twice": _("One source is drawn in two places."),
    "empty_class": _("A line of sources is empty."),
    "source_never_drawn": _("This names a source that is never drawn."),
    "grant_without_window": _("Grants come from windows alone."),
    "least_above_most": _("The least is more than the most."),
    "credit_twice": _("The same credit is there twice."),
    "ends_before_it_begins": _("A credit's last day comes before its first."),
    "expired_when_given": _("A credit expires before it is given."),
    "participation_above_price": _(
        "The participation is as high as the highest price that could ever be paid."
    ),
    "overlap": _("Another version begins on this day."),
    "too_large": _("The file is too large to be a scheme."),
    "not_utf8": _("The file is not written in UTF-8."),
    "not_toml": _("The file cannot be read: it is not TOML."),
}
UNITS: dict[str, Promise] = {
    "cents": _("Write an amount, such as 103.20."),
    "percent": _("Write a whole number from 0 to 100."),
    "cents by kind": _("Write an amount, such as 103.20."),
    "percent by kind": _("Write a whole number from 0 to 100."),
    "months by year": _("Write a year and a number of months on each line, such as 2027: 804."),
    "classes of sources": _("Write the sources of one class on each line, with commas between them."),
    "kinds by source": _("Write a source and its kinds on each line, such as mid_career: course, rs."),
    "credits": _("Write one credit on each line, as the example shows."),
    "yes or no": _("Choose yes or no."),
    "choice": _("Choose one of the list."),
    "kinds": _("Choose at least one of the list."),
}
_WHOLE = _("Write a whole number, without a unit.")
_NUMBERS = {"wd", "days", "months", "years", "hours", "level", "grade", "grants"}


def sentence(fault: RuleFault) -> str:
    """What a person reads: what is wrong, and which other parameters it is about."""
    text: Any = SENTENCES.get(fault.code, SENTENCES["bad_value"])
    first = parameters().get(fault.parameters[0]) if fault.parameters else None
    if fault.code == "bad_value" and first is not None:
        about: Any = first.json_schema_extra
        unit = str(about["unit"])
        text = _WHOLE if unit in _NUMBERS else UNITS.get(unit, text)
    others = [meaning(name) for name in fault.parameters[1:] if name in parameters()]
    if not others:
        return str(text)
    return f"{text} {_now('See as well:')} {' '.join(others)}"
