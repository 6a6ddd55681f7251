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
    a row lock can tell whether it is still inside the transaction that holds it. Within a transaction each
    lock has a number (`next_lock`), because a rollback to a savepoint gives back the locks taken since.
    """

    transaction_serial: int

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self.transaction_serial = 0
        self._locks_taken = 0
        self._locks_before: dict[str, int] = {}
        self._locks_lost: list[tuple[int, int, int]] = []

    def next_lock(self) -> tuple[int, int]:
        """What a lock taken now is remembered by: the transaction and the lock's number."""
        self._locks_taken += 1
        return self.transaction_serial, self._locks_taken

    def holds_lock(self, taken: tuple[int, int] | None) -> bool:
        """Whether a lock remembered so is still held: its transaction is open, no savepoint took it back."""
        if taken is None or taken[0] != self.transaction_serial:
            return False
        return not any(
            serial == taken[0] and first < taken[1] <= last for serial, first, last in self._locks_lost
        )

    def _savepoint(self, sid: str) -> None:
        super()._savepoint(sid)  # type: ignore[misc]
        self._locks_before[sid] = self._locks_taken

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        # Intervals of transactions that are over can never be asked for again.
        self._locks_lost = [lost for lost in self._locks_lost if lost[0] == self.transaction_serial]
        before = self._locks_before.pop(sid, 0)
        if before < self._locks_taken:
            self._locks_lost.append((self.transaction_serial, before, self._locks_taken))

    def _savepoint_commit(self, sid: str) -> None:
        super()._savepoint_commit(sid)  # type: ignore[misc]
        self._locks_before.pop(sid, None)

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
