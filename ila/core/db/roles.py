"""The two database roles: the owner, who migrates, and the application, which does everything else.

The application role follows from the owner's name and password, so that nothing has to be stored or passed
around: whoever knows the owner's address can derive the application's, and never the other way round.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping

APP_ROLE_PREFIX = "ila_app_"


@functools.lru_cache(maxsize=8)
def _derive(user: str, password: str) -> bytes:
    # Role names are public in a cluster, so the name must not let anybody try passwords fast.
    return hashlib.pbkdf2_hmac(
        "sha256", password.encode(), b"ila application role|" + user.encode(), 20_000, 64
    )


def application_role(owner: Mapping[str, str]) -> tuple[str, str]:
    """Name and password of the application role that belongs to this owner (parts of its address).

    An owner that signs in without a password (socket, certificate) gets an application role without one.
    """
    password = owner.get("password", "")
    derived = _derive(owner["user"], password)
    return f"{APP_ROLE_PREFIX}{derived[:6].hex()}", derived[32:].hex() if password else ""


def application_parts(owner: Mapping[str, str]) -> dict[str, str]:
    """The application's address for the owner's: same server and database, derived role."""
    name, password = application_role(owner)
    parts = {key: value for key, value in owner.items() if key not in {"user", "password"}}
    parts["user"] = name
    if password:
        parts["password"] = password
    return parts
