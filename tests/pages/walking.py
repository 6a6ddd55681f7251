"""Looking at a page as it was sent: what a screen reader, a printer or a stranger's site would stumble over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import trans_real
from lxml import html
from lxml.html import HtmlElement

TITLE_END = " – ila"
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "headers")
NO_CONTROL = {"hidden", "submit", "button", "image", "reset"}
# Whose addresses the browser loads or sends forms to; links may lead elsewhere.
LOADED = (
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("form", "action"),
    ("button", "formaction"),
    ("iframe", "src"),
    ("object", "data"),
    ("image", "href"),
)


def is_page(answer: Any) -> bool:
    """Whether an answer is a page to read, rather than a file."""
    return bool(
        answer.status_code == 200
        and answer.headers.get("Content-Type", "").startswith("text/html")
        and not answer.headers.get("Content-Disposition", "").startswith("attachment")
    )


def walk(
    client: Client,
    part: str,
    table: dict[str, dict[str, int]],
    arguments: Callable[[str], dict[str, Any]],
    *,
    passed: Callable[[], object] = lambda: None,
) -> Iterator[tuple[str, str, HtmlElement]]:
    """Every page that a part may open: its name in the table, its address, the page. passed: called for files."""
    for name, row in table.items():
        if row[part] != 200:
            continue
        address = reverse(name, kwargs=arguments(name))
        answer = client.get(address)
        if is_page(answer):
            yield name, address, html.document_fromstring(answer.content)
        else:
            passed()


def text_of(element: HtmlElement) -> str:
    """The words of an element, in one line."""
    return " ".join(element.text_content().split())


def texts(page: HtmlElement) -> Iterator[str]:
    """Every piece of text in the page's own language that a person reads or hears, in one line each."""
    for element in page.iter():
        if not isinstance(element.tag, str) or element.tag in {"script", "style"}:
            continue
        if element.xpath("string(ancestor-or-self::*[@lang][1]/@lang)") != page.get("lang"):
            continue
        pieces = [element.text] if element.tag != "textarea" else []
        pieces += [child.tail for child in element]
        pieces += [element.get(each) for each in ("alt", "title", "aria-label", "placeholder")]
        for piece in pieces:
            line = " ".join((piece or "").split())
            if line:
                yield line


# -- faults -----------------------------------------------------------------------------------------------------------


def faults_of(page: HtmlElement, *, language: str = "en") -> list[str]:
    """What is wrong with a page, in words; empty when nothing is."""
    checks = (
        _faults_of_head(page, language),
        _faults_of_ids(page),
        _faults_of_controls(page),
        _faults_of_names(page),
        _faults_of_headings(page),
        _faults_of_tables(page),
        _faults_of_policy(page),
        _faults_of_addresses(page),
    )
    return [fault for found in checks for fault in found]


def _shown(element: HtmlElement) -> str:
    return html.tostring(element, encoding="unicode", with_tail=False)[:140].replace("\n", " ")


def _of_class(page: HtmlElement, name: str) -> list[HtmlElement]:
    return page.xpath("//*[contains(concat(' ', normalize-space(@class), ' '), $name)]", name=f" {name} ")


def _faults_of_head(page: HtmlElement, language: str) -> Iterator[str]:
    if page.get("lang") != language:
        yield f"lang is {page.get('lang')}"
    title = page.findtext("head/title") or ""
    if not title.endswith(TITLE_END) or not title.removesuffix(TITLE_END).strip():
        yield f"title {title!r}"
    if language != "en":
        return
    summary = _of_class(page, "govuk-error-summary")
    if bool(summary) != title.startswith("Error: "):
        yield f"title {title!r} with {len(summary)} error summaries"
    # A place for what a script may say is empty until it does.
    if [each for each in _of_class(page, "govuk-error-message") if text_of(each)] and not summary:
        yield "an error at a field without a summary"


def _faults_of_ids(page: HtmlElement) -> Iterator[str]:
    ids = Counter(page.xpath("//@id"))
    for name, number in ids.items():
        if number > 1:
            yield f"id {name!r} {number} times"
    for attribute in REFERENCES:
        for value in page.xpath(f"//@{attribute}"):
            for name in value.split():
                if name not in ids:
                    yield f"{attribute}={name!r} leads nowhere"
    for target in page.xpath("//a/@href"):
        if target.startswith("#") and target[1:] and target[1:] not in ids:
            yield f"link {target} leads nowhere"


def _name_of(page: HtmlElement, element: HtmlElement) -> str:
    label = element.get("aria-label", "")
    for name in element.get("aria-labelledby", "").split():
        label += "".join(text_of(each) for each in page.xpath("//*[@id=$name]", name=name))
    return label.strip()


def _content_name(element: HtmlElement) -> str:
    alternatives = "".join(element.xpath(".//img/@alt")) + "".join(element.xpath(".//*/@aria-label"))
    return text_of(element) + alternatives


