"""An employer's, the agency's and a learner's pages in a browser: a phone and a desktop."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from funding import tasks
from funding.models import TopUp, TopUpDraft
from funding.services import top_ups
from tests.browser.conftest import Check, Enter
from tests.funding.top_ups.support import Transfer, tell
from tests.pages.employer_things import make_employer_things, register
from tests.pages.support import Scene

pytestmark = pytest.mark.browser


def test_an_employer_orders_and_an_employee_sees_it(
    page: Page, scene: Scene, enter: Enter, check: Check
) -> None:
    enter(scene.employer)
    page.goto("/employer/")
    check("employer-home-empty")
    page.get_by_role("link", name="Register your organisation").click()
    expect(page.get_by_role("heading", name="Register your organisation")).to_be_visible()
    check("employer-register")
    employer = register(scene)
    enter(scene.learner.user)
    page.goto("/top-ups/")
    check("employer-mine-empty")
    page.get_by_role("button", name="Make a reference").click()
    expect(page.get_by_text("Your top-up reference:")).to_be_visible()
    check("employer-mine-reference")
    reference = scene.learner.account.top_up_references.get().shown
    enter(scene.employer)
    page.goto(f"/employer/{employer.organisation.public_id}/")
    check("employer-verified")
    page.get_by_role("link", name="Top up a few employees").click()
    page.get_by_label("Reference of employee 1").fill(reference)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    check("employer-new-error")
    page.get_by_label("Amount for employee 1").fill("300.00")
    page.get_by_label("Only for a field of study").select_option("06")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="What it would order")).to_be_visible()
    check("employer-draft")
    page.get_by_role("button", name="Order it").click()
    expect(page.get_by_role("status")).to_contain_text("Being ordered")
    tasks.order_top_up_list(draft_id=TopUpDraft.objects.get().pk)
    page.reload()
    page.get_by_role("link", name="See the order and how to pay it").click()
    expect(page.get_by_role("heading", name="Pay by bank transfer")).to_be_visible()
    check("employer-order")
    order = TopUp.objects.get()
    tell(Transfer(31_000, order.reference))
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("0 of 1")
    top_ups.allocate_waiting()
    page.reload()
    expect(page.get_by_role("heading", name="Have it back")).to_be_visible()
    check("employer-order-paid")
    enter(scene.learner.user)
    page.goto("/top-ups/")
    expect(page.get_by_text("Ateliers du Rhône")).to_be_visible()
    check("employer-mine")


def test_lists_totals_people_and_the_agency(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    things = make_employer_things(scene)
    organisation = things.employer.organisation.public_id
    enter(scene.employer)
    for address, name in (
        ("/employer/", "employer-home"),
        (f"/employer/{organisation}/", "employer-orders"),
        (f"/employer/{organisation}/list/", "employer-list-new"),
        (f"/employer/{organisation}/totals/", "employer-totals"),
        (f"/employer/{organisation}/members/", "employer-members"),
        (f"/employer/lists/{things.draft.public_id}/", "employer-list"),
        (f"/employer/top-ups/{things.order.public_id}/cancel/", "employer-cancel"),
    ):
        page.goto(address)
        check(name)
    register(scene, name="Boulangerie Petit", verified=False)
    enter(scene.case_worker)
    page.goto("/agency/employers/")
    check("agency-employers")
    page.get_by_role("link", name="Boulangerie Petit").click()
    expect(page.get_by_role("button", name="Verify")).to_be_visible()
    check("agency-employer")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    enter(scene.payment_officer)
    tell(Transfer(4_200, note="RF08ILAANJG948BH4KM-RF08ILAANJG948BH4KM"))
    page.goto("/agency/receipts/")
    check("agency-receipts")
    page.get_by_role("link", name="Boulangerie Petit").click()
    expect(page.get_by_role("heading", name="Settle a transfer")).to_be_visible()
    check("agency-receipt")
    page.goto(f"/agency/receipts/refunds/{things.refund.public_id}/")
    check("agency-refund")
    page.get_by_label("Reference of your transfer").fill("SCT-17")
    page.get_by_role("button", name="I have made the transfer").click()
    expect(page.get_by_text("A colleague has to confirm it.")).to_be_visible()
    check("agency-refunds-noted")
    enter(scene.world.second_payer)
    page.goto(f"/agency/receipts/refunds/{things.refund.public_id}/")
    check("agency-refund-noted")
    page.get_by_role("button", name="I have seen the transfer").click()
    expect(page.get_by_text("the money is back with the employer")).to_be_visible()
