"""What an entry says of itself, in words: for who examines it, and for the public."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from catalogue import provider_words as words
from catalogue import words as catalogue_words
from catalogue.models import EntryVersion, MicroCredential
from catalogue.selectors import completeness as selected

HTML = ("goals_html", "content_html")
ELSEWHERE = frozenset(
    {"title", "kind", "goals_html", "content_html", "language", "hours", "price_cents", "has_prerequisites"}
)


COMPARED = ("workload", "assessment_type", "certifies", "stackable")


def elements_of(one: MicroCredential) -> list[tuple[Any, Any, bool]]:
    """Every element of an entry in words: label, value, whether the value is HTML that was cleaned."""
    return [
        (words.ELEMENTS[name], _shown(one, name, value), name in HTML and bool(value))
        for name, value in _values(one)
        if name not in ("price_cents", "title")
    ]


def told_of(one: MicroCredential) -> list[tuple[Any, Any]]:
    """What an entry tells beside its title, texts, price and hours, which its page shows by themselves."""
    return [
        (words.ELEMENTS[name], _shown(one, name, value))
        for name, value in _values(one)
        if name not in ELSEWHERE and value is not None and value not in ("", [])
    ]


def untold_of(one: MicroCredential) -> list[Any]:
    """What a catalogue entry has to tell and this one does not: left open, which is not the same as no."""
    return [
        words.ELEMENTS[each.name]
        for each in selected.completeness(one, selected.description_of(one)).elements
        if each.needed and not each.told and (each.name in HTML or each.name not in ELSEWHERE)
    ]


def compared(ids: Sequence[int]) -> list[tuple[Any, list[Any]]]:
    """Elements side by side for these entries, in their order. One query."""
    found = MicroCredential.objects.select_related("description").in_bulk(ids)
    entries = [(found[pk], selected.description_of(found[pk])) for pk in ids]
    return [
        (
            words.ELEMENTS[name],
            [_shown(one, name, selected.value_of(one, description, name)) for one, description in entries],
        )
        for name in COMPARED
    ]


def changes_of(one: MicroCredential, version: EntryVersion) -> list[tuple[Any, Any, Any, bool]]:
    """What a version changes, in words: label, before, after, whether the values are HTML that was cleaned."""
    return [
        (
            words.ELEMENTS[name],
            _shown(one, name, version.before[name]),
            _shown(one, name, value),
            name in HTML,
        )
        for name, value in version.values.items()
    ]


def _values(one: MicroCredential) -> Iterator[tuple[str, Any]]:
    description = selected.description_of(one)
    for name, _step, _needed in selected.ELEMENTS:
        yield name, selected.value_of(one, description, name)


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
