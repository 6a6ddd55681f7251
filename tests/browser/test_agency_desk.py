"""The agency's desk in a real browser: from a claim to the bank by three people, and every page looked at."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from funding.models import Claim, PaymentBatch
from tests.browser.conftest import DESKTOP, PHONE, Check, Enter
from tests.pages.agency_things import make_agency_things, manager, submitted
from tests.pages.support import Scene, exported_batch, signed_in, validated_booking

pytestmark = pytest.mark.browser


def test_claims_are_approved_and_paid_by_three_people(
    page: Page, scene: Scene, enter: Enter, check: Check
) -> None:
    submitted(scene, 2)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.payment_officer)
    page.goto("/agency/")
    check("agency-home")
    page.get_by_role("link", name="Claims to decide").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Providers' claims")
    check("agency-claims")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Approve those ticked").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Approve claims")
    check("agency-claims-decide")
    page.get_by_role("button", name="Approve these claims").click()
    expect(page.get_by_text("2 claims are approved.")).to_be_visible()
    enter(scene.world.second_payer)
    page.goto("/agency/batches/new/")
    page.get_by_role("button", name="Show what would be paid").click()
    expect(page.get_by_role("row", name=re.compile("^Total"))).to_contain_text("€2,640.00")
    check("agency-batch-new")
    page.get_by_role("button", name="Draw up this batch").click()
    expect(page.get_by_text("You drew this batch up: a colleague releases it.")).to_be_visible()
    check("agency-batch-drawn-up")
    batch = PaymentBatch.objects.get()
    enter(scene.world.third_payer)
    page.goto(f"/agency/batches/{batch.msg_id}/")
    page.get_by_role("button", name="Release the batch").click()
    check("agency-batch-release")
    page.get_by_role("button", name=re.compile("^Release €")).click()
    expect(page.get_by_text("The batch is released.")).to_be_visible()
    page.get_by_role("button", name="Write the payment file").click()
    page.get_by_role("button", name=re.compile("^Write the file €")).click()
    expect(page.locator(".ila-verdict__text")).to_have_text("On its way to the bank")
    check("agency-batch-sending")


def test_every_page_of_the_desk(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    booking = validated_booking(scene)
    batch = exported_batch(scene, booking)
    things = make_agency_things(scene, booking, batch)
    chief = manager(scene)
    enter(chief)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    for name, address in {
        "agency-home-manager": "/agency/",
        "agency-claim": f"/agency/claims/{things.claim.pk}/",
        "agency-budgets": "/agency/budgets/",
        "agency-budget": "/agency/budgets/cpf/",
        "agency-appropriation": f"/agency/appropriations/{things.proposal.public_id}/",
        "agency-appropriation-new": "/agency/appropriations/new/",
        "agency-holds": "/agency/holds/",
        "agency-hold-new": "/agency/holds/new/",
        "agency-hold-release": f"/agency/holds/{things.hold.pk}/release/",
        "agency-suspensions": "/agency/suspensions/",
        "agency-suspend": f"/agency/suspensions/{booking.account.public_id}/",
        "agency-roles": "/agency/roles/",
        "agency-role-schemes": f"/agency/roles/{things.membership.pk}/",
        "agency-operations": "/agency/operations/",
        "agency-claims-empty": "/agency/claims/",
    }.items():
        page.goto(address)
        check(name)


def test_without_scripts_a_claim_is_rejected_with_a_reason(
    browser: Browser, server: LiveServer, scene: Scene
) -> None:
    (claim,) = submitted(scene)
    context = browser.new_context(base_url=server.url, java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    cookie = signed_in(scene.payment_officer).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server.url, "httpOnly": True}]
    )
    plain = context.new_page()
    plain.goto(f"/agency/claims/{claim.pk}/")
    plain.get_by_role("button", name="Reject").click()
    plain.get_by_role("button", name="Reject these claims").click()
    expect(plain.get_by_role("heading", name="There is a problem")).to_be_visible()
    plain.get_by_label("Why").fill("The certificate is another person's")
    plain.get_by_role("button", name="Reject these claims").click()
    expect(plain.get_by_text("1 claim is rejected.")).to_be_visible()
    context.close()
    assert Claim.objects.get().state == "rejected"
