"""A learner's main journey with a keyboard alone, and in French; what has the focus is always seen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from funding.models import Booking
from tests.browser.conftest import DESKTOP, PHONE, Check
from tests.pages.support import PASSWORD, TITLE, Scene, pay_the_provider, proposed_booking

pytestmark = pytest.mark.browser

FOCUS = """() => {
    const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
    const drawn = s => s.outlineStyle !== 'none' || s.boxShadow !== 'none';
    const mark = each => drawn(getComputedStyle(each)) || drawn(getComputedStyle(each, '::before'));
    const around = at.labels && at.labels.length ? at.labels[0] : null;
    const label = at.getAttribute('aria-label') || (around && around.innerText) || at.innerText || at.value || at.id;
    return {
        name: label.trim().replace(/\\s+/g, ' '),
        tag: at.tagName,
        visible: box.width > 0 && box.height > 0 && style.visibility !== 'hidden',
        marked: mark(at) || (around !== null && mark(around)),
        inside: box.bottom > 0 && box.top < innerHeight,
    };
}"""


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> None:
    """What is looked at here is the consent, not how the learner's own part is paid."""
    pay_the_provider(settings)


def tab_to(page: Page, name: str, *, tag: str = "", steps: int = 80) -> None:
    """Press Tab until what has that name has the focus; each stop on the way is seen and marked."""
    seen = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["tag"] == "BODY":
            # After the last of the page, the browser's own bar, and the page again from its top.
            continue
        assert focus["visible"], focus
        assert focus["marked"], focus
        assert focus["inside"], focus
        seen.append(focus["name"])
        if re.fullmatch(name, focus["name"]) and tag in {"", focus["tag"]}:
            return
    pytest.fail(f"{name!r} was not reached: {seen}")


def press(page: Page, name: str, *, tag: str = "", key: str = "Enter") -> None:
    """Go there by Tab, and press."""
    tab_to(page, name, tag=tag)
    page.keyboard.press(key)


def write(page: Page, name: str, text: str) -> None:
    """Go to a field by Tab, and write."""
    tab_to(page, name)
    page.keyboard.type(text)


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    """Wait until the page of that heading is there."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def test_a_learner_signs_in_searches_asks_accepts_and_leaves(page: Page, scene: Scene) -> None:
    booking, other = proposed_booking(scene), proposed_booking(scene, scene.other_learner)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.goto("/accounts/login/")
    tab_to(page, "Skip to main content")
    page.keyboard.press("Enter")
    expect(page.locator("#main-content")).to_be_focused()
    write(page, "E-mail address.*", "learner@example.org")
    write(page, "Password.*", PASSWORD)
    press(page, "Sign in", tag="BUTTON")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    press(page, "Catalogue", tag="A")
    expect(page).to_have_url(re.compile("/catalogue/$"))
    write(page, "What do you want to learn.*", "agile")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=agile"))
    press(page, TITLE, tag="A")
    heading(page, TITLE)

    page.goto(f"/sessions/{other.session_id}/ask/")
    press(page, "Ask for this place", tag="BUTTON")
    expect(page.get_by_text("You have asked for a place")).to_be_visible()

    page.goto(f"/bookings/{booking.public_id}/accept/")
    press(page, "Continue with e-identity")
    expect(page.get_by_label("Your password")).to_be_visible()
    write(page, "Your password.*", PASSWORD)
    press(page, "Continue", tag="BUTTON")
    expect(page.get_by_role("checkbox")).to_be_visible()
    tab_to(page, "I have read what this costs me.*", tag="INPUT")
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox")).to_be_checked()
    press(page, "Book for €1,650.00", tag="BUTTON")
    expect(page.get_by_text("You have booked.")).to_be_visible()

    press(page, "Leave this booking", tag="A")
    expect(page).to_have_url(re.compile("/leave/$"))
    press(page, "Leave this booking", tag="BUTTON")
    expect(page.get_by_text("You have left this booking")).to_be_visible()
    assert Booking.objects.get(pk=booking.pk).state in {"withdrawn", "cancelled_by_learner"}


def test_the_same_in_french_on_a_phone(
    browser: Browser, server: LiveServer, scene: Scene, check: Check
) -> None:
    booking = proposed_booking(scene)
    context = browser.new_context(base_url=server.url, locale="fr-FR", viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.goto(f"/bookings/{booking.public_id}/accept/")
    page.get_by_label("Adresse e-mail").fill("learner@example.org")
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Se connecter", exact=True).click()
    heading(page, TITLE)
    page.get_by_role("button", name=re.compile("identité électronique")).click()
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#id_password").press("Enter")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name=re.compile(r"1\s650,00\s€")).click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page).to_have_url(re.compile(rf"/bookings/{booking.public_id}/$"))
    expect(page.get_by_role("main")).to_contain_text("Vous avez réservé")
    assert Booking.objects.get(pk=booking.pk).state == "accepted"
    context.close()
