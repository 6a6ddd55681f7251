"""A learner's own pages in the browser: the account, asking for a place, leaving a booking."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funding.models import Booking
from funding.services import schemes
from ila.core import clock
from tests.browser.conftest import Check, Enter
from tests.factories.accounts import UserFactory
from tests.pages.support import Scene
from tests.support.world import MONDAY

pytestmark = pytest.mark.browser


def test_from_the_account_to_a_place_and_out_again(
    scene: Scene, page: Page, server: LiveServer, enter: Enter, check: Check
) -> None:
    with clock.at(MONDAY):
        schemes.credit(
            account=scene.learner.account,
            source="employer",
            amount_cents=12_345,
            actor=scene.world.case_worker,
            idempotency_key="top-up",
            expires_on=date.today() + timedelta(days=90),  # noqa: DTZ011 - the server runs on today's clock
        )
        schemes.load_preset_scheme(
            code="flanders", author=UserFactory.create(), approver=UserFactory.create()
        )
        enter(scene.learner.user, sign_in=scene.learner.sign_in)
        page.goto(f"{server.url}/account/")
        check("learning-accounts")
        page.get_by_role("link", name=scene.world.scheme.name).click()
        expect(page.get_by_role("heading", name="The coming years")).to_be_visible()
        check("learning-account")
        page.goto(f"{server.url}/sessions/{scene.world.session.pk}/ask/")
        check("booking-ask")
        page.get_by_role("button", name="Ask for this place").click()
        expect(page.get_by_text("You have asked for a place")).to_be_visible()
        page.get_by_role("link", name="Leave this booking").click()
        expect(page.get_by_text("Nothing is held for this booking yet")).to_be_visible()
        check("booking-leave")
        page.get_by_role("button", name="Leave this booking").click()
        expect(page.get_by_text("You have left this booking")).to_be_visible()
    assert Booking.objects.get().state == "cancelled_by_learner"
