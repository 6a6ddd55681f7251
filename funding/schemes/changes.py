"""What differs between two sets of rules, parameter by parameter, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _now

from funding.schemes import wording
from funding.schemes.parsing import parameters
from funding.schemes.rules import SchemeRules


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter: what it means, its rule's id, and how it reads before and after."""

    name: str
    meaning: str
    rule: str
    old: str
    new: str


def changes(old: SchemeRules | None, new: SchemeRules) -> tuple[Change, ...]:
    """Every parameter that differs, in the model's order; of a first version, all that are not at their defaults."""
    found = []
    for name, field in parameters().items():
        after = getattr(new, name)
        if old is not None:
            before = getattr(old, name)
        else:
            before = None if field.is_required() else field.get_default(call_default_factory=True)
        if before == after:
            continue
        about: Any = field.json_schema_extra
        found.append(
            Change(
                name=name,
                meaning=meaning(name),
                rule=str(about["rule"]) if str(about["rule"])[:1] == new.rulebook else "",
                old="" if old is None else wording.shown(name, before, old.currency),
                new=wording.shown(name, after, new.currency),
            )
        )
    return tuple(found)


def meaning(name: str) -> str:
    """What a parameter means, in the reader's language."""
    return _now(str(parameters()[name].description))
