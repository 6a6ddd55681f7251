"""Our client against localstripe, which others wrote: what it does right is customers, intents, refunds, webhooks."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import stripe

from funding.cards.events import NotBelieved, read_webhook
from funding.cards.stripe_client import StripePort

KEY = "sk_test_peer"
SECRET = "whsec_peer"
PATIENCE = 30


@dataclass
class Peer:
    """A running localstripe, and the webhooks that it sent."""

    address: str
    webhooks: queue.Queue[tuple[bytes, str]]

    @property
    def client(self) -> stripe.StripeClient:
        return stripe.StripeClient(KEY, base_addresses={"api": self.address})

    @property
    def port(self) -> StripePort:
        return StripePort(KEY, account="acct_peer", livemode=False, address=self.address, timeout=10)

    def paid(self, cents: int, reference: str) -> Any:
        """A payment intent that a card paid."""
        client = self.client
        customer = client.v1.customers.create({"email": "camille@example.org"})
        card: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        method = client.v1.payment_methods.create({"type": "card", "card": card})
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})
        intent = client.v1.payment_intents.create(
            {
                "amount": cents,
                "currency": "eur",
                "customer": customer.id,
                "payment_method": method.id,
                "metadata": {"ila_payment": reference},
            }
        )
        return client.v1.payment_intents.confirm(intent.id)


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    if not socket.has_ipv6:
        pytest.skip("localstripe listens on IPv6 only, and this machine has none")
    received: queue.Queue[tuple[bytes, str]] = queue.Queue()

    class Listener(BaseHTTPRequestHandler):
        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listener = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:  # noqa: S603 - our own
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, process)
            form = {"url": f"http://127.0.0.1:{listener.server_address[1]}", "secret": SECRET}
            with urlopen(f"{address}/_config/webhooks/ila", urlencode(form).encode()):  # noqa: S310 - loopback
                pass
            yield Peer(address, received)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            listener.shutdown()
            listener.server_close()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(PATIENCE * 5):
        if process.poll() is not None:
            pytest.skip(f"localstripe cannot run here: it ended with {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.skip("localstripe cannot run here: it did not listen")


def test_a_reference_comes_back_by_the_intent(peer: Peer) -> None:
    intent = peer.paid(15_000, "0f1c")
    assert intent.status == "succeeded"
    assert peer.port.reference_of(intent.id) == "0f1c"


def test_a_refund_in_part(peer: Peer) -> None:
    intent = peer.paid(15_000, "0f1d")
    refund = peer.port.refund(key="k1", reference="r1", intent_id=intent.id, amount_cents=5_000)
    assert (refund.amount_cents, refund.status) == (5_000, "succeeded")


def test_its_webhooks_are_believed_and_others_are_not(peer: Peer) -> None:
    while not peer.webhooks.empty():
        peer.webhooks.get()
    intent = peer.paid(15_000, "0f1e")
    for _ in range(10):
        body, header = peer.webhooks.get(timeout=PATIENCE)
        seen = read_webhook(body, header, secrets=["whsec_old", SECRET], account="acct_peer", livemode=False)
        if seen.kind == "payment_intent.succeeded" and seen.object_id == intent.id:
            break
    else:
        pytest.fail("no webhook told of the payment")
    assert seen.intent_id == intent.id
    with pytest.raises(NotBelieved, match="bad_signature"):
        read_webhook(body + b" ", header, secrets=[SECRET], account="acct_peer", livemode=False)
