"""A bank to rehearse with: the `mock-bank` process, its accounts, its failures on demand and its clock.

For tests and the demonstration; nothing of it runs in production.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from funding.banking.http import HttpBank
from funding.banking.port import BankUnreachable

_START_SECONDS = 20.0


class SimulatedBank:
    """A running `mock-bank`; a context manager that ends its own process.

    `clock` is the bank's time at the start (its zone is UTC). `state`: a file for the bank's books.
    """

    def __init__(
        self,
        *,
        clock: datetime | None = None,
        state: Path | None = None,
        cutoff: str = "15:00",
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        program = shutil.which("mock-bank", path=str(Path(sys.executable).parent))
        command = [program] if program else [sys.executable, "-m", "mockbank"]
        command += ["--port", str(self.port), "--quiet", "--cutoff", cutoff]
        if clock is not None:
            command += ["--clock", clock.strftime("%Y-%m-%dT%H:%M")]
        if state is not None:
            command += ["--db", str(state)]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self.client = HttpBank(self.address, timeout=30.0)
        self._wait()
        # The accounts it is born with would send statements of their own; a closed account sends none.
        for account in self.control("GET", "/_mock/accounts"):
            self.change_account(account["id"], closed=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self._process.poll() is not None:
                raise RuntimeError(f"mock-bank ended with {self._process.returncode} instead of starting")
            try:
                if self.client.call("GET", "/_mock/health")[0] == 200:
                    return
            except BankUnreachable:
                if time.monotonic() > deadline:
                    self.stop()
                    raise
            time.sleep(0.03)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the bank's process and wait for it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def control(self, method: str, path: str, payload: object = None) -> Any:
        """One call to the bank's control side; the decoded answer.

        Raises: ValueError when the bank refuses it.
        """
        body = b"" if payload is None else json.dumps(payload).encode()
        status, answer = self.client.call(method, path, body, "application/json")
        if status >= 300:
            raise ValueError(f"{method} {path}: {status} {answer[:300].decode('utf-8', 'replace')}")
        return json.loads(answer)

    def open_account(
        self,
        account_id: str,
        iban: str,
        *,
        name: str = "Account",
        balance_cents: int = 0,
        behaviour: str = "accept",
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        """Hold an account: one of ours that pays, or a creditor's whose behaviour a test wants."""
        self.control(
            "POST",
            "/_mock/accounts",
            {
                "id": account_id,
                "iban": iban,
                "name": name,
                "balance": balance_cents,
                "behaviour": behaviour,
                "parameters": dict(parameters or {}),
            },
        )

    def change_account(self, account_id: str, **fields: object) -> None:
        """Change a behaviour, its parameters, a balance (cents) or `closed` while the bank runs."""
        self.control("PATCH", f"/_mock/accounts/{account_id}", fields)

    def advance(self, *, days: int | None = None, to: date | None = None) -> None:
        """Move the bank's clock by calendar days or to midnight of a day; what falls due happens."""
        query = f"days={days}" if days is not None else f"to={to}"
        self.control("POST", f"/_mock/advance?{query}")

    def payments(self) -> list[dict[str, Any]]:
        """Every transfer the bank decided on, newest first."""
        found: list[dict[str, Any]] = self.control("GET", "/_mock/payments")
        return found

    def balance_cents(self, account_id: str) -> int:
        """Booked balance of an account the bank holds."""
        return int(self.control("GET", f"/_mock/accounts/{account_id}")["balance"])
