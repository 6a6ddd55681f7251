"""Searching in a real browser: words, filters, a typing error, comparing, keeping; with and without a script."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.models import Offer
from catalogue.services.micro_credentials import search_text
from ila.core import clock
from tests.browser.conftest import DESKTOP, PHONE, Check, Enter
from tests.pages.support import Scene

pytestmark = pytest.mark.browser

TITLES = (
    ("Soudure à l'arc", "Lyon", "in_person", 90_000, "soudeur métal"),
    ("Welding for beginners", "Villeurbanne", "blended", 60_000, "metal"),
    ("Welding online", "", "online", 20_000, "theory"),
    ("Accounting", "Grenoble", "in_person", 165_000, "books and taxes"),
)


def fill(scene: Scene) -> None:
    """Four entries in and around Lyon."""
    starts = clock.now() + timedelta(days=45)
    for number, (title, city, mode, price, text) in enumerate(TITLES):
        entry = scene.world.make_credential(
            title=title,
            search_text=search_text(title, city, text),
            hours=7 + 30 * number,
            eqf_level=3 + number,
            language="fr" if number == 0 else "en",
            isced_field="0715" if number < 3 else "0411",
        )
        offer = Offer.objects.create(
            micro_credential=entry, external_id="1", mode=mode, city=city, currency="EUR", price_cents=price
        )
        scene.world.make_session(
            entry,
            offer=offer,
            price_cents=price,
            starts_at=starts,
            ends_at=starts + timedelta(days=2),
            state="guaranteed" if number == 1 else "open",
            guaranteed_at=clock.now() if number == 1 else None,
        )


def cards(page: Page) -> list[str]:
    """The titles of the results, in order."""
    return page.locator(".ila-card__title").all_inner_texts()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_search_filter_compare(page: Page, scene: Scene, check: Check, size: dict[str, int]) -> None:
    fill(scene)
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto("/catalogue/")
    page.get_by_role("searchbox").fill("weldign")
    page.get_by_role("search").get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"\?q=weldign"))
    expect(page.get_by_text("Nothing has the word “weldign”")).to_be_visible()
    assert cards(page) == ["Welding for beginners", "Welding online"]
    check(f"search-respelt-{size['width']}")

    page.goto("/catalogue/")
    if size == PHONE:
        page.locator(".ila-filters > summary").click()
    page.get_by_label("Town or postcode").fill("lyon")
    page.get_by_label("Distance").select_option("10")
    page.get_by_role("button", name="Apply filters").click()
    expect(page).to_have_url(re.compile("place=lyon"))
    expect(page.get_by_text("Around Lyon, within 10 km.")).to_be_visible()
    page.get_by_label("Sort by").select_option("distance")
    expect(page).to_have_url(re.compile("sort=distance"))
    expect(page.locator(".ila-card__by").first).to_contain_text("1 km away")
    check(f"search-place-{size['width']}")

    page.goto("/catalogue/?q=welding")
    if size == PHONE:
        page.locator(".ila-filters > summary").click()
    page.locator(".ila-facet__choice", has_text="Online").click()
    expect(page).to_have_url(re.compile("mode=online"))
    expect(page.locator(".ila-card__title")).to_have_count(1)
    shared = page.url
    page.get_by_role("link", name="Drop the filter Online").click()
    expect(page.locator(".ila-card__title")).to_have_count(2)
    page.goto(shared)
    expect(page.locator(".ila-card__title")).to_have_count(1)

    page.goto("/catalogue/?q=welding")
    for box in page.get_by_role("checkbox", name=re.compile("^Compare")).all():
        box.check()
    page.get_by_role("button", name="Compare what is ticked").click()
    expect(page).to_have_url(re.compile(r"/catalogue/compare/\?entry=\d+&entry=\d+"))
    expect(page.get_by_role("columnheader", name="Welding online")).to_be_visible()
    check(f"compare-{size['width']}")
    page.get_by_role("link", name="Look for another to compare").click()
    expect(page).to_have_url(re.compile("with="))
    page.get_by_role("checkbox", name="Compare Accounting").check()
    page.get_by_role("button", name="Compare with the 2 chosen before").click()
    expect(page.get_by_role("columnheader", name="Accounting")).to_be_visible()
    page.get_by_role("link", name="Remove Accounting").click()
    expect(page.get_by_role("columnheader", name="Accounting")).to_have_count(0)


def test_no_dead_end(page: Page, scene: Scene, check: Check) -> None:
    fill(scene)
    page.goto("/catalogue/?q=accounting&mode=online&level=6")
    expect(page.get_by_text("Nothing fits all of this")).to_be_visible()
    check("search-nothing")
    page.get_by_role("listitem").filter(has_text="without Online").get_by_role("link").click()
    expect(page.locator(".ila-card__title")).to_have_text(["Accounting"])
    page.goto("/catalogue/compare/")
    check("compare-empty")


def test_a_learner_keeps_a_search(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    fill(scene)
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto("/catalogue/?q=welding&price=100000")
    expect(page.locator(".ila-card").get_by_text("costs you").first).to_be_visible()
    check("search-learner")
    page.get_by_role("button", name="Keep this search").click()
    expect(page).to_have_url(re.compile("/catalogue/saved/$"))
    expect(page.get_by_role("heading", name="“welding”, up to 1,000")).to_be_visible()
    check("saved")
    page.get_by_role("button", name=re.compile("^Stop the mails")).click()
    expect(page.get_by_text("No mails about it.")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Delete")).click()
    expect(page.get_by_text("You keep no search yet.")).to_be_visible()
    check("saved-empty")


def test_french(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    fill(scene)
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto("/")
    page.get_by_role("button", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    for name, address in {
        "fr-search": "/catalogue/?q=soudeurs&place=lyon",
        "fr-search-nothing": "/catalogue/?q=soudure&mode=online",
        "fr-saved": "/catalogue/saved/",
        "fr-compare-empty": "/catalogue/compare/",
    }.items():
        page.goto(address)
        check(name)
    page.goto("/catalogue/?q=soudeurs")
    expect(page.locator(".ila-card__title")).to_have_text(["Soudure à l'arc"])


def test_without_a_script_and_by_keyboard(browser: Browser, server: LiveServer, scene: Scene) -> None:
    fill(scene)
    context = browser.new_context(java_script_enabled=False, base_url=server.url)
    page = context.new_page()
    page.goto("/catalogue/")
    page.get_by_role("searchbox").focus()
    page.keyboard.type("welding")
    page.keyboard.press("Enter")
    expect(page.locator(".ila-card__title")).to_have_count(2)
    page.get_by_label("Sort by").select_option("price")
    page.get_by_role("button", name="Sort", exact=True).click()
    expect(page.locator(".ila-card__title").first).to_have_text("Welding online")
    box = page.get_by_role("checkbox", name="Compare Welding online")
    box.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Compare what is ticked").press("Enter")
    expect(page.get_by_role("columnheader", name="Welding online")).to_be_visible()
    context.close()
