"""How somebody signed in is told in words, in the reader's language."""

import json
from typing import Any

import pytest
from django.utils import translation

from accounts.templatetags.sign_ins import sign_in_way

PROVIDER = {"id": "franceconnect", "name": "FranceConnect", "issuer": "https://fc.example"}
PROVIDER |= {"client_id": "ila", "client_secret": "s" * 40, "country": "FR"}


@pytest.mark.parametrize(
    ("method", "french"),
    [
        ("password", "mot de passe"),
        ("password+app", "mot de passe + application d’authentification"),
        ("passkey", "clé d’accès"),
        ("e-identity:gone", "e-identité par gone"),
    ],
)
def test_a_way_of_signing_in_is_told_in_words(method: str, french: str) -> None:
    with translation.override("fr"):
        assert sign_in_way(method) == french


def test_an_e_identity_is_told_by_its_providers_name(settings: Any) -> None:
    settings.E_IDENTITY_PROVIDERS = json.dumps([{**PROVIDER, "levels": {"eidas2": "strong"}}])
    assert sign_in_way("e-identity:franceconnect") == "e-identity by FranceConnect"
