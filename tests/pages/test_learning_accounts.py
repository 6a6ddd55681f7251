"""A citizen's account, opening one, asking for a place, and leaving a booking with its cost before the click."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Message
from funding.models import Booking, BookingReview, LearningAccount, Scheme
from funding.services import bookings, schemes
from funding.services.learning_accounts import open_account
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import CitizenFactory, UserFactory
from tests.pages.support import Scene, signed_in
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db

# The last free day of the world's session is 11 June 2026 (F-24); withdrawal from 4 May ends on 27 May (F-23).
LATE = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
BETWEEN = datetime(2026, 6, 3, 8, 0, tzinfo=UTC)


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\xa0", " ")


def of(scene: Scene) -> Client:
    return signed_in(scene.learner.user, sign_in=scene.learner.sign_in)


def leave(scene: Scene, booking: Booking, **values: str) -> Any:
    return of(scene).post(f"/bookings/{booking.public_id}/leave/", values)


# -- the account ------------------------------------------------------------------------------------------------------


def test_an_account_says_what_there_is_from_whom_and_until_when(scene: Scene) -> None:
    with clock.at(MONDAY):
        account = scene.learner.account
        schemes.credit(
            account=account,
            source="employer",
            amount_cents=12_345,
            actor=scene.world.case_worker,
            idempotency_key="top-up",
            expires_on=date(2026, 8, 31),
        )
        client = of(scene)
        overview = words(client.get("/account/"))
        scene.world.accepted(scene.learner)
        with clock.at(MONDAY - timedelta(days=9)):
            # Written later, and of an earlier day.
            scene.world.credit(account, 777, "public")
        answer = client.get(f"/account/{account.public_id}/")
        page = words(answer)
    moved = [str(what) for _one, what in answer.context["movements"]]
    days = [one.entry.occurred_at for one, _what in answer.context["movements"]]
    assert days == sorted(days, reverse=True), "newest first"
    assert {"Money held for the booking", "Credited"} == set(moved)
    assert "€123.45 is lost unless you use it by 31 August 2026" in overview
    for expected in (
        "Acquired rights no end",
        "What moved",
        "Money held for the booking",
        "Conduct a project with agile methods",
        "The coming years",
    ):
        assert expected in page, expected


def test_an_account_is_nobody_elses(scene: Scene) -> None:
    address = f"/account/{scene.learner.account.public_id}/"
    for who, user in scene.people.items():
        client = Client() if user is None else signed_in(user)
        expected = {"anonymous": 302, "learner": 200}.get(who, 404)
        assert client.get(address).status_code == expected, who


def test_an_account_asks_the_same_of_the_database_however_much_moved(scene: Scene) -> None:
    account, world = scene.learner.account, scene.world
    client = of(scene)

    def grow(n: int) -> None:
        for _ in range(n):
            world.credit(account, 100, "public")
            world.accepted(scene.learner, world.make_session())

    with clock.at(MONDAY):
        assert_queries_constant(grow, lambda: client.get(f"/account/{account.public_id}/"))
        assert_queries_constant(grow, lambda: client.get("/account/"))


def test_who_is_no_known_person_is_told_how_to_become_one(scene: Scene) -> None:
    page = words(signed_in(UserFactory.create()).get("/account/"))
    assert "Prove who you are with your national e-identity" in page


# -- opening one ------------------------------------------------------------------------------------------------------


def test_a_citizen_opens_an_account_where_the_conditions_are_theirs(scene: Scene) -> None:
    stap = schemes.load_preset_scheme(
        code="flanders", author=UserFactory.create(), approver=UserFactory.create()
    )
    citizen = CitizenFactory.create(
        birth_date=date(1990, 1, 1), residence=stap.country, citizenship=stap.country
    )
    client = signed_in(citizen.user)
    assert stap.name in words(client.get("/account/"))
    page = client.get(f"/account/open/{stap.code}/")
    assert page.status_code == 200
    assert "Opening an account costs nothing" in words(page)
    for _ in range(2):  # a form sent twice opens one account
        answer = client.post(f"/account/open/{stap.code}/")
        account = LearningAccount.objects.get(citizen=citizen, scheme=stap)
        assert answer["Location"] == f"/account/{account.public_id}/"
    assert Message.objects.filter(recipient=citizen.user, template="account_opened").count() == 1


def test_s01_who_does_not_fulfil_a_condition_opens_nothing(scene: Scene) -> None:
    singapore = schemes.load_preset_scheme(
        code="skillsfuture", author=UserFactory.create(), approver=UserFactory.create()
    )
    citizen = CitizenFactory.create(citizenship="FR")
    assert citizen.user is not None
    with pytest.raises(DomainError, match="not_eligible"):
        open_account(actor=citizen.user, scheme_id=singapore.pk)
    answer = signed_in(citizen.user).post(f"/account/open/{singapore.code}/")
    assert answer.status_code == 409
    assert not LearningAccount.objects.filter(citizen=citizen).exists()


def test_only_a_citizen_opens_an_account(scene: Scene) -> None:
    scheme = Scheme.objects.get(code="cpf")
    with pytest.raises(DomainError, match="not_found"):
        open_account(actor=scene.case_worker, scheme_id=scheme.pk)
    with pytest.raises(DomainError, match="not_found"):
        open_account(actor=scene.learner.user, scheme_id=0)


# -- asking -----------------------------------------------------------------------------------------------------------


def test_a_learner_asks_for_a_place_knowing_what_it_would_cost(scene: Scene) -> None:
    session = scene.world.session
    with clock.at(MONDAY):
        client = of(scene)
        entry = client.get(f"/catalogue/{session.micro_credential_id}/")
        assert f"/sessions/{session.pk}/ask/" in entry.content.decode()
        page = words(client.get(f"/sessions/{session.pk}/ask/"))
        assert "Acquired rights €1,500.00 You yourself €150.00" in page
        answer = client.post(
            f"/sessions/{session.pk}/ask/", {"account": str(scene.learner.account.public_id)}
        )
        booking = Booking.objects.get(account=scene.learner.account)
        assert answer["Location"] == f"/bookings/{booking.public_id}/"
        assert booking.state == "requested"
        again = client.post(f"/sessions/{session.pk}/ask/", {"account": str(scene.learner.account.public_id)})
    assert again.status_code == 409
    assert "You already have an open booking for this session" in words(again)


def test_the_account_of_somebody_else_cannot_be_asked_with(scene: Scene) -> None:
    with clock.at(MONDAY):
        answer = of(scene).post(
            f"/sessions/{scene.world.session.pk}/ask/",
            {"account": str(scene.other_learner.account.public_id)},
        )
    assert answer.status_code == 422
    assert not Booking.objects.exists()


def test_what_cannot_be_asked_for_says_why(scene: Scene) -> None:
    closed = scene.world.make_session(recruitment_closed=True)
    with clock.at(MONDAY):
        page = words(of(scene).get(f"/sessions/{closed.pk}/ask/"))
        nobody = words(signed_in(scene.provider_member).get(f"/sessions/{closed.pk}/ask/"))
    assert "The provider takes nobody new for this session" in page
    assert "Ask for this place" not in page
    assert "Only a person with a learning account" in nobody


# -- leaving ----------------------------------------------------------------------------------------------------------


def test_f23_withdrawing_costs_nothing_and_says_so(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
        page = words(of(scene).get(f"/bookings/{booking.public_id}/leave/"))
        assert "€0.00 You withdraw without a reason" in page
        assert leave(scene, booking, outcome="withdraw", why="other").status_code == 302
    booking.refresh_from_db()
    assert booking.state == "withdrawn"


def test_what_went_to_the_provider_is_not_said_to_come_back_from_here(scene: Scene) -> None:
    learner = scene.learner
    with clock.at(MONDAY):
        asked = scene.world.proposed(learner)
        booking = bookings.accept(actor=learner.user, booking_id=asked.pk, sign_in=learner.sign_in)
        said = words(of(scene).get(f"/bookings/{booking.public_id}/leave/"))
        assert "What we hold for this booking goes back to where it came from." in said
        assert "your part of €150.00" in said
        assert "your own money too" not in said
        leave(scene, booking, outcome="withdraw", why="other")
        after = words(of(scene).get(f"/bookings/{booking.public_id}/"))
        assert (
            "Not owed any more to the provider; what was paid of it, the provider gives back €150.00" in after
        )
        assert "Returned given back to the source it came from €1,500.00" in after


def test_f24_in_time_is_free(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
    with clock.at(BETWEEN):
        assert "You cancel in time. Everything goes back" in words(
            of(scene).get(f"/bookings/{booking.public_id}/leave/")
        )
        leave(scene, booking, outcome="free", why="other")
    booking.refresh_from_db()
    assert (booking.state, booking.realised_percent) == ("cancelled_by_learner", None)


def test_f24_late_the_price_is_owed_and_has_to_be_agreed_to(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
    with clock.at(LATE):
        page = words(of(scene).get(f"/bookings/{booking.public_id}/leave/"))
        assert "The full price of €1,650.00 is owed" in page
        for values in (
            {"why": "other"},
            {"why": "kept_away"},
            {},
            {"outcome": "free", "agreed": "on", "why": "other"},
        ):
            answer = leave(scene, booking, **({"outcome": "full_price"} | values))
            assert answer.status_code == 422, values
        booking.refresh_from_db()
        assert booking.state == "accepted"
        assert leave(scene, booking, outcome="full_price", why="other", agreed="on").status_code == 302
    booking.refresh_from_db()
    assert (booking.state, booking.realised_percent) == ("cancelled_by_learner", 100)


def test_f24_who_is_kept_away_owes_nothing_and_a_person_reads_why(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
    with clock.at(LATE):
        leave(scene, booking, outcome="full_price", why="kept_away", what="In hospital since Sunday")
    booking.refresh_from_db()
    assert (booking.state, booking.realised_percent) == ("cancelled_by_learner", None)
    review = BookingReview.objects.get(booking=booking, reason="force_majeure")
    assert review.detail == {"told": "In hospital since Sunday"}


def test_f24_a_free_term_that_ends_while_the_page_is_open_costs_nothing_unasked(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
    with clock.at(LATE), pytest.raises(DomainError, match="too_late"):
        bookings.cancel_by_learner(actor=scene.learner.user, booking_id=booking.pk, may_owe=False)
    with clock.at(LATE):
        answer = leave(scene, booking, outcome="free", why="other")
    assert answer.status_code == 422
    assert "What leaving costs has changed" in words(answer)
    booking.refresh_from_db()
    assert booking.state == "accepted"


def test_a_request_is_taken_back_and_an_ended_booking_is_not_left(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = bookings.request_booking(
            actor=scene.learner.user,
            account_id=scene.learner.account.pk,
            session_id=scene.world.session.pk,
        )
        address = f"/bookings/{booking.public_id}/leave/"
        assert "Nothing is held for this booking yet" in words(of(scene).get(address))
        assert signed_in(scene.other_learner.user).post(address).status_code == 404
        assert signed_in(scene.provider_member).get(address).status_code == 404
        leave(scene, booking, outcome="nothing", why="other")
        booking.refresh_from_db()
        assert booking.state == "cancelled_by_learner"
        assert of(scene).get(address).status_code == 302
        assert leave(scene, booking, outcome="nothing", why="other").status_code == 302
