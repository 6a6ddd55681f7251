"""A provider applies on a phone, the agency asks and decides, a micro-credential is listed and found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from catalogue import regimes
from catalogue.models import Application, MicroCredential
from catalogue.services import application_reviews, entry_drafts
from tests.browser.conftest import PHONE, Check, Enter
from tests.catalogue.providers import files
from tests.catalogue.providers.desk import IBAN, OTHER_SIRET, Desk
from tests.pages.support import Scene

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def ground(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path / "documents"
    settings.STAND_IN_PAYEES = True


def keep(page: Page, button: str = "Keep and go on") -> None:
    page.get_by_role("button", name=button, exact=True).click()


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def add(page: Page, told: dict[str, str]) -> None:
    """Fill in the form of one row and add it; with a script or without, the form may be folded."""
    for label, value in told.items():
        page.get_by_label(label, exact=True).fill(value)
    keep(page, "Add")
    expect(page.get_by_text("It is kept.")).to_be_visible()


def apply(page: Page, check: Check, paper: Path) -> None:
    page.goto("/provider/")
    check("provider-home")
    page.get_by_role("button", name="Apply, or go on with the draft").click()
    heading(page, "Application for accreditation")
    check("provider-steps")
    page.get_by_role("link", name="Who you are", exact=True).click()
    heading(page, "Who you are")
    page.get_by_label("Registration number").fill("12345678901234")
    keep(page)
    expect(page.get_by_role("alert")).to_contain_text("This is no SIRET")
    check("provider-identity-error")
    page.get_by_label("Registration number").fill(OTHER_SIRET)
    keep(page)
    heading(page, "How to reach you, and turnover")
    page.get_by_label("E-mail address").fill("contact@atelier.example.org")
    page.get_by_label("Turnover of the last year").fill("250 000")
    keep(page)
    heading(page, "Where you work")
    add(page, {"Street and number": "1 rue du Lac", "Postcode": "69003", "Town": "Lyon"})
    keep(page, "This list is complete: go on")
    heading(page, "Directors and owners")
    add(page, {"Full name": "Claude Moreau", "Birth date": "1970-04-02"})
    check("provider-persons")
    keep(page, "This list is complete: go on")
    heading(page, "Bank account")
    page.get_by_label("IBAN").fill(IBAN)
    page.get_by_label("Name of the account's holder").fill("Atelier du Rhône")
    keep(page, "Ask the bank, keep and go on")
    heading(page, "Agents and subcontractors")
    page.get_by_label("Do you work with agents or subcontractors?").select_option("no")
    keep(page, "Keep")
    heading(page, "Trainers")
    add(page, {"Full name": "Ada Blanc", "What they teach": "Welding", "Qualification": "Master"})
    keep(page, "This list is complete: go on")
    heading(page, "Documents")
    for kind in ("registration", "quality"):
        add_file(page, kind, paper)
    check("provider-documents")
    keep(page, "This list is complete: go on")
    heading(page, "Declaration")
    page.get_by_label("What I have told here is true and complete.").check()
    page.get_by_label(re.compile("We never call people")).check()
    keep(page)
    heading(page, "Application for accreditation")
    check("provider-ready")
    keep(page, "Hand the application in")
    expect(page.get_by_text("Your application is handed in.")).to_be_visible()


def add_file(page: Page, kind: str, paper: Path) -> None:
    # Once there is a first one, the form for another is folded.
    if page.get_by_text("Add another one").count():
        page.get_by_text("Add another one").click()
    page.get_by_label("What it is").select_option(kind)
    page.get_by_label("File", exact=True).set_input_files(paper)
    keep(page, "Add")
    expect(page.get_by_text("It is kept.")).to_be_visible()


def test_from_the_application_to_the_public_catalogue(
    page: Page, scene: Scene, enter: Enter, check: Check, tmp_path: Path
) -> None:
    desk = Desk.made()
    paper = tmp_path / "paper.pdf"
    paper.write_bytes(files.pdf())
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(desk.applicant)
    apply(page, check, paper)
    one = Application.objects.get()
    address = f"/agency/providers/{one.public_id}/"

    enter(scene.case_worker)
    page.goto("/agency/providers/")
    check("agency-queue")
    page.get_by_role("link", name="Atelier du Rhône").click()
    heading(page, "Atelier du Rhône")
    page.get_by_role("button", name="It is complete: review it").click()
    expect(page.get_by_text("It is done.")).to_be_visible()
    page.get_by_text("Ask the applicant", exact=True).click()
    page.get_by_label("Question to the applicant").fill("Which room do you teach in?")
    page.get_by_role("button", name="Send the question").click()
    expect(page.get_by_text("Not answered yet.")).to_be_visible()
    check("agency-application")

    enter(desk.applicant)
    page.goto(f"/provider/applications/{one.public_id}/")
    check("provider-question")
    page.get_by_label("Your answer").fill("The big one.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("Your answer is sent.")).to_be_visible()

    for point in regimes.regime_of("siret").points:
        application_reviews.mark_point(
            actor=scene.case_worker, application_id=one.pk, point=point, outcome="met"
        )
    enter(scene.case_worker)
    page.goto(address)
    page.locator("#recommend").get_by_label("Reason").fill("All points are met.")
    page.get_by_role("button", name="Recommend", exact=True).click()
    expect(page.get_by_text("You have recommended it: somebody else decides.")).to_be_visible()
    enter(desk.manager)
    page.goto(address)
    page.locator("#accredit").get_by_label("Reason").fill("Accredited for three years.")
    check("agency-decision")
    page.locator("#accredit").get_by_role("button", name="Accredit").click()
    expect(page.get_by_text("It is done.")).to_be_visible()
    page.goto("/agency/accreditations/?q=atelier+du+rh%C3%B4ne")
    check("agency-accreditations")
    page.get_by_role("link", name="Atelier du Rhône").first.click()
    expect(page.get_by_role("heading", name="Audits")).to_be_visible()
    check("agency-accreditation")

    list_an_entry(page, desk, enter, check)
    entry = MicroCredential.objects.get(title="Weld thin sheets safely")
    enter(scene.case_worker)
    page.goto("/agency/entries/")
    check("agency-entries")
    page.get_by_role("link", name="Weld thin sheets safely").click()
    check("agency-entry")
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_text("It is done.")).to_be_visible()

    page.context.clear_cookies()
    page.goto("/catalogue/?q=weld+thin")
    page.get_by_role("link", name="Weld thin sheets safely").click()
    expect(page).to_have_url(re.compile(rf"/catalogue/{entry.pk}/"))
    heading(page, "Weld thin sheets safely")
    check("entry-by-form")
    enter(desk.applicant)
    page.goto(f"/provider/entries/{entry.pk}/")
    check("provider-entry-registered")


def list_an_entry(page: Page, desk: Desk, enter: Enter, check: Check) -> None:
    enter(desk.applicant)
    page.goto("/provider/")
    check("provider-home-accredited")
    page.get_by_role("link", name="Add a micro-credential").click()
    page.get_by_label("Title").fill("Weld thin sheets safely")
    page.get_by_label("Kind").select_option("rs")
    keep(page)
    heading(page, "Outcomes, content, prerequisites")
    page.get_by_label("Learning outcomes").fill("You can weld sheets of one millimetre.")
    page.get_by_label("Content", exact=True).fill("A course that is free.")
    page.get_by_label("Are there prerequisites?").select_option("False")
    page.get_by_label("Inherent requirements").fill("None")
    check("provider-entry-outcomes")
    keep(page)
    heading(page, "Workload, level, field")
    page.get_by_label("Workload", exact=True).fill("2")
    page.get_by_label("Counted in").select_option("ects")
    page.get_by_label("EQF level").select_option("4")
    check("provider-entry-level")
    keep(page)
    heading(page, "Assessment and certification")
    page.get_by_label("Are learners assessed?").select_option("True")
    page.get_by_label("Type of assessment").fill("A practical test")
    page.get_by_label("What is certified").select_option("outcomes")
    page.get_by_label("Quality assurance").fill("Yearly review")
    page.get_by_label("Credit and recognition").fill("None")
    keep(page)
    heading(page, "Delivery and price")
    page.get_by_label("How learners take part").select_option("in_person")
    page.locator("#id_language").select_option("fr")
    page.get_by_label("Town").fill("Lyon")
    page.get_by_label("Price", exact=True).fill("980,50")
    page.get_by_label("Financial help").fill("None")
    keep(page)
    heading(page, "Weld thin sheets safely")
    expect(page.locator("mark")).to_have_text("free")
    check("provider-entry-claims")
    keep(page, "Submit it for registration")
    expect(page.get_by_role("alert").first).to_contain_text("makes a claim that is forbidden")
    entry = MicroCredential.objects.get(title="Weld thin sheets safely")
    entry_drafts.save_entry(actor=desk.applicant, entry_id=entry.pk, values={"content_html": "A course."})
    page.goto(f"/provider/entries/{entry.pk}/")
    keep(page, "Submit it for registration")
    expect(page.get_by_text("It is submitted.")).to_be_visible()
