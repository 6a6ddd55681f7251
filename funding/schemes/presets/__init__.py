"""The schemes that ship with the platform: a TOML file each, dated versions merged into complete rules."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from funding.schemes.coherence import RuleFault
from funding.schemes.parsing import RulesError, parse_rules
from funding.schemes.rules import SchemeRules

FOLDER = Path(__file__).parent
_HEAD = ("code", "name", "country", "timezone", "currency")
_SHARED = ("country", "timezone", "currency")  # part of every version's rules


@dataclass(frozen=True, slots=True)
class Preset:
    """A scheme as shipped. `versions`: (valid_from, complete rules), oldest first, each until the next."""

    code: str
    name: str
    country: str
    timezone: str
    currency: str
    versions: tuple[tuple[date, SchemeRules], ...]

    def rules_on(self, day: date) -> SchemeRules:
        """The rules in force on that local day.

        Raises: LookupError before the scheme's first day.
        """
        for valid_from, rules in reversed(self.versions):
            if valid_from <= day:
                return rules
        raise LookupError(
            f"{self.code} has no rules on {day.isoformat()}: it begins on {self.versions[0][0]}"
        )


@cache
def preset_codes() -> tuple[str, ...]:
    """Codes of the schemes that ship, by name."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def load_preset(code: str) -> Preset:
    """The shipped scheme of that code.

    Raises: LookupError for a code that does not ship; RulesError or ValueError for a file that is at fault.
    """
    if code not in preset_codes():
        raise LookupError(f"unknown scheme {code!r}: there are {', '.join(preset_codes())}")
    return read_preset((FOLDER / f"{code}.toml").read_text(encoding="utf-8"))


def read_preset(text: str) -> Preset:
    """The scheme that a TOML text describes: its head, then `[[versions]]`, the later ones only what changes.

    Raises: ValueError for a text that is no such file; RulesError, naming the version, for rules at fault.
    """
    document = tomllib.loads(text)
    if missing := [key for key in (*_HEAD, "versions") if not document.get(key)]:
        raise ValueError(f"preset without {', '.join(missing)}")
    if unknown := sorted(document.keys() - {*_HEAD, "versions"}):
        raise ValueError(f"preset with unknown {', '.join(unknown)}")
    values: dict[str, Any] = {key: document[key] for key in _SHARED}
    versions: list[tuple[date, SchemeRules]] = []
    for changes in document["versions"]:
        valid_from = changes.pop("valid_from", None)
        if type(valid_from) is not date:
            raise ValueError(f"a version's valid_from must be a date, not {valid_from!r}")
        if versions and valid_from <= versions[-1][0]:
            raise ValueError(f"version {valid_from} does not come after {versions[-1][0]}")
        values = without(values, changes) | changes
        try:
            versions.append((valid_from, parse_rules(values)))
        except RulesError as error:
            raise RulesError(
                [
                    RuleFault(fault.parameters, fault.code, f"{fault.message} (version {valid_from})")
                    for fault in error.faults
                ]
            ) from error
    return Preset(**{key: document[key] for key in _HEAD}, versions=tuple(versions))


def without(values: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The values of the version before, less those that `without` takes back: TOML has no word for "none".

    `without` is taken out of `changes`. Raises: ValueError when it is no list of names.
    """
    names = changes.pop("without", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("without must be a list of parameter names")
    return {name: value for name, value in values.items() if name not in names}


def override(rules: SchemeRules, mapping: Mapping[str, Any]) -> SchemeRules:
    """The same rules with other values of some parameters: each value replaces the whole parameter.

    Raises: RulesError (a ValueError) naming every unknown parameter, bad value and contradiction.
    """
    if not mapping:
        return rules
    set_values = {name: getattr(rules, name) for name in rules.model_fields_set}
    return parse_rules(set_values | dict(mapping))
