"""National e-identity: which providers there are, and the keys by which people are found again."""

from __future__ import annotations

import os
from pathlib import Path

from ila.settings import environ

# A list of providers as JSON, or a file that holds it (docs/operations.md). None: there is no national e-identity.
_PROVIDERS_FILE = os.environ.get("E_IDENTITY_PROVIDERS_FILE", "")
E_IDENTITY_PROVIDERS = (
    Path(_PROVIDERS_FILE).read_text() if _PROVIDERS_FILE else os.environ.get("E_IDENTITY_PROVIDERS", "")
)
# Seconds until a provider is taken not to answer.
E_IDENTITY_TIMEOUT = float(os.environ.get("E_IDENTITY_TIMEOUT") or 10)
# What national numbers and the names of providers for people are kept under: the first secret makes the keyed hashes,
# the others still find what they made. They are needed as long as the citizens: a lost one finds nobody again.
BLIND_INDEX_SECRETS: list[str] = environ.words("BLIND_INDEX_SECRETS")

SOCIALACCOUNT_ADAPTER = "accounts.identity.provider.IdentityAccounts"
# What a provider said is believed once and kept nowhere.
SOCIALACCOUNT_STORE_TOKENS = False
