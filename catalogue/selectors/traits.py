"""What facets count, packed into the bits of one number per entry, and how it is counted.

A search fetches the numbers of everything that fits its words, places and dates in one value, and counts here, so that
one statement tells for each facet what it would leave under all the other filters. Codes keep their place for ever:
new ones are added at the end of their tuple, and every line of the list is made again by the migration that does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Packed = NDArray[np.int64]
Mask = NDArray[np.bool_]

PRICES = (50_000, 100_000, 150_000, 300_000)
"""The amounts, in cents, up to which a list can be narrowed."""

HOURS = (8, 40, 150, 450)
"""Hours that divide the lengths: up to a day, a week, a month, a quarter; more."""

# ISCED-F 2013, broad fields.
FIELDS = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10")
_CIP = {
    "00": "24 30 32 33 34 35 37",
    "01": "13",
    "02": "10 16 23 38 39 50 53 54",
    "03": "05 09 25 42 45",
    "04": "22 44 52",
    "05": "26 27 40 41",
    "06": "11",
    "07": "04 14 15 46 47 48",
    "08": "01 02 03",
    "09": "19 51 60 61",
    "10": "12 28 29 31 36 43 49",
}
FIELD_OF_CIP = {family: field for field, families in _CIP.items() for family in families.split()}
FIELD_OF_KIND = {
    "light_licence": "10",
    "heavy_licence": "10",
    "business_creation": "04",
    "skills_assessment": "00",
}


@dataclass(frozen=True, slots=True)
class Trait:
    """Some bits of the number. codes: what their values from 1 on mean; 0 is "not specified".

    several: each code has a bit of its own, because an entry can have more than one.
    """

    name: str
    shift: int
    bits: int
    codes: tuple[str, ...]
    several: bool = False

    @property
    def ones(self) -> int:
        """The highest value, that is all bits."""
        return (1 << self.bits) - 1

    def value(self, code: str) -> int:
        """The bits, in their place, that stand for a code."""
        place = self.codes.index(code)
        return (1 << place if self.several else place + 1) << self.shift


def _trait(name: str, shift: int, bits: int, codes: str, *, several: bool = False) -> Trait:
    return Trait(name, shift, bits, tuple(codes.split()), several)


TRAITS = {
    one.name: one
    for one in (
        _trait("bookable", 0, 1, "on"),
        _trait("guaranteed", 1, 1, "on"),
        _trait("mode", 2, 3, "in_person blended online", several=True),
        _trait(
            "kind",
            5,
            5,
            "rncp rs clea skills_assessment prior_learning light_licence heavy_licence business_creation"
            " course curated_course",
        ),
        _trait("level", 10, 4, "1 2 3 4 5 6 7 8"),
        _trait("length", 14, 3, "day week month quarter longer"),
        _trait("grade", 17, 3, "1 2 3"),
        Trait("field", 20, 5, FIELDS),
        _trait("language", 25, 5, "fr en de nl es it pt lt el hr zh"),
        Trait("price", 30, 3, (*map(str, PRICES), "more")),
    )
}


def unpacked(raw: bytes | None) -> Packed:
    """The numbers of a statement's one value, the highest byte first: eight bytes of each, then how many have it."""
    return np.frombuffer(raw or b"", dtype=">i8").astype(np.int64).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a search leaves. total: entries that pass all filters. counts: by trait and code, under all the others.

    without: by trait in force, what dropping that filter alone would leave. entries: those that pass, parted by
    commas, where it is known which they are.
    """

    total: int
    counts: Mapping[str, Mapping[str, int]]
    without: Mapping[str, int]
    entries: str | None = None


def tally(found: Packed, chosen: Mapping[str, Any], entries: str | None = None) -> Tally:
    """Count everything at once. found: pairs of traits and how many have them; chosen: the filters in force."""
    packed, weights = found[:, 0], found[:, 1]
    masks = {name: _passes(packed, TRAITS[name], value) for name, value in chosen.items()}
    all_pass = weights * _both(masks.values(), len(packed))
    counts: dict[str, dict[str, int]] = {}
    without: dict[str, int] = {}
    for name, trait in TRAITS.items():
        kept = all_pass
        if name in masks:
            kept = weights * _both((mask for other, mask in masks.items() if other != name), len(packed))
            without[name] = int(kept.sum())
        counts[name] = _counted(packed, kept, trait)
    return Tally(int(all_pass.sum()), counts, without, entries)


def condition(name: str, value: Any) -> tuple[str, list[Any]]:
    """A filter as SQL on the list's lines, with its parameters."""
    trait = TRAITS[name]
    if name == "price":
        return "line.from_cents <= %s", [int(value)]
    code = trait.value("on" if value is True else str(value))
    if trait.several:
        return "(line.traits & %s) = %s", [code, code]
    return "(line.traits & %s) = %s", [trait.ones << trait.shift, code]


def _passes(packed: Packed, trait: Trait, value: Any) -> Mask:
    there = (packed >> trait.shift) & trait.ones
    if trait.name == "price":
        passes: Mask = (there > 0) & (there <= trait.codes.index(str(value)) + 1)
        return passes
    wanted = trait.value("on" if value is True else str(value)) >> trait.shift
    if trait.several:
        fits: Mask = (there & wanted) != 0
        return fits
    same: Mask = there == wanted
    return same


def _both(masks: Any, length: int) -> Mask:
    passed: Mask = np.ones(length, dtype=np.bool_)
    for mask in masks:
        passed &= mask
    return passed


def _counted(packed: Packed, weights: Packed, trait: Trait) -> dict[str, int]:
    """How many each code would leave; a price counts what costs that much or less."""
    values = np.bincount((packed >> trait.shift) & trait.ones, weights=weights, minlength=trait.ones + 1)
    if trait.several:
        numbers = np.arange(len(values))
        return {
            code: int(values[(numbers & (1 << place)) != 0].sum()) for place, code in enumerate(trait.codes)
        }
    if trait.name == "price":
        values[0] = 0
        values = np.cumsum(values)
    return {code: int(values[place + 1]) for place, code in enumerate(trait.codes)}
