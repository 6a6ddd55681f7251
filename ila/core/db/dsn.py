"""Addresses of databases: `postgresql://role:password@host:port/name`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def parse_dsn(dsn: str, *, variable: str = "DATABASE_URL") -> dict[str, str]:
    """The parts of an address by libpq's names (user, password, host, port, dbname, and options).

    Raises: ImproperlyConfigured naming the variable, never its value (it holds a password).
    """
    if not dsn.startswith(("postgresql://", "postgres://")):
        raise ImproperlyConfigured(f"{variable} must look like postgresql://role:password@host:port/name.")
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"{variable} is not a valid postgresql:// address.") from error
    for part in ("user", "dbname"):
        if not parts.get(part):
            raise ImproperlyConfigured(f"{variable} names no {'role' if part == 'user' else 'database'}.")
    return parts


def make_dsn(parts: Mapping[str, str]) -> str:
    """The address of these parts; a socket directory goes into the query, as libpq wants it."""
    rest = dict(parts)
    user, password, name = rest.pop("user", ""), rest.pop("password", ""), rest.pop("dbname", "")
    host, port = rest.pop("host", ""), rest.pop("port", "")
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    if host.startswith(("/", "@")) or "," in host:
        rest["host"] = host
        if port:
            rest["port"] = port
        host = port = ""
    address = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
    return f"postgresql://{login}@{address}/{quote(name, safe='')}{query}"
