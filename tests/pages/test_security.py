"""Creating a sign-in and looking after it: address, password, sessions; and what nobody finds out or gets around."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings as configured
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import Citizen, SignIn, User
from accounts.services import leftovers
from ila.core.models import CacheEntry
from tests.pages.support import PASSWORD, Scene, signed_in
from tests.pages.test_bookings import text_of
from tests.support.queries import captured_queries

pytestmark = pytest.mark.django_db

ME = "learner@example.org"
NEW = "somebody.new@example.org"
FIREFOX = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


def link_in(message: Any) -> str:
    """The path of the first link of a mail."""
    found = re.search(rf"{re.escape(configured.SITE_ADDRESS)}(/\S+)", str(message.body))
    assert found is not None
    return found[1]


def sign_in(client: Client, email: str = ME, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password} | more)


# -- creating a sign-in -----------------------------------------------------------------------------------------------


def test_an_address_is_confirmed_and_then_signs_in_as_nobodys_citizen(scene: Scene, client: Client) -> None:
    citizens = Citizen.objects.count()
    sent = client.post("/accounts/signup/", {"email": NEW, "password1": PASSWORD})
    assert sent.headers["Location"] == "/accounts/confirm-email/"
    sign_in(client, NEW)
    assert client.get("/bookings/").status_code == 302, "not before the address is confirmed"
    address = link_in(mail.outbox[0])
    assert "Is somebody.new@example.org your address?" in text_of(client.get(address).content)
    client.post(address)
    assert sign_in(client, NEW).headers["Location"] == "/"
    user = User.objects.get(email=NEW)
    assert (user.is_staff, user.is_superuser, user.is_service, user.memberships.count()) == (False,) * 3 + (
        0,
    )
    assert Citizen.objects.count() == citizens
    assert SignIn.objects.filter(user=user).latest("pk").assurance == "weak"


def test_nothing_else_is_assigned_with_the_form(client: Client, db: None) -> None:
    client.post(
        "/accounts/signup/",
        {
            "email": NEW,
            "password1": PASSWORD,
            "is_staff": "1",
            "is_superuser": "1",
            "is_active": "",
            "id": "1",
        },
    )
    user = User.objects.get(email=NEW)
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)


def test_a_known_address_gets_the_same_page_and_a_mail_of_the_same_kind(scene: Scene) -> None:
    answers = []
    for email in (ME, NEW):
        client = Client()
        sent = client.post("/accounts/signup/", {"email": email, "password1": PASSWORD})
        page = client.get(sent.headers["Location"])
        words = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.content.decode())
        answers.append((sent.status_code, sent.headers["Location"], words, sorted(sent.cookies)))
    assert answers[0] == answers[1]
    known, unknown = mail.outbox
    assert (known.to, unknown.to) == ([ME], [NEW])
    assert known.subject == unknown.subject
    assert User.objects.filter(email__iexact=ME).count() == 1


def test_a_known_address_takes_as_long_as_a_new_one(scene: Scene) -> None:
    counts = []
    for email in (ME, NEW):
        with patch("accounts.forms.make_password") as known, patch.object(User, "set_password") as new:
            Client().post("/accounts/signup/", {"email": email, "password1": PASSWORD})
        counts.append(known.call_count + new.call_count)
    assert counts == [1, 1], "a password is hashed once, whether the address is known or not"


def test_weak_passwords_and_wrong_addresses_say_what_is_wrong(client: Client, db: None) -> None:
    for data, words in (
        ({"email": NEW, "password1": "short"}, "too short"),
        ({"email": NEW, "password1": "password1234"}, "too common"),
        ({"email": "nonsense", "password1": PASSWORD}, "in the usual form"),
        ({}, "Enter your e-mail address."),
    ):
        answer = client.post("/accounts/signup/", data)
        assert words in text_of(answer.content), data
        assert b"Error:" in answer.content
    assert not User.objects.filter(email=NEW).exists()


def test_many_new_sign_ins_from_one_place_are_stopped(client: Client, db: None) -> None:
    answers = [client.post("/accounts/signup/", {"email": f"p{n}@example.org"}) for n in range(12)]
    assert answers[-1].status_code == 429


def test_limits_are_counted_for_all_processes_together() -> None:
    backend = type(cache._connections[cache._alias])  # type: ignore[attr-defined]
    assert backend.__name__ == "DatabaseCache"


def test_a_mail_server_that_is_away_is_a_page_that_says_so(scene: Scene, client: Client) -> None:
    with patch("accounts.adapters.EmailMultiAlternatives.send", side_effect=ConnectionRefusedError):
        for email in (ME, NEW):
            answer = client.post("/accounts/password/reset/", {"email": email})
            assert answer.status_code == 503
            assert "No mail can be sent now" in text_of(answer.content)


def test_mails_are_in_text_and_html_in_the_readers_language(scene: Scene, client: Client) -> None:
    client.post("/accounts/signup/", {"email": NEW, "password1": PASSWORD}, headers={"accept-language": "fr"})
    (sent,) = mail.outbox
    assert sent.subject == "Confirmez votre adresse e-mail"
    html = str(sent.alternatives[0][0])  # type: ignore[attr-defined]
    assert '<html lang="fr">' in html
    assert link_in(sent) in html
    assert User.objects.get(email=NEW).language == "fr"


# -- address and password ---------------------------------------------------------------------------------------------


def test_a_new_address_counts_when_confirmed_and_the_old_one_is_told(scene: Scene) -> None:
    client = signed_in(scene.learner.user, again=True)
    client.post("/accounts/email/", {"email": NEW, "action_add": "1"})
    assert mail.outbox[0].to == [NEW]
    assert sign_in(Client(), ME).status_code == 302, "until then the old one counts"
    assert NEW in text_of(client.get("/accounts/").content)
    Client().post(link_in(mail.outbox[0]))
    scene.learner.user.refresh_from_db()
    assert scene.learner.user.email == NEW
    assert [each.email for each in EmailAddress.objects.filter(user=scene.learner.user)] == [NEW]
    told = mail.outbox[-1]
    assert told.to == [ME]
    assert NEW in str(told.body)
    assert "Choose a new password at once" in str(told.body)


def test_somebody_elses_address_is_not_told_to_be_taken_nor_taken(scene: Scene) -> None:
    client = signed_in(scene.learner.user, again=True)
    answer = client.post("/accounts/email/", {"email": "payer@example.org", "action_add": "1"})
    assert answer.status_code == 302
    client.post(link_in(mail.outbox[0]))
    scene.learner.user.refresh_from_db()
    assert scene.learner.user.email == ME


def test_a_change_of_address_asks_who_it_is_and_then_goes_on(scene: Scene) -> None:
    client = signed_in(scene.learner.user)
    asked = client.post("/accounts/email/", {"email": NEW, "action_add": "1"})
    assert asked.headers["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    assert not mail.outbox
    wrong = client.post("/accounts/reauthenticate/", {"password": "wrong", "next": "/accounts/email/"})
    assert "This is not your password" in text_of(wrong.content)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/email/"})
    assert mail.outbox[0].to == [NEW], "what was asked for is done without asking again"


def test_a_changed_password_ends_the_other_sessions_and_is_told(scene: Scene) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        sign_in(client)
    new = "an altogether new phrase"
    refused = here.post("/accounts/password/change/", {"oldpassword": "wrong", "password1": new})
    assert "This is not your password" in text_of(refused.content)
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new})
    assert here.get("/bookings/").status_code == 200
    assert there.get("/bookings/").status_code == 302
    assert mail.outbox[-1].subject == "Your password was changed"
    assert sign_in(Client(), password=new).status_code == 302


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_in_plain_words_and_ended(scene: Scene) -> None:
    here, there, elsewhere = Client(), Client(HTTP_USER_AGENT=FIREFOX), Client()
    for client in (here, there, elsewhere):
        sign_in(client)
    page = here.get("/accounts/sessions/")
    assert "Firefox on Android" in text_of(page.content)
    assert [row.current for row in page.context["rows"]] == [True, False, False]
    phone = next(row.session for row in page.context["rows"] if "Android" in row.device)
    asked = here.post("/accounts/sessions/", {"session": phone.pk})
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/")
    here.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/sessions/"})
    assert there.get("/bookings/").status_code == 302
    assert elsewhere.get("/bookings/").status_code == 200
    here.post("/accounts/sessions/")
    assert elsewhere.get("/bookings/").status_code == 302
    assert here.get("/bookings/").status_code == 200


def test_somebody_elses_session_is_not_there(scene: Scene) -> None:
    sign_in(Client(), "payer@example.org")
    sign_in(Client())
    client = signed_in(scene.other_learner.user, again=True)
    foreign = UserSession.objects.get(user=scene.learner.user)
    assert client.post("/accounts/sessions/", {"session": foreign.pk}).status_code == 404
    assert client.post("/accounts/sessions/", {"session": "x"}).status_code == 404
    assert UserSession.objects.filter(pk=foreign.pk).exists()


def test_the_list_asks_as_much_for_many_sessions_as_for_few(scene: Scene) -> None:
    counts = []
    for _round in range(2):
        for _each in range(3):
            sign_in(Client())
        client = signed_in(scene.learner.user)
        client.get("/accounts/sessions/")
        with captured_queries() as queries:
            client.get("/accounts/sessions/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_session_is_noted_when_it_begins_and_seldom_after(scene: Scene) -> None:
    client = Client()
    sign_in(client)
    client.get("/bookings/")
    with captured_queries() as queries:
        client.get("/bookings/")
    assert not [each for each in queries.statements if "usersessions" in each]


# -- what nobody gets around ------------------------------------------------------------------------------------------


def test_the_key_of_a_session_changes_with_the_sign_in(scene: Scene, client: Client) -> None:
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = client.cookies[configured.SESSION_COOKIE_NAME].value
    sign_in(client)
    assert client.cookies[configured.SESSION_COOKIE_NAME].value != before
    stranger = Client()
    stranger.cookies[configured.SESSION_COOKIE_NAME] = before
    assert stranger.get("/bookings/").status_code == 302


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "http://localhost/",
    ],
)
def test_no_way_leads_to_another_site(scene: Scene, target: str) -> None:
    assert sign_in(Client(), next=target).headers["Location"] == "/"
    client = signed_in(scene.learner.user)
    proved = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": target})
    assert "evil" not in proved.headers.get("Location", "")
    assert "localhost" not in proved.headers.get("Location", "")
    assert client.get("/accounts/login/", {"next": target}).headers["Location"] == "/"
    assert client.post("/accounts/logout/", {"next": target}).headers["Location"] == "/"


def test_links_in_mails_lead_to_the_configured_address_whatever_host_was_asked(scene: Scene) -> None:
    assert (
        Client(HTTP_HOST="evil.example").post("/accounts/password/reset/", {"email": ME}).status_code == 400
    )
    client = Client(HTTP_HOST="localhost")
    client.post("/accounts/password/reset/", {"email": ME})
    client.post("/accounts/password/reset/", {"email": NEW})
    client.post("/accounts/signup/", {"email": ME, "password1": PASSWORD})
    client.post("/accounts/signup/", {"email": NEW, "password1": PASSWORD})
    for message in mail.outbox:
        assert "localhost" not in str(message.body)
        assert "//evil" not in str(message.body)
        assert link_in(message)


def test_pages_of_the_sign_in_are_kept_nowhere_and_framed_nowhere(scene: Scene) -> None:
    client = signed_in(scene.learner.user)
    for address in ("/accounts/", "/accounts/sessions/"):
        answer = client.get(address)
        assert "no-store" in answer.headers["Cache-Control"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("language", ["fr", "nl"])
def test_every_page_speaks_the_readers_language(scene: Scene, language: str) -> None:
    client = signed_in(scene.learner.user, again=True)
    words = {"fr": "Votre connexion", "nl": "Uw aanmelding"}
    client.post("/language/", {"language": language})
    page = client.get("/accounts/", headers={"accept-language": language})
    assert words[language] in text_of(page.content)


def test_what_is_over_is_forgotten_each_hour(scene: Scene, client: Client) -> None:
    sign_in(client)
    ended = Client()
    sign_in(ended)
    key = ended.cookies[configured.SESSION_COOKIE_NAME].value
    Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    cache.set("counted", 1, timeout=60)
    CacheEntry.objects.update(expires=timezone.now() - timedelta(seconds=1))
    counted = CacheEntry.objects.count()
    assert leftovers.forget_expired() == {"sessions": 1, "places": 1, "cache": counted}
    assert counted > 0
    assert client.get("/bookings/").status_code == 200
    assert leftovers.forget_expired() == {"sessions": 0, "places": 0, "cache": 0}
