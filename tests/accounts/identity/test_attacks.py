"""A provider that lies, or somebody in between: nothing is believed, nothing is changed, and the page says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from joserfc.jwk import RSAKey

from accounts.models import Identity, SignIn, User
from tests.accounts.identity.hostile import CAMILLE, Provider
from tests.accounts.identity.support import come_back, configure, prove, registered, start
from tests.pages.support import signed_in

pytestmark = pytest.mark.django_db


def nothing_happened(client: Client) -> None:
    assert not Identity.objects.exists()
    assert not SignIn.objects.exists()
    assert not User.objects.filter(is_service=False).exists()
    assert client.get("/accounts/e-identity/address/").status_code == 302, "nobody waits for a sign-in"


def claim(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        if value is None:
            claims.pop(name, None)
        else:
            claims[name] = value() if callable(value) else value

    return change


@pytest.mark.parametrize(
    "change",
    [
        claim("nonce", "another"),
        claim("nonce", None),
        claim("aud", "somebody-else"),
        claim("aud", None),
        claim("aud", ["ila", "somebody-else"]),
        claim("azp", "somebody-else"),
        claim("iss", "https://other.example.org"),
        claim("iss", None),
        claim("exp", lambda: int(time.time()) - 120),
        claim("exp", None),
        claim("exp", "tomorrow"),
        claim("exp", True),
        claim("iat", lambda: int(time.time()) - 3_600),
        claim("iat", lambda: int(time.time()) + 600),
        claim("iat", None),
        claim("nbf", lambda: int(time.time()) + 600),
        claim("sub", ""),
        claim("sub", 7),
        claim("sub", None),
    ],
)
def test_an_id_token_that_is_not_for_us_now_is_not_believed(
    provider: Provider, client: Client, change: Callable[[dict[str, Any]], None]
) -> None:
    provider.change_id_token = change
    answer = prove(client, provider, strong=True)
    assert answer.status_code == 400
    assert "did not pass our checks" in answer.content.decode()
    nothing_happened(client)


def test_signatures_that_prove_nothing(provider: Provider, client: Client) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "k1"})
    nameless = RSAKey.generate_key(2048)
    for sign in (
        provider.unsigned,
        provider.confused,
        lambda claims: provider.signed(claims, stranger),
        lambda claims: provider.signed(claims, nameless),
        lambda claims: provider.signed(claims)[:-8] + "AAAAAAAA",
        lambda claims: provider.signed(claims).rsplit(".", 1)[0] + ".",
        lambda _claims: "",
        lambda _claims: "a.b.c",
        lambda _claims: "x" * 200_000,
        lambda _claims: "W10.e30.AAAA",
    ):
        provider.sign = sign
        assert prove(client, provider, strong=True).status_code == 400
        nothing_happened(client)


def test_a_published_secret_never_checks_a_signature(provider: Provider, client: Client) -> None:
    """The keys name the public key as a secret too: an HMAC with it still proves nothing."""
    keys = provider.jwks()["keys"] + [{"kty": "oct", "kid": "k1", "k": "c2VjcmV0", "alg": "HS256"}]
    provider.instead["/jwks"] = (200, {}, json.dumps({"keys": keys}).encode())
    provider.sign = provider.confused
    assert prove(client, provider, strong=True).status_code == 400
    nothing_happened(client)


def test_keys_that_changed_are_asked_for_again(provider: Provider, client: Client) -> None:
    provider.acr = "eidas2"
    assert prove(client, provider, strong=True).status_code == 302
    provider.key = RSAKey.generate_key(2048, {"kid": "k2", "use": "sig"})
    assert prove(Client(), provider, strong=True).status_code == 302
    # And not for each unknown key: whoever signs with strangers' keys makes us ask once only.
    before = provider.hits.count("/jwks")
    stranger = RSAKey.generate_key(2048, {"kid": "k9"})
    provider.sign = lambda claims: provider.signed(claims, stranger)
    for _ in range(3):
        assert prove(Client(), provider, strong=True).status_code == 400
    assert provider.hits.count("/jwks") == before


@pytest.mark.parametrize("acr", [None, "", "eidas9", "EIDAS2", ["eidas2"], 2])
def test_an_unknown_assurance_is_none(provider: Provider, client: Client, acr: Any) -> None:
    provider.change_id_token = claim("acr", acr)
    answer = prove(client, provider)
    assert answer.status_code == 403
    assert "proved less than is needed" in answer.content.decode()
    nothing_happened(client)


def test_a_lower_assurance_than_asked_is_refused(provider: Provider, client: Client) -> None:
    provider.acr = "eidas1"
    assert prove(client, provider, strong=True).status_code == 403
    assert provider.asked[-1]["acr_values"] == "eidas2 eidas3"
    nothing_happened(client)


@pytest.mark.parametrize("auth_time", [None, lambda: int(time.time()) - 600, lambda: int(time.time()) + 600])
def test_a_session_left_open_at_the_provider_is_no_proof(
    provider: Provider, client: Client, auth_time: Any
) -> None:
    provider.change_id_token = claim("auth_time", auth_time)
    answer = prove(client, provider, strong=True)
    assert answer.status_code == 403
    assert "did not ask you to sign in just now" in answer.content.decode()
    nothing_happened(client)
    assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")


@pytest.mark.parametrize("signs", [True, False])
def test_facts_of_another_person_are_never_put_beside_this_one(
    provider: Provider, client: Client, signs: bool
) -> None:
    provider.signs_userinfo = signs
    for value in ("s-other", None, ""):
        provider.change_userinfo = claim("sub", value)
        assert prove(client, provider, strong=True).status_code == 400
        nothing_happened(client)


def test_signed_facts_are_checked_as_the_id_token_is(provider: Provider, client: Client) -> None:
    for change in (claim("aud", "somebody-else"), claim("iss", "https://other.example.org")):
        provider.change_userinfo = change
        assert prove(client, provider, strong=True).status_code == 400
    provider.change_userinfo = None
    for forged in (provider.unsigned(dict(CAMILLE)), provider.confused(dict(CAMILLE)), "", "null"):
        provider.instead["/userinfo"] = (200, {"Content-Type": "application/jwt"}, forged.encode())
        assert prove(client, provider, strong=True).status_code == 400
    nothing_happened(client)


def test_an_answer_counts_once_and_in_the_browser_that_asked(provider: Provider, client: Client) -> None:
    address = provider.visit(start(client, strong=True))
    assert come_back(Client(), address).status_code == 400, "another browser"
    assert come_back(client, address.replace("/national/", "/nobody/")).status_code == 404
    assert come_back(client, address).headers["Location"].startswith("/accounts/e-identity/")
    again = come_back(client, address)
    assert again.status_code == 400
    assert "or was done already" in again.content.decode()


def test_a_code_that_was_used_is_refused_by_the_provider(provider: Provider, client: Client) -> None:
    used = provider.visit(start(client, strong=True))
    come_back(client, used)
    code = used.split("code=")[1].split("&")[0]
    fresh = provider.visit(start(client, strong=True))
    answer = come_back(client, fresh.replace(fresh.split("code=")[1].split("&")[0], code))
    assert answer.status_code == 400


def test_a_code_of_somebody_elses_sign_in_is_useless(provider: Provider, client: Client) -> None:
    """The attacker's code in the victim's browser: the verifier that belongs to it is not there."""
    theirs = provider.visit(start(Client(), strong=True)).split("code=")[1].split("&")[0]
    mine = provider.visit(start(client, strong=True))
    answer = come_back(client, mine.replace(mine.split("code=")[1].split("&")[0], theirs))
    assert answer.status_code == 400
    nothing_happened(client)


def test_two_providers_are_not_mixed_up(provider: Provider, client: Client, settings: Any) -> None:
    other = Provider()
    try:
        configure(settings, provider.config(), other.config(id="other", name="Other ID"))
        honest = provider.visit(start(client, strong=True))
        # The answer of one comes back as that of the other: by its address, or by its own word.
        assert come_back(client, honest.replace("/with/national/", "/with/other/")).status_code == 400
        other_word = provider.visit(start(client, strong=True))
        swapped = other_word.split("&iss=")[0] + f"&iss={other.issuer}"
        assert come_back(client, swapped).status_code == 400
        silent = provider.visit(start(client, strong=True))
        assert come_back(client, silent.split("&iss=")[0]).status_code == 400, "it promised to say who it is"
        assert "/token" not in provider.hits
        assert "/token" not in other.hits
        nothing_happened(client)
    finally:
        other.stop()


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/userinfo", "/jwks"])
@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b"{}"),
        (200, {"Content-Type": "application/json"}, b"[" * 50_000),
        (200, {"Content-Type": "application/json"}, b"[]"),
        (200, {"Content-Type": "application/json"}, b"not JSON"),
        (200, {"Content-Type": "application/json"}, b" " * 1_100_000),
        (302, {"Location": "http://127.0.0.1:1/"}, b""),
        (200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"\x1f\x8b"),
        (200, {"Content-Type": "application/json", "Content-Length": "100"}, b"{"),
    ],
)
def test_answers_that_are_no_answers(
    provider: Provider, client: Client, path: str, answer: tuple[int, dict[str, str], bytes]
) -> None:
    provider.instead[path] = answer
    if path.startswith("/.well-known"):
        page: Any = client.get("/accounts/e-identity/with/national/")
    else:
        page = prove(client, provider, strong=True)
    assert page.status_code in (400, 503)
    assert "Nothing was changed" in page.content.decode()
    nothing_happened(client)


def test_slow_answers_end(provider: Provider, client: Client, settings: Any) -> None:
    settings.E_IDENTITY_TIMEOUT = 0.5
    for path in ("/token", "/userinfo"):
        provider.trickles = {path: 0.2}
        assert prove(client, provider, strong=True).status_code == 503
    nothing_happened(client)


def test_a_provider_that_is_away(provider: Provider, client: Client) -> None:
    provider.stop()
    answer = client.get("/accounts/e-identity/with/national/")
    assert answer.status_code == 503
    assert "The identity service does not answer" in answer.content.decode()


def test_a_discovery_that_names_another_issuer_or_a_plain_address(provider: Provider, client: Client) -> None:
    for change in (
        {"issuer": "https://other.example.org"},
        {"token_endpoint": "http://id.example.org/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
    ):
        found = json.dumps(provider.discovery() | change).encode()
        provider.instead["/.well-known/openid-configuration"] = (200, {}, found)
        assert client.get("/accounts/e-identity/with/national/").status_code == 400


def test_somebody_who_refuses_at_the_provider(provider: Provider, client: Client) -> None:
    address = provider.visit(start(client, next_url="/bookings/"))
    state = address.split("state=")[1].split("&")[0]
    answer: Any = client.get(
        "/accounts/e-identity/with/national/back/",
        {"error": "access_denied", "state": state, "iss": provider.issuer},
    )
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "You stopped at the identity service" in text
    assert 'href="/bookings/"' in text


def test_nobody_is_sent_away_by_another_site_or_on_to_one(provider: Provider, client: Client) -> None:
    answer = client.get("/accounts/e-identity/with/national/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["Location"] == "/accounts/e-identity/sign-in/?next=%2F"
    provider.person["sub"] = "known"
    for bad in (
        "https://evil.example.org/",
        "//evil.example.org",
        "javascript:alert(1)",
        "/\\evil.example.org",
    ):
        page = client.get("/accounts/e-identity/sign-in/", {"next": bad})
        assert b'href="/accounts/e-identity/with/national/?next=%2F"' in page.content


def test_the_sign_in_changes_while_one_is_away(provider: Provider) -> None:
    citizen = registered(user=None)
    other = registered(given_name="Noé")
    browser = Client()
    address = provider.visit(start(browser, strong=True))
    user = User.objects.create_user("noe@example.org")
    other.user = user
    other.save()
    browser.force_login(user)
    answer = come_back(browser, address)
    assert answer.status_code in (400, 409)
    citizen.refresh_from_db()
    assert citizen.user_id is None
    assert signed_in(user).get("/accounts/e-identity/account/").status_code == 200
