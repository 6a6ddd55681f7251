"""National e-identity in the browser: there and back, an address and a code, a clerk, also without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import IdentityClaim
from tests.accounts.identity.hostile import Provider
from tests.accounts.identity.support import code_in_mail, configure, registered
from tests.browser.conftest import Check, Enter
from tests.factories.accounts import UserFactory
from tests.pages.support import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def provider(scene: Scene, settings: Any) -> Iterator[Provider]:
    made = Provider()
    other = made.config(id="other", name="Other ID", issuer="https://other.example.org", trust_email=False)
    configure(settings, made.config(trust_email=False), other)
    yield made
    made.stop()


def test_a_first_sign_in_and_a_clerk(
    page: Page, enter: Enter, check: Check, provider: Provider, scene: Scene
) -> None:
    registered(marks={"birth_place": "69123"})
    registered(marks={"birth_place": "75056"}, given_name="Camille")
    page.goto("/accounts/e-identity/sign-in/?next=/catalogue/")
    check("identity-choose")
    # A first try is weak: it is asked for more, and the second goes through.
    provider.acr = "eidas1"
    page.get_by_role("button", name="Continue with National ID").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A stronger proof is needed")
    check("identity-failed")
    provider.acr = "eidas2"
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name="Continue with National ID").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Where can we write to you?")
    check("identity-address")
    page.get_by_label("E-mail address").fill("new@example.org")
    page.get_by_role("button", name="Send the code").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the code we sent you")
    page.get_by_label("The code").fill("1")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
    check("identity-code")
    page.get_by_label("The code").fill(code_in_mail())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your learning account")
    expect(page.get_by_role("main")).to_contain_text("A case worker makes sure")
    check("identity-waiting")

    enter(scene.case_worker)
    page.goto("/accounts/e-identity/claims/")
    check("identity-claims")
    page.get_by_role("link", name="Camille Marie Durand").click()
    expect(page.get_by_role("radio")).to_have_count(3)
    check("identity-claim")
    # The scene's own learner has that name too, and signs in already.
    page.locator(".govuk-radios__item", has_text="Birth place: the same").get_by_role("radio").check()
    page.get_by_label("Reason or question").fill("Passport seen at the counter.")
    page.get_by_role("button", name="It is the chosen candidate").click()
    expect(page.get_by_role("main")).to_contain_text("Matched")
    check("identity-decided")

    claim = IdentityClaim.objects.get()
    enter(claim.user)
    page.goto("/accounts/e-identity/account/")
    expect(page.get_by_role("main")).to_contain_text("It is yours")
    check("identity-ready")


def test_a_step_up_and_out_again(page: Page, enter: Enter, check: Check, provider: Provider) -> None:
    citizen = registered(user=UserFactory.create())
    assert citizen.user is not None
    enter(citizen.user)
    page.goto("/accounts/e-identity/?next=/catalogue/")
    check("identity-step-up")
    page.get_by_role("button", name="Continue with National ID").click()
    expect(page).to_have_url("/catalogue/")
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    check("identity-left")


def test_without_scripts_in_french(
    browser: Browser, server: LiveServer, provider: Provider, scene: Scene
) -> None:
    context = browser.new_context(base_url=server.url, java_script_enabled=False, locale="fr-FR")
    page = context.new_page()
    registered(marks={})
    page.goto("/accounts/e-identity/sign-in/")
    page.get_by_role("button", name="Continuer avec National ID").click()
    # The least is asked for, and the provider gave more.
    expect(page.get_by_role("heading", level=1)).to_have_text("Où pouvons-nous vous écrire ?")
    page.get_by_label("Adresse").fill("nouvelle@example.org")
    page.get_by_role("button", name="Envoyer le code").click()
    page.get_by_label("Le code").fill(code_in_mail())
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_role("main")).to_contain_text("Un agent vérifie quel compte de formation est le vôtre")
    context.close()
