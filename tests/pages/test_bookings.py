"""The page of a booking, and the answer to a proposal."""

from __future__ import annotations

import io
import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from accounts.models import SignIn
from accounts.models.consents import Assurance
from funding.models import Booking, BookingReview
from funding.selectors.bookings import money_of
from funding.services import bookings, holds
from ila.core import clock
from tests.pages.consenting import form_of
from tests.pages.support import (
    Scene,
    exported_batch,
    pay_the_provider,
    proposed_booking,
    signed_in,
    validated_booking,
)
from tests.support.world import MONDAY, STARTS

pytestmark = pytest.mark.django_db


def text_of(content: bytes) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content.decode()))


def paper_of(content: bytes) -> str:
    """The words of a PDF, on one line."""
    pages = PdfReader(io.BytesIO(content)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def consent(**changes: str) -> dict[str, str]:
    return {"consent": "on", "key": str(uuid.uuid4())} | changes


def learner_client(scene: Scene) -> Client:
    return signed_in(scene.learner.user, sign_in=scene.learner.sign_in)


# -- the timeline ---------------------------------------------------------------------------------------------------


def test_every_euro_is_accounted_for_at_every_step(scene: Scene) -> None:
    booking = validated_booking(scene, percent=60)
    for _ in range(2):
        money = money_of(booking)
        assert money.amount_cents == 165_000
        for one in money.sources:
            parts = (
                one.held_cents,
                one.payable_cents,
                one.in_transit_cents,
                one.paid_cents,
                one.returned_cents,
            )
            assert sum(parts) == one.amount_cents
        exported_batch(scene, booking) if money.places[0][1] else None
    assert dict(money_of(booking).places) == {
        "held": 0,
        "payable": 0,
        "in_transit": 99_000,
        "paid": 0,
        "returned": 66_000,
    }


def test_a_learner_reads_what_happened_to_the_money(scene: Scene) -> None:
    booking = validated_booking(scene, percent=80)
    exported_batch(scene, booking)
    answer = learner_client(scene).get(f"/bookings/{booking.public_id}/")
    words = text_of(answer.content)
    for expected in (
        "In transit sent to the bank, not yet executed €1,320.00",
        "Returned given back to the source it came from €330.00",
        "Acquired rights €1,500.00",
        "Learner&#x27;s own money €150.00",
        "Consent given 4 May 2026, 09:00 · you",
        "Service validated 26 June 2026, 17:00 · the funding agency",
        "Claim approved 29 June 2026, 11:00 · the funding agency · €1,320.00",
        "Payment sent to the bank",
        "under a strong e-identity",
        "You pay yourself: €150.00",
        "Money held for the booking",
    ):
        assert expected.replace("&#x27;", "'") in words.replace("&#x27;", "'").replace("\u00a0", " "), (
            expected
        )


def test_the_agency_reads_names_where_the_learner_reads_parts(scene: Scene) -> None:
    booking = validated_booking(scene)
    address = f"/bookings/{booking.public_id}/"
    agency = text_of(signed_in(scene.auditor).get(address).content)
    learner = text_of(learner_client(scene).get(address).content)
    assert "Case Worker (the funding agency)" in agency
    assert "Case Worker" not in learner


def test_a_provider_sees_the_price_but_not_the_account_behind_it(scene: Scene) -> None:
    booking = validated_booking(scene)
    words = text_of(signed_in(scene.provider_member).get(f"/bookings/{booking.public_id}/").content)
    assert "€1,650.00" in words
    assert "Camille Durand" in words
    for hidden in ("Acquired rights", "own money", "Learning account", "Paid from rights", "Each source"):
        assert hidden not in words


def test_why_money_is_stopped_is_the_agencys_to_know(scene: Scene) -> None:
    booking = validated_booking(scene)
    holds.place_hold(
        owner=scene.case_worker,
        reason="A named suspicion",
        until=clock.now() + timedelta(days=9),
        provider=booking.provider,
    )
    address = f"/bookings/{booking.public_id}/"
    agency = text_of(signed_in(scene.auditor).get(address).content)
    learner = text_of(learner_client(scene).get(address).content)
    provider = text_of(signed_in(scene.provider_member).get(address).content)
    assert agency.count("A named suspicion") == 2
    assert "Money stopped while this is checked" in learner
    assert "Payment is stopped until" in provider
    for words in (learner, provider):
        assert "suspicion" not in words


def test_what_proves_the_service_is_part_of_the_story(scene: Scene) -> None:
    booking = validated_booking(scene, percent=80)
    words = text_of(signed_in(scene.provider_member).get(f"/bookings/{booking.public_id}/").content)
    assert "Attendance recorded 22 June 2026, 09:00 · Atelier des compétences · 80 %" in words.replace(
        "\u00a0", " "
    )


def test_hours_read_as_people_write_them(scene: Scene) -> None:
    with clock.at(MONDAY) as hand:
        booking = scene.world.accepted(scene.learner)
        hand.move(STARTS)
        bookings.declare_entry(actor=scene.provider_member, booking_id=booking.pk)
        for hours in ("40.00", "2.50"):
            bookings.record_attendance(
                actor=scene.provider_member, booking_id=booking.pk, hours=Decimal(hours)
            )
        bookings.record_certificate(actor=scene.provider_member, booking_id=booking.pk)
    words = text_of(learner_client(scene).get(f"/bookings/{booking.public_id}/").content)
    assert "· 40 hours" in words
    assert "· 2.50 hours" in words
    assert "Certificate recorded" in words


def test_an_open_review_is_shown_to_the_agency_alone(scene: Scene) -> None:
    booking = validated_booking(scene)
    BookingReview.objects.create(booking=booking, reason="session_moved", opened_at=MONDAY)
    address = f"/bookings/{booking.public_id}/"
    expected = "To be looked at since 4 May 2026 : The dates of the session have changed."
    assert expected in text_of(signed_in(scene.case_worker).get(address).content).replace("\u00a0", " ")
    assert "To be looked at" not in text_of(learner_client(scene).get(address).content)


def test_events_of_one_moment_are_told_in_their_order(scene: Scene) -> None:
    booking = validated_booking(scene)
    events = learner_client(scene).get(f"/bookings/{booking.public_id}/").context["events"]
    told = [str(event.what) for event in events]
    assert told[:5] == [
        "Place asked for",
        "Place proposed",
        "Consent asked",
        "Consent given",
        "Proposal accepted: the money is held, the seat is taken",
    ]
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_a_reason_written_by_a_person_is_shown_as_text(scene: Scene) -> None:
    with clock.at(MONDAY) as hand:
        booking = scene.world.accepted(scene.learner)
        hand.move(STARTS)
        bookings.cancel_by_provider(
            actor=scene.provider_member, booking_id=booking.pk, reason="<script>alert(1)</script>"
        )
    content = learner_client(scene).get(f"/bookings/{booking.public_id}/").content.decode()
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert(1)" in content


# -- answering a proposal -------------------------------------------------------------------------------------------


def test_the_learner_reads_the_price_its_sources_and_the_terms(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.proposed(scene.learner)
        words = text_of(learner_client(scene).get(f"/bookings/{booking.public_id}/accept/").content)
    words = words.replace("\u00a0", " ")
    for expected in (
        "€1,650.00 all taxes included",
        "Acquired rights €1,500.00",
        "You yourself €150.00",
        "participation that everybody pays themselves",
        # F-21, F-23, F-24: 8 May and 14 May 2026 are holidays, Whit Monday is 25 May.
        "the end of 11 May 2026",
        "Until the end of 27 May 2026",
        "Then until the end of 11 June 2026",
        "From 12 June 2026 The full price of €1,650.00",
    ):
        assert expected in words, expected


def test_f24_the_last_free_day_is_the_one_the_service_grants(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
    last_free = datetime(2026, 6, 11, 21, 59, tzinfo=UTC)
    with clock.at(last_free):
        bookings.cancel_by_learner(actor=scene.learner.user, booking_id=booking.pk)
    assert bookings.read_booking(booking.pk).realised_percent is None
    with clock.at(MONDAY):
        late = scene.world.accepted(scene.learner)
    with clock.at(last_free.replace(day=12)):
        bookings.cancel_by_learner(actor=scene.learner.user, booking_id=late.pk)
    assert bookings.read_booking(late.pk).realised_percent == 100


def test_accepting_books_once_however_often_the_form_is_sent(scene: Scene, settings: Any) -> None:
    pay_the_provider(settings)
    booking = proposed_booking(scene)
    client = learner_client(scene)
    form = form_of(client, f"/bookings/{booking.public_id}/accept/")
    first = client.post(f"/bookings/{booking.public_id}/accept/", form)
    again = client.post(f"/bookings/{booking.public_id}/accept/", form)
    assert (first.status_code, again.status_code) == (302, 302)
    assert first.headers["Location"] == f"/bookings/{booking.public_id}/"
    assert Booking.objects.get(pk=booking.pk).state == "accepted"
    assert scene.learner.lot().held_cents == 150_000


def test_without_the_tick_nothing_is_booked(scene: Scene) -> None:
    booking = proposed_booking(scene)
    answer = learner_client(scene).post(f"/bookings/{booking.public_id}/accept/", {"key": str(uuid.uuid4())})
    assert answer.status_code == 422
    assert '<a href="#id_consent">Tick the box' in answer.content.decode()
    assert Booking.objects.get(pk=booking.pk).state == "proposed"


def test_f32_an_ordinary_sign_in_is_led_to_the_e_identity(scene: Scene) -> None:
    booking = proposed_booking(scene)
    weak = SignIn.objects.create(user=scene.learner.user, method="password", assurance=Assurance.WEAK)
    client = signed_in(scene.learner.user, sign_in=weak)
    address = f"/bookings/{booking.public_id}/accept/"
    page = client.get(address).content.decode()
    assert f"/accounts/e-identity/?next=%2Fbookings%2F{booking.public_id}%2Faccept%2F" in page
    assert 'name="consent"' not in page
    refused = client.post(address, consent())
    assert (
        refused.headers["Location"]
        == f"/accounts/e-identity/?next=%2Fbookings%2F{booking.public_id}%2Faccept%2F"
    )
    assert Booking.objects.get(pk=booking.pk).state == "proposed"


def test_an_account_without_money_is_told_what_to_do(scene: Scene) -> None:
    poor = scene.world.make_learner(rights_cents=0)
    booking = proposed_booking(scene, poor)
    answer = signed_in(poor.user, sign_in=poor.sign_in).get(f"/bookings/{booking.public_id}/accept/")
    assert "There is no money in your account" in text_of(answer.content)
    assert b'name="consent"' not in answer.content


def test_a_full_session_becomes_a_sentence(scene: Scene, settings: Any) -> None:
    pay_the_provider(settings)
    booking = proposed_booking(scene)
    seats = booking.session.seats
    seats.seats = seats.taken = 1
    seats.save()
    client, address = learner_client(scene), f"/bookings/{booking.public_id}/accept/"
    answer = client.post(address, form_of(client, address))
    assert answer.status_code == 409
    assert "The last seat has just been taken." in text_of(answer.content)
    assert scene.learner.lot().held_cents == 0


def test_refusing_ends_it_and_a_second_time_says_so(scene: Scene) -> None:
    booking = proposed_booking(scene)
    client = learner_client(scene)
    client.post(f"/bookings/{booking.public_id}/refuse/")
    assert Booking.objects.get(pk=booking.pk).state == "refused_by_learner"
    again = client.post(f"/bookings/{booking.public_id}/refuse/", follow=True)
    assert "the booking has moved on" in text_of(again.content)
    assert client.get(f"/bookings/{booking.public_id}/accept/").status_code == 302
