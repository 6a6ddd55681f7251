"""Facts about a person as a provider tells them, and names as they are compared, in whatever script."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from rapidfuzz.distance import JaroWinkler
from text_unidecode import unidecode  # type: ignore[import-untyped]

from accounts.identity.configuration import ProviderConfig, national_id
from accounts.identity.errors import IdentityError
from accounts.models.identities import CitizenMark, Level

_PARTS = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_WORDS = re.compile(r"[a-z0-9]+")
MAX_NAME = 100
# From here on two names may be one person's, written down twice: 100 is the same name.
NEAR = 88


@dataclass(frozen=True)
class BirthDate:
    """A birth date whose month or day may be unknown (0), as registers of people born abroad have it."""

    year: int
    month: int
    day: int

    @property
    def whole(self) -> date | None:
        """The day, where it is known."""
        return date(self.year, self.month, self.day) if self.month and self.day else None

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}-{self.day:02}"

    @classmethod
    def parse(cls, text: Any) -> BirthDate | None:
        """1980-02-03, 1980-02-00, 1980-00-00; None for anything else, and for a day that no calendar has."""
        match = _PARTS.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            return None
        year, month, day = (int(part) for part in match.groups())
        try:
            date(year, month or 1, day or 1)
        except ValueError:
            return None
        return None if day and not month else cls(year, month, day)

    def may_be(self, other: date) -> bool:
        """Whether what is known of it fits that day."""
        return self.year == other.year and self.month in (0, other.month) and self.day in (0, other.day)


@dataclass(frozen=True)
class Person:
    """Somebody as a provider describes them. facts: `national_id:…`, `birth_place`, `postcode`, `email`, comparable."""

    given_name: str
    family_name: str
    birth_date: BirthDate
    facts: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "given_name": self.given_name,
            "family_name": self.family_name,
            "birth_date": str(self.birth_date),
            "facts": self.facts,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Person:
        birth_date = BirthDate.parse(kept["birth_date"])
        assert birth_date is not None
        return cls(kept["given_name"], kept["family_name"], birth_date, dict(kept["facts"]))


@dataclass(frozen=True)
class Proved:
    """What an answer proved: who it is to the provider, how surely, when; and the facts, where they are whole."""

    provider: str
    issuer: str
    subject: str
    acr: str
    level: Level
    at: float
    person: Person | None
    email: str
    email_verified: bool


def person_of(claims: dict[str, Any], *, config: ProviderConfig) -> Person | None:
    """The person behind the claims, or None where name or birth date are missing or make no sense."""
    names = config.claims
    given, family = _text(claims, names.given_name), _text(claims, names.family_name)
    birth_date = BirthDate.parse(claims.get(names.birth_date))
    if not given or not family or birth_date is None:
        return None
    facts: dict[str, str] = {}
    if names.national_id and (value := _text(claims, names.national_id)):
        number = national_id(config.national_id_kind, value)
        if number is None:
            raise IdentityError("not_believed", detail="national id")
        facts[f"{CitizenMark.NATIONAL_ID}{config.national_id_kind}"] = number
    # An address that the provider has not seen to is the person's own word: it is no second fact.
    known = (
        ("birth_place", "postcode", "email")
        if email_is_proved(claims, config)
        else ("birth_place", "postcode")
    )
    for kind in known:
        claim = getattr(names, kind)
        if claim and (value := comparable(kind, _text(claims, claim))):
            facts[kind] = value
    return Person(given, family, birth_date, facts)


def email_is_proved(claims: dict[str, Any], config: ProviderConfig) -> bool:
    """Whether the provider made sure that the e-mail address is the person's, and is known to do so well."""
    return config.trust_email and claims.get("email_verified") is True


def comparable(kind: str, value: str) -> str:
    """A fact in the one way in which it is compared."""
    if kind.startswith(CitizenMark.NATIONAL_ID):
        return national_id(kind.removeprefix(CitizenMark.NATIONAL_ID), value) or ""
    return value.strip().casefold() if kind == "email" else "".join(words_of(value))


def words_of(name: str) -> list[str]:
    """The words of a name in plain Latin letters: "Ngọc-Ánh" and "NGOC ANH" are the same, and so are Иван and Ivan."""
    text = unicodedata.normalize("NFKC", name)
    # An apostrophe joins: O'Neill is one word; a hyphen parts, since registers write both.
    return _WORDS.findall(unidecode(re.sub(r"['’ʼ`]", "", text)).replace("'", "").casefold())


def same_given_names(one: str, other: str) -> bool:
    """Whether all given names agree that both know: one register keeps the first, the other all of them."""
    mine, others = words_of(one), words_of(other)
    known = min(len(mine), len(others))
    return known > 0 and mine[:known] == others[:known]


def same_names(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether given names and family name are the same. Each: given names, family name."""
    family = words_of(one[1])
    return bool(family) and family == words_of(other[1]) and same_given_names(one[0], other[0])


def likeness(one: tuple[str, str], other: tuple[str, str]) -> int:
    """How much two names are alike, 0 to 100: given and family name each, also changed over."""
    if same_names(one, other):
        return 100
    mine, others = ("".join(words_of(part)) for part in one), ("".join(words_of(part)) for part in other)
    (given, family), (other_given, other_family) = tuple(mine), tuple(others)
    straight = min(_alike(given, other_given), _alike(family, other_family))
    crossed = min(_alike(given, other_family), _alike(family, other_given))
    return min(99, int(100 * max(straight, crossed)))


def _alike(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    # The first given name alone is a prefix of all of them.
    if one.startswith(other) or other.startswith(one):
        return 0.95
    return float(JaroWinkler.normalized_similarity(one, other))


def near_dates(day: date) -> list[date]:
    """Days that a slip of the pen makes of one: a digit changed, or day and month changed over."""
    text = f"{day:%Y%m%d}"
    written = {text[:4] + text[6:] + text[4:6]}
    for place in range(2, 8):
        written |= {text[:place] + digit + text[place + 1 :] for digit in "0123456789"}
    found = []
    for each in sorted(written):
        try:
            found.append(date(int(each[:4]), int(each[4:6]), int(each[6:])))
        except ValueError:
            continue
    return found


def _text(claims: dict[str, Any], name: str) -> str:
    value: Any = claims
    # A path: what is inside of an object is named after a dot, unless a claim has the whole name.
    for part in [name] if name in claims else name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value = value.get("country_code") or value.get("locality") or ""
    return " ".join(value.split())[:MAX_NAME] if isinstance(value, str) else ""
