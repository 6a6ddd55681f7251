"""How much two names are one person's or one firm's, and what that was reckoned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rapidfuzz import fuzz, process

from fraud.detectors.names import birth_date_factor, name_score, plain
from fraud.detectors.network import BlacklistLink

# Names compared at once, so that memory does not grow with their number.
CHUNK = 2_000
# Below this a pair is not worth a closer look (rapidfuzz, 0 to 100).
NEAR = 60


@dataclass(frozen=True)
class Named:
    """A name to look for, or one that is listed. ref: whose it is; born: None for firms, or where it is not known."""

    ref: str
    name: str
    born: date | None = None
    is_firm: bool = False


@dataclass(frozen=True)
class Likeness:
    """How alike a name and a listed one are. score: 0 to 1."""

    one: Named
    listed: Named
    score: float
    explanation: dict[str, Any]


def compare(one: Named, listed: Named) -> Likeness:
    """Compare two names, whatever their script, the order of their words, or a typing error; then birth dates."""
    words, theirs = plain(one.name), plain(listed.name)
    alike = name_score(words, theirs)
    # A firm has no birth date; its name alone is a little less than a person.
    factor = 0.9 if one.is_firm else birth_date_factor(one.born, listed.born)
    return Likeness(
        one,
        listed,
        round(alike * factor, 4),
        {
            "said": one.name,
            "listed": listed.name,
            "said_in_plain_letters": " ".join(words),
            "listed_in_plain_letters": " ".join(theirs),
            "name_score": alike,
            "birth_dates": "" if one.is_firm else _dates(one.born, listed.born),
            "birth_date_factor": factor,
        },
    )


def is_match(found: Likeness, parameters: BlacklistLink | None = None) -> bool:
    """Whether a person should look at it, by the thresholds of D07."""
    limits = parameters or BlacklistLink()
    name = found.explanation["name_score"]
    if found.one.is_firm:
        return bool(name >= limits.firm_score)
    return bool(name >= limits.name_score and found.score >= limits.score)


def find_matches(names: Sequence[Named], listed: Sequence[Named]) -> Iterator[Likeness]:
    """Every name that is like a listed one, best first for each name; a firm is compared with firms only."""
    for firms in (False, True):
        entries = [each for each in listed if each.is_firm is firms]
        spelled = [" ".join(plain(each.name)) for each in entries]
        mine = [each for each in names if each.is_firm is firms]
        for start in range(0, len(mine) if entries else 0, CHUNK):
            part = mine[start : start + CHUNK]
            words = [" ".join(plain(each.name)) for each in part]
            near = process.cdist(words, spelled, scorer=fuzz.token_sort_ratio, score_cutoff=NEAR, workers=1)
            for one, scores in zip(part, near, strict=True):
                likely = [compare(one, entries[place]) for place in scores.nonzero()[0]]
                yield from sorted(
                    (each for each in likely if is_match(each)),
                    key=lambda each: (-each.score, each.listed.ref),
                )


def _dates(one: date | None, two: date | None) -> str:
    if one is None or two is None:
        return "unknown"
    if one == two:
        return "same"
    return "a slip apart" if birth_date_factor(one, two) > birth_date_factor(None, None) else "different"
