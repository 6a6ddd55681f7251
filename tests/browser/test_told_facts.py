"""What people tell detectors, in a browser on a phone: a known place by two persons, who teaches, a report."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from catalogue.models import ProviderDetail
from fraud.models import KnownPlace, LearnerReport
from ila.core import clock
from tests.browser.conftest import PHONE, Check, Enter
from tests.factories.accounts import MembershipFactory
from tests.pages.support import Scene
from tests.support.world import MONDAY

pytestmark = pytest.mark.browser


def test_a_place_a_trainer_and_a_report(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    manager: User = MembershipFactory.create(organisation=scene.world.agency, role="manager").user
    main = page.get_by_role("main")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.investigator)
    page.goto(reverse("fraud_desk"))
    main.get_by_role("link", name="Known places").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("No place")
    main.get_by_role("link", name="Propose a place").click()
    main.get_by_role("button", name="Propose").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the network address.")
    check("fraud-place-new-errors")
    main.get_by_label("Library", exact=True).check()
    main.get_by_label("Name of the place").fill("Library of Rennes")
    main.get_by_label("Its network address").fill("8.8.8.0/30")
    main.get_by_label("Why many people sign in there").fill(
        "Four public computers, says their letter of May."
    )
    main.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("The place is proposed.")).to_be_visible()
    check("fraud-place-proposed")
    place = KnownPlace.objects.get()
    enter(manager)
    page.goto(reverse("fraud_place", args=[place.public_id]))
    main.get_by_role("link", name="Agree", exact=True).click()
    main.get_by_role("button", name="Agree").click()
    expect(page.get_by_text("Done: Agree.")).to_be_visible()
    page.goto(reverse("fraud_places"))
    expect(main.get_by_role("link", name="Library of Rennes")).to_be_visible()
    check("fraud-places")

    ProviderDetail.objects.create(
        provider=scene.world.provider,
        kind="trainer",
        facts={"full_name": "Ada Martin"},
        valid_from=MONDAY.date(),
        entered_by=scene.provider_member,
    )
    enter(scene.provider_member)
    page.goto(reverse("provider_session", args=[scene.world.session.pk]))
    main.get_by_role("link", name="Tell who teaches and who takes part").click()
    main.get_by_label("Who teaches").select_option(label="Ada Martin")
    main.get_by_label("How many take part who pay themselves").fill("1")
    check("provider-session-teaching")
    main.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Ada Martin")).to_be_visible()
    check("provider-session-taught")

    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
    enter(scene.learner.user)
    page.goto(reverse("booking", args=[booking.public_id]))
    main.get_by_role("link", name="Report a problem with this training").click()
    main.get_by_label("I was offered a gift").check()
    main.get_by_label("What happened").fill("A tablet, if I signed.")
    check("fraud-report")
    main.get_by_role("button", name="Send the report").click()
    expect(page.get_by_text("Your report is kept")).to_be_visible()
    assert LearnerReport.objects.count() == 1
    enter(scene.investigator)
    page.goto(reverse("fraud_reports"))
    expect(main.get_by_text("A tablet, if I signed.")).to_be_visible()
    check("fraud-reports")