def _faults_of_controls(page: HtmlElement) -> Iterator[str]:
    labelled = {label.get("for") for label in page.iter("label") if text_of(label)}
    for control in page.iter("input", "select", "textarea"):
        if control.tag == "input" and control.get("type", "text") in NO_CONTROL:
            if control.get("type") in {"submit", "button", "reset"} and not control.get("value"):
                yield f"a button without words: {_shown(control)}"
            continue
        around = next((each for each in control.iterancestors("label") if text_of(each)), None)
        if control.get("id") not in labelled and around is None and not _name_of(page, control):
            yield f"no label: {_shown(control)}"


def _faults_of_names(page: HtmlElement) -> Iterator[str]:
    for each in page.xpath("//button | //a[@href] | //summary"):
        if not _content_name(each) and not _name_of(page, each):
            yield f"no name: {_shown(each)}"
    for image in page.iter("img"):
        if image.get("alt") is None:
            yield f"a picture without alt: {_shown(image)}"
    for picture in page.xpath("//*[local-name()='svg'][not(ancestor::*[@aria-hidden='true'])]"):
        titles = picture.xpath("./*[local-name()='title']")
        if picture.get("aria-hidden") != "true" and not titles and not _name_of(page, picture):
            yield f"a drawing without a name: {_shown(picture)}"
    for group in page.iter("fieldset"):
        legend = group.find("legend")
        if (legend is None or not text_of(legend)) and not _name_of(page, group):
            yield f"a group without a legend: {_shown(group)}"


def _faults_of_headings(page: HtmlElement) -> Iterator[str]:
    headings = page.xpath("//h1 | //h2 | //h3 | //h4 | //h5 | //h6")
    firsts = [each for each in headings if each.tag == "h1"]
    if len(firsts) != 1:
        yield f"{len(firsts)} headings of the first level"
    level = 1
    for heading in headings:
        if not text_of(heading):
            yield f"an empty heading: {_shown(heading)}"
        here = int(heading.tag[1])
        if here > level + 1:
            yield f"{heading.tag} {text_of(heading)!r} after h{level}"
        level = here
    if len(page.xpath("//main")) != 1:
        yield "no main part, or several"


def _faults_of_tables(page: HtmlElement) -> Iterator[str]:
    for table in page.iter("table"):
        if table.find("caption") is None and not _name_of(page, table):
            yield f"a table without a caption: {_shown(table)}"
        for cell in table.iter("th"):
            if cell.get("scope") not in {"col", "row", "colgroup", "rowgroup"}:
                yield f"a heading cell without scope: {_shown(cell)}"
        if not list(table.iter("th")):
            yield f"a table without headings: {_shown(table)}"


def _faults_of_policy(page: HtmlElement) -> Iterator[str]:
    for element in page.iter():
        if not isinstance(element.tag, str):
            continue
        for name in element.keys():  # noqa: SIM118 - an element is no mapping
            if name == "style" or name.startswith("on"):
                yield f"{name} in the page: {_shown(element)}"
    for script in page.iter("script"):
        # A block of data is no script: browsers do not run it.
        if not script.get("src") and script.get("type") not in {"application/ld+json", "application/json"}:
            yield f"a script in the page: {_shown(script)}"
    yield from (f"a style in the page: {_shown(style)}" for style in page.iter("style"))


def _faults_of_addresses(page: HtmlElement) -> Iterator[str]:
    for tag, attribute in LOADED:
        for element in page.iter(tag):
            if tag == "link" and element.get("rel") in {"canonical", "alternate"}:
                continue
            if re.match(r"(?:[a-z]+:)?//", element.get(attribute, "")):
                yield f"from elsewhere: {_shown(element)}"
    for link in page.xpath("//a[@href]"):
        if re.match(r"\s*(javascript|data|vbscript):", link.get("href"), re.IGNORECASE):
            yield f"a link that is code: {_shown(link)}"


# -- words ------------------------------------------------------------------------------------------------------------


@contextmanager
def untranslated(language: str) -> Iterator[set[str]]:
    """The strings that were asked for in a language and are in none of its catalogues."""
    missing: set[str] = set()
    catalogue: Any = trans_real.translation(language)
    one, many = catalogue.gettext, catalogue.ngettext

    def gettext(message: str) -> str:
        if message and catalogue._catalog.get(message) is None:
            missing.add(message.replace("\x04", " | "))
        return one(message)

    def ngettext(singular: str, plural: str, number: int) -> str:
        try:
            catalogue._catalog.plural(singular, number)
        except KeyError:
            missing.add(singular.replace("\x04", " | "))
        return many(singular, plural, number)

    catalogue.gettext, catalogue.ngettext = gettext, ngettext
    try:
        with translation.override(language):
            yield missing
    finally:
        del catalogue.gettext, catalogue.ngettext


def said_otherwise(language: str) -> set[str]:
    """The English strings that read otherwise in a language: none of them belongs on one of its pages."""
    catalogue: Any = trans_real.translation(language)
    known: set[str] = set()
    for message in catalogue._catalog.keys():  # noqa: SIM118 - a catalogue is no mapping
        english = message[0] if isinstance(message, tuple) else message
        text = catalogue._catalog.get(message)
        if (
            isinstance(english, str)
            and "\x04" not in english
            and text
            and text != english
            and "%(" not in text
        ):
            known.add(" ".join(english.split()))
    return known
