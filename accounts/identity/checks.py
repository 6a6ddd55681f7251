"""A configuration that cannot work is told before anybody is sent to a provider."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from accounts.identity import indexes
from accounts.identity.configuration import providers


@register()
def check_providers(**_kwargs: Any) -> list[CheckMessage]:
    """The providers as they are configured, and the keys without which nobody they prove is found again."""
    try:
        known = providers()
        if known:
            indexes.index_of("check", "")
            for config in known.values():
                assert config.secret
    except (ImproperlyConfigured, OSError) as error:
        return [Error(str(error), id="accounts.E001")]
    return []
