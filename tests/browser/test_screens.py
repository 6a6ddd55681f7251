"""Every page at phone and desktop width: nothing overflows, and axe finds no barrier."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Check, Enter
from tests.pages.support import (
    Scene,
    bank_message,
    exported_batch,
    proposed_booking,
    validated_booking,
)

pytestmark = pytest.mark.browser


def test_pages_open_to_everybody(page: Page, scene: Scene, check: Check) -> None:
    proposed_booking(scene)
    for name, address in {
        "start": "/",
        "catalogue": "/catalogue/",
        "catalogue-filtered": "/catalogue/?q=agile&mode=blended&place=lyon",
        "catalogue-empty": "/catalogue/?q=agile&kind=rncp",
        "entry": f"/catalogue/{scene.world.credential.pk}/",
        "login": "/accounts/login/",
        "password": "/accounts/password/reset/",
        "not-found": "/nowhere/",
    }.items():
        page.goto(address)
        check(name)


def test_pages_of_a_learner(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    booking = validated_booking(scene)
    waiting = proposed_booking(scene)
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    for name, address in {
        "bookings": "/bookings/",
        "booking-learner": f"/bookings/{booking.public_id}/",
        "booking-proposed": f"/bookings/{waiting.public_id}/",
        "accept": f"/bookings/{waiting.public_id}/accept/",
        "identity": "/accounts/e-identity/",
        "forbidden": "/agency/batches/",
    }.items():
        page.goto(address)
        check(name)


def test_pages_of_the_agency(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    booking = validated_booking(scene)
    batch = exported_batch(scene, booking)
    bank_message(batch)
    enter(scene.payment_officer)
    for name, address in {
        "booking-agency": f"/bookings/{booking.public_id}/",
        "batches": "/agency/batches/",
        "batch": f"/agency/batches/{batch.msg_id}/",
        "bank-messages": "/agency/bank-messages/",
    }.items():
        page.goto(address)
        check(name)


def test_page_of_a_provider(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    booking = validated_booking(scene)
    enter(scene.provider_member)
    page.goto(f"/bookings/{booking.public_id}/")
    check("booking-provider")


def test_pages_in_french(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    booking = validated_booking(scene)
    waiting = proposed_booking(scene)
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto("/")
    page.get_by_role("button", name="Français").click()
    for name, address in {
        "fr-start": "/",
        "fr-catalogue": "/catalogue/",
        "fr-entry": f"/catalogue/{scene.world.credential.pk}/",
        "fr-booking": f"/bookings/{booking.public_id}/",
        "fr-accept": f"/bookings/{waiting.public_id}/accept/",
    }.items():
        page.goto(address)
        check(name)
