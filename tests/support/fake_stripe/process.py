"""The fake Stripe as a process, and the hand of a test on it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ila.core import clock

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 20


class FakeStripe:
    """Acts as payers and banks do. Each act returns Stripe's object as it is then."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.hand: clock.VirtualClock | None = None

    def act(self, what: str, **given: Any) -> Any:
        request = Request(f"{self.address}/_test/{what}", json.dumps(given).encode(), method="POST")  # noqa: S310 - ours
        with urlopen(request, timeout=PATIENCE) as response:  # noqa: S310 - ours
            return json.load(response)["answer"]

    def attempt(self, what: str, **given: Any) -> Any:
        """As `act`; None where Stripe would not let it happen."""
        try:
            return self.act(what, **given)
        except HTTPError:
            return None

    def pay(self, session_id: str, *, method: str = "card", outcome: str = "succeeds") -> Any:
        return self.act("pay", session=session_id, method=method, outcome=outcome)

    def tick(self) -> None:
        """Its clock is ours."""
        self.act("clock", now=int(clock.now().timestamp()))

    def forget(self) -> None:
        """Begin anew, at our time."""
        self.act("forget", now=int(clock.now().timestamp()))

    def fault(self, at: str, how: str, times: int = 1) -> None:
        """how: error (500), busy (429), drop (nothing is done), lose (done, the answer lost), slow."""
        self.act("fault", at=at, how=how, times=times)

    def webhooks(self, **given: Any) -> list[dict[str, Any]]:
        """Every event so far as a webhook signed now, oldest first. secret, at: signed with it, at that time."""
        found: list[dict[str, Any]] = self.act("webhooks", **given)
        return found


@contextmanager
def running() -> Iterator[FakeStripe]:
    """A fake Stripe on a free port, for as long as the block."""
    command = [sys.executable, "-m", "tests.support.fake_stripe", "0", str(int(clock.now().timestamp()))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            assert process.stdout is not None
            yield FakeStripe(int(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(PATIENCE)
