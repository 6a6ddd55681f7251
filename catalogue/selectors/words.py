"""The words of a search: what they match, and what was meant when they match nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from rapidfuzz.distance import OSA

from catalogue.importing.values import folded
from catalogue.selectors.sql import Sql

MAX_WORDS = 12
MAX_LETTERS = 40
LANGUAGES = ("english", "french", "dutch")
BEGINNING = 3
"""From so many letters on, a word also stands for all that begin like it."""
CANDIDATES = 300
SPELLINGS = 3
FAMILY_BEGINNING = 5
"""Words of one family have at least so many first letters in common…"""
FAMILY_SHARE = 0.6
"""…and at least this share of the shorter one: comptabilité and comptable, plomberie and plombier."""
TIMES_AS_COMMON = 20

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
# Words that say nothing of what is looked for, in the languages that are understood.
_EMPTY = """
    a an and at by for from in of on or the to with
    au aux avec ce ces d dans de des du en et l la le les ou par pour sur un une
    de een en het in met of om op te tot van voor
"""
_EMPTY_WORDS = frozenset(_EMPTY.split())

Spellings = Mapping[str, Sequence[str]]


def words_of(text: str) -> tuple[str, ...]:
    """The words that count, in lower case, without accents, each once; the empty ones too if there are no others."""
    found = [word[:MAX_LETTERS] for word in _WORD.findall(folded(text))]
    words = list(dict.fromkeys(found))
    return tuple(([word for word in words if word not in _EMPTY_WORDS] or words)[:MAX_WORDS])


def matching(words: Sequence[str], spellings: Spellings | None = None) -> Sql:
    """A text query: all the words, each as it stands, as a beginning, by its stem, or in another spelling."""
    parts = [_one_of(word, (spellings or {}).get(word, ())) for word in words]
    return Sql(" && ".join(part.text for part in parts), [value for part in parts for value in part.params])


def _one_of(word: str, spellings: Sequence[str]) -> Sql:
    simple = [f"{word}:*" if len(word) >= BEGINNING else word, *spellings]
    asked = [("simple", one) for one in simple]
    asked += [(language, one) for language in LANGUAGES for one in (word, *spellings)]
    text = " || ".join(f"to_tsquery('{language}', %s)" for language, _ in asked)
    return Sql(f"({text})", [one for _, one in asked])


def spellings_of(words: Sequence[str]) -> dict[str, list[str]]:
    """For each word that no entry has: the words that entries have and that are nearest to it. Three queries.

    Nearest are words a typing error away, and where there are none, words of the same family.
    """
    unknown = _unknown([word for word in words if len(word) > BEGINNING and not word.isdigit()])
    found = {word: near for word, near in nearest(unknown).items() if near}
    return found | _families([word for word in unknown if word not in found])


def nearest(words: Sequence[str]) -> dict[str, list[str]]:
    """The known words at the least distance of each: those that are in most entries first, three at most. One query.

    One letter added, left out, wrong or changed places with its neighbour is one error; a word of up to seven
    letters may have one, a longer one two.
    """
    if not words:
        return {}
    rows = _candidates(words)
    found: dict[str, list[str]] = {}
    for word in words:
        allowed = errors_allowed(word)
        near = [
            (OSA.distance(word, known, score_cutoff=allowed), -entries, known)
            for asked, known, entries in rows
            if asked == word and known != word
        ]
        near = sorted(one for one in near if one[0] <= allowed)
        found[word] = [known for distance, _, known in near if distance == near[0][0]][:SPELLINGS]
    return found


def _families(words: Sequence[str]) -> dict[str, list[str]]:
    """The known words that begin like each of these for longest: in most entries first, three at most. One query."""
    long = [word for word in words if len(word) >= FAMILY_BEGINNING]
    if not long:
        return {}
    one = (
        "(SELECT %s::text, word, entries FROM catalogue_listingword WHERE word LIKE %s"
        f" ORDER BY entries DESC, word LIMIT {CANDIDATES})"
    )
    # A word is letters and digits alone: nothing in it stands for anything else in a pattern.
    params = [value for word in long for value in (word, f"{word[:FAMILY_BEGINNING]}%")]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([one] * len(long)), params)
        rows = cursor.fetchall()
    found: dict[str, list[str]] = {}
    for word in long:
        near = []
        for asked, known, entries in rows:
            shared = _letters_shared(word, known)
            if asked == word and shared >= FAMILY_SHARE * min(len(word), len(known)):
                near.append((-shared, -entries, known))
        near.sort()
        if near:
            found[word] = [known for shared, _, known in near if shared == near[0][0]][:SPELLINGS]
    return found


def _letters_shared(one: str, other: str) -> int:
    """How many first letters two words have in common."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def errors_allowed(word: str) -> int:
    """How many typing errors a word of its length may have."""
    return 1 if len(word) < 8 else 2


def _unknown(words: Sequence[str]) -> list[str]:
    if not words:
        return []
    tests = [matching([word]) for word in words]
    select = ", ".join(
        f"EXISTS (SELECT 1 FROM catalogue_listing WHERE search @@ ({one.text}))" for one in tests
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {select}", [value for one in tests for value in one.params])
        known = cursor.fetchone()
    return [word for word, is_known in zip(words, known, strict=True) if not is_known]


def _candidates(words: Sequence[str]) -> list[tuple[Any, ...]]:
    """(word asked, known word, entries): those that have most groups of three letters in common with it."""
    one = (
        "(SELECT %s::text, word, entries FROM catalogue_listingword"
        " WHERE grams && %s::varchar[] AND length(word) BETWEEN %s AND %s"
        " ORDER BY (SELECT count(*) FROM unnest(grams) AS gram WHERE gram = ANY(%s::varchar[])) DESC, entries DESC"
        f" LIMIT {CANDIDATES})"
    )
    params: list[Any] = []
    for word in words:
        grams = grams_of(word)
        params += [word, grams, len(word) - 2, len(word) + 2, grams]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([one] * len(words)), params)
        return list(cursor.fetchall())


def grams_of(word: str) -> list[str]:
    """A word's groups of three letters, its two ends included."""
    framed = f" {word} "
    return sorted({framed[place : place + 3] for place in range(len(framed) - 2)})


def commoner(words: Sequence[str]) -> dict[str, str]:
    """For words that titles hardly ever have: one nearby that they have twenty times as often. Two queries."""
    long = [word for word in words if len(word) > BEGINNING and not word.isdigit()]
    if not long:
        return {}
    near = {word: known[0] for word, known in nearest(long).items() if known}
    if not near:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word, entries FROM catalogue_listingword WHERE word = ANY(%s)", [[*near, *near.values()]]
        )
        entries = dict(cursor.fetchall())
    return {
        word: known
        for word, known in near.items()
        if entries.get(known, 0) >= TIMES_AS_COMMON * max(1, entries.get(word, 0))
    }
