"""The fake Stripe's HTTP side: the part of the API that we call, and `/_test/…` to act as payers and banks do."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from stripe import WebhookSignature

from tests.support.fake_stripe import connect
from tests.support.fake_stripe.ledger import ACCOUNT, KEY, SECRET, SHAPES, Ledger, Object, Refused, invalid

VERSION = re.compile(r"^20\d\d-\d\d-\d\d\.[a-z]+$")


class State:
    """One fake Stripe: its ledger, the answers given by idempotency key, and what is to go wrong."""

    def __init__(self, now: int) -> None:
        self.lock = threading.RLock()
        self.ledger = Ledger(now)
        self.answers: dict[str, tuple[str, int, Object]] = {}
        # What is to go wrong next: a part of "METHOD path", how, how often.
        self.faults: list[list[Any]] = []
        self.requests: list[Object] = []


def unflatten(pairs: list[tuple[str, str]]) -> Any:
    """`a[b][0]=c` as Stripe's clients write it, as nested dictionaries and lists."""
    root: Object = {}
    for name, value in pairs:
        path = re.findall(r"[^\[\]]+", name)
        if name.endswith("[]"):
            path.append(str(len(_at(root, path))))
        here = root
        for step in path[:-1]:
            here = here.setdefault(step, {})
        here[path[-1]] = value
    return _listed(root)


def _at(root: Object, path: list[str]) -> Object:
    for step in path:
        root = root.get(step, {})
    return root


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(each.isdecimal() for each in value):
        return [_listed(value[each]) for each in sorted(value, key=int)]
    return {name: _listed(each) for name, each in value.items()}


def expanded(ledger: Ledger, answer: Object, ways: list[str]) -> Object:
    """The object with the ids that `expand` names replaced by what they stand for."""
    answer = copy.deepcopy(answer)
    for way in ways:
        here: Any = answer
        for step in way.split("."):
            if isinstance(here, list):
                for each in here:
                    each[step] = copy.deepcopy(ledger.objects.get(each[step], each[step]))
                break
            if isinstance(here.get(step), str):
                here[step] = copy.deepcopy(ledger.objects[here[step]])
            here = here.get(step) or {}
    return answer


def listed(rows: list[Object], params: Object, url: str) -> Object:
    """A page of a list."""
    after = params.get("starting_after")
    if after is not None:
        rows = rows[[each["id"] for each in rows].index(after) + 1 :]
    limit = int(params.get("limit", 10))
    return {"object": "list", "url": url, "data": rows[:limit], "has_more": len(rows) > limit}


def answer(  # noqa: C901, PLR0911, PLR0912 - one a route
    state: State, method: str, path: str, params: Object, account: str
) -> Object:
    """What the API answers; account: the connected one that is asked for. Raises: Refused."""
    ledger = state.ledger
    parts = [method, *path.strip("/").split("/")[1:]]
    connected = connect.answer(ledger, parts, params, account)
    if connected is not None:
        return listed(connected, params, path) if isinstance(connected, list) else connected
    match parts:
        case ["GET", "account"]:
            return SHAPES["account"] | {"id": ACCOUNT}
        case ["GET", "balance"]:
            return SHAPES["balance"] | {"livemode": False}
        case ["POST", "checkout", "sessions"]:
            return ledger.open_checkout(params)
        case ["GET", "checkout", "sessions", found]:
            return ledger.get(found, "checkout.session")
        case ["POST", "checkout", "sessions", found, "expire"]:
            return ledger.expire_checkout(ledger.get(found, "checkout.session"))
        case ["GET", "payment_intents", found]:
            return ledger.get(found, "payment_intent")
        case ["GET", "charges", found]:
            return ledger.get(found, "charge")
        case ["POST", "refunds"]:
            return ledger.refund(params)
        case ["GET", "refunds" | "disputes" as name]:
            kind = name.removesuffix("s")
            return listed(ledger.all(kind, payment_intent=params["payment_intent"]), params, path)
        case ["GET", "refunds" | "disputes" as name, found]:
            return ledger.get(found, name.removesuffix("s"))
        case ["GET", "events"]:
            since = int((params.get("created") or {}).get("gte", 0))
            types = params.get("types")
            events = [
                each for each in ledger.events[::-1]
                if each["created"] >= since and (not types or each["type"] in types)
            ]  # fmt: skip
            return listed(events, params, path)
        case ["GET", "events", found]:
            return ledger.get(found, "event")
    raise invalid("url_invalid", f"Unrecognized request URL ({method}: {path}).", 404)


