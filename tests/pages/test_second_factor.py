"""The second factor of whoever works for an agency. That no address opens without it: test_access.py."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import factors
from accounts.models import FactorReset, Message, SignIn, User
from accounts.services import lost_factors
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory
from tests.pages.support import PASSWORD, Scene, signed_in
from tests.pages.test_bookings import text_of

pytestmark = pytest.mark.django_db

OFFICER = "payer@example.org"
LOGIN = {"login": OFFICER, "password": PASSWORD}


def code_of(user: User) -> str:
    """What the person's app shows."""
    code = factors.present_code(user)
    assert code is not None
    return code


@pytest.mark.parametrize("part", ["learner", "provider", "employer"])
def test_whoever_works_for_no_agency_needs_none(scene: Scene, part: str) -> None:
    user = scene.people[part]
    assert signed_in(user).get("/accounts/").status_code == 200
    assert not Authenticator.objects.exists()


def test_an_ended_membership_asks_for_none_and_the_administration_does(scene: Scene) -> None:
    officer = scene.payment_officer
    officer.memberships.update(ended_at=officer.joined_at)
    assert signed_in(officer).get("/").status_code == 200
    officer.is_staff = True
    officer.save()
    assert (
        signed_in(officer, factor=False).get("/").headers["Location"] == "/accounts/second-factor/?next=%2F"
    )


# -- signing in with it -----------------------------------------------------------------------------------------------


def test_password_and_app_open_the_session_and_are_recorded(scene: Scene, client: Client) -> None:
    officer = scene.payment_officer
    factors.set_up_app(officer)
    asked = client.post("/accounts/login/", LOGIN | {"next": "/agency/batches/"})
    assert asked.headers["Location"] == "/accounts/second-factor/use/"
    assert client.get("/agency/batches/").headers["Location"].startswith("/accounts/login/")
    shown = client.get("/accounts/second-factor/use/")
    assert code_of(officer) in text_of(shown.content), "the demonstration tells the code"
    opened = client.post("/accounts/second-factor/use/", {"code": code_of(officer)})
    assert opened.headers["Location"] == "/agency/batches/"
    assert client.get("/agency/batches/").status_code == 200
    recorded = SignIn.objects.filter(user=officer).latest("pk")
    assert (recorded.method, recorded.assurance) == ("password+app", "weak")


def test_the_code_is_told_in_demonstrations_alone(
    scene: Scene, client: Client, settings: Any, capsys: Any
) -> None:
    factors.set_up_app(scene.payment_officer)
    call_command("demo_code", OFFICER)
    assert capsys.readouterr().out.strip() == code_of(scene.payment_officer)
    with pytest.raises(CommandError, match="has no authenticator app"):
        call_command("demo_code", "learner@example.org")
    settings.STAND_IN_IDENTITY = False
    client.post("/accounts/login/", LOGIN)
    shown = client.get("/accounts/second-factor/use/")
    assert code_of(scene.payment_officer) not in text_of(shown.content)
    with pytest.raises(CommandError, match="in a demonstration only"):
        call_command("demo_code", OFFICER)


def test_a_code_that_was_used_is_refused_in_every_session(scene: Scene) -> None:
    officer = scene.payment_officer
    factors.set_up_app(officer)
    code = code_of(officer)
    first, second = Client(), Client()
    for each in (first, second):
        each.post("/accounts/login/", LOGIN)
    assert first.post("/accounts/second-factor/use/", {"code": code}).status_code == 302
    again = second.post("/accounts/second-factor/use/", {"code": f"{code[:3]} {code[3:]}"})
    assert again.status_code == 200
    assert "wrong, too old or used already" in text_of(again.content)
    assert second.get("/agency/batches/").headers["Location"].startswith("/accounts/login/")
    assert code_of(officer) != code, "the demonstration tells the next one"


