"""Open data, imports, stacks and surveys in a browser: a phone and a desktop, with and without a script."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.db import connection
from playwright.sync_api import FilePayload, Page, expect

from catalogue import tasks
from catalogue.models import ImportRun, MicroCredential, SurveyInvitation, SurveyResult
from catalogue.services import stacks, surveys
from catalogue.stacking.files import read_rule
from ila.core import clock
from tests.browser.conftest import Check, Enter
from tests.catalogue.awards.support import make_award
from tests.catalogue.importing.tables import P2, as_csv, as_xlsx, row
from tests.factories.catalogue import MicroCredentialFactory
from tests.pages.support import Scene

pytestmark = pytest.mark.browser


def test_structured_data_is_there_and_the_policy_has_nothing_against_it(
    page: Page, scene: Scene, check: Check
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"/catalogue/{scene.world.credential.pk}/")
    block = page.locator('script[type="application/ld+json"]')
    expect(block).to_have_count(1)
    assert block.evaluate("one => JSON.parse(one.textContent)['@type']") == "Course"
    assert complaints == []
    page.goto("/catalogue/data/")
    check("exchange-data")


def test_a_file_is_handed_in_checked_and_stored(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    enter(scene.case_worker)
    page.goto("/import/")
    check("exchange-imports-empty")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    content = as_xlsx(row(), row(provider=P2, price="0"))
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    page.get_by_label("File", exact=True).set_input_files(
        FilePayload(name="offers.xlsx", mimeType=kind, buffer=content)
    )
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("status")).to_contain_text("Being checked")
    check("exchange-import-checking")
    run = ImportRun.objects.get()
    # Done by a worker meanwhile: the page finds out by itself.
    worker = threading.Thread(target=_work, args=(run.pk,))
    worker.start()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible(timeout=15_000)
    worker.join()
    check("exchange-import-checked")
    page.get_by_role("button", name="Store it").click()
    expect(page.get_by_role("status")).to_contain_text("Being stored")
    tasks.store_import(run_id=run.pk)
    page.reload()
    expect(page.get_by_role("heading", name="What was done")).to_be_visible()
    check("exchange-import-stored")
    assert MicroCredential.objects.filter(title="Welding").count() == 1
    page.goto("/import/")
    check("exchange-imports")


def _work(run_id: int) -> None:
    try:
        tasks.check_import(run_id=run_id)
    finally:
        connection.close()


def test_without_a_script_the_page_has_a_link_for_it(page: Page, scene: Scene, enter: Enter) -> None:
    enter(scene.case_worker)
    page.route("**/*.mjs", lambda route: route.abort())
    page.goto("/import/")
    page.get_by_label("File", exact=True).set_input_files(
        FilePayload(name="offers.csv", mimeType="text/csv", buffer=as_csv(row()).encode())
    )
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("status")).to_contain_text("Being checked")
    tasks.check_import(run_id=ImportRun.objects.get().pk)
    page.get_by_role("link", name="See how far it is").click()
    expect(page.get_by_role("button", name="Store it")).to_be_visible()


def test_stacks_and_a_pathway(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    world = scene.world
    others = [
        MicroCredentialFactory.create(
            provider=world.provider, title=title, workload=3, workload_scheme="ects"
        )
        for title in ("Lead a team from a distance, and keep it together", "Speak before many")
    ]
    members = ", ".join(f'"{one.entry}"' for one in [world.credential, *others])
    text = (
        'code = "LEAD"\ntitle = "Project lead"\ndescription = "Three short credentials."\nkind = "n_of"\n'
        f'direction = "vertical"\nneeded = 2\nfinal_examination = true\nmembers = [{members}]'
    )
    enter(scene.provider_member)
    page.goto("/stacks/new/")
    check("exchange-stack-new")
    page.get_by_label("Awarding body").select_option(index=1)
    page.get_by_label("Rule (TOML)").fill(text.replace("n_of", "some"))
    page.get_by_role("button", name="Put it into force").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    check("exchange-stack-fault")
    page.get_by_label("Rule (TOML)").fill(text)
    page.get_by_role("button", name="Put it into force").click()
    expect(page.get_by_role("heading", name="Project lead")).to_be_visible()
    expect(page.get_by_role("img")).to_be_visible()
    make_award(world.credential, citizen=scene.learner.citizen)
    enter(scene.learner.user)
    page.reload()
    expect(page.get_by_role("progressbar")).to_be_visible()
    check("exchange-stack")
    page.goto("/stacks/")
    check("exchange-stacks")
    page.get_by_role("link", name="My pathway").click()
    expect(page.get_by_role("heading", name="My pathway")).to_be_visible()
    check("exchange-pathway")
    page.goto("/")
    page.get_by_role("button", name="Français").click()
    page.goto("/pathway/")
    expect(page.get_by_role("heading", name="Mon parcours")).to_be_visible()
    check("exchange-pathway-fr")


def test_a_survey_and_what_is_published_of_it(page: Page, scene: Scene, check: Check) -> None:
    rule = read_rule(
        'code="A"\ntitle="A larger one"\nkind="all_of"\ndirection="vertical"\n'
        f'members=["{scene.world.credential.entry}"]'
    )
    stacks.enter_rule(actor=scene.provider_member, provider_id=scene.world.provider.pk, told=rule)
    surveys.invite_completer(
        source=uuid4(),
        citizen=scene.learner.citizen,
        micro_credential=scene.world.credential,
        ended_at=clock.now(),
    )
    one = SurveyInvitation.objects.get(kind="end")
    page.goto(f"/survey/{one.public_id}/")
    check("exchange-survey")
    page.get_by_role("button", name="Send my answer").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    page.get_by_label("The training as a whole").select_option("4")
    page.get_by_role("button", name="Send my answer").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    check("exchange-survey-done")
    figures = {"rating": {"n": 6, "sum": 25}, "recommends": {"n": 5, "sum": 4}}
    SurveyResult.objects.create(
        micro_credential=scene.world.credential, kind="end", answers=6, figures=figures
    )
    page.goto(f"/catalogue/{scene.world.credential.pk}/")
    expect(page.get_by_text("4.2 of 5 (6 answers)")).to_be_visible()
    check("exchange-entry")
