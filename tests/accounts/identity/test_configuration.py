"""What an operator may configure, and what is told of a configuration that cannot work; never its secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.identity import indexes
from accounts.identity.checks import check_providers
from accounts.identity.configuration import providers
from accounts.models.identities import Level
from tests.accounts.identity.support import CONFIG


def configured(settings: Any, *configs: dict[str, Any]) -> Any:
    settings.E_IDENTITY_PROVIDERS = json.dumps(configs)
    return providers()


def test_no_providers_are_configured_by_saying_nothing(settings: Any) -> None:
    settings.E_IDENTITY_PROVIDERS = " "
    assert not providers()
    assert check_providers() == []


def test_classes_of_assurance_are_asked_for_from_the_least_on(settings: Any) -> None:
    config = configured(settings, CONFIG)["national"]
    assert config.acr_values(Level.WEAK) == ["eidas1", "eidas2", "eidas3"]
    assert config.acr_values(Level.SUBSTANTIAL) == ["eidas2", "eidas3"]
    assert config.acr_values(Level.HIGH) == ["eidas3"]
    assert check_providers() == []


def test_a_secret_may_be_in_a_file(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from the file\n")
    told = {**CONFIG, "client_secret": "", "client_secret_file": str(path)}
    assert configured(settings, told)["national"].secret == "from the file"
    path.unlink()
    assert [error.id for error in check_providers()] == ["accounts.E001"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issuer": "http://id.example.org"}, "must be https"),
        ({"issuer": "https://id.example.org/?a=b"}, "neither query nor fragment"),
        ({"issuer": "https://user:pass@id.example.org"}, "no address of a server"),
        ({"issuer": "ftp://127.0.0.1"}, "must be https"),
        ({"discovery": "http://id.example.org/x"}, "must be https"),
        ({"algorithms": ["none"]}, "choose from"),
        ({"algorithms": ["HS256"]}, "choose from"),
        ({"algorithms": []}, "choose from"),
        ({"levels": {}}, "levels"),
        ({"levels": {"a": "low"}}, "one class at least"),
        ({"levels": {"a": "enormous"}}, "levels"),
        ({"id": "Not A Slug"}, "id"),
        ({"id": "x" * 19}, "id"),
        ({"unknown": 1}, "unknown"),
        ({"client_secret": ""}, "either client_secret"),
        ({"claims": {"national_id": "nir"}}, "belong together"),
        ({"claims": {"national_id": "nir"}, "national_id_kind": "fr.nonsense"}, "no kind of national number"),
        ({"freshness": "never"}, "freshness"),
        ({"country": "France"}, "country"),
    ],
)
def test_what_cannot_work_is_told_without_its_secrets(
    settings: Any, change: dict[str, Any], said: str
) -> None:
    told = {**CONFIG, "client_secret": "very-secret-words", **change}
    with pytest.raises(ImproperlyConfigured, match=said) as refusal:
        configured(settings, told)
    assert "very-secret-words" not in str(refusal.value)
    (error,) = check_providers()
    assert said in str(error.msg)


@pytest.mark.parametrize("text", ["{", "{}", "7", '["x"]'])
def test_what_is_no_list_of_providers(settings: Any, text: str) -> None:
    settings.E_IDENTITY_PROVIDERS = text
    with pytest.raises(ImproperlyConfigured):
        providers()


@pytest.mark.parametrize("other", [{"id": "other"}, {"issuer": "https://other.example.org"}])
def test_providers_are_told_apart(settings: Any, other: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match="two providers"):
        configured(settings, CONFIG, {**CONFIG, **other})


def test_keys_of_indexes_are_changed_without_losing_anybody(settings: Any) -> None:
    before = indexes.index_of("birth_place", "69123")
    settings.BLIND_INDEX_SECRETS = [
        "another secret that is long enough to be one",
        *settings.BLIND_INDEX_SECRETS,
    ]
    now, former = indexes.candidates_of("birth_place", "69123")
    assert former == before
    assert now != before
    assert indexes.index_of("email", "69123") != now
    settings.BLIND_INDEX_SECRETS = ["short"]
    with pytest.raises(ImproperlyConfigured, match="fewer than 32"):
        indexes.index_of("email", "x")
    settings.BLIND_INDEX_SECRETS = []
    assert not indexes.is_configured()
    with pytest.raises(ImproperlyConfigured, match="must be set"):
        indexes.index_of("email", "x")
