"""The providers of national e-identity that an installation knows: read from the environment, checked at the start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from stdnum.exceptions import ValidationError as NumberError
from stdnum.util import get_cc_module

from accounts.models.identities import STRONG_LEVELS, Level

# What each strength is worth beside the others: an answer has to reach what was asked.
RANKS = {Level.WEAK: 0, Level.LOW: 0, Level.SUBSTANTIAL: 1, Level.STRONG: 1, Level.HIGH: 2}
# Signatures by public keys alone: an HMAC's key would be ours, and `none` is none.
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=18)]


def check_address(address: str, *, bare: bool = False) -> str:
    """The address, if what is spoken there cannot be listened to: https, or this machine itself.

    bare: without query and fragment. Raises: ValueError.
    """
    parts = urlsplit(address)
    if parts.username or parts.password or not parts.hostname:
        raise ValueError(f"{address!r} is no address of a server")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError(f"{address!r} must be https: only this machine itself is spoken to without")
    if bare and (parts.query or parts.fragment):
        raise ValueError(f"{address!r} must have neither query nor fragment")
    return address


class Claims(BaseModel):
    """Under which name a provider gives each fact; empty for one it does not give."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    given_name: str = "given_name"
    family_name: str = "family_name"
    birth_date: str = "birthdate"
    birth_place: str = "birthplace"
    email: str = "email"
    postcode: str = ""
    national_id: str = ""


class ProviderConfig(BaseModel):
    """One provider. levels: what each of its classes of assurance (`acr`) is worth."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Slug
    name: str = Field(min_length=1, max_length=60)
    issuer: str
    discovery: str = ""
    client_id: str = Field(min_length=1)
    client_secret: str = ""
    client_secret_file: str = ""
    token_auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"  # noqa: S105
    scope: tuple[str, ...] = ("openid", "profile", "email")
    levels: dict[str, Level] = Field(min_length=1)
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")
    claims: Claims = Claims()
    national_id_kind: str = ""
    country: str = Field(default="FR", pattern=r"^[A-Z]{2}$")
    trust_email: bool = False
    userinfo: bool = True
    # FranceConnect says nothing of when a person signed in, but always asks them to where `prompt=login` is sent.
    freshness: Literal["auth_time", "prompt"] = "auth_time"
    second_facts: tuple[Literal["birth_place", "email", "postcode"], ...] = (
        "birth_place",
        "email",
        "postcode",
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        return check_address(value, bare=True)

    @field_validator("algorithms")
    @classmethod
    def _algorithms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or set(value) - set(ALGORITHMS):
            raise ValueError(f"choose from {', '.join(ALGORITHMS)}")
        return value

    @model_validator(mode="after")
    def _whole(self) -> ProviderConfig:
        if self.discovery:
            check_address(self.discovery)
        if not any(level in STRONG_LEVELS for level in self.levels.values()):
            raise ValueError("levels: one class at least must be substantial, high or strong")
        if bool(self.claims.national_id) != bool(self.national_id_kind):
            raise ValueError("claims.national_id and national_id_kind belong together")
        if self.national_id_kind:
            check_national_id_kind(self.national_id_kind)
        if bool(self.client_secret) == bool(self.client_secret_file):
            raise ValueError("either client_secret or client_secret_file")
        return self

    @property
    def secret(self) -> str:
        """The secret we share with the provider."""
        return self.client_secret or Path(self.client_secret_file).read_text().strip()

    @property
    def discovery_address(self) -> str:
        return self.discovery or f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    def acr_values(self, least: Level) -> list[str]:
        """The classes that reach that level, the least demanding first: most people have it."""
        reached = [
            (RANKS[level], place, acr)
            for place, (acr, level) in enumerate(self.levels.items())
            if RANKS[level] >= RANKS[least]
        ]
        return [acr for _rank, _place, acr in sorted(reached)]


def national_id(kind: str, value: str) -> str | None:
    """A national number in its one way of writing, or None where it is not one. kind: as in `fr.nir`, `be.nn`."""
    country, _, name = kind.partition(".")
    module = get_cc_module(country, name)
    if module is None:
        return None
    try:
        return str(module.validate(value))
    except NumberError:
        return None


def check_national_id_kind(kind: str) -> None:
    """Raises: ValueError for a kind of number that nobody here can check."""
    country, _, name = kind.partition(".")
    try:
        known = get_cc_module(country, name)
    except (ImportError, ValueError):
        known = None
    if known is None:
        raise ValueError(f"{kind!r} is no kind of national number that can be checked, like fr.nir or be.nn")


def providers() -> Mapping[str, ProviderConfig]:
    """The providers by their id, in the order of the configuration. Raises: ImproperlyConfigured."""
    return _parsed(settings.E_IDENTITY_PROVIDERS)


@lru_cache(maxsize=32)
def _parsed(text: str) -> Mapping[str, ProviderConfig]:
    if not text.strip():
        return {}
    try:
        found = [ProviderConfig.model_validate(each) for each in _listed(text)]
    except ValidationError as error:
        # Never the input itself: it holds secrets.
        faults = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'provider'}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        )
        raise ImproperlyConfigured(f"E_IDENTITY_PROVIDERS: {faults}") from None
    by_id = {each.id: each for each in found}
    if len(by_id) != len(found):
        raise ImproperlyConfigured("E_IDENTITY_PROVIDERS: two providers have the same id")
    if len({each.issuer for each in found}) != len(found):
        raise ImproperlyConfigured("E_IDENTITY_PROVIDERS: two providers have the same issuer")
    return by_id


def _listed(text: str) -> list[object]:
    try:
        listed = json.loads(text)
    except ValueError:
        raise ImproperlyConfigured("E_IDENTITY_PROVIDERS is not JSON") from None
    if not isinstance(listed, list):
        raise ImproperlyConfigured("E_IDENTITY_PROVIDERS must be a list of providers")
    return listed
