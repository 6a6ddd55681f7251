"""The `DATABASES` setting, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from ila.core.db.dsn import make_dsn, parse_dsn
from ila.core.db.embedded import DATABASE, OWNER
from ila.core.db.roles import application_parts

ENGINE = "ila.core.db.backend"
OPTIONS = "-c lock_timeout=5s -c timezone=UTC"
# A migration may wait for a long report to end; a request never waits for a lock longer than its user would.
OWNER_OPTIONS = "-c lock_timeout=60s -c timezone=UTC"


def databases(
    environ: Mapping[str, str], *, conn_max_age: int | None = 0, statement_timeout: str = ""
) -> dict[str, dict[str, Any]]:
    """`default` (the application role) and `owner` (for `migrate` alone), as the environment says.

    DATABASE_URL is the owner's address; DATABASE_APP_URL takes the place of the derived application role.
    Without DATABASE_URL both are on the embedded server, which is started by the first connection.
    """
    options = OPTIONS + (f" -c statement_timeout={statement_timeout}" if statement_timeout else "")
    url, app_url = environ.get("DATABASE_URL", ""), environ.get("DATABASE_APP_URL", "")
    embedded = not url
    if embedded and app_url:
        raise ImproperlyConfigured("DATABASE_APP_URL needs DATABASE_URL, the address of the owner role.")
    owner = {"user": OWNER, "dbname": DATABASE} if embedded else parse_dsn(url)
    app = parse_dsn(app_url, variable="DATABASE_APP_URL") if app_url else application_parts(owner)
    return {
        "default": _setting(app, options, embedded=embedded, conn_max_age=conn_max_age),
        "owner": _setting(owner, OWNER_OPTIONS, embedded=embedded, conn_max_age=0),
    }


def dsn_of(setting: Mapping[str, Any]) -> str:
    """The address behind one entry of `DATABASES` (of an open connection), for programs beside Django."""
    names = {"USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port", "NAME": "dbname"}
    return make_dsn({part: str(setting[name]) for name, part in names.items() if setting.get(name)})


def _setting(
    parts: Mapping[str, str], options: str, *, embedded: bool, conn_max_age: int | None
) -> dict[str, Any]:
    rest = {
        k: v for k, v in parts.items() if k not in {"user", "password", "host", "port", "dbname", "options"}
    }
    return {
        "ENGINE": ENGINE,
        "EMBEDDED": embedded,
        "NAME": parts["dbname"],
        "USER": parts["user"],
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": parts.get("port", ""),
        "CONN_MAX_AGE": conn_max_age,
        "CONN_HEALTH_CHECKS": bool(conn_max_age),
        "OPTIONS": {**rest, "options": " ".join(filter(None, [options, parts.get("options", "")]))},
    }
