"""A provider of our own, in this process, that answers right until it is told to answer wrong."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, SECRET = "ila", "a secret & more"
CAMILLE = {
    "sub": "s-camille",
    "given_name": "Camille Marie",
    "family_name": "Durand",
    "birthdate": "1990-02-03",
    "birthplace": "69123",
    "email": "camille@example.org",
    "email_verified": True,
}
Change = Callable[[dict[str, Any]], Any]


@dataclass
class Provider:
    """The provider. Each attribute that is set makes it misbehave in one way."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}))
    person: dict[str, Any] = field(default_factory=lambda: dict(CAMILLE))
    acr: str | None = "eidas2"
    sends_iss: bool = True
    signs_userinfo: bool = True
    change_id_token: Change | None = None
    change_userinfo: Change | None = None
    sign: Callable[[dict[str, Any]], str] | None = None
    # path: (status, headers, body) in place of the answer
    instead: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    # path: bytes that come one by one, each after a pause
    trickles: dict[str, float] = field(default_factory=dict)
    published: list[RSAKey] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"provider": self}))
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def config(self, **more: Any) -> dict[str, Any]:
        """How an installation is told of it."""
        return {
            "id": "national",
            "name": "National ID",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "levels": {"eidas1": "low", "eidas2": "substantial", "eidas3": "high"},
            "trust_email": True,
        } | more

    def visit(self, address: str) -> str:
        """What the browser does: the person signs in, and is sent back to this address."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        answer = {"code": code, "state": asked["state"]} | ({"iss": self.issuer} if self.sends_iss else {})
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    # -- its endpoints -------------------------------------------------------------------------------------------------

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end",
            "authorization_response_iss_parameter_supported": True,
        }

    def jwks(self) -> dict[str, Any]:
        keys = self.published if self.published is not None else [self.key]
        return {"keys": [key.as_dict(private=False) for key in keys]}

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        expected = "Basic " + base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
        if asked is None or authorization != expected or not _pkce_fits(asked, form):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": self.person["sub"],
            "iat": now,
            "exp": now + 60,
            "auth_time": now,
            "nonce": asked["nonce"],
        }
        if self.acr is not None:
            claims["acr"] = self.acr
        if self.change_id_token:
            self.change_id_token(claims)
        access = secrets.token_urlsafe(16)
        self._tokens[access] = dict(self.person)
        signed = self.sign(claims) if self.sign else self.signed(claims)
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": signed, "expires_in": 60}

    def userinfo(self, authorization: str) -> tuple[int, str, str]:
        facts = self._tokens.get(authorization.removeprefix("Bearer "))
        if facts is None:
            return 401, "application/json", "{}"
        told = {"iss": self.issuer, "aud": CLIENT_ID} | facts
        if self.change_userinfo:
            self.change_userinfo(told)
        if self.signs_userinfo:
            return 200, "application/jwt", self.signed(told)
        return 200, "application/json", json.dumps(told)

    # -- tokens --------------------------------------------------------------------------------------------------------

    def signed(self, claims: dict[str, Any], key: RSAKey | None = None) -> str:
        used = key or self.key
        header = {"alg": "RS256"} | ({"kid": used.kid} if used.kid else {})
        return jwt.encode(header, claims, used)

    def unsigned(self, claims: dict[str, Any]) -> str:
        return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."

    def confused(self, claims: dict[str, Any]) -> str:
        """Signed with the published key as if it were a secret."""
        pem = self.key.as_pem(private=False)
        said = f"{_encoded({'alg': 'HS256', 'kid': self.key.kid})}.{_encoded(claims)}"
        mac = hmac.new(pem, said.encode(), hashlib.sha256).digest()
        return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _pkce_fits(asked: dict[str, str], form: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return asked.get("code_challenge") == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Handler(BaseHTTPRequestHandler):
    """Its addresses."""

    provider: Provider

    def log_message(self, *args: Any) -> None:
        """Silent."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self._special(path):
            return
        if path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.provider.visit(self.path))
            self.end_headers()
        elif path == "/userinfo":
            self._answer(*self.provider.userinfo(self.headers.get("Authorization", "")))
        elif path == "/jwks":
            self._answer(200, "application/json", json.dumps(self.provider.jwks()))
        elif path.endswith("/openid-configuration"):
            self._answer(200, "application/json", json.dumps(self.provider.discovery()))
        else:
            self._answer(404, "text/plain", "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self._special("/token"):
            return
        form = {name: values[0] for name, values in parse_qs(body).items()}
        status, answer = self.provider.token(form, self.headers.get("Authorization", ""))
        self._answer(status, "application/json", json.dumps(answer))

    def _special(self, path: str) -> bool:
        self.provider.hits.append(path)
        if path in self.provider.trickles:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):  # the other side has had enough
                for _ in range(100):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(self.provider.trickles[path])
            return True
        if path in self.provider.instead:
            status, headers, content = self.provider.instead[path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # the other side has had enough
                self.wfile.write(content)
            return True
        return False

    def _answer(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
