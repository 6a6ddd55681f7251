"""A rule as a person writes it (TOML): read strictly, every fault with its place."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ila.core.errors import DomainError

MAX_CHARACTERS = 100_000
Name = Annotated[str, Field(min_length=1, max_length=710)]
EXAMPLE = """\
code = "agile-master"
title = "Agile project lead"
description = "Three short credentials and an examination."
kind = "n_of"            # all_of, n_of, credits, ordered, forbidden
direction = "vertical"   # vertical, horizontal, value_added
needed = 3               # of n_of
# threshold = 15         # of credits, with
# scheme = "ects"        # ects, ecvet, hours, national: never converted
prior_learning = true
final_examination = false
# leads_to = "50000000100010/AGILE-9"
members = [
    "50000000100010/AGILE-1",
    "50000000100010/AGILE-2",
    "50000000100010/AGILE-3",
    "50000000100010/AGILE-4",
]
"""


class RuleFile(BaseModel):
    """A rule with its members by the names of their entries (`<provider>/<number>`)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
    title: Annotated[str, Field(min_length=1, max_length=300)]
    description: Annotated[str, Field(max_length=5000)] = ""
    kind: Literal["all_of", "n_of", "credits", "ordered", "forbidden"]
    direction: Literal["vertical", "horizontal", "value_added"]
    needed: Annotated[int, Field(ge=1, le=1000)] | None = None
    threshold: Annotated[Decimal, Field(gt=0, lt=1_000_000, decimal_places=2)] | None = None
    scheme: Literal["ects", "ecvet", "hours", "national"] | None = None
    prior_learning: bool = False
    final_examination: bool = False
    leads_to: Name | None = None
    members: Annotated[list[Name], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "n_of") != (self.needed is not None):
            raise ValueError("`needed` belongs to kind n_of, and n_of needs it")
        if self.kind != "credits" and (self.threshold is not None or self.scheme is not None):
            raise ValueError("`threshold` and `scheme` belong to kind credits")
        if self.kind == "credits" and (self.threshold is None or self.scheme is None):
            raise ValueError("`threshold` and `scheme` belong together, and kind credits needs them")
        if self.kind == "forbidden" and (self.leads_to or self.prior_learning or self.final_examination):
            raise ValueError(
                "what is forbidden leads nowhere: no leads_to, prior_learning or final_examination"
            )
        if self.needed is not None and self.needed > len(self.members):
            raise ValueError(f"{self.needed} of {len(self.members)} members can never be reached")
        twice = sorted({name for name in self.members if self.members.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is named twice")
        return self


def read_rule(text: str) -> RuleFile:
    """A rule from its TOML text. Raises: DomainError `bad_rule` with every fault and its place."""
    if len(text) > MAX_CHARACTERS:
        raise DomainError("bad_rule", faults=["the text is too long"])
    try:
        told = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DomainError("bad_rule", faults=[str(error)]) from error
    if isinstance(told.get("threshold"), int):
        told["threshold"] = Decimal(told["threshold"])
    try:
        return RuleFile.model_validate(told)
    except ValidationError as error:
        raise DomainError("bad_rule", faults=[_fault(one) for one in error.errors()]) from error


def _fault(one: Any) -> str:
    place = ".".join(str(part) for part in one["loc"])
    message = str(one["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
