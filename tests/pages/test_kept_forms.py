"""Forms that were sent too late: given back filled in, to the person who filled them in, and to nobody else."""

from __future__ import annotations

import re
import time
from unittest.mock import patch

import pytest
from django.conf import settings as configured
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts import kept_forms
from tests.pages.support import PASSWORD, Scene, give_password, proposed_booking
from tests.pages.test_bookings import text_of

pytestmark = pytest.mark.django_db

ME = "learner@example.org"
ORIGIN = {"origin": "http://testserver"}


def sign_in(client: Client, email: str = ME, **more: str) -> str:
    answer = client.post("/accounts/login/", {"login": email, "password": PASSWORD} | more)
    return answer.headers["Location"]


def expire(client: Client) -> None:
    """The session ends on the server; the browser still has its cookie."""
    Session.objects.all().delete()


@pytest.fixture
def late(scene: Scene) -> Client:
    """Somebody who was signed in here, and is no more."""
    client = Client()
    sign_in(client)
    client.get("/accounts/email/")
    expire(client)
    return client


def form_on(page: bytes) -> str:
    found = re.search(rb'<form[^>]*action="/accounts/email/".*?</form>', page, re.DOTALL)
    assert found is not None
    return found[0].decode()


def test_the_form_comes_back_filled_in_after_the_sign_in(late: Client) -> None:
    sent = late.post("/accounts/email/", {"email": "new@example.org", "action_add": "1"})
    assert sent.headers["Location"] == "/accounts/login/?next=%2Faccounts%2Femail%2F"
    shown = late.get(sent.headers["Location"])
    assert "What you entered is kept for an hour" in text_of(shown.content)
    assert sign_in(late, next="/accounts/email/") == "/accounts/email/"
    page = late.get("/accounts/email/")
    assert "What you had entered is here again" in text_of(page.content)
    assert 'value="new@example.org"' in form_on(page.content)
    assert "no-store" in page.headers["Cache-Control"]
    # Loaded again, it is still there; sent, it is forgotten.
    assert 'value="new@example.org"' in form_on(late.get("/accounts/email/").content)
    late.post("/accounts/email/", {"email": "new@example.org", "action_add": "1"})
    assert "new@example.org" not in form_on(late.get("/accounts/email/").content)
    assert kept_forms.SESSION_KEY not in late.session


def test_nothing_is_done_with_it_by_itself(scene: Scene, late: Client) -> None:
    booking = proposed_booking(scene)
    address = f"/bookings/{booking.public_id}/refuse/"
    page = f"/bookings/{booking.public_id}/"
    sent = late.post(address, {"reason": "Too far"}, headers={"referer": f"http://testserver{page}"})
    assert sent.headers["Location"].endswith(f"next={page.replace('/', '%2F')}")
    assert sign_in(late, next=page) == page
    shown = late.get(page)
    assert shown.status_code == 200
    assert "signed out" in text_of(shown.content)
    booking.refresh_from_db(fields=["public_id"])
    assert type(booking).objects.get(pk=booking.pk).state == "proposed"


def test_somebody_else_on_the_same_computer_gets_nothing(scene: Scene, late: Client) -> None:
    give_password(scene.other_learner.user, "other@example.org")
    late.post("/accounts/email/", {"email": "secret-plan@example.org", "action_add": "1"})
    sign_in(late, "other@example.org")
    assert b"secret-plan" not in late.get("/accounts/email/").content
    assert kept_forms.SESSION_KEY not in late.session


def test_another_browser_gets_nothing(scene: Scene, late: Client) -> None:
    late.post("/accounts/email/", {"email": "plan@example.org", "action_add": "1"})
    sign_in(late)
    thief = Client()
    thief.cookies[configured.SESSION_COOKIE_NAME] = late.cookies[configured.SESSION_COOKIE_NAME].value
    assert b"plan@example.org" not in thief.get("/accounts/email/").content
    kept = Session.objects.get(pk=late.cookies[configured.SESSION_COOKIE_NAME].value)
    assert "plan@" not in str(kept.get_decoded()), "encrypted with what only the browser holds"


