"""Words that a template says without asking for their translation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template import Template, engines
from django.template.base import Node, NodeList, TextNode
from lxml import html

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"
# Names and signs that are the same in every language.
SAME = {
    "ila",
    "utc",
    "iban",
    "bic",
    "csv",
    "json",
    "svg",
    "pdf",
    "id",
    "esco",
    "siret",
    "e-mail",
    "html",
    "m",
    "sha-256",
    "xlsx",
}
SPOKEN = ("alt", "title", "aria-label", "placeholder")
FILES = sorted(
    str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*") if path.suffix in {".html", ".txt"}
)


def said(nodes: NodeList) -> Iterator[str]:
    """What the template itself writes, in order, with a gap where something is filled in."""
    for node in nodes:
        yield node.s if isinstance(node, TextNode) else " \N{PER TEN THOUSAND SIGN} "
        for name in (*Node.child_nodelists, "nodelist_loop", "nodelist_empty"):
            inner = getattr(node, name, None)
            if inner and not (name == "nodelist" and getattr(node, "nodelist_loop", None)):
                yield from said(inner)
        for _condition, inner in getattr(node, "conditions_nodelists", ()):
            yield from said(inner)


def words(template: Template, *, markup: bool) -> Iterator[str]:
    """The pieces of text that hold a word of two letters or more."""
    source = "".join(said(template.nodelist))
    pieces = [source]
    if markup:
        page = html.fragment_fromstring(source, create_parent="div")
        pieces = [each.tail for each in page.iter()]
        pieces += [each.text for each in page.iter() if each.tag not in {"script", "style", "code"}]
        pieces += [each.get(name) for each in page.iter() for name in SPOKEN]
    for piece in pieces:
        # A file's name is its name in every language.
        for word in re.findall(r"[^\W\d_][\w-]+", re.sub(r"\b\w+\.csv\b", "", piece or "")):
            if word.lower() not in SAME:
                yield word


@pytest.mark.parametrize("name", FILES)
def test_a_template_marks_all_its_words_for_translation(name: str) -> None:
    template = engines["django"].get_template(name).template  # type: ignore[attr-defined]
    found = [*words(template, markup=name.endswith(".html"))]
    assert not found, f"{name} says in every language: {' '.join(found)}"
