"""Rules from a draft to the public page, in a real browser, with every page looked at."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from funding.models import SchemeDraft
from ila.core import clock
from tests.browser.conftest import Check, Enter
from tests.factories.funding import SchemeFactory
from tests.funding.schemes.drafts import Office
from tests.pages.support import Scene, proposed_booking

pytestmark = pytest.mark.browser


@pytest.fixture
def office(scene: Scene) -> Office:
    made = Office(scene.world.scheme)
    made.author.display_name, made.approver.display_name = "Ada Author", "Ben Approver"
    made.author.save()
    made.approver.save()
    return made


def test_from_a_draft_to_the_page_for_everybody(
    page: Page, scene: Scene, office: Office, enter: Enter, check: Check
) -> None:
    proposed_booking(scene)
    first = clock.now().date() + timedelta(days=40)
    enter(office.author)
    page.goto("/")
    page.get_by_role("navigation", name="Menu").get_by_role("link", name="Agency").click()
    page.get_by_role("main").get_by_role("link", name="Rules", exact=True).click()
    page.get_by_role("button", name="Begin a draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Begin a draft")
    check("scheme-draft-new")
    page.get_by_label("Begin with the rules of").select_option("scheme:cpf")
    page.get_by_role("button", name="Begin", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Change a draft")
    check("scheme-draft-edit")
    page.get_by_label("First day on which these rules hold").fill(first.isoformat())
    page.get_by_label("The learner's own participation in each booking.").fill("many")
    page.get_by_role("button", name="Save the draft").click()
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("The draft is saved, and cannot be proposed yet")
    check("scheme-draft-faulty")
    problem.get_by_role("link", name=re.compile("Write an amount")).click()
    field = page.get_by_label("The learner's own participation in each booking.")
    expect(field).to_be_focused()
    field.fill("175.50")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_role("heading", name="What changes")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("own participation"))).to_contain_text("€175.50")
    check("scheme-draft-author")
    page.get_by_role("button", name="Propose to another manager").click()
    expect(
        page.get_by_text("It waits for a manager").or_(page.get_by_text("Take the proposal back"))
    ).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Put into force"))).to_have_count(0)

    draft = SchemeDraft.objects.get()
    enter(office.approver)
    page.goto("/agency/schemes/")
    check("agency-schemes")
    page.get_by_role("link", name="Compte personnel de formation").first.click()
    expect(page).to_have_url(re.compile(str(draft.public_id)))
    check("scheme-draft-approver")
    page.get_by_role("button", name=re.compile("Put into force from")).click()
    expect(page.get_by_role("alert")).to_contain_text("It is approved.")
    page.get_by_role("link", name="Compte personnel de formation").click()
    expect(page.get_by_role("heading", name="Versions of the rules")).to_be_visible()
    check("agency-scheme")

    page.context.clear_cookies()
    page.goto("/schemes/")
    check("schemes")
    page.get_by_role("link", name="Compte personnel de formation").click()
    expect(page.get_by_role("heading", name="What will change")).to_be_visible()
    expect(page.locator(".govuk-inset-text")).to_contain_text("€175.50")
    check("scheme")
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", name="Ce que vous recevez")).to_be_visible()
    check("fr-scheme")


def test_pages_of_other_schemes_and_in_french(
    page: Page, scene: Scene, office: Office, enter: Enter, check: Check
) -> None:
    for code in ("stap", "skillsfuture", "uk_2000", "upper_austria"):
        SchemeFactory.create(code=code)
    coming = office.in_force(30, participation_cents=17_550)
    office.in_force(60, usage_cap_cents={"rs": 1})
    withdrawn = office.proposed(90, min_hours=7)
    for code in ("stap", "skillsfuture"):
        page.goto(f"/schemes/{code}/")
        check(f"scheme-{code}")
    page.goto(f"/schemes/cpf/?on={coming.valid_from}")
    expect(page.get_by_text("You pay €175.50 of your own")).to_be_visible()
    enter(office.approver)
    page.goto("/")
    page.get_by_role("button", name="Français").click()
    for name, address in {
        "fr-agency-schemes": "/agency/schemes/",
        "fr-agency-scheme": "/agency/schemes/cpf/",
        "fr-scheme-draft": f"/agency/scheme-drafts/{withdrawn.public_id}/",
    }.items():
        page.goto(address)
        check(name)


def test_without_scripts_rules_are_put_into_force(
    browser: Browser, server: LiveServer, scene: Scene, office: Office, enter: Enter, page: Page
) -> None:
    draft = office.proposed(40, participation_cents=17_550)
    enter(office.approver)
    context = browser.new_context(
        base_url=server.url, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    plain = context.new_page()
    plain.goto(f"/agency/scheme-drafts/{draft.public_id}/")
    plain.get_by_role("button", name=re.compile("Put into force from")).click()
    expect(plain.get_by_role("alert")).to_contain_text("It is approved.")
    context.close()


def test_a_printed_page_carries_what_matters(page: Page, scene: Scene) -> None:
    page.emulate_media(media="print")
    page.goto("/schemes/cpf/")
    expect(page.get_by_text("A scheme in plain words")).to_be_visible()
    expect(page.get_by_role("heading", name="What you pay")).to_be_visible()
    expect(page.locator(".ila-header")).to_be_hidden()
