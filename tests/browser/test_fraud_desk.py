"""Investigators' other work in a browser: thresholds changed by two, holds that are answered, pictures of evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from fraud.models import Alert, BackTest, HoldAnswer, ParameterVersion
from fraud.services import back_tests, shadows, subjects
from funding.models import Hold
from ila.core import clock, fsm
from tests.browser.conftest import DESKTOP, PHONE, Check, Enter
from tests.browser.test_fraud import Walk, signed_up_unasked
from tests.browser.test_keyboard import heading, press, tab_to
from tests.catalogue.providers.files import picture
from tests.fraud.casework.office import Office
from tests.fraud.casework.test_hold_answers import held, placed_by_detection
from tests.fraud.tuning.workshop import Workshop
from tests.support.world import MONDAY

pytestmark = pytest.mark.browser


@pytest.fixture
def without_script(browser: Browser, server: LiveServer, page: Page) -> Iterator[Callable[[], Page]]:
    """`without_script()`: a phone on which no script runs, with the session of who sits at `page` now."""
    contexts = []

    def open_page() -> Page:
        context = browser.new_context(
            base_url=server.url,
            java_script_enabled=False,
            viewport=PHONE,  # type: ignore[arg-type]
            storage_state=page.context.storage_state(),
        )
        contexts.append(context)
        return context.new_page()

    yield open_page
    for each in contexts:
        each.close()


def replace_text(page: Page, name: str, text: str) -> None:
    """By keyboard alone: go to a field and write something else into it."""
    tab_to(page, name)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def test_values_are_proposed_tried_run_in_shadow_and_put_into_force_by_another(
    page: Page, without_script: Callable[[], Page], enter: Enter, check: Check
) -> None:
    with clock.at(MONDAY) as hand:
        shop = Workshop(hand)
        shop.booked()
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    enter(shop.proposer)
    page.goto(reverse("fraud_propose", args=["D26"]))
    check("fraud-propose")
    replace_text(page, "One of so many bookings is drawn", "0")
    replace_text(page, "Why", "Too few are asked.")
    press(page, "Propose", tag="BUTTON")
    expect(page.get_by_role("alert")).to_contain_text("1 to 100000")
    check("fraud-propose-errors")
    replace_text(page, "One of so many bookings is drawn", "1")
    tab_to(page, "Days.*")
    page.keyboard.press("Control+a")
    page.keyboard.type("3650")
    press(page, "Propose", tag="BUTTON")
    heading(page, "D26, values 2")
    version = ParameterVersion.objects.get()
    press(page, "Try it on the past", tag="A")
    heading(page, "Try it on the past")
    replace_text(page, "Weeks", "1")
    press(page, "Try it on the past", tag="BUTTON")
    expect(page.get_by_text("Waits for a worker").first).to_be_visible()
    check("fraud-rule-waiting")
    # The page looks again by itself until the worker is done.
    back_tests.execute_back_test(public_id=BackTest.objects.get().public_id)
    expect(page.get_by_role("link", name="One week")).to_be_visible()
    press(page, "Let it run in shadow", tag="A")
    heading(page, "Let it run in shadow")
    press(page, "Let it run in shadow", tag="BUTTON")
    expect(page.get_by_text("Done: Let it run in shadow.")).to_be_visible()
    assert shadows.run_shadows() == {}
    page.reload()
    expect(page.get_by_text("One subject was named in shadow.")).to_be_visible()
    expect(page.get_by_text("You proposed these values")).to_be_visible()
    expect(page.get_by_role("link", name="Put into force")).to_have_count(0)
    check("fraud-rule-shadow")
    page.get_by_role("link", name="One week").click()
    heading(page, "Tried on the past")
    check("fraud-back-test")

    enter(shop.approver)
    # The other person has a phone, and no script runs on it.
    plain = without_script()
    plain.goto(reverse("fraud_tuning"))
    plain.get_by_role("main").get_by_role("link", name="D26, values 2").click()
    plain.get_by_role("main").get_by_role("link", name="Put into force", exact=True).click()
    button = plain.get_by_role("main").get_by_role("button", name="Put into force")
    plain.get_by_label("Why").fill("One more a day is what we can ask.")
    button.click()
    expect(plain.get_by_role("alert")).to_contain_text("Tick the box when you have read the back-test.")
    plain.get_by_label("I have read the back-test").check()
    button.click()
    expect(plain.get_by_text("Done: Put into force.")).to_be_visible()
    version.refresh_from_db()
    assert (version.state, version.decided_by) == ("in_force", shop.approver)
    for name, arguments in (
        ("fraud_tuning", ()),
        ("fraud_detector", ("D26",)),
        ("fraud_drift", ()),
        ("fraud_control", ()),
    ):
        page.goto(reverse(name, args=arguments))
        check(name.replace("_", "-"))


def test_a_hold_is_answered_on_a_phone_and_many_are_released_without_script(
    page: Page, without_script: Callable[[], Page], enter: Enter, check: Check, settings: Any, tmp_path: Path
) -> None:
    settings.DOCUMENTS_DIR = tmp_path
    with clock.at(MONDAY) as hand:
        office = Office(hand)
        made = [booking for _learner, booking in office.house.accepted(3)]
    first = placed_by_detection(office, of_booking=made[0])
    rest = [held(office, booking) for booking in made[1:]]
    main = page.get_by_role("main")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(office.provider_user)
    page.goto(reverse("provider_home"))
    main.get_by_role("link", name="Held payments").click()
    heading(page, "Held payments")
    check("provider-holds")
    main.get_by_role("link", name=f"Hold {first.pk}").click()
    main.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter your answer.")
    check("provider-hold-errors")
    main.get_by_label("Your answer").fill("It took place on another day. Here is the sheet.")
    main.get_by_label("Document (optional)", exact=True).set_input_files(
        {"name": "sheet.png", "mimeType": "image/png", "buffer": picture()}
    )
    main.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("Your answer has arrived.")).to_be_visible()
    expect(main.get_by_role("button", name="Send the answer")).to_have_count(0)
    check("provider-hold-answered")
    assert HoldAnswer.objects.get().documents.get().name == "sheet.png"

    enter(office.other)
    page.goto(reverse("fraud_desk"))
    check("fraud-desk-due")
    main.get_by_role("link", name="A provider has answered to a hold").click()
    heading(page, f"Hold {first.pk}")
    check("fraud-hold")
    main.get_by_role("link", name="Lift the hold").click()
    main.get_by_label("Why").fill("The sheet shows it.")
    main.get_by_label("I have read what the provider answered").check()
    check("fraud-hold-lift")
    main.get_by_role("button", name="Lift the hold").click()
    expect(page.get_by_text("Done: Lift the hold.")).to_be_visible()
    page.goto(reverse("fraud_holds"))
    check("fraud-holds")
    plain = without_script()
    plain.goto(reverse("fraud_holds"))
    for hold in rest:
        plain.get_by_label(f"Release hold {hold.pk}").check()
    plain.get_by_role("button", name="Release those ticked").click()
    plain.get_by_label("Why").fill("One library.")
    plain.get_by_role("button", name="Release these 2 holds").click()
    expect(plain.get_by_text("2 holds are released")).to_be_visible()
    for hold in rest:
        page.get_by_label(f"Release hold {hold.pk}").check()
    main.get_by_role("button", name="Release those ticked").click()
    expect(main.get_by_text("None of these holds can be released by you now.")).to_be_visible()
    assert not any(each.stands for each in Hold.objects.all())


def evidence(office: Office) -> list[dict[str, Any]]:
    """Rows as detectors freeze them: three rooms, thirty learners, one device, signatures like clockwork."""
    start = MONDAY.replace(hour=7, minute=0)
    rows: list[dict[str, Any]] = []
    for number in range(3):
        rows.append(
            {
                "table": "sessions",
                "session_id": f"session-{number}",
                "venue_id": f"Room {number + 1}, 12 rue de la République" if number else "Room 1",
                "lat": 45.76 + number / 50,
                "lon": 4.84 - number / 70,
            }
        )
        for day in range(4):
            begins = start + timedelta(days=day, hours=number)
            rows.append(
                {
                    "table": "slots",
                    "session_id": f"session-{number}",
                    "starts_at": begins.isoformat(),
                    "ends_at": (begins + timedelta(hours=3.5)).isoformat(),
                }
            )
    rows.append({"table": "providers", "provider_id": str(office.provider.pk), "lat": 45.75, "lon": 4.85})
    for number in range(30):
        turn = number * 2.4
        rows.append(
            {
                "table": "learners",
                "learner_id": f"learner-{number}",
                "lat": 45.76 + math.sin(turn) * number / 90,
                "lon": 4.84 + math.cos(turn) * number / 60,
            }
        )
        rows.append(
            {
                "table": "bookings",
                "booking_id": f"{number:08d}-booking",
                "learner_id": f"learner-{number}",
                "agent_id": f"agent-{number % 2}",
                "device_hash": f"{number % 3}" * 16,
                "ip_hash": f"{number % 2}a" * 8,
                "amount_cents": 149_000 + 37 * number,
            }
        )
        signed = start + timedelta(days=number % 4, minutes=(number * 7) % 23)
        rows.append(
            {
                "table": "attendance",
                "booking_id": f"{number:08d}-booking",
                "slot_starts_at": (start + timedelta(days=number % 4)).isoformat(),
                "signed_at": signed.isoformat(),
                "recorded_at": (signed + timedelta(days=number % 5)).isoformat(),
            }
        )
    return rows


@transaction.atomic
def alert_of(office: Office, detector: str, rows: list[dict[str, Any]]) -> Alert:
    names = sorted(f"{row['table']}:{number}" for number, row in enumerate(rows))
    alert = Alert(
        provider=office.provider,
        detector=detector,
        version=1,
        family="attendance",
        typology="ghost_learners",
        provider_ref=str(office.provider.pk),
        subject_kind="provider",
        subject_id=str(office.provider.pk),
        score=0.83,
        action="R",
        amount_cents=4_512_300,
        evidence=names,
        evidence_rows=rows,
        evidence_hash=subjects.hash_of(names, rows),
        found_on=MONDAY.date(),
        last_seen_on=MONDAY.date(),
    )
    fsm.start(alert, actor=office.investigator)
    return alert


def test_evidence_is_drawn_and_said(page: Page, server: LiveServer, enter: Enter, check: Check) -> None:
    office, case, _learners = signed_up_unasked()
    rows = evidence(office)
    enter(office.investigator)
    for detector in ("D14", "D15", "D20", "D25"):
        alert = alert_of(office, detector, rows)
        page.goto(reverse("fraud_alert", args=[alert.public_id]))
        pictures = page.get_by_role("main").get_by_role("img")
        expect(pictures).to_have_count(4)
        drawn = "pictures => pictures.map(each => each.complete && each.naturalWidth > 0)"
        assert pictures.evaluate_all(drawn) == [True] * 4
        for each in page.locator(".govuk-details__summary").all():
            each.click()
        check(f"fraud-evidence-{detector}")
    walk = Walk(page, enter)
    walk.to("fraud_case", case.public_id)
    check("fraud-case-draft")
