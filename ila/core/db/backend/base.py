"""Django's PostgreSQL backend, and what the platform adds to it."""

from __future__ import annotations

from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.postgresql import base as postgresql

from ila.core.db import startup
from ila.core.db.shared import embedded_server


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """A connection to PostgreSQL.

    `transaction_serial` changes whenever the outermost transaction begins or ends, so that code which took
    a row lock can tell whether it is still inside the transaction that holds it.
    """

    transaction_serial: int

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self.transaction_serial = 0

    def get_connection_params(self) -> dict[str, Any]:
        """Django's parameters; the embedded server is started only when a connection is really wanted."""
        if self.settings_dict.get("EMBEDDED"):
            self.settings_dict["HOST"] = str(embedded_server().socket_dir)
        if not self.settings_dict["NAME"]:
            raise ImproperlyConfigured("No database is configured for this process.")
        params: dict[str, Any] = super().get_connection_params()
        return params

    def connect(self) -> None:
        self.transaction_serial += 1
        try:
            super().connect()
        except psycopg.OperationalError as error:
            if self.alias == "default" and startup.role_is_missing(self.settings_dict, connections["owner"]):
                raise startup.DatabaseRefused(startup.NOT_PREPARED) from error
            raise

    def set_autocommit(
        self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False
    ) -> None:
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        self.transaction_serial += 1

    def commit(self) -> None:
        self.transaction_serial += 1
        super().commit()

    def rollback(self) -> None:
        self.transaction_serial += 1
        super().rollback()

    def close(self) -> None:
        self.transaction_serial += 1
        super().close()
