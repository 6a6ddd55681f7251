"""What an entry says of itself, in words: for who examines it, and for the public."""

from __future__ import annotations

from typing import Any

from catalogue import provider_words as words
from catalogue import words as catalogue_words
from catalogue.models import MicroCredential
from catalogue.selectors import completeness as selected

HTML = ("goals_html", "content_html")
ELSEWHERE = frozenset(
    {"title", "kind", "goals_html", "content_html", "language", "hours", "price_cents", "has_prerequisites"}
)


def elements_of(one: MicroCredential) -> list[tuple[Any, Any, bool]]:
    """Every element of an entry in words: label, value, whether the value is HTML that was cleaned."""
    description = selected.description_of(one)
    rows = []
    for name, _step, _needed in selected.ELEMENTS:
        value = selected.value_of(one, description, name)
        if name in ("price_cents", "title"):
            continue
        rows.append((words.ELEMENTS[name], _shown(one, name, value), name in HTML and bool(value)))
    return rows


def _shown(one: MicroCredential, name: str, value: Any) -> Any:
    if value is None or value in ("", []):
        return words.YES_NO[None]
    if isinstance(value, bool):
        return words.YES_NO[value]
    if name == "workload":
        return f"{value.normalize():f} {words.word(words.WORKLOAD_SCHEMES, str(one.workload_scheme))}"
    named = {
        "kind": catalogue_words.KINDS,
        "language": catalogue_words.LANGUAGES,
        "certifies": words.CERTIFIES,
        "participation": words.PARTICIPATION,
    }.get(name)
    if named is not None:
        return catalogue_words.word(dict(named), value)
    return ", ".join(value) if isinstance(value, list) else value
