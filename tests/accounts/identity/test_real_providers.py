"""Two providers that others wrote, as processes of their own: oidc-provider-mock (Python), oauth2-mock-server (npm)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core import mail
from django.test import Client

from accounts.models import Citizen, IdentityProof, SignIn
from tests.accounts.identity.support import code_in_mail, come_back, configure, registered, start

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SCRIPT = Path(__file__).parent / "data" / "mock.mjs"
PATIENCE = 60  # seconds
PERSON = {
    "sub": "s-1",
    "given_name": "Camille",
    "family_name": "Durand",
    "birthdate": "1990-02-03",
    "birthplace": "69123",
    "email": "camille@example.org",
    "acr": "eidas2",
}


@contextmanager
def running(*command: str, cwd: Path | None = None) -> Iterator[str]:
    """A provider in a process of its own, on a port that was free; ended afterwards. Gives its address."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"(?:ready|running on) (http://\S+)", line):
                yield found[1]
                return
        pytest.fail("".join(said))
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def python_provider() -> Iterator[str]:
    command = Path(sys.executable).with_name("oidc-provider-mock")
    arguments = ("--port", "0", "--require-nonce", "true", "--user-claims", json.dumps(PERSON))
    with running(sys.executable, "-u", "-W", "ignore", str(command), *arguments) as address:
        yield address


@pytest.fixture(scope="module")
def npm_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no node or npm: oauth2-mock-server needs Node.js 20 or newer (Debian: nodejs npm)")
    folder = tmp_path_factory.mktemp("npm")
    done = subprocess.run(  # noqa: S603 - our own command
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "oauth2-mock-server@9"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * PATIENCE,
    )
    if done.returncode != 0:
        pytest.skip(f"npm could not install oauth2-mock-server: {done.stderr.strip()[-200:]}")
    shutil.copy(SCRIPT, folder)
    with running(node, SCRIPT.name, json.dumps(PERSON), cwd=folder) as address:
        yield address


def config(address: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "national",
        "name": "National ID",
        "issuer": address,
        "client_id": "ila",
        "client_secret": "secret",
        "levels": {"eidas1": "low", "eidas2": "substantial"},
    } | more


def whole_walk(client: Client, visit: Any) -> None:
    """A first sign-in with address and code, a step-up, another sign-in, and out again."""
    citizen = registered()
    answer = come_back(client, visit(start(client, strong=True)))
    assert answer.headers["Location"] == "/accounts/e-identity/address/"
    client.post("/accounts/e-identity/address/", {"email": "camille@example.org"})
    assert mail.outbox[-1].to == ["camille@example.org"]
    done = client.post("/accounts/e-identity/code/", {"code": code_in_mail()})
    assert done.headers["Location"] == "/accounts/e-identity/account/"
    assert b"It is yours" in client.get("/accounts/e-identity/account/").content
    citizen.refresh_from_db()
    user = citizen.user
    assert user is not None

    answer = come_back(client, visit(start(client, next_url="/catalogue/")))
    assert answer.headers["Location"] == "/catalogue/"
    stranger = Client()
    answer = come_back(stranger, visit(start(stranger, next_url="/catalogue/")))
    assert answer.headers["Location"] == "/catalogue/"
    recorded = SignIn.objects.filter(user=user).order_by("pk")
    assert [(one.method, one.assurance) for one in recorded] == [("e-identity:national", "strong")] * 3
    assert {proof.acr for proof in IdentityProof.objects.all()} == {"eidas2"}
    assert Citizen.objects.count() == 1

    left = client.post("/accounts/logout/")
    assert left.headers["Location"] == "/accounts/e-identity/signed-out/"
    leave = client.get("/accounts/e-identity/signed-out/everywhere/")
    assert "id_token_hint=" in leave.headers["Location"]


def test_oidc_provider_mock(python_provider: str, client: Client, settings: Any) -> None:
    configure(settings, config(python_provider))

    def visit(address: str) -> str:
        page = requests.get(address, timeout=PATIENCE)
        assert page.status_code == 200, page.text
        answer = requests.post(address, data={"sub": "s-1"}, allow_redirects=False, timeout=PATIENCE)
        return answer.headers["Location"]

    whole_walk(client, visit)


def test_oauth2_mock_server(npm_provider: str, client: Client, settings: Any) -> None:
    configure(settings, config(npm_provider, token_auth_method="client_secret_post"))

    def visit(address: str) -> str:
        return requests.get(address, allow_redirects=False, timeout=PATIENCE).headers["Location"]

    whole_walk(client, visit)


def test_somebody_refuses_at_oidc_provider_mock(python_provider: str, client: Client, settings: Any) -> None:
    configure(settings, config(python_provider))
    answer = requests.post(start(client), data={"action": "deny"}, allow_redirects=False, timeout=PATIENCE)
    page = come_back(client, answer.headers["Location"])
    assert page.status_code == 200
    assert "You stopped at the identity service" in page.content.decode()
