"""Consent, its receipt, "this wasn't me", the decision and the statement, in a real browser, on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import NotMeKind
from accounts.services import delivery, messages
from funding.models import Booking
from tests.browser.conftest import PHONE, Check, Enter
from tests.pages.statements import statement_of
from tests.pages.support import Scene, pay_the_provider, proposed_booking, validated_booking

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> None:
    """What is looked at here is the consent, not how the learner's own part is paid."""
    pay_the_provider(settings)


def token() -> str:
    """The last token in the mails that are waiting, sent now."""
    mail.outbox.clear()
    delivery.send_waiting()
    return re.findall(r"/not-me/([\w-]+)/", "".join(str(sent.body) for sent in mail.outbox))[-1]


def test_from_the_consent_to_the_decision(
    page: Page, browser: Browser, server: LiveServer, scene: Scene, enter: Enter, check: Check
) -> None:
    booking = proposed_booking(scene)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto(f"/bookings/{booking.public_id}/accept/")
    text = page.locator("#consent-text").text_content()
    check("consent")
    scene.world.credit(scene.learner.account, 20_000, "employer")
    page.get_by_label(re.compile("^I have read")).check()
    page.get_by_role("button", name="Book for").click()
    expect(page.get_by_role("heading", name="What has changed since you read it")).to_be_visible()
    check("consent-changed")
    assert page.locator("#consent-text").text_content() != text
    page.get_by_label(re.compile("^I have read")).check()
    page.get_by_role("button", name="Book for").click()
    expect(page).to_have_url(re.compile(rf"/bookings/{booking.public_id}/$"))
    page.get_by_role("link", name="The receipt, to print").click()
    expect(page.locator("#consent-hash")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    check("receipt")

    # The link of the mail, in a browser without scripts where nobody is signed in.
    guest = browser.new_context(base_url=server.url, java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    plain = guest.new_page()
    plain.goto(f"/not-me/{token()}/")
    expect(plain.get_by_role("heading", level=1)).to_have_text("Was this not you?")
    plain.get_by_role("button", name="This was not me").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Thank you for telling us")
    guest.close()
    assert Booking.objects.get(pk=booking.pk).state == "disputed"

    enter(scene.case_worker)
    page.goto("/agency/disputes/")
    check("disputes")
    page.get_by_role("main").get_by_role("link", name=booking.credential.title).click()
    check("dispute")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    check("dispute-error")
    page.get_by_label("It was not the learner: everything goes back").check()
    page.get_by_label("Why").fill("A stranger's device")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("This cannot be taken back.")).to_be_visible()
    check("dispute-check")
    page.get_by_role("button", name="Decide: it was not the learner").click()
    expect(page).to_have_url(re.compile(r"/agency/disputes/$"))
    expect(page.get_by_text("No booking is disputed.")).to_be_visible()


def test_pages_of_alarms_and_statements(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    booking = validated_booking(scene)
    statement = statement_of(booking.account)
    messages.queue(
        recipient=scene.learner.user, template="contact_changed", **messages.not_me(NotMeKind.CONTACT)
    )
    page.goto(f"/not-me/{token()}/")
    check("not-me")
    page.get_by_role("button", name="This was not me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for telling us")
    check("not-me-done")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have told us already")
    check("not-me-used")
    scene.learner.user.refresh_from_db()
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    for name, address in {
        "account-back": "/account/back/",
        "statements": "/statements/",
        "statement": f"/statements/{statement}/",
    }.items():
        page.goto(address)
        check(name)
    enter(scene.case_worker)
    page.goto("/agency/disputes/")
    page.get_by_role("link", name="Contact data were changed").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Contact data were changed")
    check("alarm")