def test_a_recovery_code_opens_once(scene: Scene) -> None:
    officer = scene.payment_officer
    client = signed_in(officer, again=True)
    client.post("/accounts/recovery-codes/new/")
    codes = client.get("/accounts/recovery-codes/").context["unused_codes"]
    assert len(codes) == 10
    assert codes[0] in client.get("/accounts/recovery-codes/file/").content.decode()
    for status in (302, 200):
        guest = Client()
        guest.post("/accounts/login/", LOGIN)
        assert guest.post("/accounts/second-factor/use/", {"code": codes[0]}).status_code == status
    assert SignIn.objects.filter(user=officer).latest("pk").method == "password+recovery code"
    left = client.get("/accounts/recovery-codes/").context["unused_codes"]
    assert left == codes[1:]


def test_guessing_codes_is_stopped_for_the_person_from_wherever(scene: Scene) -> None:
    factors.set_up_app(scene.payment_officer)
    for attempt in range(7):
        # Each guess in a session of its own.
        guest = Client(REMOTE_ADDR=f"192.0.2.{attempt}")
        guest.post("/accounts/login/", LOGIN)
        answer = guest.post("/accounts/second-factor/use/", {"code": "000000"})
    assert "Too many failed attempts" in text_of(answer.content)
    right = guest.post("/accounts/second-factor/use/", {"code": code_of(scene.payment_officer)})
    assert "Too many failed attempts" in text_of(right.content)


# -- setting it up ----------------------------------------------------------------------------------------------------


def test_the_first_sign_in_sets_an_app_up_and_goes_on(scene: Scene, client: Client) -> None:
    officer = scene.payment_officer
    client.post("/accounts/login/", LOGIN)
    page = client.get("/agency/batches/", follow=True)
    assert "Set up an authenticator app" in text_of(page.content)
    asked = client.get("/accounts/app/add/", follow=True)
    assert asked.request["PATH_INFO"] == "/accounts/reauthenticate/"
    client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/app/add/"})
    page = client.get("/accounts/app/add/")
    secret = page.context["form"].secret
    assert secret in text_of(page.content)
    assert b"<svg" in page.content
    assert b"data:image" not in page.content
    wrong = client.post("/accounts/app/add/", {"code": "000000"})
    assert "wrong, too old or used already" in text_of(wrong.content)
    done = client.post("/accounts/app/add/", {"code": factors.code_now(secret)}, follow=True)
    assert done.request["PATH_INFO"] == "/accounts/recovery-codes/"
    assert client.get("/agency/batches/").status_code == 200
    app = Authenticator.objects.get(user=officer, type="totp")
    assert secret not in str(app.data), "secrets are encrypted at rest"


def test_a_session_without_it_cannot_add_another_factor(scene: Scene) -> None:
    factors.set_up_app(scene.payment_officer)
    client = signed_in(scene.payment_officer, factor=False, again=True)
    for address in ("/accounts/app/add/", "/accounts/passkeys/add/", "/accounts/app/remove/", "/accounts/"):
        assert client.get(address).headers["Location"].startswith("/accounts/second-factor/?"), address
    shown = client.get("/accounts/second-factor/?next=https://evil.example/")
    assert "evil" not in text_of(shown.content)
    code = code_of(scene.payment_officer)
    before = client.session.session_key
    used = client.post("/accounts/second-factor/again/", {"code": code, "next": "/agency/batches/"})
    assert client.session.session_key != before, "the session may do more: its key is another"
    assert used.headers["Location"] == "/agency/batches/"
    assert client.get("/agency/batches/").status_code == 200


def test_the_last_factor_stays_as_long_as_it_is_needed(scene: Scene) -> None:
    officer = scene.payment_officer
    client = signed_in(officer, again=True)
    refused = client.post("/accounts/app/remove/")
    assert "needs a second factor" in text_of(refused.content)
    passkey = Authenticator.objects.create(
        user=officer, type="webauthn", data={"name": "Key ring", "credential": {}}
    )
    assert client.post("/accounts/app/remove/").status_code == 302
    assert list(factors.factors_of(officer)) == [passkey]
    page = client.get(f"/accounts/passkeys/{passkey.pk}/remove/")
    assert "needs a second factor" in text_of(page.content)
    assert client.post(f"/accounts/passkeys/{passkey.pk}/remove/").status_code == 409
    assert Authenticator.objects.filter(pk=passkey.pk).exists()


