"""What production says to a browser: its own settings, loaded as a process of their own, answering requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

ROOT = Path(__file__).resolve().parent.parent.parent
# An address that asks the database nothing: there is none.
ASKS = """
import django, json
from django.conf import settings
# As if the static files had been collected.
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
django.setup()
from django.test import Client
from django.urls import reverse
client = Client(raise_request_exception=False)
path = reverse("import_template", kwargs={"ending": "csv"})
def ask(**how):
    answer = client.get(path, **how)
    text = b"".join(answer) if answer.streaming else answer.content
    return {"status": answer.status_code, "headers": dict(answer.headers), "text": text.decode()[:20000]}
print(json.dumps({
    "good": ask(secure=True, headers={"host": "ila.example.org"}),
    "plain": ask(headers={"host": "ila.example.org"}),
    "other": ask(secure=True, headers={"host": "evil.example"}),
    "forwarded": ask(secure=True, headers={"host": "ila.example.org", "x-forwarded-host": "evil.example"}),
    "settings": {name: getattr(settings, name) for name in (
        "DEBUG", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
        "SESSION_COOKIE_NAME", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_NAME", "STAND_IN_IDENTITY",
    )},
}))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "DJANGO"))},
        "DJANGO_SETTINGS_MODULE": "ila.settings.production",
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
        "ALLOWED_HOSTS": "ila.example.org",
        "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/d",
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", ASKS], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_answer_carries_the_headers(told: dict[str, Any]) -> None:
    assert told["good"]["status"] == 200
    headers = told["good"]["headers"]
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in {"same-origin", "no-referrer", "strict-origin-when-cross-origin"}


def test_plain_http_leads_to_https(told: dict[str, Any]) -> None:
    assert told["plain"]["status"] == 301
    assert told["plain"]["headers"]["Location"].startswith("https://ila.example.org/")


def test_another_host_is_refused_and_told_nothing(told: dict[str, Any]) -> None:
    assert told["other"]["status"] == 400
    assert "Traceback" not in told["other"]["text"]
    assert "settings" not in told["other"]["text"].lower()
    # What a proxy did not say counts for nothing.
    assert told["forwarded"]["status"] == 200
    assert "evil.example" not in json.dumps(told["forwarded"])


@pytest.mark.django_db
def test_cookies_are_for_https_and_for_the_server_alone(told: dict[str, Any]) -> None:
    kept = told["settings"]
    assert (kept["DEBUG"], kept["STAND_IN_IDENTITY"]) == (False, False)
    cookies = {name: value for name, value in kept.items() if "COOKIE" in name}
    with override_settings(**cookies):
        answer = Client().get("/accounts/login/", secure=True)
        cookie = answer.cookies["__Host-csrf"]
        assert cookie["secure"]
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert cookie["samesite"] == "Lax"
    assert (kept["SESSION_COOKIE_NAME"], kept["SESSION_COOKIE_SECURE"]) == ("__Host-session", True)
    assert (kept["SESSION_COOKIE_HTTPONLY"], kept["SESSION_COOKIE_SAMESITE"]) == (True, "Lax")
