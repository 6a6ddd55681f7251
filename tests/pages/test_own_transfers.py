"""The pages of an own part by bank transfer: where to send it, what is missing, what became of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.services import delivery
from funding.models import Booking, OwnTransfer, TopUpReceipt
from funding.services import own_transfers
from funding.services.bookings.context import read_booking
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.own_transfers.support import OWN
from tests.funding.top_ups.support import Transfer, tell
from tests.pages.consenting import form_of
from tests.pages.support import Scene, make_scene, proposed_booking, signed_in
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def scene(hand: VirtualClock) -> Scene:
    return make_scene()


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", str(response.content.decode())).replace("\xa0", " ").split())


def consent(client: Client, booking: Booking) -> Any:
    """The learner ticks the box that is shown, and sends the form as it is."""
    page = f"/bookings/{booking.public_id}/accept/"
    return client.post(page, form_of(client, page))


@pytest.fixture
def client_of(scene: Scene) -> Client:
    return signed_in(scene.learner.user, sign_in=scene.learner.sign_in)


def test_from_the_consent_to_the_booking(scene: Scene, client_of: Client) -> None:
    booking = proposed_booking(scene)
    asked = text_of(client_of.get(f"/bookings/{booking.public_id}/accept/"))
    assert "You transfer €150.00 to us" in asked
    assert "to the provider yourself" not in asked
    answer = consent(client_of, booking)
    transfer = OwnTransfer.objects.get()
    page = f"/own-parts/{transfer.public_id}/"
    assert (answer.status_code, answer["Location"]) == (302, page)
    shown = text_of(client_of.get(page))
    for wanted in ("€150.00", transfer.shown_reference, "FR14 2004", "until 7 May 2026"):
        assert wanted in shown, wanted
    code = client_of.get(f"{page}code.svg")
    assert (code.status_code, code["Content-Type"]) == (200, "image/svg+xml")
    # Whoever comes back is led to where they pay, and reads everywhere what is waited for.
    assert client_of.get(f"/bookings/{booking.public_id}/accept/")["Location"] == page
    assert "Waiting for your transfer of €150.00 until" in text_of(
        client_of.get(f"/bookings/{booking.public_id}/")
    )
    assert "Waiting for your transfer until" in text_of(client_of.get("/bookings/"))
    listed = text_of(signed_in(scene.payment_officer).get("/agency/receipts/"))
    assert transfer.shown_reference in listed
    tell(Transfer(OWN - 100, transfer.reference))
    own_transfers.settle_waiting()
    assert "€149.00 has come, €1.00 is missing" in text_of(client_of.get(page))
    tell(Transfer(100, transfer.reference))
    own_transfers.settle_waiting()
    assert "The money has come, and you have booked." in text_of(client_of.get(page))
    assert client_of.get(f"{page}code.svg").status_code == 404
    assert read_booking(booking.pk).state == "accepted"
    day = text_of(signed_in(scene.payment_officer).get("/agency/reconciliation/2026-05-04/EUR/"))
    assert "A learner's own part" in day.replace("&#x27;", "'")


def test_the_mail_says_the_same(scene: Scene, client_of: Client) -> None:
    consent(client_of, proposed_booking(scene))
    mail.outbox.clear()
    delivery.send_waiting()
    transfer = OwnTransfer.objects.get()
    (sent,) = [each for each in mail.outbox if "Transfer your part" in each.subject]
    for wanted in (
        transfer.shown_reference,
        "€150.00",
        "FR14 2004",
        "until 7 May 2026",
        str(transfer.public_id),
    ):
        assert wanted in str(sent.body).replace("\xa0", " "), wanted


def test_leaving_and_coming_back(scene: Scene, client_of: Client) -> None:
    booking = proposed_booking(scene)
    consent(client_of, booking)
    transfer = OwnTransfer.objects.get()
    page = f"/own-parts/{transfer.public_id}/"
    stranger = signed_in(scene.other_learner.user)
    assert stranger.post(f"{page}leave/").status_code == 404
    answer = client_of.post(f"{page}leave/", follow=True)
    assert "What was kept for you is free again" in text_of(answer)
    assert "See the proposal again" in text_of(answer)
    tell(Transfer(OWN, transfer.reference))
    own_transfers.settle_waiting()
    shown = text_of(client_of.get(page))
    assert "€150.00 came that the booking did not take" in shown
    assert "Tell us the account" in shown
    refunds = text_of(client_of.get("/account/refunds/"))
    assert "€150.00" in refunds


def test_a_transfer_without_its_reference_is_given_to_the_own_part(scene: Scene, client_of: Client) -> None:
    consent(client_of, proposed_booking(scene))
    transfer = OwnTransfer.objects.get()
    tell(Transfer(OWN, "my course"))
    officer = signed_in(scene.payment_officer)
    receipt = TopUpReceipt.objects.get()
    page = f"/agency/receipts/{receipt.pk}/"
    told = {"reference": transfer.shown_reference, "reason": "The learner called"}
    assert officer.post(page, told | {"reference": "RF00 0000"}).status_code == 409
    assert officer.post(page, told).status_code == 302
    own_transfers.settle_waiting()
    assert "The money has come, and you have booked." in text_of(
        client_of.get(f"/own-parts/{transfer.public_id}/")
    )
