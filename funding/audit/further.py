"""What apps above funding add to the audit: their own rules, numbered from 101, checked with the books.

Funding does not know them. An app says at its start what it has (`add`); a scenario that is tried out asks the books
alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.functional import Promise

from funding.audit.checks import Group

FIRST = 101


@dataclass(frozen=True, slots=True)
class Further:
    """An app's rules: number → what holds, in English for the command and in words for the page; and their checks."""

    rules: Mapping[int, str]
    words: Mapping[int, Promise]
    group: Group = field(default_factory=Group)


_known: dict[str, Further] = {}


def add(name: str, further: Further) -> None:
    """Check these rules too from now on; the same name again replaces what it said."""
    if any(number < FIRST for number in further.rules):
        raise ValueError(f"rules of an app are numbered from {FIRST}")
    _known[name] = further


def rules() -> dict[int, str]:
    """Every further rule by its number."""
    return {number: text for each in _known.values() for number, text in each.rules.items()}


def words() -> dict[int, Promise]:
    """As `rules`, as an auditor reads them."""
    return {number: text for each in _known.values() for number, text in each.words.items()}


def groups() -> list[Group]:
    """The checks of all of them."""
    return [each.group for each in _known.values()]
