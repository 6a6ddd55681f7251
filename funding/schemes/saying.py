"""A sentence about a scheme: its text, the id of the rule behind it, and the parameters that it says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """text: in the reader's language. rule: its id, or nothing. names: parameters that it says."""

    text: str
    rule: str
    names: tuple[str, ...]


def say(text: str, rule: str = "", *names: str, **values: object) -> Sentence:
    """A sentence with its values put in."""
    return Sentence(text % values if values else text.replace("%%", "%"), rule, names)
