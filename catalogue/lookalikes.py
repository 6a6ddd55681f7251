"""Names that look like another's: letters of other alphabets, marks one does not see, a changed letter or two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from confusable_homoglyphs.confusables import confusables_data

from catalogue.importing.values import folded

# What stands behind a name in a register and tells nobody apart.
_FORMS = frozenset(
    (
        *("sa", "sas", "sasu", "sarl", "eurl", "scop", "sci", "snc", "association", "asso", "ltd", "limited"),
        *(
            "llc",
            "inc",
            "plc",
            "gmbh",
            "ag",
            "ug",
            "ev",
            "eg",
            "bv",
            "nv",
            "vzw",
            "asbl",
            "sprl",
            "srl",
            "spa",
        ),
        *(
            "oy",
            "ab",
            "as",
            "aps",
            "pte",
            "pty",
            "co",
            "company",
            "group",
            "groupe",
            "groep",
            "international",
        ),
    )
)
_WORDS = re.compile(r"[^\W_]+")
# Besides what the standard's list says: digits and pairs of letters that are taken for another.
_DIGITS = str.maketrans({"0": "o", "1": "l", "i": "l", "3": "e", "5": "s", "|": "l"})
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_SIMILAR: Final = 0.9
_SHORTEST = 6


@lru_cache(maxsize=8192)
def plain_letter(char: str) -> str:
    """The Latin letters that a character looks like, in lower case without accents; "" for one not seen."""
    if char.isascii():
        return char.lower()
    if unicodedata.category(char) in {"Cf", "Mn", "Me", "Cc"}:
        return ""
    told = folded(unicodedata.normalize("NFKC", char))
    if told.isascii():
        return told
    for other in confusables_data.get(char, ()) or confusables_data.get(told, ()):
        like = folded(unicodedata.normalize("NFKC", str(other["c"])))
        if like.isascii() and like.isalnum():
            return like
    return told


def latinised(text: str) -> str:
    """The text as a hasty reader sees it."""
    return "".join(plain_letter(char) for char in unicodedata.normalize("NFC", text))


@lru_cache(maxsize=65536)
def skeleton(name: str) -> str:
    """What two names that look alike have in common: "Ácme Tráining S.A.S." and "АСМЕ Training" are `acmetralnlng`."""
    told = latinised(name).replace(".", "")
    words = _WORDS.findall(told)
    kept = [word for word in words if word not in _FORMS] or words
    joined = "".join(kept).translate(_DIGITS)
    for pair, letter in _PAIRS:
        joined = joined.replace(pair, letter)
    return joined


def looks_like(name: str, others: Iterable[str]) -> list[str]:
    """Those of the other names that this one may be taken for, in their order."""
    mine = skeleton(name)
    if not mine:
        return []
    return [other for other in others if _alike(mine, skeleton(other))]


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < _SHORTEST or abs(len(one) - len(other)) > 3:
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.real_quick_ratio() >= _SIMILAR and matcher.quick_ratio() >= _SIMILAR <= matcher.ratio()


def mixes_alphabets(name: str) -> bool:
    """Whether one word of a name is written in letters of several alphabets."""
    for word in _WORDS.findall(unicodedata.normalize("NFC", name)):
        scripts = {unicodedata.name(char, "?").split()[0] for char in word if char.isalpha()}
        if len(scripts & {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "FULLWIDTH"}) > 1:
            return True
    return False
