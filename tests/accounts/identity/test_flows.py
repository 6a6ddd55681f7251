"""There and back in one browser: signing in, proving oneself once more, an address, a code, and out again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.test import Client

from accounts import sessions
from accounts.identity import pending
from accounts.models import Identity, IdentityClaim, IdentityProof, SignIn, User
from accounts.services import identities, identity_claims
from ila.core import clock
from tests.accounts.identity.hostile import Provider
from tests.accounts.identity.support import (
    code_in_mail,
    come_back,
    configure,
    prove,
    proved,
    registered,
    start,
)
from tests.factories.accounts import UserFactory, officer
from tests.pages.support import signed_in

pytestmark = pytest.mark.django_db


def untrusted(provider: Provider, settings: Any, **more: Any) -> None:
    """The provider's addresses are the person's own word."""
    configure(settings, provider.config(trust_email=False, **more))


def test_what_is_asked_of_the_provider(provider: Provider, client: Client) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(start(client)).query).items()}
    assert asked["acr_values"] == "eidas1 eidas2 eidas3"
    assert (asked["prompt"], asked["max_age"], asked["code_challenge_method"]) == ("login", "0", "S256")
    assert len(asked["nonce"]) >= 32
    assert len(asked["state"]) >= 16
    assert asked["redirect_uri"] == "http://testserver/accounts/e-identity/with/national/back/"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    more = client.get("/accounts/e-identity/with/national/", {"scope": "everything", "auth_params": "a=b"})
    assert "everything" not in more.headers["Location"]
    assert "a=b" not in more.headers["Location"]


def test_a_first_sign_in_with_a_trusted_address(provider: Provider, client: Client) -> None:
    citizen = registered()
    answer = prove(client, provider, strong=True)
    assert answer.headers["Location"] == "/accounts/e-identity/account/"
    citizen.refresh_from_db()
    recorded = SignIn.objects.get()
    assert (recorded.user, recorded.method, recorded.assurance) == (
        citizen.user,
        "e-identity:national",
        "strong",
    )
    proof = IdentityProof.objects.get()
    assert (proof.acr, proof.level, proof.sign_in) == ("eidas2", "substantial", recorded)
    assert client.session[sessions.KEY] == recorded.pk
    kept = str(dict(client.session))
    assert "69123" not in kept, "nothing of the enrolment stays"
    assert mail.outbox == []


def test_a_low_assurance_is_an_ordinary_sign_in(provider: Provider, client: Client) -> None:
    registered()
    prove(client, provider, strong=True)
    provider.acr = "eidas1"
    again = Client()
    assert prove(again, provider).headers["Location"] == "/bookings/"
    assert SignIn.objects.latest("pk").assurance == "weak"
    # And the strong one asks for more than that.
    answer = prove(again, provider)
    assert answer.status_code == 403
    provider.acr = "eidas3"
    assert prove(again, provider, next_url="/catalogue/").headers["Location"] == "/catalogue/"
    assert SignIn.objects.latest("pk").assurance == "strong"


def test_somebody_new_with_a_low_assurance_is_asked_for_more(provider: Provider, client: Client) -> None:
    provider.acr = "eidas1"
    answer = prove(client, provider)
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "we need a stronger proof" in text
    assert "/accounts/e-identity/sign-in/?next=%2Fbookings%2F&amp;strong=1" in text
    assert not User.objects.filter(is_service=False).exists()


def test_an_address_and_a_code(provider: Provider, client: Client, settings: Any) -> None:
    untrusted(provider, settings)
    citizen = registered()
    answer = prove(client, provider, strong=True)
    assert answer.headers["Location"] == "/accounts/e-identity/address/"
    assert client.get("/bookings/").status_code == 302, "nobody is signed in yet"
    assert client.post("/accounts/e-identity/address/", {"email": "no address"}).status_code == 422
    client.post("/accounts/e-identity/address/", {"email": "me@example.org"})
    assert client.post("/accounts/e-identity/code/", {"code": "x"}).status_code == 422
    code = code_in_mail()
    spaced = f"{code[:3]} {code[3:]}"
    done = client.post("/accounts/e-identity/code/", {"code": spaced})
    assert done.headers["Location"] == "/accounts/e-identity/account/"
    citizen.refresh_from_db()
    assert citizen.user is not None
    assert citizen.user.email == "me@example.org"


def test_codes_are_not_guessed(provider: Provider, client: Client, settings: Any) -> None:
    untrusted(provider, settings)
    prove(client, provider, strong=True)
    client.post("/accounts/e-identity/address/", {"email": "me@example.org"})
    right = code_in_mail()
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(pending.MAX_TRIES):
        assert client.post("/accounts/e-identity/code/", {"code": wrong}).status_code == 422
    assert client.post("/accounts/e-identity/code/", {"code": right}).status_code == 422
    for _ in range(pending.MAX_MAILS - 1):
        client.post("/accounts/e-identity/address/", {"email": "me@example.org"})
    assert len(mail.outbox) == pending.MAX_MAILS
    answer = client.post("/accounts/e-identity/address/", {"email": "me@example.org"})
    assert answer.headers["Location"] == "/accounts/e-identity/sign-in/"
    assert len(mail.outbox) == pending.MAX_MAILS
    assert not Identity.objects.exists()


def test_a_code_is_for_its_address_and_for_a_while(provider: Provider, client: Client, settings: Any) -> None:
    untrusted(provider, settings)
    prove(client, provider, strong=True)
    client.post("/accounts/e-identity/address/", {"email": "mine@example.org"})
    first = code_in_mail()
    client.post("/accounts/e-identity/address/", {"email": "other@example.org"})
    if first != code_in_mail():
        assert client.post("/accounts/e-identity/code/", {"code": first}).status_code == 422
    second = code_in_mail()
    with clock.at(clock.now() + timedelta(seconds=pending.CODE_SECONDS + 1)):
        assert client.post("/accounts/e-identity/code/", {"code": second}).status_code == 422
    with clock.at(clock.now() + timedelta(seconds=pending.ENROLMENT_SECONDS + 1)):
        answer = client.post("/accounts/e-identity/code/", {"code": second})
        assert answer.headers["Location"] == "/accounts/e-identity/sign-in/"


def test_a_known_address_is_told_to_its_owner_alone(
    provider: Provider, client: Client, settings: Any
) -> None:
    untrusted(provider, settings)
    UserFactory.create(email="known@example.org")
    pages = []
    for email in ("Known@example.org", "free@example.org"):
        browser = Client()
        prove(browser, provider, strong=True)
        browser.post("/accounts/e-identity/address/", {"email": email})
        wrong = browser.post("/accounts/e-identity/code/", {"code": "1"}).content.decode()
        pages.append(wrong.replace(email, "").split("<main")[1].split("csrf")[0])
    assert pages[0] == pages[1]
    assert "have a sign-in with this address already" in mail.outbox[0].subject
    assert "code" in mail.outbox[1].subject
    assert not Identity.objects.exists()


def test_a_trusted_address_that_somebody_has_is_asked_for(provider: Provider, client: Client) -> None:
    UserFactory.create(email="camille@example.org")
    answer = prove(client, provider, strong=True)
    assert answer.headers["Location"] == "/accounts/e-identity/address/"
    assert not Identity.objects.exists()


def test_a_step_up_is_by_the_person_of_the_session(provider: Provider) -> None:
    citizen = registered(user=UserFactory.create())
    assert citizen.user is not None
    client = signed_in(citizen.user)
    answer = prove(client, provider, next_url="/catalogue/")
    assert answer.headers["Location"] == "/catalogue/"
    recorded = SignIn.objects.get(pk=client.session[sessions.KEY])
    assert (recorded.user, recorded.assurance) == (citizen.user, "strong")

    other = registered(user=UserFactory.create(), given_name="Noé", family_name="Petit")
    assert other.user is not None
    browser = signed_in(other.user)
    before = dict(browser.session)
    answer = prove(browser, provider)
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "does not belong to the person who is signed in here" in text
    assert "Camille" not in text
    assert browser.session["_auth_user_id"] == before["_auth_user_id"] == str(other.user.pk)
    assert sessions.KEY not in browser.session
    assert not Identity.objects.filter(user=other.user).exists()


def test_the_choice_of_providers(provider: Provider, client: Client, settings: Any) -> None:
    other = provider.config(id="other", name="Other ID", issuer="https://other.example.org")
    configure(settings, provider.config(), other)
    page = client.get("/accounts/e-identity/sign-in/").content.decode()
    assert "Continue with National ID" in page
    assert "Continue with Other ID" in page
    me = signed_in(UserFactory.create())
    assert "stands in for" in me.get("/accounts/e-identity/").content.decode()
    settings.STAND_IN_IDENTITY = False
    text = me.get("/accounts/e-identity/?next=/bookings/").content.decode()
    assert "/accounts/e-identity/with/other/?next=%2Fbookings%2F" in text
    assert "password" not in text.split("<main")[1].split("</main")[0]
    posted = me.post("/accounts/e-identity/", {"password": "x", "next": "/bookings/"})
    assert posted.status_code == 200
    assert not SignIn.objects.exists(), "nothing stands in where nothing may"
    configure(settings)
    assert me.get("/accounts/e-identity/").status_code == 404
    assert client.get("/accounts/e-identity/with/national/").status_code == 404


def test_somebody_who_waits_learns_nothing_of_others(provider: Provider, client: Client) -> None:
    registered(marks={})
    registered(marks={}, given_name="Camile", family_name="Secret-Durand")
    prove(client, provider, strong=True)
    claim = IdentityClaim.objects.get()
    page = client.get("/accounts/e-identity/account/").content.decode()
    assert "A case worker makes sure" in page
    assert "Secret" not in page
    assert client.get("/bookings/").status_code == 200
    assert client.get("/accounts/e-identity/account/answer/").status_code == 404
    identity_claims.ask_person(
        actor=officer("case_worker"), claim_id=claim.public_id, question="Where were you born?"
    )
    assert "Where were you born?" in client.get("/accounts/e-identity/account/answer/").content.decode()
    assert client.post("/accounts/e-identity/account/answer/", {"answer": ""}).status_code == 422
    client.post("/accounts/e-identity/account/answer/", {"answer": "<b>In Lyon</b>"})
    claim.refresh_from_db()
    assert (claim.state, claim.answer) == ("opened", "<b>In Lyon</b>")
    again = client.post("/accounts/e-identity/account/answer/", {"answer": "again"})
    assert again.status_code == 302, "a second click changes nothing"
    identity_claims.refuse_claim(
        actor=officer("case_worker"), claim_id=claim.public_id, reason="The papers are not yours."
    )
    assert "The papers are not yours." in client.get("/accounts/e-identity/account/").content.decode()


def test_an_ended_sign_in_does_not_come_back(provider: Provider, client: Client) -> None:
    registered()
    prove(client, provider, strong=True)
    User.objects.filter(is_service=False).update(is_active=False)
    browser = Client()
    answer = prove(browser, provider)
    assert answer.headers["Location"] == "/accounts/inactive/"
    assert browser.get("/bookings/").status_code == 302


def test_signing_out_at_the_provider_too(provider: Provider, client: Client) -> None:
    registered()
    prove(client, provider, strong=True)
    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/e-identity/signed-out/"
    assert client.get("/bookings/").status_code == 302
    page = client.get("/accounts/e-identity/signed-out/").content.decode()
    assert "You may still be signed in at National ID" in page
    leave = urlsplit(client.get("/accounts/e-identity/signed-out/everywhere/").headers["Location"])
    asked = {name: values[0] for name, values in parse_qs(leave.query).items()}
    assert f"{leave.scheme}://{leave.netloc}{leave.path}" == f"{provider.issuer}/end"
    assert asked["post_logout_redirect_uri"] == "http://testserver/accounts/e-identity/signed-out/"
    assert asked["id_token_hint"].count(".") == 2
    wrong = client.get("/accounts/e-identity/signed-out/", {"state": "forged"}).content.decode()
    assert "You may still be signed in" in wrong
    back = client.get("/accounts/e-identity/signed-out/", {"state": asked["state"]}).content.decode()
    assert "You are signed out here and at National ID" in back
    assert "id_token" not in str(dict(client.session))


def test_who_came_by_password_signs_out_as_before(provider: Provider) -> None:
    answer = signed_in(UserFactory.create()).post("/accounts/logout/")
    assert answer.headers["Location"] == "/"


def test_provider_that_says_nothing_of_when(provider: Provider, client: Client, settings: Any) -> None:
    """FranceConnect: no auth_time, but `prompt=login` makes people sign in each time."""
    configure(settings, provider.config(freshness="prompt"))
    provider.change_id_token = lambda claims: claims.pop("auth_time")
    registered()
    assert prove(client, provider, strong=True).status_code == 302
    assert "max_age" not in provider.asked[-1]
    assert provider.asked[-1]["prompt"] == "login"


def test_plain_facts_are_read_too(provider: Provider, client: Client) -> None:
    provider.signs_userinfo = False
    citizen = registered()
    prove(client, provider, strong=True)
    citizen.refresh_from_db()
    assert citizen.user is not None


def test_a_provider_that_tells_too_little(provider: Provider, client: Client) -> None:
    for missing in ("given_name", "family_name", "birthdate"):
        provider.change_userinfo = lambda told, missing=missing: told.pop(missing)
        answer = prove(client, provider, strong=True)
        assert answer.status_code == 403
        assert "did not give them" in answer.content.decode()


def test_the_tab_that_was_left_open(provider: Provider, client: Client) -> None:
    """Two tabs begin; both come back, in whatever order."""
    registered()
    first, second = start(client, strong=True), start(client, strong=True)
    assert come_back(client, provider.visit(second)).status_code == 302
    answer = come_back(client, provider.visit(first))
    assert answer.status_code == 409, "by then somebody is signed in"
    assert identities.find_identity(proved(provider.config(), issuer=provider.issuer)) is not None
