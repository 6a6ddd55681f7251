"""Signing in with a real browser: passkeys of a virtual device, an app, and forms that come back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import factors
from accounts.models import SignIn
from tests.browser.conftest import PHONE, Check, Enter
from tests.pages.support import PASSWORD, Scene

pytestmark = pytest.mark.browser

OFFICER = "payer@example.org"
ME = "learner@example.org"


@pytest.fixture
def at(server: LiveServer) -> Callable[[str], str]:
    """An address by its name: passkeys belong to names, never to numbers."""
    return lambda path: server.url.replace("127.0.0.1", "localhost") + path


def give_device(page: Page) -> str:
    """Let the browser have a device that keeps passkeys and knows its owner. Returns its id."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    made = tools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return str(made["authenticatorId"])


def enter_password(page: Page, address: str, email: str) -> None:
    page.goto(address)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_an_officer_adds_a_passkey_and_signs_in_with_it(
    page: Page, scene: Scene, at: Callable[[str], str], check: Check
) -> None:
    give_device(page)
    enter_password(page, at("/accounts/login/?next=/agency/batches/"), OFFICER)
    expect(page.get_by_role("heading", name="A second factor")).to_be_visible()
    check("second-factor-none")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    check("reauthenticate-password")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()
    check("passkey-add")
    page.get_by_label("Name of the passkey").fill("Office computer")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    check("recovery-codes")
    page.goto(at("/agency/batches/"))
    expect(page).to_have_url(at("/agency/batches/"))
    page.goto(at("/accounts/passkeys/"))
    expect(page.get_by_text("Office computer").first).to_be_visible()
    check("passkeys")
    page.goto(at("/accounts/"))
    check("overview-officer")
    page.get_by_role("button", name="Sign out").click()
    # The passkey alone, without a password.
    page.goto(at("/accounts/login/?next=/agency/batches/"))
    check("login")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(at("/agency/batches/"))
    assert SignIn.objects.filter(user=scene.payment_officer).latest("pk").method == "passkey"
    page.get_by_role("button", name="Sign out").click()
    # The passkey after the password.
    enter_password(page, at("/accounts/login/?next=/agency/batches/"), OFFICER)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(at("/agency/batches/"))
    assert SignIn.objects.filter(user=scene.payment_officer).latest("pk").method == "password+passkey"
    # And once more before something that matters.
    page.goto(at("/accounts/passkeys/again/?next=/accounts/sessions/"))
    check("passkey-again")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(at("/accounts/sessions/"))


def test_a_browser_without_the_passkey_says_so_in_words(
    page: Page, scene: Scene, at: Callable[[str], str]
) -> None:
    give_device(page)
    page.goto(at("/accounts/login/"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Try again")


def test_an_app_is_set_up_and_used_on_a_phone(
    page: Page, scene: Scene, at: Callable[[str], str], check: Check
) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter_password(page, at("/accounts/login/"), OFFICER)
    page.get_by_role("button", name="Set up an authenticator app").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    check("app-add")
    secret = page.locator(".ila-secret").inner_text()
    page.get_by_label("Code", exact=True).fill(factors.code_now(secret))
    page.get_by_role("button", name="Set up the app").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Sign out").click()
    enter_password(page, at("/accounts/login/"), OFFICER)
    expect(page.get_by_text("This is a demonstration")).to_be_visible()
    check("second-factor-use")
    code = factors.present_code(scene.payment_officer)
    page.get_by_label("Code", exact=True).fill(code or "")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(at("/"))


def test_every_page_of_the_sign_in_is_clean_without_scripts_too(
    browser: Browser, server: LiveServer, scene: Scene, enter: Enter, page: Page, check: Check
) -> None:
    enter(scene.learner.user, again=True)
    for name, path in (
        ("overview", ""),
        ("email", "email/"),
        ("password", "password/change/"),
        ("app", "app/add/"),
        ("passkeys-none", "passkeys/"),
        ("sessions", "sessions/"),
    ):
        page.goto(f"/accounts/{path}")
        check(f"learner-{name}")
        page.context.add_cookies([{"name": "django_language", "value": "fr", "url": server.url}])
        page.goto(f"/accounts/{path}")
        check(f"learner-{name}-fr")
        page.context.clear_cookies(name="django_language")
    plain = browser.new_context(base_url=server.url, java_script_enabled=False)
    guest = plain.new_page()
    guest.goto("/accounts/login/")
    # What is written for browsers without scripts is not shown by one that has them switched off by a test.
    assert guest.locator("noscript").count() == 1
    expect(guest.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    guest.goto("/accounts/signup/")
    expect(guest.get_by_role("button", name="Create the sign-in")).to_be_visible()
    plain.close()


def test_a_guest_creates_a_sign_in(page: Page, scene: Scene, check: Check) -> None:
    page.goto("/accounts/signup/")
    check("signup")
    page.get_by_label("E-mail address").fill("new")
    page.get_by_role("button", name="Create the sign-in").click()
    expect(page).to_have_title(re.compile("^Error:"))
    check("signup-errors")


def test_a_form_that_was_sent_too_late_comes_back(page: Page, scene: Scene, check: Check) -> None:
    enter_password(page, "/accounts/login/", ME)
    expect(page).to_have_url(re.compile("/$"))
    page.goto("/accounts/email/")
    page.get_by_label("New e-mail address").fill("new.address@example.org")
    Session.objects.all().delete()
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text("What you entered is kept for an hour")).to_be_visible()
    check("login-kept")
    page.get_by_label("E-mail address").fill(ME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("What you had entered is here again")).to_be_visible()
    expect(page.get_by_label("New e-mail address")).to_have_value("new.address@example.org")
    check("form-back")
