"""The rules that are compared: those of a scheme day by day, and the same with other values from a day on."""

import hashlib
import json
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from funding.schemes.parsing import RulesError
from funding.schemes.presets import Preset, override
from funding.schemes.rules import SchemeRules

MAX_FILE_BYTES = 1_000_000
MAX_MONTHS = 1200
MONTHS = [name for name in SchemeRules.model_fields if name.endswith("_months")]


class LaboratoryError(ValueError):
    """A run that cannot be made: each fault in a line of its own."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rules of a scheme day by day. `versions`: (first day, rules), oldest first, each until the next."""

    scheme: str
    versions: tuple[tuple[date, SchemeRules], ...]

    def rules_on(self, day: date) -> SchemeRules | None:
        """The rules in force on that day; None before the scheme's first."""
        place = bisect_right(self.versions, day, key=lambda version: version[0])
        return self.versions[place - 1][1] if place else None

    @property
    def latest(self) -> SchemeRules:
        """The rules of the last version."""
        return self.versions[-1][1]

    @property
    def sha256(self) -> str:
        """What tells these rules from any others."""
        plain = [
            [valid_from.isoformat(), rules.model_dump(mode="json")] for valid_from, rules in self.versions
        ]
        return hashlib.sha256(json.dumps([self.scheme, plain], sort_keys=True).encode()).hexdigest()


def of_preset(preset: Preset) -> Timeline:
    """The rules of a shipped scheme."""
    return Timeline(preset.code, preset.versions)


def changed(before: Timeline, changes: Mapping[str, Any], *, first_day: date) -> Timeline:
    """The same rules with other values from that day on, in every version that is in force then or later.

    Raises: LaboratoryError naming every unknown parameter, bad value and contradiction, and the version.
    """
    versions: list[tuple[date, SchemeRules]] = []
    faults: dict[str, None] = {}
    in_force = before.rules_on(first_day)
    for valid_from, rules in before.versions:
        if valid_from <= first_day:
            versions.append((valid_from, rules))
    if in_force is not None:
        starts: list[tuple[date, SchemeRules]] = [(first_day, in_force)]
        versions = [each for each in versions if each[0] < first_day]
    else:
        starts = []
    starts += [each for each in before.versions if each[0] > first_day]
    for valid_from, rules in starts:
        try:
            versions.append((valid_from, override(rules, changes)))
        except RulesError as error:
            faults |= dict.fromkeys(f"{', '.join(each.parameters)}: {each.message}" for each in error.faults)
    faults |= dict.fromkeys(_long_terms(versions))
    if faults:
        raise LaboratoryError(*faults)
    if not starts:
        raise LaboratoryError(f"{before.scheme} has no rules on {first_day.isoformat()} or later")
    return Timeline(before.scheme, tuple(versions))


def read_changes(path: str) -> dict[str, Any]:
    """The changed parameters that a JSON or TOML file holds: name = value, each replacing the whole parameter.

    Raises: LaboratoryError for a file that cannot be read or is none.
    """
    name = Path(path).name
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise LaboratoryError(f"{name}: {error.strerror or 'cannot be read'}") from None
    if len(raw) > MAX_FILE_BYTES:
        raise LaboratoryError(f"{name}: larger than {MAX_FILE_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise LaboratoryError(f"{name}: is not UTF-8") from None
    try:
        return parse_changes(text, toml=name.lower().endswith(".toml"))
    except LaboratoryError as error:
        raise LaboratoryError(*(f"{name}: {fault}" for fault in error.faults)) from None


def parse_changes(text: str, *, toml: bool) -> dict[str, Any]:
    """Changed parameters from JSON or TOML. Raises: LaboratoryError, with the place of the fault."""
    try:
        values = tomllib.loads(text) if toml else json.loads(text, object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:
        raise LaboratoryError(f"is no {'TOML' if toml else 'JSON'}: {error}") from None
    if not isinstance(values, dict):
        raise LaboratoryError("holds no object of parameter names and values")
    if not values:
        raise LaboratoryError("changes nothing: it names no parameter")
    return values


def differences(before: Timeline, after: Timeline, on: date) -> list[tuple[str, Any, Any]]:
    """Parameters that differ between the rules of a day, by name, with their values as JSON has them."""
    old, new = before.rules_on(on), after.rules_on(on)
    if old is None or new is None:
        return []
    one, other = old.model_dump(mode="json"), new.model_dump(mode="json")
    return [(name, one[name], other[name]) for name in sorted(one) if one[name] != other[name]]


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return values


def _long_terms(versions: list[tuple[date, SchemeRules]]) -> list[str]:
    """A term of months must end within the calendar, whenever it begins."""
    faults = []
    for name in MONTHS:
        for _, rules in versions:
            value = getattr(rules, name)
            months = max(value.values(), default=0) if isinstance(value, dict) else value or 0
            if months > MAX_MONTHS:
                faults.append(f"{name}: {months} months are more than {MAX_MONTHS:,}")
    return faults
