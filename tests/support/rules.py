"""Schemes with rules of their own: CPF's, with some parameters changed."""

from __future__ import annotations

from itertools import count
from typing import Any

from funding.models import Scheme
from funding.schemes.presets import load_preset, override
from tests.factories.accounts import UserFactory

_numbers = count(1)


def scheme_with(**rules: Any) -> Scheme:
    """A scheme like CPF but for these parameters."""
    preset = load_preset("cpf")
    scheme = Scheme.objects.create(
        code=f"cpf-{next(_numbers)}",
        name="CPF, changed",
        country=preset.country,
        timezone=preset.timezone,
        currency=preset.currency,
    )
    author, approver = UserFactory.create(), UserFactory.create()
    ends = [valid_from for valid_from, _ in preset.versions[1:]]
    for (valid_from, base), until in zip(preset.versions, [*ends, None], strict=True):
        scheme.versions.create(
            valid_from=valid_from,
            valid_until=until,
            rules=override(base, rules).model_dump(mode="json"),
            author=author,
            approver=approver,
        )
    return scheme
