"""A claim, another bank account, dated facts, a version and places: on a phone, with pictures for who wants to look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from catalogue.models import AccountChange, Application, EntryVersion, Provider
from catalogue.services import account_changes, entry_drafts
from tests.browser.conftest import PHONE, Check, Enter
from tests.catalogue.providers.desk import OTHER_IBAN, SIRET, Desk
from tests.factories.accounts import MembershipFactory

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def ground(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path / "documents"
    settings.STAND_IN_PAYEES = True


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


@pytest.mark.usefixtures("scene")
def test_an_account_is_asked_for_confirmed_approved_and_stopped(
    page: Page, enter: Enter, check: Check
) -> None:
    desk = Desk.made()
    provider = desk.accredited()
    second = MembershipFactory.create(organisation=desk.organisation, role="staff").user
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(desk.applicant)
    page.goto("/provider/")
    page.get_by_role("link", name="Bank account").click()
    heading(page, "Bank account")
    check("account")
    page.get_by_label("Name of the account's holder").fill("Nearly Atelier du Rhône")
    page.get_by_label("IBAN").fill(OTHER_IBAN)
    press(page, "Ask the bank, and ask for the change")
    expect(page.get_by_role("alert")).to_contain_text("in the name of Atelier du Rhône")
    check("account-close-match")
    page.get_by_label("The name is written otherwise").check()
    press(page, "Ask the bank, and ask for the change")
    expect(page.get_by_text("A change is under way")).to_be_visible()
    check("account-asked")
    enter(second)
    page.goto(f"/provider/{provider.pk}/account/")
    check("account-confirm")
    press(page, "Confirm: this account is ours")
    expect(page.get_by_text("Waits for the agency")).to_be_visible()
    change = AccountChange.objects.get()
    enter(desk.case_worker)
    page.goto("/agency/changes/")
    heading(page, "Changes of providers")
    check("agency-changes")
    page.get_by_role("link", name=str(provider)).click()
    heading(page, "Change of bank account")
    check("agency-account")
    page.get_by_label("How it was checked").fill("The bank's letter was seen.")
    press(page, "Approve the new account")
    expect(page.get_by_text("Approved, waits for its day").first).to_be_visible()
    page.context.clear_cookies()
    page.goto(f"/provider/account/objection/{account_changes.link_of(change)}/")
    heading(page, "Another bank account")
    check("objection")
    press(page, "Object: we did not want this")
    expect(page.get_by_role("heading", level=2)).to_contain_text("It is stopped")
    check("objection-stopped")


@pytest.mark.usefixtures("scene")
def test_facts_versions_and_places_are_told(page: Page, enter: Enter, check: Check) -> None:
    desk = Desk.made()
    provider = desk.accredited()
    entry = desk.registered_entry(provider)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(desk.applicant)
    page.goto(f"/provider/{provider.pk}/details/")
    heading(page, "What you have told us")
    page.get_by_role("link", name=re.compile("Add one ?: Directors and owners")).click()
    heading(page, "Directors and owners")
    page.get_by_label("Full name").fill("Robin Neu")
    page.get_by_label("Birth date").fill("1980-01-01")
    check("detail-new")
    press(page, "Keep")
    expect(page.get_by_text("It is kept. The agency looks at it.")).to_be_visible()
    check("details")
    page.get_by_role("link", name="Change Robin Neu").click()
    check("detail")
    entry_drafts.save_entry(actor=desk.applicant, entry_id=entry.pk, values={"title": "Weld very safely"})
    page.goto(f"/provider/entries/{entry.pk}/")
    expect(page.get_by_text("A change waits for the agency")).to_be_visible()
    page.get_by_text("Add a place").first.click()
    page.get_by_label("Postcode").fill("75002")
    page.get_by_label("Town").fill("Paris")
    press(page, "Add the place")
    expect(page.get_by_text("The place is added.")).to_be_visible()
    check("entry-with-version-and-places")
    enter(desk.case_worker)
    page.goto("/agency/changes/")
    check("agency-changes-of-facts")
    page.goto(f"/agency/entries/{entry.pk}/")
    check("agency-version")
    press(page, "Register this version")
    heading(page, "Weld very safely")
    assert EntryVersion.objects.get().applied_at is not None


@pytest.mark.usefixtures("scene")
def test_a_listing_is_claimed(page: Page, enter: Enter, check: Check) -> None:
    desk = Desk.made()
    Provider.objects.create(
        register="siret", external_id=SIRET, name="Atelier du Rhône", country="FR", time_zone="Europe/Paris"
    )
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(desk.applicant)
    page.goto("/provider/")
    check("home-with-claim")
    press(page, "Claim a listing, or go on with the draft")
    heading(page, "Claim of a listing")
    check("claim-steps")
    page.get_by_role("link", name="Who you are", exact=True).click()
    heading(page, "Who you are")
    check("claim-identity")
    one = desk.claim_recommended()
    page.goto(f"/provider/applications/{one.public_id}/")
    check("claim-handed-in")
    enter(desk.manager)
    page.goto(f"/agency/providers/{one.public_id}/")
    check("agency-claim")
    page.locator("#approve_reason").fill("Proved.")
    press(page, "Approve the claim")
    expect(page.get_by_text("Proved.").first).to_be_visible()
    assert Application.objects.get().state == "approved"