def test_nobody_touches_somebody_elses_passkey(scene: Scene) -> None:
    passkey = Authenticator.objects.create(
        user=scene.learner.user, type="webauthn", data={"name": "Phone", "credential": {}}
    )
    other = signed_in(scene.other_learner.user, again=True)
    for act in ("edit", "remove"):
        assert other.get(f"/accounts/passkeys/{passkey.pk}/{act}/").status_code == 404
        assert other.post(f"/accounts/passkeys/{passkey.pk}/{act}/", {"name": "x"}).status_code == 404
    mine = signed_in(scene.learner.user, again=True)
    mine.post(f"/accounts/passkeys/{passkey.pk}/edit/", {"name": "My telephone"})
    assert "My telephone" in text_of(mine.get("/accounts/passkeys/").content)


# -- a lost factor ----------------------------------------------------------------------------------------------------


@pytest.fixture
def managers(scene: Scene) -> tuple[User, User]:
    """Two managers of the agency."""
    made = []
    for name in ("first", "second"):
        user = MembershipFactory.create(organisation=scene.world.agency, role="manager").user
        user.email = f"{name}@example.org"
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        made.append(user)
    return made[0], made[1]


def test_two_managers_take_a_lost_factor_away(scene: Scene, managers: tuple[User, User], capsys: Any) -> None:
    officer = scene.payment_officer
    client = Client()
    factors.set_up_app(officer)
    client.post("/accounts/login/", LOGIN)
    client.post("/accounts/second-factor/use/", {"code": code_of(officer)})
    assert client.get("/agency/batches/").status_code == 200
    call_command(
        "reset_factor",
        OFFICER,
        by=managers[0].email,
        approved_by=managers[1].email,
        reason="Came to the desk",
    )
    assert "1 factors taken away, 1 sessions ended" in capsys.readouterr().out
    assert client.get("/agency/batches/").headers["Location"].startswith("/accounts/login/")
    assert not Authenticator.objects.filter(user=officer).exists()
    kept = FactorReset.objects.get()
    assert (kept.user, kept.asked_by, kept.approved_by, kept.removed) == (officer, *managers, 1)
    assert Message.objects.filter(recipient=officer, template="factors_reset").exists()


@pytest.mark.parametrize(
    ("by", "approved_by", "reason", "code"),
    [
        ("first@example.org", "first@example.org", "seen", "not_allowed"),
        ("first@example.org", OFFICER, "seen", "not_allowed"),
        ("learner@example.org", "second@example.org", "seen", "not_allowed"),
        ("nobody@example.org", "second@example.org", "seen", "not_found"),
        ("first@example.org", "second@example.org", " ", "incomplete"),
    ],
)
def test_one_person_alone_takes_nothing_away(
    scene: Scene, managers: tuple[User, User], by: str, approved_by: str, reason: str, code: str
) -> None:
    factors.set_up_app(scene.payment_officer)
    with pytest.raises(DomainError) as error:
        lost_factors.reset_factors(email=OFFICER, by=by, approved_by=approved_by, reason=reason)
    assert error.value.code == code
    assert Authenticator.objects.filter(user=scene.payment_officer).exists()


def test_what_is_done_to_factors_is_told_by_mail(
    scene: Scene, django_capture_on_commit_callbacks: Any
) -> None:
    scene.learner.user.language = "fr"
    scene.learner.user.save()
    client = signed_in(scene.learner.user, again=True)
    factors.set_up_app(scene.learner.user)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/recovery-codes/new/")
        client.post("/accounts/app/remove/")
    for message in mail.outbox:
        assert message.to == ["learner@example.org"]
        assert re.search(r"127\.0\.0\.1", str(message.body))
    assert {message.subject for message in mail.outbox} == {
        "De nouveaux codes de secours ont été créés",
        "L’application d’authentification a été retirée",
    }
