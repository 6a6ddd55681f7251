"""What the parameters of a scheme are made of: the kinds of values, and how each parameter is described."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from funding.schemes.vocabulary import Source

Cents = Annotated[int, Field(ge=0, le=10**12, strict=True)]
Count = Annotated[int, Field(ge=0, le=100_000, strict=True)]
Positive = Annotated[int, Field(ge=1, le=100_000, strict=True)]
Years = Annotated[int, Field(ge=1, le=150, strict=True)]
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


def parameter(rule: str, unit: str, description: str) -> Any:
    """What `docs/schemes.md` says of a parameter: the rule's id (none in the vouchers' schemes), unit, meaning."""
    return Field(description=description, json_schema_extra={"rule": rule, "unit": unit})


class AgeCredit(BaseModel):
    """A credit that comes with an age (S-01, S-03), or on a day to whoever has reached it (S-02)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    years: Years
    cents: Annotated[int, Field(ge=1, le=10**12, strict=True)]
    source: Source
    first_day: date | None = None
    """Nobody is credited before; whoever is old enough by then is credited on that day."""
    last_day: date | None = None
    """Nobody is credited after it."""
    expires: date | None = None
    """The last day of use; none: it never expires."""
    absorbs_expiring: Flag = False
    """What is left of the same source with an expiry is merged in and no longer expires (S-03)."""

    @property
    def name(self) -> str:
        """What tells it apart from the others of its scheme; a learner receives each once."""
        return ":".join(
            [self.source, str(self.years), *([] if self.first_day is None else [str(self.first_day)])]
        )
