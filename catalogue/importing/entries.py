"""An entry of a catalogue after reading: normalised, the same whatever the layout of the file."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from catalogue.importing.problems import Problem

MAX_NUMBER = 500  # characters of a number of an entry, an action or a session


@dataclass(slots=True)
class SessionData:
    """A session of an offer. starts, ends: ISO days; null when not known."""

    number: str
    starts: str | None
    ends: str | None
    closed: bool
    guaranteed: bool
    details: dict[str, Any]


@dataclass(slots=True)
class OfferData:
    """An action: the columns of an Offer by name, and its sessions."""

    number: str
    values: dict[str, Any]
    sessions: list[SessionData]


@dataclass(slots=True)
class EntryData:
    """A micro-credential: its columns by name, its status in the file, its offers."""

    values: dict[str, Any]
    status: str
    offers: list[OfferData]
    hours: str | None = None
    names: list[str] = field(default_factory=list)

    def digest(self) -> str:
        """A fingerprint of all that is stored, guarantees apart: one is given, and never taken back."""
        facts = self._plain(guarantee=False)
        facts["offers"].sort(key=_number)
        for offer in facts["offers"]:
            offer["sessions"].sort(key=_number)
        text = json.dumps(facts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def guarantees(self) -> list[tuple[str, str, bool]]:
        """Offer's number, session's number, whether the file guarantees it."""
        return [
            (offer.number, session.number, session.guaranteed)
            for offer in self.offers
            for session in offer.sessions
        ]

    def dumps(self) -> bytes:
        """For the spool."""
        return json.dumps(self._plain(guarantee=True), ensure_ascii=False, separators=(",", ":")).encode()

    def _plain(self, *, guarantee: bool) -> dict[str, Any]:
        # dataclasses.asdict copies every leaf: four times slower than the whole reading.
        return {
            "values": self.values,
            "status": self.status,
            "hours": self.hours,
            "names": self.names,
            "offers": [
                {
                    "number": offer.number,
                    "values": offer.values,
                    "sessions": [
                        {
                            "number": session.number,
                            "starts": session.starts,
                            "ends": session.ends,
                            "closed": session.closed,
                            "guaranteed": session.guaranteed if guarantee else None,
                            "details": session.details,
                        }
                        for session in offer.sessions
                    ],
                }
                for offer in self.offers
            ],
        }

    @classmethod
    def loads(cls, text: bytes) -> "EntryData":
        """From the spool."""
        raw = json.loads(text)
        raw["offers"] = [
            OfferData(
                offer["number"], offer["values"], [SessionData(**session) for session in offer["sessions"]]
            )
            for offer in raw["offers"]
        ]
        return cls(**raw)


@dataclass(slots=True)
class Entry:
    """What one formation or CSV record came to. provider, number: null when they cannot be read.

    data is null as soon as there is an error.
    """

    line: int
    provider: str | None
    number: str | None
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    data: EntryData | None = None

    @property
    def name(self) -> str | None:
        """`<provider>/<number>`, as the report names it."""
        if self.provider is None or self.number is None:
            return None
        return f"{self.provider}/{self.number}"

    def fail(self, code: str, message: str, field_: str | None = None) -> None:
        """Record an error of this entry."""
        self.errors.append(Problem(code, message, line=self.line, entry=self.name, field=field_))

    def warn(self, code: str, message: str, field_: str | None = None) -> None:
        """Record a warning of this entry."""
        self.warnings.append(Problem(code, message, line=self.line, entry=self.name, field=field_))


def _number(item: dict[str, Any]) -> str:
    return str(item["number"])
