"""Windows in a real browser, on a phone: countdown, place, waiting, turn, application, grant, publication."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import SignIn
from funding.models import Application, Place
from funding.services import windows
from ila.core import clock
from tests.browser.conftest import DESKTOP, PHONE, Check, Enter
from tests.pages.support import PASSWORD, TITLE, Scene
from tests.pages.window_scene import make_grants, make_window_things

pytestmark = pytest.mark.browser


def test_from_the_countdown_to_the_published_grant(page: Page, scene: Scene, check: Check) -> None:
    """The window opens a few seconds after the learner has come; others stand before them."""
    grants = make_grants(scene)
    grants.join(scene.learner)
    grants.join(scene.other_learner)
    window = grants.open_window("May", opens_at=clock.now() + timedelta(seconds=12), per_s="0.2")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto("/windows/")
    page.get_by_role("link", name="STAP-budget, May").click()
    expect(page.locator(".ila-verdict")).to_contain_text(re.compile(r"Opens in \d+ seconds?"))
    # The page finds out by itself that the window has opened.
    start = page.get_by_role("button", name="Sign in to apply")
    expect(start).to_be_visible(timeout=30_000)
    windows.take_place(actor=scene.other_learner.user, window_id=window.pk)
    start.click()
    page.get_by_label("E-mail address").fill("learner@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Take my place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting room")
    expect(page.get_by_text("Your number").locator("xpath=..")).to_contain_text("2")
    expect(page.locator(".ila-verdict__text")).to_have_text("It is your turn", timeout=30_000)
    expect(page.locator("#told")).to_have_text("It is your turn")
    page.get_by_role("button", name="Choose a training and apply").click()
    page.get_by_label("Title, provider or number").fill("agile atelier")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("main").get_by_role("status")).to_have_text("1 session")
    check("window-sessions")
    page.get_by_role("link", name=re.compile(f"^{TITLE}")).click()
    expect(page.get_by_role("row", name="You yourself")).to_contain_text("€200.00")
    check("window-apply-weak")
    page.get_by_role("button", name="Continue with e-identity").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    button = page.get_by_role("button", name="Apply for €1,000.00")
    button.click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    check("window-apply-error")
    page.get_by_label(re.compile("^I have read what the grant pays")).check()
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Granted")
    check("window-result")
    page.get_by_role("link", name="What is published of the grants").click()
    expect(page.get_by_role("row", name=re.compile(TITLE))).to_contain_text("€1,000.00")
    check("window-grants")
    assert Application.objects.get().window_id == window.pk
    assert SignIn.objects.filter(user=scene.learner.user, assurance="strong").exists()


def test_without_scripts_the_waiting_room_looks_again_by_itself(
    browser: Browser, server: LiveServer, scene: Scene
) -> None:
    grants = make_grants(scene)
    grants.join(scene.learner)
    grants.join(scene.other_learner)
    window = grants.open_window("May", opens_at=clock.now() - timedelta(minutes=1), per_s="0.125")
    windows.take_place(actor=scene.other_learner.user, window_id=window.pk)
    context = browser.new_context(base_url=server.url, java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    plain = context.new_page()
    plain.goto(f"/windows/{window.pk}/")
    plain.get_by_role("button", name="Sign in to apply").click()
    plain.get_by_label("E-mail address").fill("learner@example.org")
    plain.get_by_label("Password", exact=True).fill(PASSWORD)
    plain.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    plain.get_by_role("button", name="Take my place").click()
    expect(plain.get_by_text(re.compile(r"Your turn comes in about \d+ second")).last).to_be_visible()
    expect(plain.locator(".ila-verdict__text")).to_have_text("It is your turn", timeout=30_000)
    context.close()
    assert Place.objects.filter(window=window).count() == 2


def test_pages_of_windows(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    things = make_window_things(scene)
    grants = things.waiting
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    for name, address in {
        "windows": "/windows/",
        "window": f"/windows/{grants.pk}/",
        "window-waiting": f"/windows/{grants.pk}/waiting/",
        "window-apply-early": f"/windows/{grants.pk}/apply/{things.session.pk}/",
        "window-granted": f"/windows/{things.granted.pk}/",
    }.items():
        page.goto(address)
        check(name)


def test_the_agency_sets_a_window_and_sees_how_it_goes(
    page: Page, scene: Scene, enter: Enter, check: Check
) -> None:
    things = make_window_things(scene)
    enter(scene.case_worker)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.goto("/agency/windows/")
    check("agency-windows")
    page.get_by_role("button", name="Set a window").click()
    page.get_by_label("Scheme").select_option("stap")
    page.get_by_label("Name").fill("July")
    page.get_by_label("Opens").fill("2027-07-01T10:00:00")
    page.get_by_label("Closes").fill("2027-06-01T10:00:00")
    page.get_by_label("Budget", exact=True).fill("40000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    check("agency-window-error")
    page.get_by_label("Closes").fill("2027-08-31T18:00:00")
    page.get_by_label("People let through a second").fill("100")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Read it once more")
    check("agency-window-confirm")
    page.get_by_role("button", name="Set this window").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("July")
    expect(page.get_by_text("€40,000,000.00")).to_be_visible()
    page.goto(f"/agency/windows/{things.granted.pk}/")
    check("agency-window")
