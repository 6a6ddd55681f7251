"""A bank reached over HTTP: files by POST /payments, messages from a mailbox, as `mock-bank` speaks it."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from funding.banking.port import (
    Acknowledgement,
    BankRefusedDelivery,
    BankUnreachable,
    OutgoingFile,
    RawMessage,
)

MAX_ANSWER_BYTES = 256 * 1024 * 1024


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A payment file goes to the address that was configured, or nowhere."""

    def redirect_request(self, *_: object) -> None:
        return None


class HttpBank:
    """`address` is http(s)://host[:port]; `credentials` is `user:password` or empty; timeout in seconds."""

    def __init__(self, address: str, *, credentials: str = "", timeout: float = 30.0) -> None:
        if urlsplit(address).scheme not in ("http", "https"):
            raise ValueError(f"a bank's address starts with http:// or https://, not {address!r}")
        self._address = address.rstrip("/")
        self._timeout = timeout
        self._headers = {}
        if credentials:
            token = base64.b64encode(credentials.encode()).decode("ascii")
            self._headers["Authorization"] = f"Basic {token}"
        # No proxy from the environment: what is configured is where it goes.
        self._opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))

    def send(self, outgoing: OutgoingFile) -> Acknowledgement:
        status, body = self.call("POST", "/payments", outgoing.content, "application/xml")
        # 422 is a delivered file that the bank rejects: its pain.002 says so too, and that is what counts.
        if status not in (200, 201, 202, 422):
            raise BankRefusedDelivery(f"the bank's door answered {status}")
        answer = _read_json(body)
        if not isinstance(answer, dict):
            raise BankUnreachable("the bank's answer to the delivery cannot be read")
        return Acknowledgement(
            reference=str(answer.get("msg_id") or outgoing.name),
            detail=str(answer.get("status", "")),
        )

    def fetch(self, *, again: bool = False) -> list[RawMessage]:
        # Looking leaves everything in the box; only `confirm` takes what is safely stored.
        listing = self._get_list("/_mock/messages" if again else "/_mock/mailbox?leave")
        return [
            RawMessage(reference=str(item["id"]), content=str(item["body"]).encode())
            for item in listing
            if str(item.get("type", "")).startswith(("pain.", "camt.", "pacs."))
        ]

    def confirm(self, messages: Sequence[RawMessage]) -> None:
        if not messages:
            return
        stored = {message.reference for message in messages}
        # The bank's box is emptied whole: what arrived since the look goes back into it.
        for item in self._get_list("/_mock/mailbox"):
            if str(item["id"]) not in stored:
                status, _ = self.call("POST", f"/_mock/mailbox/{item['id']}/unread")
                if status != 200:
                    raise BankUnreachable(f"message {item['id']} could not be put back: {status}")

    def call(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> tuple[int, bytes]:
        """Status and body of one request.

        Raises: BankUnreachable when there is no whole answer in time.
        """
        headers = dict(self._headers)
        if content_type:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked when it was configured
            self._address + path,
            data=body if method != "GET" else None,
            headers=headers,
            method=method,
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return int(answer.status), _read_whole(answer)
        except urllib.error.HTTPError as error:
            with error:
                return int(error.code), error.read(MAX_ANSWER_BYTES)
        except (OSError, HTTPException) as error:
            raise BankUnreachable(f"{method} {path}: {error}") from error

    def _get_list(self, path: str) -> list[dict[str, Any]]:
        status, body = self.call("GET", path)
        listing = _read_json(body)
        if status != 200 or not isinstance(listing, list):
            raise BankUnreachable(f"GET {path}: answered {status} and no list of messages")
        return listing


def _read_whole(answer: Any) -> bytes:
    body: bytes = answer.read(MAX_ANSWER_BYTES + 1)
    if len(body) > MAX_ANSWER_BYTES:
        raise BankUnreachable(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    return body


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
