"""Pieces of SQL that travel with their parameters."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement, and the values of its placeholders in order."""

    text: str
    params: list[Any] = field(default_factory=list)
