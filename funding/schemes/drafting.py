"""What a draft of rules holds as it was typed, checked as a whole: every fault named, nothing lost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import pycountry

from funding.schemes.coherence import RuleFault
from funding.schemes.parsing import RulesError, parameters, parse_rules
from funding.schemes.rules import SchemeRules
from ila.core.calendars import calendar_for

HEAD = ("code", "name", "country", "timezone", "currency")
SHARED = ("country", "timezone", "currency")
"""Parts of the head that are parameters of every version's rules as well; those of a scheme never change."""

# Amounts are counted in hundredths: these currencies have none, or thousandths.
NOT_IN_CENTS = re.compile(
    "BHD|BIF|CLP|DJF|GNF|IQD|ISK|JOD|JPY|KMF|KRW|KWD|LYD|OMR|PYG|RWF|TND|UGX|UYI|VND|VUV|XAF|XOF|XPF"
)
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_LONGEST_NAME = 200
_FARTHEST_YEAR = 2100
_GREATEST = 10**18
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft's content after the check: what could be read of it, and every fault."""

    rules: SchemeRules | None
    valid_from: date | None
    faults: tuple[RuleFault, ...]

    @property
    def sound(self) -> bool:
        """Whether it may be proposed."""
        return not self.faults and self.rules is not None and self.valid_from is not None


def check_content(content: Mapping[str, Any], *, fixed: Mapping[str, str] | None = None) -> Checked:
    """Check the head, the first day and the rules of a draft, all at once.

    fixed: country, time zone and currency of the scheme that the rules are for: they never change.
    """
    faults = [*_head_faults(content, new=fixed is None)]
    try:
        valid_from = date.fromisoformat(str(content.get("valid_from", "")))
    except ValueError:
        valid_from = None
        faults.append(RuleFault(("valid_from",), "bad_date", "the first day is no date"))
    if valid_from is not None and valid_from.year > _FARTHEST_YEAR:
        faults.append(RuleFault(("valid_from",), "too_far", f"the first day is after {_FARTHEST_YEAR}"))
    shared = {name: content.get(name, "") for name in SHARED} if fixed is None else dict(fixed)
    typed = content.get("rules")
    values = {**typed, **shared} if isinstance(typed, Mapping) else shared
    rules = None
    try:
        rules = parse_rules(values)
    except RulesError as error:
        faults += error.faults
    except (OverflowError, RecursionError, TypeError) as error:
        faults.append(RuleFault(("rules",), "bad_value", f"cannot be read: {type(error).__name__}"))
    named = {name for fault in faults for name in fault.parameters}
    places = _calendar_faults(str(shared["country"]), str(shared["timezone"]))
    faults += [fault for fault in places if fault.parameters[0] not in named]
    for name in SHARED:
        given = typed.get(name) if isinstance(typed, Mapping) else None
        if given is not None and given != shared[name]:
            faults.append(
                RuleFault((name,), "fixed", f"{name} of a scheme never changes: it is {shared[name]}")
            )
    return Checked(rules, valid_from, tuple(dict.fromkeys(faults)))


def content_of(
    head: Mapping[str, str], valid_from: date | str, rules: SchemeRules | Mapping[str, Any]
) -> dict[str, Any]:
    """A draft's content from a head, a day and rules; parameters at their defaults are left out."""
    values = sparse(rules) if isinstance(rules, SchemeRules) else dict(rules)
    return {
        **{name: str(head.get(name, "")) for name in HEAD},
        "valid_from": valid_from if isinstance(valid_from, str) else valid_from.isoformat(),
        "rules": jsonable({name: value for name, value in values.items() if name not in SHARED}),
    }


def sparse(rules: SchemeRules) -> dict[str, Any]:
    """The parameters that are not at their defaults, as JSON values, without country, time zone and currency."""
    values = rules.model_dump(mode="json", exclude=set(SHARED))
    bare = {
        name: field.get_default(call_default_factory=True)
        for name, field in parameters().items()
        if not field.is_required()
    }
    return {
        name: value
        for name, value in values.items()
        if name not in bare or getattr(rules, name) != bare[name]
    }


def jsonable(value: Any, *, depth: int = 0) -> Any:
    """The same value as a database keeps it: days as text, and what no column holds (NaN, huge numbers) as text too."""
    kept: Any = value
    if depth > _DEEPEST:
        kept = "…"
    elif isinstance(value, Mapping):
        parts = {_text(str(key)): part for key, part in value.items() if part is not None}
        kept = {key: jsonable(part, depth=depth + 1) for key, part in parts.items()}
    elif isinstance(value, list | tuple):
        kept = [jsonable(part, depth=depth + 1) for part in value]
    elif isinstance(value, int):
        kept = value if abs(value) < _GREATEST else "a number of more than 18 digits"
    elif isinstance(value, float):
        kept = value if abs(value) < _GREATEST else str(value)
    elif isinstance(value, date | datetime | time):
        kept = value.isoformat()
    else:
        kept = _text(str(value))
    return kept


def _calendar_faults(country: str, timezone: str) -> list[RuleFault]:
    """Both named on their own: contradictions name one of them, and none while a required parameter is missing."""
    found = []
    for name, calendar in (("country", (country, "UTC")), ("timezone", ("FR", timezone))):
        try:
            calendar_for(*calendar)
        except ValueError as error:
            found.append(RuleFault((name,), "missing_calendar", str(error)))
    return found


def _text(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _head_faults(content: Mapping[str, Any], *, new: bool) -> list[RuleFault]:
    faults = []
    code, name, currency = (str(content.get(each, "")) for each in ("code", "name", "currency"))
    if not _CODE.fullmatch(code):
        faults.append(
            RuleFault(
                ("code",), "bad_code", "a code is 1 to 40 small letters, digits, hyphens or underscores"
            )
        )
    if not name.strip() or len(name) > _LONGEST_NAME:
        faults.append(RuleFault(("name",), "bad_name", f"a name has 1 to {_LONGEST_NAME} letters"))
    if new and re.fullmatch("[A-Z]{3}", currency):
        if pycountry.currencies.get(alpha_3=currency) is None:
            faults.append(RuleFault(("currency",), "unknown_currency", f"no currency is called {currency}"))
        elif NOT_IN_CENTS.fullmatch(currency):
            faults.append(
                RuleFault(("currency",), "not_in_cents", f"{currency} has no hundredths to count in")
            )
    unknown = sorted(content.keys() - {*HEAD, "valid_from", "rules"})
    return faults + [RuleFault((each,), "unknown_parameter", "no such parameter") for each in unknown]
