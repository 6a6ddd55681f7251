"""Awards to look at, and an adversary's tools."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import RSAKey

from accounts.models import Citizen
from accounts.services import service_users
from catalogue.awards import tokens
from catalogue.models import Award, MicroCredential
from catalogue.services import awards
from catalogue.services.awards import Completion
from tests.factories.accounts import CitizenFactory
from tests.factories.catalogue import MicroCredentialFactory, ProviderFactory

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
GOALS = "<p>Plan, run and close a project.</p><ul><li>cut work into <em>parts</em></li><li>lead a review</li></ul>"


def make_entry(**facts: Any) -> MicroCredential:
    """A registered micro-credential of a provider in Lyon."""
    values: dict[str, Any] = {
        "title": "Agile methods",
        "goals_html": GOALS,
        "language": "fr",
        "provider": ProviderFactory.create(name="Atelier des compétences", city="Lyon"),
    }
    return MicroCredentialFactory.create(**(values | facts))


def make_completion(
    entry: MicroCredential | None = None, *, citizen: Citizen | None = None, **facts: Any
) -> Completion:
    """A training done and assessed, unless told otherwise."""
    made = Completion(
        source=uuid.uuid4(),
        citizen=citizen or CitizenFactory.create(given_name="Camille", family_name="Durand"),
        micro_credential=entry or make_entry(),
        assessed=True,
        mode="blended",
        attended_percent=95,
        starts=datetime(2026, 10, 5, 7, 0, tzinfo=UTC),
        ends=datetime(2026, 10, 9, 15, 0, tzinfo=UTC),
        quality_assurance="Qualiopi",
    )
    return replace(made, **facts)


def make_award(
    entry: MicroCredential | None = None, *, citizen: Citizen | None = None, **facts: Any
) -> Award:
    """An award, issued now."""
    completion = make_completion(entry, citizen=citizen, **facts)
    return awards.issue_award(actor=service_users.get("clock"), completion=completion)


@cache
def stranger_key() -> RSAKey:
    """A key that is not ours."""
    return tokens.new_key()


def encoded(value: Any) -> str:
    """A part of a token, from JSON or from raw text."""
    data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Header, claims and signature."""
    header, claims, signature = token.split(".")
    return decoded(header), decoded(claims), signature


def decoded(part: str) -> Any:
    """A part of a token as JSON."""
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def signed_by(key: Any, header: dict[str, Any], claims: Any, algorithm: str = "RS256") -> str:
    """A token signed by somebody, with whatever header they like."""
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jws.serialize_compact(header, payload.encode(), key, registry=registry)