def control(state: State, path: str, given: Object) -> Any:
    """What payers, banks and people at Stripe do, and what tests want to know."""
    ledger = state.ledger

    def object_of(name: str) -> Object:
        return ledger.objects[given[name]]

    acts: dict[str, Callable[[], Any]] = {
        "pay": lambda: ledger.pay(object_of("session"), given["method"], given["outcome"]),
        "authenticate": lambda: ledger.authenticate(object_of("intent"), given["ok"]),
        "refund": lambda: ledger.refund(given),
        "fail_refund": lambda: ledger.fail_refund(object_of("refund")),
        "dispute": lambda: ledger.dispute(
            object_of("intent"), given.get("amount"), inquiry=given.get("inquiry", False)
        ),
        "close_dispute": lambda: ledger.close_dispute(object_of("dispute"), given["won"]),
        "clock": lambda: ledger.move_clock(given["now"]),
        "fault": lambda: state.faults.append([given["at"], given["how"], given.get("times", 1)]),
        "no_faults": state.faults.clear,
        "objects": lambda: ledger.all(given["kind"]),
        "balance": lambda: ledger.balance,
        "requests": lambda: state.requests,
        "tell": lambda: ledger.tell(given["type"], given["object"]),
        "webhooks": lambda: [
            signed(each, given.get("secret", SECRET), given.get("at")) for each in ledger.events
        ],
        "set_up": lambda: connect.set_up(object_of("account"), given["name"]),
        "close_account": lambda: connect.close(object_of("account")),
        "fund": lambda: setattr(ledger, "balance", ledger.balance + given["amount"]),
        "fund_by_hand": lambda: ledger.by_hand(given["amount"]),
        "pay_out": lambda: connect.pay_out(ledger, given["account"]),
        "fail_payout": lambda: connect.fail_payout(ledger, object_of("payout")),
        "reverse": lambda: connect.reverse(ledger, object_of("transfer"), given),
        "forget": lambda: state.__init__(given["now"]),  # type: ignore[misc]
    }
    return acts[path.removeprefix("/_test/")]()


def signed(event: Object, secret: str, at: int | None) -> Object:
    """An event as a webhook carries it: the body, and the header that signs it."""
    body = json.dumps(event, separators=(",", ":"))
    header = WebhookSignature.generate_signature_header(body, secret, at)
    return {"id": event["id"], "type": event["type"], "body": body, "header": header}


class Handler(BaseHTTPRequestHandler):
    """One request at a time changes the ledger; answers may be lost on the way."""

    state: State
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._handle("GET", b"")

    def do_POST(self) -> None:
        self._handle("POST", self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _handle(self, method: str, body: bytes) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/_test/"):
            with self.state.lock:
                try:
                    self._send(200, {"answer": control(self.state, parts.path, json.loads(body or b"{}"))})
                except Refused as refused:
                    self._send(refused.status, refused.body)
            return
        how = self._fault(f"{method} {parts.path}")
        if how == "error":
            self._send(500, {"error": {"type": "api_error", "message": "Something went wrong."}})
        elif how == "busy":
            error = {"type": "invalid_request_error", "code": "lock_timeout", "message": "Try again."}
            self._send(429, {"error": error})
        elif how == "drop":
            self.close_connection = True
        else:
            status, answered = self._answer(method, parts.path, parts.query, body)
            if how == "slow":
                time.sleep(3)
            if how == "lose":
                # It was done, and nobody hears of it.
                self.close_connection = True
                return
            self._send(status, answered)

    def _fault(self, what: str) -> str:
        with self.state.lock:
            for fault in self.state.faults:
                if fault[0] in what and fault[2] > 0:
                    fault[2] -= 1
                    return str(fault[1])
        return ""

    def _answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, Object]:
        params = unflatten(parse_qsl(query) + parse_qsl(body.decode(), keep_blank_values=True))
        ways = params.pop("expand", [])
        key = self.headers.get("Idempotency-Key")
        account = self.headers.get("Stripe-Account") or ""
        with self.state.lock:
            version = self.headers.get("Stripe-Version", "")
            self.state.requests.append(
                {"method": method, "path": path, "key": key, "version": version, "params": params}
            )
            try:
                self._check_caller(version)
                if method == "POST" and key:
                    return self._once(
                        key, f"{method} {path} {json.dumps(params, sort_keys=True)}", path, params, account
                    )
                found = answer(self.state, method, path, params, account)
                return 200, expanded(self.state.ledger, found, ways)
            except Refused as refused:
                return refused.status, refused.body

    def _check_caller(self, version: str) -> None:
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            raise Refused(401, "invalid_request_error", "api_key_invalid", "Invalid API Key provided")
        if not VERSION.match(version):
            raise invalid("api_version_invalid", f"Invalid Stripe API version: {version}")

    def _once(self, key: str, asked: str, path: str, params: Object, account: str) -> tuple[int, Object]:
        """The same key gets the same answer; with other parameters it is an error."""
        if key in self.state.answers:
            before, status, body = self.state.answers[key]
            if before != asked:
                message = "Keys for idempotent requests can only be used with the same parameters."
                raise Refused(400, "idempotency_error", "idempotency_key_in_use", message)
            return status, body
        try:
            status, body = 200, copy.deepcopy(answer(self.state, "POST", path, params, account))
        except Refused as refused:
            status, body = refused.status, refused.body
        self.state.answers[key] = (asked, status, body)
        return status, body

    def _send(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Request-Id", f"req_{len(self.state.requests):06d}")
        self.end_headers()
        self.wfile.write(content)


def serve(*, port: int, now: int) -> None:
    """Serve on the loopback address until the process is ended; prints the port."""
    handler = type("BoundHandler", (Handler,), {"state": State(now)})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        print(server.server_address[1], flush=True)  # noqa: T201 - whoever started it waits for this
        server.serve_forever()
