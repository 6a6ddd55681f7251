"""Asking a bank for an account's holder: over HTTP, by the stand-in, and not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from catalogue import payees
from catalogue.models import PayeeAnswer
from tests.catalogue.providers.desk import IBAN


class Bank(BaseHTTPRequestHandler):
    """Answers what the test says, and remembers what it was asked."""

    reply: ClassVar[tuple[int, bytes]] = (200, b"{}")
    asked: ClassVar[list[tuple[str, Any, str | None]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, json.loads(body), self.headers["Authorization"]))
        status, content = self.reply
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing is told."""


@pytest.fixture
def bank() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bank)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    Bank.asked.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ((200, b'{"result": "match", "name": "Never told"}'), ("match", "")),
        (
            (200, b'{"result": "close_match", "name": "Atelier du Rh\\u00f4ne"}'),
            ("close_match", "Atelier du Rhône"),
        ),
        ((200, b'{"result": "no_match"}'), ("no_match", "")),
        ((200, b'{"result": "not_possible"}'), ("not_possible", "")),
        ((200, b'{"result": "perhaps"}'), ("not_possible", "")),
        ((200, b"[]"), ("not_possible", "")),
        ((200, b"not json"), ("not_possible", "")),
        ((500, b""), ("not_possible", "")),
        ((302, b""), ("not_possible", "")),
    ],
)
def test_each_answer_of_a_bank(bank: str, settings: Any, reply: Any, expected: tuple[str, str]) -> None:
    settings.PAYEE_ADDRESS, settings.PAYEE_TOKEN, settings.PAYEE_TIMEOUT = bank, "secret", 5.0
    Bank.reply = reply
    told = payees.open_payees().verify(iban=IBAN, name="Atelier")
    assert (told.answer, told.name) == expected
    assert Bank.asked == [("/verifications", {"iban": IBAN, "name": "Atelier"}, "Bearer secret")]


def test_a_bank_that_is_away_makes_it_not_possible(settings: Any) -> None:
    settings.PAYEE_ADDRESS = "http://127.0.0.1:1"
    assert payees.open_payees().verify(iban=IBAN, name="Atelier").answer == PayeeAnswer.NOT_POSSIBLE


def test_nobody_is_asked_where_nobody_is_configured(settings: Any) -> None:
    settings.PAYEE_ADDRESS, settings.STAND_IN_PAYEES = "", False
    assert payees.open_payees().verify(iban=IBAN, name="Atelier") == payees.NOT_POSSIBLE
    with pytest.raises(ValueError, match="http"):
        payees.HttpPayees("ftp://bank")


@pytest.mark.parametrize(
    ("name", "answer", "told"),
    [
        ("Atelier", "match", ""),
        ("Nearly Atelier", "close_match", "Atelier"),
        ("A stranger", "no_match", ""),
        ("Unknown Ltd", "not_possible", ""),
    ],
)
def test_the_stand_in_answers_by_the_name(name: str, answer: str, told: str) -> None:
    found = payees.StandInPayees().verify(iban=IBAN, name=name)
    assert (found.answer, found.name) == (answer, told)
