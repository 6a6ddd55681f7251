"""Signing in and out, and what is written down of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts import sessions
from accounts.models import SignIn
from accounts.services import service_users
from tests.pages.consenting import form_of
from tests.pages.support import PASSWORD, Scene, pay_the_provider, proposed_booking, signed_in
from tests.pages.test_bookings import consent, text_of

pytestmark = pytest.mark.django_db

ME = "learner@example.org"


def sign_in(client: Client, email: str = ME, password: str = PASSWORD, **more: str) -> int:
    """The status of the answer to the form."""
    return client.post("/accounts/login/", {"login": email, "password": password} | more).status_code


def test_a_password_opens_an_ordinary_session(scene: Scene, client: Client) -> None:
    before = SignIn.objects.count()
    answer = client.post(
        "/accounts/login/", {"login": ME.upper(), "password": PASSWORD, "next": "/bookings/"}
    )
    assert answer.headers["Location"] == "/bookings/"
    assert SignIn.objects.count() == before + 1
    recorded = SignIn.objects.latest("pk")
    assert (recorded.user, recorded.assurance) == (scene.learner.user, "weak")
    assert re.fullmatch(r"[0-9a-f]{64}", recorded.ip_hash)
    assert "127.0.0.1" not in recorded.ip_hash
    assert client.session[sessions.KEY] == recorded.pk


def test_signing_out_forgets_the_session(scene: Scene, client: Client) -> None:
    sign_in(client)
    assert client.get("/bookings/").status_code == 200
    assert "Sign out" in text_of(client.get("/accounts/logout/").content)
    client.post("/accounts/logout/")
    assert client.get("/bookings/").status_code == 302
    assert sessions.KEY not in client.session


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (ME, "wrong"),
        ("nobody@example.org", PASSWORD),
        ("clock@service.invalid", "!"),
        ("clock@service.invalid", ""),
    ],
)
def test_a_wrong_sign_in_says_the_same_whoever_is_meant(
    scene: Scene, client: Client, email: str, password: str
) -> None:
    answer = client.post("/accounts/login/", {"login": email, "password": password})
    assert answer.status_code == 200
    assert "There is a problem" in text_of(answer.content)
    assert client.get("/bookings/").status_code == 302


def test_a_service_never_signs_in_even_with_a_password(scene: Scene, client: Client) -> None:
    service = service_users.get("clock")
    service.set_password(PASSWORD)
    service.save()
    client.post("/accounts/login/", {"login": service.email, "password": PASSWORD})
    assert client.get("/bookings/").status_code == 302


def test_many_wrong_passwords_are_stopped(scene: Scene, client: Client) -> None:
    for _ in range(6):
        sign_in(client, password="wrong")
    answer = client.post("/accounts/login/", {"login": ME, "password": PASSWORD})
    assert "Too many failed attempts to sign in" in text_of(answer.content)


def test_nobody_is_sent_to_another_site(scene: Scene, client: Client) -> None:
    answer = client.post(
        "/accounts/login/", {"login": ME, "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert answer.headers["Location"] == "/"
    proved = client.post("/accounts/e-identity/", {"password": PASSWORD, "next": "//evil.example/"})
    assert proved.headers["Location"] == "/"


def test_a_forgotten_password_is_replaced_by_mail(scene: Scene, client: Client) -> None:
    client.post("/accounts/password/reset/", {"email": ME})
    assert [message.to for message in mail.outbox] == [[ME]]
    found = re.search(r"http://[^/]+(/\S+)", str(mail.outbox[0].body))
    assert found is not None
    page = client.get(found[1], follow=True)
    assert "Choose a new password" in text_of(page.content)
    new = "an altogether new phrase"
    client.post(page.request["PATH_INFO"], {"password1": new})
    assert sign_in(Client(), password=new) == 302


def test_an_address_is_confirmed_before_the_first_session(scene: Scene, client: Client) -> None:
    EmailAddress.objects.filter(email=ME).delete()
    answer = client.post("/accounts/login/", {"login": ME, "password": PASSWORD}, follow=True)
    assert "Follow the link in it" in text_of(answer.content)
    assert client.get("/bookings/").status_code == 302
    found = re.search(r"http://[^/]+(/\S+)", str(mail.outbox[0].body))
    assert found is not None
    page = client.get(found[1])
    assert f"Is {ME} your address?" in text_of(page.content)
    client.post(found[1])
    assert sign_in(client) == 302
    assert client.get("/bookings/").status_code == 200


def test_too_many_questions_get_a_page_that_says_wait(scene: Scene, client: Client) -> None:
    answers = [client.post("/accounts/password/reset/", {"email": ME}) for _ in range(12)]
    stopped = answers[-1]
    assert stopped.status_code == 429
    assert "Wait a few minutes" in text_of(stopped.content)


def test_asking_for_an_unknown_address_looks_the_same_on_the_page_and_in_the_mail(
    scene: Scene, client: Client
) -> None:
    known = client.post("/accounts/password/reset/", {"email": ME})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )
    first, second = mail.outbox
    assert (first.to, second.to) == ([ME], ["nobody@example.org"])
    assert first.subject == second.subject


# -- the stand-in for a national e-identity ---------------------------------------------------------------------------


def test_f32_the_stand_in_makes_the_session_strong_and_the_booking_possible(
    scene: Scene, client: Client, settings: Any
) -> None:
    pay_the_provider(settings)
    booking = proposed_booking(scene)
    sign_in(client)
    address = f"/bookings/{booking.public_id}/accept/"
    asked = client.post(address, consent())
    assert asked.headers["Location"].startswith("/accounts/e-identity/?next=")
    proved = client.post("/accounts/e-identity/", {"password": PASSWORD, "next": address})
    assert proved.headers["Location"] == address
    assert client.post(address, form_of(client, address)).status_code == 302
    booking.refresh_from_db(fields=["consent"])
    assert booking.consent is not None
    assert booking.consent.sign_in is not None
    assert (booking.consent.sign_in.assurance, booking.consent.sign_in.method) == (
        "strong",
        "stand-in e-identity",
    )


def test_the_stand_in_wants_the_right_password(scene: Scene, client: Client) -> None:
    sign_in(client)
    before = SignIn.objects.count()
    answer = client.post("/accounts/e-identity/", {"password": "wrong"})
    assert answer.status_code == 422
    assert "This is not your password" in text_of(answer.content)
    assert SignIn.objects.count() == before


def test_the_stand_in_is_not_there_unless_it_is_allowed(scene: Scene, settings: Settings) -> None:
    settings.STAND_IN_IDENTITY = False
    assert signed_in(scene.learner.user).get("/accounts/e-identity/").status_code == 404


def test_a_session_under_somebody_elses_sign_in_consents_to_nothing(scene: Scene) -> None:
    booking = proposed_booking(scene)
    client = signed_in(scene.learner.user, sign_in=scene.other_learner.sign_in)
    answer = client.post(f"/bookings/{booking.public_id}/accept/", consent())
    assert answer.status_code == 409
    assert "could not be matched" in text_of(answer.content)
