"""Whom an employer means: by references that learners gave, never by looking accounts up."""

from collections.abc import Sequence
from typing import Protocol

from funding.models import Scheme, TopUpReference
from funding.services.top_ups.references import read_code

_AT_ONCE = 10_000


class Matcher(Protocol):
    """A way to name an employee. name: the column of a list that holds it, and what a line of an order keeps."""

    name: str

    def read(self, text: str) -> str | None:
        """The value as it is compared, or None when it cannot be one whoever it belongs to."""

    def match(self, *, scheme: Scheme, values: Sequence[str]) -> dict[str, int]:
        """The learning account in the scheme that each value stands for; unknown values are left out."""


class ByReference:
    """The code that a learner made for this and gave to the employer (`give_reference`)."""

    name = "reference"

    def read(self, text: str) -> str | None:
        return read_code(text)

    def match(self, *, scheme: Scheme, values: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(values), _AT_ONCE):
            standing = TopUpReference.objects.filter(
                code__in=values[start : start + _AT_ONCE],
                revoked_at__isnull=True,
                account__scheme=scheme,
            )
            found |= dict(standing.values_list("code", "account_id"))
        return found


BY_REFERENCE: Matcher = ByReference()
"""How a list names employees unless its header says otherwise (`ByPayroll`)."""
