"""Who brought a learner, and two persons for a large claim, in a browser on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from catalogue.models import ProviderDetail
from funding.models import Introduction
from funding.services import claim_approvals
from ila.core import clock
from tests.browser.conftest import PHONE, Check, Enter
from tests.pages.agency_things import submitted
from tests.pages.support import PAYDAY, Scene, pay_the_provider, proposed_booking
from tests.support.world import MONDAY

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> None:
    """What is looked at here is the consent, not how the learner's own part is paid."""
    pay_the_provider(settings)


def test_a_learner_says_who_brought_them(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    main = page.get_by_role("main")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    booking = proposed_booking(scene)
    ProviderDetail.objects.create(
        provider=scene.world.provider,
        kind="partner",
        facts={"kind": "agent", "name": "Rapid Sign-up Ltd", "number": "732829320"},
        valid_from=MONDAY.date(),
        entered_by=scene.provider_member,
    )
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto(reverse("booking_accept", args=[booking.public_id]))
    for each in ("Nobody", "Rapid Sign-up Ltd", "Somebody else"):
        expect(main.get_by_label(each, exact=True)).not_to_be_checked()
    check("accept-who-brought")
    main.get_by_label("Rapid Sign-up Ltd").check()
    main.get_by_label("I have read what this costs me").check()
    main.get_by_role("button", name="Book for").click()
    expect(page.get_by_text("You have booked.")).to_be_visible()
    assert Introduction.objects.get().kind == "partner"
    enter(scene.investigator)
    page.goto(reverse("agency_introductions"))
    expect(main.get_by_role("rowheader")).to_have_text("Atelier des compétences")
    check("agency-introductions")


def test_two_persons_approve_a_large_claim(
    page: Page, scene: Scene, enter: Enter, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_approvals, "limit_of", lambda _claim: 100_000)
    main = page.get_by_role("main")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    with clock.at(PAYDAY):
        (claim,) = submitted(scene)
        for user, said in (
            (scene.payment_officer, "1 claim has your approval and waits"),
            (scene.world.second_payer, "1 claim is approved."),
        ):
            enter(user)
            page.goto(reverse("agency_claim", args=[claim.pk]))
            expect(main.get_by_text("Needs a second approval: above €1,000.00.")).to_be_visible()
            check(f"claim-two-{user.pk}")
            main.get_by_role("button", name="Approve").click()
            check(f"claim-two-decide-{user.pk}")
            main.get_by_role("button", name="Approve these claims").click()
            expect(page.get_by_text(said)).to_be_visible()