def test_whoever_was_never_signed_in_here_leaves_nothing_behind(scene: Scene, client: Client) -> None:
    before = Session.objects.count()
    sent = client.post("/accounts/email/", {"email": "x@example.org"})
    assert sent.headers["Location"] == "/accounts/login/?next=/accounts/email/"
    assert Session.objects.count() == before
    client.cookies[kept_forms.PERSON_COOKIE] = "made-up"
    client.post("/accounts/email/", {"email": "x@example.org"})
    assert Session.objects.count() == before


def test_passwords_codes_and_consents_are_never_kept(late: Client) -> None:
    secrets = {"oldpassword": "old one", "password1": "new one", "code": "123456", "consent": "on"}
    late.post("/accounts/password/change/", secrets | {"harmless": "kept"})
    sign_in(late)
    request = late.get("/accounts/password/change/").wsgi_request
    form = kept_forms._open(request)
    assert form is not None
    assert form.fields == {"harmless": ["kept"]}


def test_files_are_left_out_and_the_page_says_so(late: Client) -> None:
    file = SimpleUploadedFile("proof.pdf", b"%PDF")
    late.post("/accounts/email/", {"email": "new@example.org", "file": file})
    sign_in(late)
    page = late.get("/accounts/email/")
    assert "Files are not kept: choose them again." in text_of(page.content)
    assert 'value="new@example.org"' in form_on(page.content)


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ({"email": "x" * 70_000}, {}),
        ({f"f{n}": "1" for n in range(400)}, {}),
        ({"email": "x"}, {"headers": {"hx-request": "true"}}),
        ('{"email": "x"}', {"content_type": "application/json"}),
    ],
)
def test_what_is_too_large_or_no_form_is_not_kept(late: Client, data: object, more: dict) -> None:
    late.post("/accounts/email/", data, **more)
    assert kept_forms.SESSION_KEY not in late.session


def test_after_an_hour_it_is_gone(late: Client) -> None:
    late.post("/accounts/email/", {"email": "new@example.org", "action_add": "1"})
    sign_in(late)
    hour = time.time() + 3601
    with patch("accounts.kept_forms.time.time", return_value=hour):
        assert b"new@example.org" not in late.get("/accounts/email/").content
    assert kept_forms.SESSION_KEY not in late.session


def test_the_page_of_another_site_is_never_returned_to(late: Client) -> None:
    sent = late.post(
        "/accounts/email/", {"email": "x@example.org"}, headers={"referer": "https://evil.example/page"}
    )
    assert sent.headers["Location"] == "/accounts/login/?next=%2Faccounts%2Femail%2F"


# -- a page that was opened before the sign-in (in another tab) -------------------------------------------------------


@pytest.fixture
def strict(scene: Scene) -> Client:
    """A signed-in browser whose forms are checked; its token is of this session."""
    client = Client(enforce_csrf_checks=True)
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/accounts/login/").content)
    assert token is not None
    client.post(
        "/accounts/login/", {"login": ME, "password": PASSWORD, "csrfmiddlewaretoken": token[1].decode()}
    )
    assert client.get("/bookings/").status_code == 200
    return client


@pytest.mark.parametrize("headers", [ORIGIN, {"sec-fetch-site": "same-origin"}])
def test_a_form_of_our_own_page_with_an_old_token_comes_back_filled_in(strict: Client, headers: dict) -> None:
    old = {"email": "new@example.org", "csrfmiddlewaretoken": "a" * 64}
    sent = strict.post("/accounts/email/", old, headers=headers)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/accounts/email/")
    page = strict.get("/accounts/email/")
    assert 'value="new@example.org"' in form_on(page.content)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form_on(page.content))
    assert token is not None
    assert token[1] != "a" * 64


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {},
    ],
)
def test_a_form_of_anybody_else_is_refused_and_forgotten(strict: Client, headers: dict) -> None:
    sent = strict.post("/accounts/email/", {"email": "evil@example.org"}, headers=headers)
    assert sent.status_code == 403
    assert "This form is too old" in text_of(sent.content)
    assert b"evil@example.org" not in strict.get("/accounts/email/").content


def test_a_guests_form_with_an_old_token_is_refused(scene: Scene) -> None:
    guest = Client(enforce_csrf_checks=True)
    assert guest.post("/accounts/email/", {"email": "x"}, headers=ORIGIN).status_code == 403
