"""Whether two names are one person's or one firm's, with a score that can be explained."""

from __future__ import annotations

import re
from datetime import date

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler
from text_unidecode import unidecode  # type: ignore[import-untyped]

_WORD = re.compile(r"[a-z0-9]+")
# Legal forms and titles say nothing about who it is.
_NOISE = frozenset(
    "mr mrs ms dr prof sarl sas sasu eurl sa gmbh ag ltd llc inc plc bv nv srl spa kg ug oy ab".split()  # noqa: SIM905
)


def plain(name: str) -> tuple[str, ...]:
    """The words of a name in plain letters, without titles and legal forms, in alphabetical order."""
    words = _WORD.findall(unidecode(name).lower().replace("'", ""))
    kept = [word for word in words if word not in _NOISE]
    return tuple(sorted(kept or words))


def name_score(one: tuple[str, ...], two: tuple[str, ...]) -> float:
    """0 to 1: how alike two names are, whatever the order of words, the script or a typing error."""
    if not one or not two:
        return 0.0
    first, second = " ".join(one), " ".join(two)
    spelled = max(fuzz.token_sort_ratio(first, second) / 100, fuzz.ratio("".join(one), "".join(two)) / 100)
    shorter, longer = sorted((one, two), key=len)
    rest = list(longer)
    total = 0.0
    for word in shorter:
        best = max(rest, key=lambda other: (JaroWinkler.similarity(word, other), other))
        total += JaroWinkler.similarity(word, best)
        rest.remove(best)
    words = total / len(shorter) * (1 - 0.06 * (len(longer) - len(shorter))) if len(shorter) > 1 else 0.0
    return round(max(spelled, words), 4)


def birth_date_factor(one: date | None, two: date | None) -> float:
    """What the birth dates say: 1 the same, less when unknown or a digit apart, almost nothing when they differ."""
    if one is None or two is None:
        return 0.75
    if one == two:
        return 1.0
    swapped = (one.year, one.month, one.day) == (two.year, two.day, two.month)
    different = sum(a != b for a, b in zip(one.strftime("%Y%m%d"), two.strftime("%Y%m%d"), strict=True))
    return 0.9 if swapped or different == 1 else 0.2
