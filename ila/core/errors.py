"""The one error that the domain raises: a stable code, the rule behind it, the values used."""

from typing import Any


class DomainError(Exception):
    """A request that a rule refuses. Nothing was changed.

    code: stable word for programs (`too_late`, `insufficient_rights` …).
    rule: id in the scheme's rules (`F-22`), where one applies.
    status: HTTP status that fits (409 unless said).
    params: values used, for the sentence a person reads.
    """

    def __init__(self, code: str, *, rule: str | None = None, status: int = 409, **params: Any) -> None:
        self.code = code
        self.rule = rule
        self.status = status
        self.params = params
        super().__init__(code)

    def __str__(self) -> str:
        rule = f" ({self.rule})" if self.rule else ""
        values = ", ".join(f"{name}={value}" for name, value in sorted(self.params.items()))
        return f"{self.code}{rule}" + (f": {values}" if values else "")
