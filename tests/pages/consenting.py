"""Filling in a form of consent as a browser does."""

from __future__ import annotations

from typing import Any, cast

from django.test import Client
from lxml import html


def form_of(client: Client, address: str) -> dict[str, str]:
    """The fields of the form of consent on that page, with its box ticked."""
    return fields_of(client.get(address).content)


def fields_of(content: bytes) -> dict[str, str]:
    """The hidden fields of the form of consent on a page, and its tick. Line breaks as browsers send them."""
    page = html.fromstring(content.decode())
    found = cast("list[Any]", page.xpath("//form[.//input[@name='consent']]//input[@type='hidden']"))
    fields = {field.get("name"): field.get("value", "") for field in found}
    fields.pop("csrfmiddlewaretoken", None)
    return {name: value.replace("\n", "\r\n") for name, value in fields.items()} | {"consent": "on"}


def shown_text(content: bytes) -> str:
    """The text of the consent as a page shows it."""
    page = html.fromstring(content.decode())
    (found,) = cast("list[Any]", page.xpath("//*[@id='consent-text']"))
    return str(found.text_content())
