"""People at work in a real browser: finding, signing in, accepting, following the money."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.models import Offer
from catalogue.services.micro_credentials import search_text
from funding.models import Booking, OwnTransfer
from funding.services import own_transfers
from ila.core import clock
from tests.browser.conftest import DESKTOP, PHONE, Check, Enter
from tests.funding.top_ups.support import Transfer, tell
from tests.pages.support import (
    PASSWORD,
    TITLE,
    Scene,
    bank_message,
    exported_batch,
    proposed_booking,
    validated_booking,
)

pytestmark = pytest.mark.browser


def fill_catalogue(scene: Scene) -> None:
    """A page and a half of entries, one of them another kind."""
    starts = clock.now() + timedelta(days=45)
    for number in range(28):
        title = f"Welding, part {number}"
        entry = scene.world.make_credential(
            title=title, kind="rncp" if number == 7 else "rs", search_text=search_text(title, "Nantes")
        )
        offer = Offer.objects.create(
            micro_credential=entry,
            external_id="1",
            mode="in_person",
            city="Nantes",
            currency="EUR",
            price_cents=90_000,
        )
        scene.world.make_session(
            entry,
            offer=offer,
            price_cents=90_000 + number,
            starts_at=starts,
            ends_at=starts + timedelta(days=2),
        )


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_from_the_start_page_to_one_entry(
    page: Page, scene: Scene, size: dict[str, int], check: Check
) -> None:
    fill_catalogue(scene)
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto("/")
    page.get_by_label("What do you want to learn?").fill("weld")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("28 entries")
    if size is PHONE:
        page.locator("summary", has_text="Filters").click()
    page.get_by_role("link", name=re.compile(r"National qualification")).click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("1 entry")
    page.get_by_role("link", name="Drop the filter National qualification (RNCP)").click()
    page.get_by_label("Sort by").select_option("price")
    page.wait_for_url(re.compile("sort=price"))
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("list").filter(has_text="part 27").last).to_be_visible()
    page.get_by_role("link", name="Welding, part 27").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welding, part 27")
    expect(page.get_by_text("Bookable", exact=True)).to_be_visible()
    page.locator(".govuk-back-link").click()
    expect(page).to_have_url(re.compile(r"/catalogue/\?(?=.*sort=price)(?=.*q=weld)"))
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("28 entries")
    check("catalogue-many")


def test_without_scripts_everything_still_works(browser: Browser, server: LiveServer, scene: Scene) -> None:
    fill_catalogue(scene)
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    plain = context.new_page()
    plain.goto("/catalogue/?q=welding")
    plain.get_by_label("Sort by").select_option("price")
    plain.get_by_role("button", name="Sort").click()
    expect(plain).to_have_url(re.compile("sort=price"))
    plain.goto("/accounts/login/")
    plain.get_by_label("E-mail address").fill("learner@example.org")
    plain.get_by_label("Password", exact=True).fill(PASSWORD)
    plain.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    expect(plain.get_by_role("button", name="Sign out")).to_be_visible()
    context.close()


def test_a_learner_signs_in_proves_who_they_are_and_accepts(page: Page, scene: Scene, check: Check) -> None:
    booking = proposed_booking(scene)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"/bookings/{booking.public_id}/accept/")
    page.get_by_label("E-mail address").fill("learner@example.org")
    page.get_by_label("Password", exact=True).fill("something else")
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    check("login-error")
    page.get_by_label("E-mail address").fill("learner@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_role("row", name="You yourself")).to_contain_text("€150.00")
    check("accept-weak")
    page.get_by_role("button", name="Continue with e-identity").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()

    page.get_by_role("button", name="Agree and continue to payment").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick the box")
    check("accept-error")
    page.get_by_role("link", name=re.compile("Tick the box")).click()
    expect(page.get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Agree and continue to payment").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Pay your part by bank transfer")
    expect(page.get_by_role("img", name=re.compile("^Code that your bank"))).to_be_visible()
    check("own-transfer")
    page.get_by_role("link", name="This booking").click()
    expect(page.get_by_text("Waiting for your transfer of")).to_be_visible()
    check("booking-awaits-transfer")
    transfer = OwnTransfer.objects.get()
    tell(Transfer(transfer.amount_cents, transfer.reference))
    own_transfers.settle_waiting()
    page.goto(f"/own-parts/{transfer.public_id}/")
    expect(page.get_by_text("The money has come, and you have booked.")).to_be_visible()
    check("own-transfer-came")
    page.get_by_role("link", name="This booking").click()
    expect(page.get_by_role("row", name=re.compile("^Held"))).to_contain_text("€1,650.00")
    check("booking-accepted")
    assert Booking.objects.get(pk=booking.pk).state == "accepted"
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_attached()


def test_an_officer_follows_a_payment_from_the_batch_to_the_booking(
    page: Page, scene: Scene, enter: Enter, check: Check
) -> None:
    batch = exported_batch(scene, validated_booking(scene))
    message = bank_message(batch)
    enter(scene.payment_officer)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.goto("/")
    page.get_by_role("navigation", name="Menu").get_by_role("link", name="Payment batches").click()
    page.get_by_role("link", name=batch.msg_id).click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("^Download pain.002")).click()
    assert download.value.path().read_bytes() == bytes(message.content)
    page.get_by_role("link", name=batch.payments.get().end_to_end_id).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_role("row", name=re.compile("^In transit"))).to_contain_text("€1,320.00")
    check("booking-in-transit")


def test_an_auditor_checks_the_books(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    validated_booking(scene)
    enter(scene.auditor)
    page.goto("/agency/audit/")
    expect(page.get_by_role("status")).to_contain_text("The books hold")
    check("audit")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("row", name=re.compile(r"^11\."))).to_contain_text("Holds")


def test_a_keyboard_is_enough(page: Page, scene: Scene) -> None:
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.goto("/catalogue/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main-content")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("What do you want to learn?")).to_be_focused()
    page.keyboard.type("agile")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=agile"))
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => {
                const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
                return {
                    name: (at.innerText || at.name || at.id).trim(),
                    visible: box.width > 0 && box.height > 0,
                    marked: style.outlineStyle !== 'none' || style.boxShadow !== 'none',
                };
            }"""
        )
        assert focus["visible"], focus
        assert focus["marked"], focus
        seen.append(focus["name"])
        if focus["name"] == TITLE:
            break
    assert seen[-1] == TITLE, seen
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)


def test_a_statement_prints_without_what_surrounds_it(page: Page, scene: Scene, enter: Enter) -> None:
    booking = validated_booking(scene)
    enter(scene.learner.user)
    page.goto(f"/bookings/{booking.public_id}/")
    expect(page.get_by_role("button", name="Print this statement")).to_be_visible()
    page.emulate_media(media="print")
    for hidden in (".ila-header", ".ila-footer", ".govuk-back-link", "[data-print]"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.get_by_text("Statement of a booking")).to_be_visible()


def test_the_language_can_be_changed_and_comes_back_to_the_page(page: Page, scene: Scene) -> None:
    page.goto("/catalogue/?q=agile")
    page.get_by_role("button", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page).to_have_url(re.compile(r"/catalogue/\?q=agile$"))
