"""A provider's day in a browser: the queue, answers, a sheet, the code of the day, claims, advice and the team."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.models import Session
from funding.models import Booking, Claim, Presence
from funding.services import attendance_codes, bookings
from ila.core import clock
from tests.browser.conftest import DESKTOP, PHONE, Check, Enter
from tests.factories.accounts import MembershipFactory
from tests.pages.support import Scene, exported_batch, validated_booking

pytestmark = pytest.mark.browser


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def session_in(scene: Scene, days: int) -> Session:
    """A session of five days that begins so many days from now."""
    starts = clock.now() + timedelta(days=days)
    return scene.world.make_session(
        starts_at=starts, ends_at=starts + timedelta(days=4), offer=scene.world.session.offer, seats=12
    )


def asked(scene: Scene, session: Session, names: list[str]) -> list[Booking]:
    """Requests for a place."""
    found = []
    for name in names:
        learner = scene.world.make_learner(given_name=name)
        found.append(
            bookings.request_booking(actor=learner.user, account_id=learner.account.pk, session_id=session.pk)
        )
    return found


def under_way(scene: Scene) -> Session:
    """A session that began yesterday, with learners who were booked in time."""
    session = session_in(scene, -1)
    now = clock.now()
    with clock.at(now - timedelta(days=50)):
        scene.world.accepted(scene.learner, session)
        scene.world.accepted(scene.world.make_learner(given_name="Inès", family_name="Lefèvre"), session)
    return session


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_requests_are_answered_from_the_queue(
    page: Page, scene: Scene, server: LiveServer, enter: Enter, check: Check, size: dict[str, int]
) -> None:
    session = session_in(scene, 60)
    asked(scene, session, ["Ada", "Bo", "Cléo"])
    page.set_viewport_size(size)  # type: ignore[arg-type]
    enter(scene.provider_member)
    page.goto("/provider/")
    page.get_by_role("link", name="Work", exact=True).click()
    heading(page, "Work")
    check("provider-work")
    page.get_by_role("link", name="3 requests to answer").click()
    heading(page, "Propose places")
    check("provider-propose")
    page.get_by_label("Bo").uncheck()
    page.get_by_label("Price for each of them").fill("9999")
    press(page, "Continue")
    expect(page.get_by_role("alert")).to_contain_text("above the published one")
    check("provider-propose-error")
    page.get_by_label("Price for each of them").fill("1500.00")
    press(page, "Continue")
    expect(page.get_by_text("For 2 learners:")).to_be_visible()
    check("provider-propose-sure")
    press(page, "Propose the places")
    expect(page.get_by_text("Done for 2 learners.")).to_be_visible()
    check("provider-session")
    page.get_by_role("link", name="Cancel it").click()
    heading(page, "Cancel it")
    check("provider-cancel")
    press(page, "Cancel the session")
    expect(page.get_by_role("alert")).to_contain_text("the learners read it")
    page.get_by_label("Why it does not take place").fill("The trainer is ill")
    press(page, "Cancel the session")
    expect(page.get_by_text("It is done.")).to_be_visible()
    assert set(Booking.objects.filter(session=session).values_list("state", flat=True)) == {
        "cancelled_by_provider"
    }
    page.goto("/provider/sessions/")
    heading(page, "Sessions")
    check("provider-sessions")


def test_a_day_of_training(page: Page, scene: Scene, server: LiveServer, enter: Enter, check: Check) -> None:
    session = under_way(scene)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.provider_member)
    page.goto(f"/provider/sessions/{session.pk}/")
    page.get_by_role("link", name="Entry or absence of 2 learners").click()
    heading(page, "Declare entries")
    press(page, "Continue")
    press(page, "Declare that they have begun")
    expect(page.get_by_text("Done for 2 learners.")).to_be_visible()
    page.get_by_role("link", name="Today's code").click()
    heading(page, "Code of the day")
    check("provider-code")
    day = attendance_codes.today_of(
        Session.objects.select_related("micro_credential__provider").get(pk=session.pk)
    )
    enter(scene.learner.user)
    page.goto("/attend/")
    check("attend-code")
    page.get_by_label("Code of the day").fill(attendance_codes.code_of(session_id=session.pk, day=day))
    press(page, "Continue")
    check("attend")
    press(page, "Yes, I am here")
    expect(page.get_by_text("You are confirmed as present.")).to_be_visible()
    check("attend-done")
    assert Presence.objects.count() == 1
    enter(scene.other_learner.user)
    page.goto(f"/attend/{attendance_codes.token_of(session_id=session.pk, day=day)}/")
    heading(page, "Not possible")
    check("attend-refused")
    enter(scene.provider_member)
    page.goto(f"/provider/sessions/{session.pk}/days/")
    check("provider-days")
    page.goto(f"/provider/sessions/{session.pk}/days/{day}/")
    expect(page.get_by_text("confirmed by the learner with the code of the day")).to_be_visible()
    page.get_by_label("Hours of this day").fill("7.5")
    page.get_by_label("Inès Lefèvre was").select_option("absent")
    check("provider-sheet")
    press(page, "Record the sheet")
    expect(page.get_by_text("The sheet is recorded.")).to_be_visible()
    page.goto(f"/provider/sessions/{session.pk}/exit/")
    check("provider-exit")
    press(page, "Continue")
    press(page, "Declare that they have left")
    expect(page.get_by_text("Done for 2 learners.")).to_be_visible()
    page.goto(f"/provider/sessions/{session.pk}/service/")
    expect(page.get_by_text("15 %: 7.50 of 50.00 planned hours")).to_be_visible()
    check("provider-service")
    page.goto(f"/provider/sessions/{session.pk}/proof/")
    check("provider-proof")


def test_claims_and_what_was_paid(
    page: Page, scene: Scene, server: LiveServer, enter: Enter, check: Check
) -> None:
    batch = exported_batch(scene, validated_booking(scene))
    validated_booking(scene, session=scene.world.make_session(offer=scene.world.session.offer))
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.provider_member)
    page.goto("/provider/money/")
    heading(page, "Claims and payments")
    check("provider-money")
    page.get_by_role("button", name="Claim what is owed for 1 booking").click()
    check("provider-claim")
    press(page, "Continue")
    expect(page.get_by_text("Each is handed in as a claim of its own.")).to_be_visible()
    check("provider-claim-sure")
    press(page, "Hand the claims in")
    expect(page.get_by_text("1 claim is handed in.")).to_be_visible()
    assert Claim.objects.filter(state="submitted").count() == 1
    page.goto("/provider/payments/")
    check("provider-payments")
    page.get_by_role("link", name=batch.msg_id).click()
    heading(page, "Remittance advice")
    check("provider-remittance")
    page.goto("/provider/money/owed/")
    check("provider-owed")


def test_a_team(page: Page, scene: Scene, server: LiveServer, enter: Enter, check: Check) -> None:
    organisation = scene.world.provider.organisation
    assert organisation is not None
    colleague = MembershipFactory.create(organisation=organisation, role="staff")
    EmailAddress.objects.filter(user=scene.provider_member).update(verified=True)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.provider_member)
    page.goto(f"/organisations/{organisation.public_id}/team/")
    heading(page, "Team")
    page.get_by_label("E-mail address").fill("nobody")
    press(page, "Send the invitation")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("E-mail address").fill("new@example.org")
    page.get_by_label("Staff: the daily work").check()
    press(page, "Send the invitation")
    expect(page.get_by_text("works until")).to_be_visible()
    check("team")
    page.get_by_role("link", name=f"Change or end {colleague.user}").click()
    check("team-member")
    page.get_by_label("Manager: everything").check()
    press(page, "Change the role")
    expect(page.get_by_text("The role is changed.")).to_be_visible()
