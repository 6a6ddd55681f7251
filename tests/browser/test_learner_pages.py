"""A counsellor invited, looking and suggesting; a copy, an erasure, a document and details: on a phone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Delegation, Message, PersonalExport
from accounts.services import exports
from funding.models import RefundAccount
from funding.services import bookings, learner_documents
from ila.core import clock
from tests.browser.conftest import PHONE, Check, Enter
from tests.factories.accounts import SignInFactory
from tests.pages.support import Scene
from tests.pages.test_counselling import counsellor
from tests.support.world import MONDAY

pytestmark = pytest.mark.browser


def test_a_learner_and_their_counsellor(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    ada = counsellor()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto("/account/counsellors/")
    check("counsellors-empty")
    page.get_by_label("Their e-mail address").fill(ada.email)
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    check("counsellors-error")
    page.get_by_label("What is in my accounts, by source and last day").check()
    page.get_by_label("My bookings and how they stand").check()
    page.get_by_label("3 months").check()
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("Invited, no answer yet")).to_be_visible()
    enter(ada)
    page.goto("/counselling/")
    check("counselling")
    page.get_by_role("button", name="Yes, I advise them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Camille Durand")
    check("counselled")
    page.get_by_role("link", name="What is in my accounts").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "What is in my accounts, by source and last day"
    )
    check("counselled-balances")
    delegation = Delegation.objects.get()
    page.goto(f"/counselling/{delegation.public_id}/suggest/?entry={scene.world.credential.pk}")
    page.get_by_label("Why it fits").fill("You said you would like to lead a project.")
    check("suggest")
    page.get_by_role("button", name="Suggest it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Camille Durand")
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto("/account/")
    expect(page.get_by_text("You said you would like to lead a project.")).to_be_visible()
    check("account-suggestion")
    page.goto(f"/account/counsellors/{delegation.public_id}/")
    check("counsellor-looks")


def test_data_documents_refunds_and_details(
    page: Page, scene: Scene, enter: Enter, check: Check, settings: Any, tmp_path: Path
) -> None:
    settings.DOCUMENTS_DIR = tmp_path
    user = scene.learner.user
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
        bookings.withdraw(actor=user, booking_id=booking.pk)
    learner_documents.ask_document(
        actor=scene.provider_member, booking_id=booking.pk, asked="A picture of your badge"
    )
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(user, sign_in=SignInFactory.create(user=user))
    for name in ("documents", "refunds", "details", "data"):
        page.goto(f"/account/{name}/")
        check(f"learner-{name}")
    letter = Message.objects.filter(recipient=user, template="booking_accepted").latest("pk")
    Message.objects.filter(pk=letter.pk).update(sent_at=clock.now())
    page.goto(f"/account/documents/letters/{letter.pk}/")
    check("learner-letter")
    page.goto("/account/data/")
    page.get_by_role("button", name="Ask for a copy").click()
    expect(page.get_by_text("Your copy waits for its turn")).to_be_visible()
    check("learner-data-waiting")
    exports.make_copy(export_id=PersonalExport.objects.get().pk)
    expect(page.get_by_role("link", name=re.compile("^Download the copy"))).to_be_visible(timeout=15_000)
    check("learner-data-ready")
    page.goto("/account/data/erase/")
    check("erasure-in-the-way")
    page.goto("/account/refunds/account/")
    page.get_by_label("IBAN").fill("FR14 2004 1010 0505 0001 3M02 606")
    check("refund-account")
    page.get_by_role("button", name="Keep this account").click()
    expect(page.get_by_text("FR•• •••• 2606")).to_be_visible()
    assert RefundAccount.objects.count() == 1
    page.goto("/account/details/status/")
    check("correction-ask")
