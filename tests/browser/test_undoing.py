"""Pages that take money back or send it back, on a phone and on a desktop."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from funding.services.top_ups import refund_batches
from tests.browser.conftest import Check, Enter
from tests.pages.employer_things import make_employer_things
from tests.pages.support import Scene, validated_booking

pytestmark = pytest.mark.browser


def test_what_did_not_take_place_and_what_employers_get_back(
    page: Page, enter: Enter, scene: Scene, check: Check
) -> None:
    booking = validated_booking(scene)
    make_employer_things(scene)
    enter(scene.case_worker)
    for name, address in {
        "undo-session": f"/agency/sessions/{booking.session_id}/never-held/",
        "undo-share": f"/agency/bookings/{booking.public_id}/share/",
    }.items():
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        check(name)
    enter(scene.payment_officer)
    page.goto("/agency/receipts/refunds/batch/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check("undo-refunds")
    batch = refund_batches.create_refund_batch(actor=scene.payment_officer, scheme=scene.world.scheme)
    page.goto(f"/agency/batches/{batch.msg_id}/")
    expect(page.get_by_role("heading", name="Refunds to employers")).to_be_visible()
    check("undo-refund-batch")
