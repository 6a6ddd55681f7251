"""A session held on other days: bookings stay, everybody is told, and who booked other days leaves for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Message
from catalogue.models import SessionChange
from catalogue.services import sessions
from funding.models import Allocation, Booking, BookingReview
from funding.services import changes, moves
from ila.core import clock
from ila.core.errors import DomainError
from tests.pages.support import Scene, signed_in
from tests.support.world import ENDS, MONDAY, STARTS

pytestmark = pytest.mark.django_db

# Thursday before the start: a cancellation costs the full price (F-24), and no withdrawal is left (F-23).
LATE = datetime.fromisoformat("2026-06-18T08:00+00:00")
LATER = {"starts_on": "2026-07-06", "ends_on": "2026-07-10", "reason": "The trainer is ill."}


@pytest.fixture
def hand() -> Iterator[Any]:
    with clock.at(MONDAY) as one:
        yield one


@pytest.fixture
def client(scene: Scene, hand: Any) -> Client:
    return signed_in(scene.provider_member)


def dates(scene: Scene) -> str:
    return f"/provider/sessions/{scene.world.session.pk}/dates/"


def test_learners_are_told_and_keep_place_and_price(scene: Scene, client: Client, hand: Any) -> None:
    booking = scene.world.accepted(scene.learner)
    proposed = scene.world.proposed(scene.other_learner)
    before = Allocation.objects.filter(booking=booking).values_list("amount_cents", flat=True)
    held = sorted(before)
    hand.move(LATE)
    page = client.get(dates(scene)).content.decode()
    assert "2 learners are told by e-mail." in page
    assert 'value="2026-06-22"' in page
    answer = client.post(dates(scene), LATER)
    assert (answer.status_code, answer.headers.get("Location")) == (302, dates(scene).removesuffix("dates/"))
    booking.refresh_from_db()
    assert (booking.state, booking.price_cents) == ("accepted", 165_000)
    assert sorted(before.all()) == held
    told = Message.objects.filter(template="session_moved")
    assert {one.recipient for one in told} == {scene.learner.user, scene.other_learner.user}
    assert {(one.context["first"], one.context["last"], one.context["reason"]) for one in told} == {
        ("2026-07-06", "2026-07-10", "The trainer is ill.")
    }
    assert [each.booking for each in BookingReview.objects.filter(reason="session_moved")] == [booking]
    assert proposed.state == "proposed"
    # The sweep finds the change done.
    changes.review_changes()
    assert changes.review_changes()["session_moved"] == 0
    assert told.count() == 2


def test_who_booked_other_days_leaves_for_nothing_until_the_new_start(
    scene: Scene, client: Client, hand: Any
) -> None:
    scene.world.accepted(scene.learner)
    after = scene.world.accepted(scene.other_learner)
    booking = Booking.objects.get(account=scene.learner.account)
    learner = signed_in(scene.learner.user)
    leave = f"/bookings/{booking.public_id}/leave/"
    hand.move(LATE)
    assert learner.get(leave).context["leaving"].outcome == "full_price"
    client.post(dates(scene), LATER)
    hand.move(datetime.fromisoformat("2026-07-05T08:00+00:00"))
    assert (
        "you may leave without paying anything"
        in learner.get(f"/bookings/{booking.public_id}/").content.decode()
    )
    page = learner.get(leave)
    assert page.context["leaving"].outcome == "free"
    assert learner.post(leave, {"outcome": "free", "why": "other"}).status_code == 302
    booking.refresh_from_db()
    assert (booking.state, booking.realised_percent) == ("cancelled_by_learner", None)
    assert scene.learner.lot().available_cents == 500_000
    # From the start on it is late, as for everybody.
    hand.move(datetime.fromisoformat("2026-07-06T08:00+00:00"))
    other = signed_in(scene.other_learner.user)
    assert other.get(f"/bookings/{after.public_id}/leave/").context["leaving"].outcome == "full_price"


def test_who_accepted_the_new_days_has_no_such_right(scene: Scene, client: Client, hand: Any) -> None:
    client.post(dates(scene), LATER)
    hand.move(MONDAY + timedelta(hours=1))
    booking = scene.world.accepted(scene.learner)
    hand.move(datetime.fromisoformat("2026-07-03T08:00+00:00"))
    page = signed_in(scene.learner.user).get(f"/bookings/{booking.public_id}/leave/")
    assert page.context["leaving"].outcome == "full_price"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"reason": ""}, "This field is required"),
        ({"starts_on": "2026-05-03"}, "begins after today"),
        ({"ends_on": "2026-07-01"}, "would end before it begins"),
        ({"starts_on": "2026-05-07"}, "at least seven days from now"),
    ],
)
def test_what_is_refused_changes_nothing(
    scene: Scene, client: Client, changed: dict[str, str], words: str
) -> None:
    scene.world.accepted(scene.learner)
    answer = client.post(dates(scene), LATER | changed)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    scene.world.session.refresh_from_db()
    assert (scene.world.session.starts_at, SessionChange.objects.count()) == (STARTS, 0)


def test_what_has_begun_or_ended_is_not_moved(scene: Scene, client: Client, hand: Any) -> None:
    hand.move(STARTS)
    assert client.get(dates(scene)).status_code == 302
    assert client.post(dates(scene), LATER).status_code == 302
    told: dict[str, Any] = {
        "session_id": scene.world.session.pk,
        "starts_at": STARTS + timedelta(30),
        "ends_at": ENDS + timedelta(30),
    }
    with pytest.raises(DomainError, match="too_late"):
        sessions.change_dates(actor=scene.provider_member, **told)
    gone = scene.world.make_session(starts_at=STARTS + timedelta(20), ends_at=ENDS + timedelta(20))
    sessions.cancel_session(actor=scene.provider_member, session_id=gone.pk)
    told["session_id"] = gone.pk
    with pytest.raises(DomainError, match="not_allowed"):
        sessions.change_dates(actor=scene.provider_member, **told)
    assert not SessionChange.objects.exists()


def test_strangers_move_nothing(scene: Scene, hand: Any) -> None:
    told: Any = {
        "session_id": scene.world.session.pk,
        "starts_at": STARTS + timedelta(7),
        "ends_at": ENDS + timedelta(7),
        "reason": "x",
    }
    for stranger in (scene.other_provider_member, scene.learner.user, scene.case_worker):
        with pytest.raises(DomainError, match="not_allowed"):
            moves.move_session(actor=stranger, **told)
    assert signed_in(scene.other_provider_member).post(dates(scene), LATER).status_code == 404
    assert not SessionChange.objects.exists()
