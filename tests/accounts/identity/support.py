"""What tests of e-identities share: a provider in the settings, a browser that goes there and back."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from accounts.identity import indexes
from accounts.identity.facts import BirthDate, Person, Proved, comparable
from accounts.models import Citizen, CitizenMark
from accounts.models.identities import Level
from tests.accounts.identity.hostile import CAMILLE, Provider
from tests.factories.accounts import CitizenFactory

NIR = "2 90 02 69 123 456 86"


def configure(settings: Any, *configs: dict[str, Any]) -> None:
    """Let the installation know these providers, and nothing of earlier ones."""
    settings.E_IDENTITY_PROVIDERS = json.dumps(list(configs))
    settings.E_IDENTITY_TIMEOUT = 5
    cache.clear()


def start(
    client: Client, *, provider: str = "national", next_url: str = "/bookings/", strong: bool = False
) -> str:
    """Begin a sign-in; the address at the provider."""
    query = {"next": next_url} | ({"strong": "1"} if strong else {})
    answer = client.get(f"/accounts/e-identity/with/{provider}/", query)
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["Location"]


def come_back(client: Client, address: str) -> HttpResponse:
    """The provider sends the browser back."""
    parts = urlsplit(address)
    found: Any = client.get(f"{parts.path}?{parts.query}")
    return found


def prove(client: Client, provider: Provider, **more: Any) -> HttpResponse:
    """There and back."""
    return come_back(client, provider.visit(start(client, **more)))


def registered(**more: Any) -> Citizen:
    """A citizen whom an agency registered in advance: Camille, unless told otherwise."""
    marks = more.pop("marks", {"birth_place": "69123"})
    values = {
        "user": None,
        "given_name": "Camille",
        "family_name": "Durand",
        "birth_date": date(1990, 2, 3),
    } | more
    citizen = CitizenFactory.create(**values)
    for kind, value in marks.items():
        CitizenMark.objects.create(
            citizen=citizen, kind=kind, index=indexes.index_of(kind, comparable(kind, value))
        )
    return citizen


def person(**more: Any) -> Person:
    """Camille, as a provider tells of her."""
    values = {
        "given_name": CAMILLE["given_name"],
        "family_name": CAMILLE["family_name"],
        "birth_date": BirthDate(1990, 2, 3),
        "facts": {"birth_place": "69123"},
    } | more
    return Person(**values)  # type: ignore[arg-type]


def proved(config: dict[str, Any], **more: Any) -> Proved:
    """An answer of a provider that was believed."""
    values = {
        "provider": config["id"],
        "issuer": config["issuer"],
        "subject": "s-camille",
        "acr": "eidas2",
        "level": Level.SUBSTANTIAL,
        "at": 1_767_225_600.0,
        "person": person(),
        "email": "",
        "email_verified": False,
    } | more
    return Proved(**values)


CONFIG = {
    "id": "national",
    "name": "National ID",
    "issuer": "https://id.example.org",
    "client_id": "ila",
    "client_secret": "secret",
    "levels": {"eidas1": "low", "eidas2": "substantial", "eidas3": "high"},
}


def code_in_mail() -> str:
    """The code in the latest mail."""
    found = re.search(r"^\d{6}$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found is not None, mail.outbox[-1].body
    return found[0]
