"""Forms of a page as anybody may send them, and what people who mean no good put into them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from lxml.html import HtmlElement

from tests.pages import test_access as access

APPS = ("accounts", "catalogue", "funding", "fraud", "ila")
ROOT = Path(__file__).resolve().parent.parent.parent
EVIL = "evil.example"
# What is not of the page: its script would run where the mark stands unescaped.
INJECTED = """"'><ila-injected onload=alert(1)></ila-injected><script>alert(1)</script>"""

# By what it is: the text that goes into every field.
NONSENSE = {
    "empty": "",
    "null byte": "a\x00b",
    "injected": INJECTED,
    "long": "x" * 70_000,
    "no number": "9" * 40,
    "below zero": "-1",
    "other letters": "\u202e\u0660\ufeff\U0001f4a9\ud7ff",
    "percent": "%s %(x)s {0} {{ 7*7 }} ../../etc/passwd",
}
# Who looks at a page for all others that may: see tests/browser/test_axe_walk.py.
ORDER = (
    *("anonymous", "learner", "provider", "employer", "payment_officer", "case_worker", "auditor"),
    *("other_learner", "other_provider"),
)
# They end the session or change its language in the middle of a walk.
LEFT_OUT = {"/accounts/logout/", "/language/"}


@dataclass
class Form:
    """A form of a page. files: the names of its fields for files; where: the addresses its buttons send it to."""

    where: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def filled(self, text: str, *, hidden: bool) -> dict[str, Any]:
        """What is sent when every field says the same; the hidden ones too when wanted."""
        data: dict[str, Any] = {
            name: text if hidden or name not in self.hidden else value for name, value in self.fields.items()
        }
        for name in self.files:
            data[name] = SimpleUploadedFile(f"{text[:40]}.php", text.encode("utf-8", "surrogatepass"))
        return data


def looked_at_by(part: str) -> dict[str, dict[str, int]]:
    """The rows of the table that this part looks at for all who come after it."""
    before = ORDER[: ORDER.index(part)]
    return {
        name: row
        for name, row in access.EXPECTED.items()
        if row[part] == 200 and all(row[other] != 200 for other in before)
    }


def forms_of(page: HtmlElement, address: str) -> Iterator[Form]:
    """The forms of a page, each button's address as a form of its own."""
    for element in page.forms:
        method = (element.get("method") or "get").lower()
        targets = {element.get("action") or address}
        targets |= {
            each.get("formaction") for each in element.iter("button", "input") if each.get("formaction")
        }
        for where in sorted(targets - LEFT_OUT):
            made = Form(where, method)
            for control in element.iter("input", "select", "textarea", "button"):
                name = control.get("name")
                if not name or name == "csrfmiddlewaretoken":
                    continue
                if control.get("type") == "file":
                    made.files.add(name)
                    continue
                if control.get("type") == "hidden" or control.tag == "button":
                    made.hidden.add(name)
                made.fields[name] = control.get("value") or ""
            yield made


def sent(client: Client, form: Form, data: dict[str, Any]) -> Any:
    """The answer to a form; what it did to the database is undone."""
    with transaction.atomic():
        answer = client.get(form.where, data) if form.method == "get" else client.post(form.where, data)
        transaction.set_rollback(True)
    return answer


def leads_away(answer: Any) -> bool:
    """Whether an answer sends the browser to another site."""
    target = answer.headers.get("Location", "").replace("\\", "/").strip()
    host = urlsplit(target).netloc
    return host not in {"", "testserver"} or target.startswith("//")


def parameters() -> set[str]:
    """Every name that a view reads from an address."""
    found = {"next", "page", "q"}
    for app in APPS:
        for file in (ROOT / app).rglob("*.py"):
            found |= set(re.findall(r'GET(?:\.get|\.getlist)?[\[(]"(\w+)"', file.read_text()))
    return found
