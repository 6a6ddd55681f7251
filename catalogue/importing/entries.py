"""An entry of a catalogue after reading: normalised, the same whatever the layout of the file."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from catalogue.importing.problems import Problem

MAX_NUMBER = 400  # characters of a number of an entry, an action or a session: what an index can hold


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
    """A micro-credential: its columns by name, its status in the file, its offers.

    description: columns of its EntryDescription; those that the file's format does not know are not in it, and stay as
    they are stored.
    """

    values: dict[str, Any]
    status: str
    offers: list[OfferData]
    hours: str | None = None
    names: list[str] = field(default_factory=list)
    description: dict[str, Any] = field(default_factory=dict)

    def guarantees(self) -> list[tuple[str, str, bool]]:
        """Offer's number, session's number, whether the file guarantees it."""
        return [
            (offer.number, session.number, session.guaranteed)
            for offer in self.offers
            for session in offer.sessions
        ]

    def dumps(self) -> bytes:
        """All that is stored: the same bytes for the same words in whatever order.

        Guarantees apart (see `guarantees`): one is given, and never taken back.
        """
        # dataclasses.asdict copies every leaf: four times slower than the whole reading.
        facts = {
            "values": self.values,
            "status": self.status,
            "hours": self.hours,
            "names": self.names,
            "description": self.description,
            "offers": [
                {
                    "number": offer.number,
                    "values": offer.values,
                    "sessions": [
                        [session.number, session.starts, session.ends, session.closed, session.details]
                        for session in sorted(offer.sessions, key=lambda one: one.number)
                    ],
                }
                for offer in sorted(self.offers, key=lambda one: one.number)
            ],
        }
        return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def loads(cls, text: bytes, guarantees: Iterable[tuple[str, str, bool]]) -> "EntryData":
        """What `dumps` wrote, with its guarantees."""
        raw = json.loads(text)
        guaranteed = {(offer, session) for offer, session, given in guarantees if given}
        raw["offers"] = [
            OfferData(
                offer["number"],
                offer["values"],
                [
                    SessionData(
                        number, starts, ends, closed, (offer["number"], number) in guaranteed, details
                    )
                    for number, starts, ends, closed, details in offer["sessions"]
                ],
            )
            for offer in raw["offers"]
        ]
        return cls(**raw)


def digest(text: bytes) -> str:
    """A fingerprint of an entry's `dumps`: two entries with the same one are stored alike."""
    return hashlib.sha256(text).hexdigest()


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

    def fail(self, code: str, message: str, field_: str | None = None, *, line: int | None = None) -> None:
        """Record an error of this entry. line: where it stands, if not where the entry starts."""
        self.errors.append(Problem(code, message, line=line or self.line, entry=self.name, field=field_))

    def warn(self, code: str, message: str, field_: str | None = None, *, line: int | None = None) -> None:
        """Record a warning of this entry. line: as in `fail`."""
        self.warnings.append(Problem(code, message, line=line or self.line, entry=self.name, field=field_))
