"""The laboratory in a browser: asked for, waited for, read, on a phone and on a desk, with and without a script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funding.models import LaboratoryRun
from funding.services import laboratory
from tests.browser.conftest import Check, Enter
from tests.pages.support import Scene, laboratory_run

pytestmark = pytest.mark.browser

A_RUN = re.compile(r"/agency/laboratory/[0-9a-f-]{36}/$")


def test_ask_wait_and_read(server: LiveServer, page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    enter(scene.case_worker)
    page.goto(f"{server.url}/agency/laboratory/")
    check("laboratory-empty")
    page.get_by_role("button", name="Run it").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    check("laboratory-faults")
    page.get_by_label("Name of the run").fill("A higher participation")
    page.get_by_label("Scheme", exact=True).select_option("cpf")
    page.get_by_label("Changed parameters", exact=True).fill(
        "participation_cents = 20000\ncap_cents = 400000"
    )
    page.get_by_label("Learners").select_option("generated")
    page.get_by_label("How many to imagine").fill("1500")
    page.get_by_role("button", name="Run it").click()
    expect(page).to_have_url(A_RUN)
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    check("laboratory-waiting")
    run = LaboratoryRun.objects.get()
    LaboratoryRun.objects.filter(pk=run.pk).update(outcome="running", done=1_000)
    # The page looks again by itself.
    expect(page.get_by_text("66 % done")).to_be_visible(timeout=15_000)
    laboratory.execute_run(public_id=run.public_id)
    expect(page.get_by_role("heading", name="What it costs by year")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("img", name=re.compile("Public money paid out over all years"))).to_be_visible()
    loaded = page.get_by_role("img", name=re.compile("Public money paid out over all years"))
    assert loaded.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    check("laboratory-result")


def test_earlier_runs_and_the_way_to_cancel_and_delete(
    server: LiveServer, page: Page, scene: Scene, enter: Enter, check: Check
) -> None:
    laboratory_run(scene)
    waiting = laboratory_run(scene, play=False)
    enter(scene.case_worker)
    page.goto(f"{server.url}/agency/laboratory/")
    check("laboratory-list")
    page.goto(f"{server.url}/agency/laboratory/{waiting.public_id}/")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("The run is cancelled.")).to_be_visible()
    check("laboratory-cancelled")
    page.get_by_text("Delete this run").click()
    page.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(f"{server.url}/agency/laboratory/")
    expect(page.get_by_text("The run is deleted.")).to_be_visible()
    assert LaboratoryRun.objects.count() == 1
