"""Filling in a form of a page with what somebody had filled in before: as a browser would after the back button."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from lxml import html
from lxml.html import HtmlElement

# Neither what only the server writes, nor secrets, nor buttons; a browser fills in no files.
NOT_FILLED = frozenset({"hidden", "password", "file", "submit", "button", "image", "reset"})


@dataclass(frozen=True)
class Banner:
    """What is said above the page's content: where the form was found and filled in, and where it was not."""

    filled: str
    lost: str


def fill(text: str, *, page: str, target: str, fields: Mapping[str, list[str]], banner: Banner) -> str:
    """The page with its form to `target` filled in, and a banner that says so at the top of its content.

    page, target: addresses on this server. Values of fields that the form no longer has are left out.
    """
    document = html.document_fromstring(text)
    forms = [form for form in document.iter("form") if _goes_to(form, page, target)]
    form = max(forms, key=lambda each: len(_names(document, each) & set(fields)), default=None)
    if form is not None:
        left = {name: list(values) for name, values in fields.items()}
        for control in _controls(document, form):
            _set(control, left)
    for main in document.iter("main"):
        said = html.fragment_fromstring(banner.lost if form is None else banner.filled)
        said.tail = main.text
        main.text = None
        main.insert(0, said)
    return str(html.tostring(document, doctype="<!DOCTYPE html>", encoding="unicode"))


def _goes_to(form: HtmlElement, page: str, target: str) -> bool:
    method = (form.get("method") or "get").lower()
    return method == "post" and urljoin(page, form.get("action") or page) == target


def _controls(document: HtmlElement, form: HtmlElement) -> Iterator[HtmlElement]:
    for control in document.iter("input", "select", "textarea"):
        owner = control.get("form")
        inside = form in control.iterancestors("form")
        if control.get("name") and (owner == form.get("id") if owner else inside):
            yield control


def _names(document: HtmlElement, form: HtmlElement) -> set[str]:
    return {control.get("name") for control in _controls(document, form)}


def _set(control: HtmlElement, left: dict[str, list[str]]) -> None:
    """Give one control its value; several of one name take theirs in order."""
    name, kind = control.get("name"), (control.get("type") or "text").lower()
    if control.tag == "input" and kind in NOT_FILLED:
        return
    values = left.get(name, [])
    if control.tag == "input" and kind in {"checkbox", "radio"}:
        _mark(control, "checked", control.get("value", "on") in values)
    elif control.tag == "select":
        if name in left:
            for option in control.iter("option"):
                _mark(option, "selected", option.get("value", option.text or "") in values)
    elif values:
        value = values.pop(0)
        if control.tag == "textarea":
            # A browser takes away one line break after the tag.
            control.text = f"\n{value}"
        else:
            control.set("value", value)


def _mark(element: HtmlElement, name: str, on: bool) -> None:
    if on:
        element.set(name, name)
    else:
        element.attrib.pop(name, None)
