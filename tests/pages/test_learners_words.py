"""What learners read comes in Dutch too, also what a page fills in: a walk sees only its own data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation.trans_real import DjangoTranslation

from catalogue import provider_words, stack_words
from funding import entry_words, explanations, fact_words, sentences, words
from funding.schemes import wording

ROOT = Path(__file__).resolve().parent.parent.parent
# The same in both languages.
SAME = {"Budget", "Student", "student", "FORMACODE", "Online", "%(n)s%%"}
FILLED_IN: dict[str, Any] = {
    **{
        name: getattr(words, name)
        for name in (
            "BOOKING_STATES",
            "BOOKING_EVENTS",
            "BOOKING_PLACES",
            "BUCKETS",
            "BUCKET_MEANINGS",
            "CLAIM_EVENTS",
            "CLAIM_KINDS",
            "CLAIM_STATES",
            "CONSENT_EVENTS",
            "CONSENT_STATES",
            "CERTIFICATES",
            "EXEMPTIONS",
            "EXIT_REASONS",
            "FLAGS",
            "OUTCOMES",
            "RECEIVABLE_EVENTS",
            "RECEIVABLE_STATES",
            "SOURCES",
            "STATUSES",
            "SUSPENSIONS",
            "NOT_ME_KINDS",
        )
    },
    "ENTRIES": entry_words.ENTRIES,
    "REFUSED": explanations.REFUSED,
    "REFUSED_BECAUSE": explanations.REFUSED_BECAUSE,
    "REFUSED_BY_RULE": explanations.REFUSED_BY_RULE,
    "WHY": explanations.WHY,
    "BY_RULE": sentences.BY_RULE,
    "STACK_DIRECTIONS": stack_words.DIRECTIONS,
    "STACK_LEFT_OUT": stack_words.LEFT_OUT,
    "ELEMENTS": provider_words.ELEMENTS,
    "CERTIFIES": provider_words.CERTIFIES,
    "FACTS": fact_words.NAMES,
    "CONDUCT": wording.CONDUCT,
    "ENDOWMENTS": wording.ENDOWMENTS,
}


def lazy(value: Any) -> Iterator[Promise]:
    """The texts of an entry of a table: by itself, or with a colour or a second text beside it."""
    for each in value if isinstance(value, tuple) else (value,):
        if isinstance(each, Promise):
            yield each


def said_in(language: str, text: Promise) -> str:
    with translation.override(language):
        return str(text)


@pytest.mark.parametrize("name", FILLED_IN)
def test_words_that_a_page_fills_in_are_dutch(name: str) -> None:
    texts = [text for value in FILLED_IN[name].values() for text in lazy(value)]
    assert texts
    english = [said for text in texts if (said := said_in("en", text)) == said_in("nl", text)]
    assert set(english) <= SAME, english


@pytest.mark.parametrize("module", ["plain", "plain_course", "topics", "wording"])
def test_the_plain_words_of_a_scheme_are_dutch(module: str) -> None:
    """Whoever reads about STAP reads Dutch; a sentence that was left out would stand there in English."""
    tree = ast.parse((ROOT / "funding" / "schemes" / f"{module}.py").read_text())
    calls = [
        call for call in ast.walk(tree) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    ]
    one = [call.args[0] for call in calls if call.func.id in {"_", "_now"}]  # type: ignore[attr-defined]
    many = [call.args[0] for call in calls if call.func.id == "ngettext"]  # type: ignore[attr-defined]
    keys: list[Any] = [each.value for each in one if isinstance(each, ast.Constant)]
    keys += [(each.value, 0) for each in many if isinstance(each, ast.Constant)]
    assert keys
    dutch = DjangoTranslation("nl")
    known = {key for catalogue in dutch._catalog._catalogs for key in catalogue}  # type: ignore[attr-defined]
    assert [key for key in keys if key not in known and key not in SAME] == []
