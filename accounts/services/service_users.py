"""The named services that act by themselves: jobs, imports, webhooks. They can never sign in."""

from functools import cache
from typing import Any

from accounts.models import User

NAMES = ("bank", "cards", "catalogue-import", "clock", "demo", "fraud", "ledger", "not-me", "replay")
DOMAIN = "service.invalid"


def ensure(using: str = "default") -> None:
    """Create the service users that are missing."""
    unusable = "!"  # no password fits it
    users = [
        User(email=_address(name), display_name=name, is_service=True, password=unusable) for name in NAMES
    ]
    User.objects.using(using).bulk_create(users, ignore_conflicts=True)


def ensure_after_migrate(*, using: str, **_kwargs: Any) -> None:
    """Signal receiver: service users exist on every prepared database."""
    ensure(using)


@cache
def get(name: str) -> User:
    """The service user of that name. Raises: ValueError for a name nobody declared."""
    if name not in NAMES:
        raise ValueError(f"no service user is called {name!r}")
    return User.objects.get(email=_address(name))


def _address(name: str) -> str:
    return f"{name}@{DOMAIN}"
