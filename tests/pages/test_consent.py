"""Consent and what follows it, as pages: the text, the receipt, the link of a mail, the agency's decision."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from accounts import sessions
from accounts.models import AccountAlarm, NotMeKind, NotMeLink
from accounts.services import alarms, delivery, messages
from funding.models import Application, Booking
from funding.services import bookings, not_me
from ila.core import clock
from tests.factories.accounts import MembershipFactory, SignInFactory, UserFactory
from tests.pages.consenting import fields_of, form_of, shown_text
from tests.pages.statements import statement_of
from tests.pages.support import (
    PASSWORD,
    Scene,
    pay_the_provider,
    proposed_booking,
    signed_in,
    validated_booking,
)
from tests.support.world import Learner

pytestmark = pytest.mark.django_db
NOT_MINE = ["other_learner", "provider", "other_provider", "employer"]


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> None:
    """What is looked at here is the consent, not how the learner's own part is paid."""
    pay_the_provider(settings)


def client_of(learner: Learner) -> Client:
    return signed_in(learner.user, sign_in=learner.sign_in)


def address_of(booking: Booking) -> str:
    return f"/bookings/{booking.public_id}/accept/"


def accepted(scene: Scene) -> Booking:
    """A booking of the learner's, accepted on its page."""
    booking = proposed_booking(scene)
    client = client_of(scene.learner)
    assert client.post(address_of(booking), form_of(client, address_of(booking))).status_code == 302
    return bookings.read_booking(booking.pk)


def token_in_the_mail() -> str:
    mail.outbox.clear()
    delivery.send_waiting()
    return re.findall(r"/not-me/([\w-]+)/", "".join(str(sent.body) for sent in mail.outbox))[-1]


# -- the text and the receipt ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
def test_the_text_of_the_page_is_what_is_hashed_kept_mailed_and_printed(scene: Scene, language: str) -> None:
    booking, client = proposed_booking(scene), client_of(scene.learner)
    client.cookies["django_language"] = language
    page = client.get(address_of(booking)).content
    text, form = shown_text(page), fields_of(page)
    assert form["shown"] == hashlib.sha256(text.encode()).hexdigest()
    assert client.post(address_of(booking), form).status_code == 302
    consent = bookings.read_booking(booking.pk).consent
    assert consent is not None
    assert (consent.text, consent.text_hash) == (text, form["shown"])
    receipt = client.get(f"/bookings/{booking.public_id}/receipt/").content
    assert shown_text(receipt) == text
    assert form["shown"] in receipt.decode()
    paper = client.get(f"/bookings/{booking.public_id}/receipt.pdf")
    assert paper.headers["Content-Type"] == "application/pdf"
    words = "".join(page.extract_text() for page in PdfReader(io.BytesIO(paper.content)).pages)
    squeezed = re.sub(r"\s", "", words)
    assert re.sub(r"\s", "", text) in squeezed
    assert form["shown"] in squeezed
    token_in_the_mail()
    (sent,) = [one for one in mail.outbox if form["shown"] in str(one.body)]
    assert text in str(sent.body)


def test_the_receipt_names_the_device_in_plain_words_and_no_address(scene: Scene) -> None:
    booking = accepted(scene)
    assert booking.consent is not None
    assert booking.consent.sign_in is not None
    page = client_of(scene.learner).get(f"/bookings/{booking.public_id}/receipt/").content.decode()
    assert "An unknown device" in page
    assert "under a strong e-identity" in page
    assert "127.0.0.1" not in page


@pytest.mark.parametrize("part", NOT_MINE)
def test_nobody_else_reads_the_receipt(scene: Scene, part: str) -> None:
    booking = accepted(scene)
    for end in ("receipt/", "receipt.pdf"):
        assert signed_in(scene.people[part]).get(f"/bookings/{booking.public_id}/{end}").status_code == 404
    assert signed_in(scene.case_worker).get(f"/bookings/{booking.public_id}/receipt/").status_code == 200


def test_two_tabs_what_changed_is_named_and_nothing_is_booked(scene: Scene) -> None:
    booking, client = proposed_booking(scene), client_of(scene.learner)
    form = form_of(client, address_of(booking))
    scene.world.credit(scene.learner.account, 20_000, "employer")
    answer = client.post(address_of(booking), form)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "What you were shown has changed" in page
    assert "<del>You pay yourself: €150.00</del>" in page
    assert "<strong>Paid from Employer&#x27;s top-up: €" in page
    assert Booking.objects.get(pk=booking.pk).state == "proposed"
    # The same page shows the new text, which may be agreed to: the box is to be ticked again.
    assert not re.search(rb'name="consent"[^>]*checked', answer.content)
    assert client.post(address_of(booking), fields_of(answer.content)).status_code == 302


def test_without_having_been_shown_anything_nothing_is_booked(scene: Scene) -> None:
    booking, client = proposed_booking(scene), client_of(scene.learner)
    form = form_of(client, address_of(booking))
    for changes in ({"shown": ""}, {"shown": "0" * 64}, {"shown_in": "fr"}):
        assert client.post(address_of(booking), form | changes).status_code in {409, 422}
    assert Booking.objects.get(pk=booking.pk).state == "proposed"


# -- freshness ------------------------------------------------------------------------------------------------------


def test_f32_an_old_sign_in_goes_to_the_e_identity_and_back_with_nothing_lost(scene: Scene) -> None:
    booking = proposed_booking(scene)
    old = SignInFactory.create(user=scene.learner.user, at=clock.now() - timedelta(minutes=9))
    client = signed_in(scene.learner.user, sign_in=old)
    form = form_of(client, address_of(booking))
    with clock.at(clock.now() + timedelta(minutes=2)):
        sent_away = client.post(address_of(booking), form)
        assert (
            sent_away.headers["Location"]
            == f"/accounts/e-identity/?next=%2Fbookings%2F{booking.public_id}%2Faccept%2F"
        )
        proved = client.post(
            sent_away.headers["Location"], {"password": PASSWORD, "next": address_of(booking)}
        )
        assert proved.headers["Location"] == address_of(booking)
        page = client.get(address_of(booking)).content
        assert fields_of(page)["key"] == form["key"]
        assert re.search(rb'name="consent"[^>]*checked', page)
        assert client.post(address_of(booking), fields_of(page)).status_code == 302
    assert Booking.objects.get(pk=booking.pk).state == "accepted"


@pytest.mark.parametrize("part", ["provider", "agent", "employer", "case_worker", "counsellor", "superuser"])
def test_nobody_else_consents_by_a_page(scene: Scene, part: str) -> None:
    booking = proposed_booking(scene)
    form = form_of(client_of(scene.learner), address_of(booking))
    others = scene.people | {
        "agent": MembershipFactory.create(organisation=scene.world.provider.organisation, role="staff").user,
        "counsellor": UserFactory.create(),
        "superuser": UserFactory.create(is_superuser=True, is_staff=True),
    }
    user = others[part]
    assert user is not None
    for sign_in in (SignInFactory.create(user=user), scene.learner.sign_in):
        assert signed_in(user, sign_in=sign_in).post(address_of(booking), form).status_code == 404
    assert Booking.objects.get(pk=booking.pk).state == "proposed"
    assert not Application.objects.exists()


def test_what_changed_on_the_way_to_the_e_identity_is_to_be_ticked_again(scene: Scene) -> None:
    booking = proposed_booking(scene)
    client = signed_in(
        scene.learner.user,
        sign_in=SignInFactory.create(user=scene.learner.user, at=clock.now() - timedelta(minutes=9)),
    )
    form = form_of(client, address_of(booking))
    with clock.at(clock.now() + timedelta(minutes=2)):
        assert client.post(address_of(booking), form).status_code == 302
        scene.world.credit(scene.learner.account, 20_000, "employer")
        page = signed_in_again(client, scene).get(address_of(booking)).content
        assert not re.search(rb'name="consent"[^>]*checked', page)


def signed_in_again(client: Client, scene: Scene) -> Client:
    session = client.session
    session[sessions.KEY] = SignInFactory.create(user=scene.learner.user).pk
    session.save()
    return client


# -- the link of a mail ---------------------------------------------------------------------------------------------


def test_opening_the_link_changes_nothing_and_the_button_disputes_without_signing_in(scene: Scene) -> None:
    booking = accepted(scene)
    address = f"/not-me/{token_in_the_mail()}/"
    for _ in range(3):
        page = Client().get(address)
        assert page.status_code == 200
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert b"Was this not you?" in page.content
        Client().head(address)
    assert Booking.objects.get(pk=booking.pk).state == "accepted"
    guest = Client()
    done = guest.post(address)
    assert (done.status_code, b"Thank you for telling us" in done.content) == (200, True)
    assert Booking.objects.get(pk=booking.pk).state == "disputed"
    again = guest.post(address)
    assert (again.status_code, b"You have told us already" in again.content) == (410, True)
    assert guest.get(address).status_code == 410
    assert guest.get("/not-me/unknown/").status_code == 404
    assert guest.post("/not-me/unknown/").status_code == 404
    assert guest.get(f"/bookings/{booking.public_id}/").status_code == 302, "the link opens nothing else"


def test_a_booking_is_disputed_from_its_own_page_too(scene: Scene) -> None:
    booking = accepted(scene)
    address = f"/bookings/{booking.public_id}/not-mine/"
    client = client_of(scene.learner)
    assert address in client.get(f"/bookings/{booking.public_id}/").content.decode()
    for part in (*NOT_MINE, "case_worker"):
        assert signed_in(scene.people[part]).post(address).status_code == 404
    assert client.get(address).status_code == 200
    assert Booking.objects.get(pk=booking.pk).state == "accepted"
    assert b"Thank you for telling us" in client.post(address).content
    assert Booking.objects.get(pk=booking.pk).state == "disputed"


def test_a_form_from_elsewhere_uses_no_link(scene: Scene) -> None:
    booking = accepted(scene)
    guest = Client(enforce_csrf_checks=True)
    assert guest.post(f"/not-me/{token_in_the_mail()}/").status_code == 403
    assert Booking.objects.get(pk=booking.pk).state == "accepted"


def test_an_old_link_says_so(scene: Scene) -> None:
    accepted(scene)
    token = token_in_the_mail()
    NotMeLink.objects.update(
        made_at=clock.now() - timedelta(days=2), expires_at=clock.now() - timedelta(days=1)
    )
    assert b"This link is too old" in Client().get(f"/not-me/{token}/").content


def alarmed(scene: Scene) -> AccountAlarm:
    messages.queue(
        recipient=scene.learner.user, template="contact_changed", **messages.not_me(NotMeKind.CONTACT)
    )
    not_me.report(token=token_in_the_mail())
    return AccountAlarm.objects.get()


def test_the_way_back_into_an_account(scene: Scene) -> None:
    booking, before = proposed_booking(scene), scene.learner.sign_in
    alarmed(scene)
    scene.learner.user.refresh_from_db()
    back = "/account/back/"
    page = signed_in(scene.learner.user, sign_in=before).get(back).content.decode()
    assert "/accounts/e-identity/?next=%2Faccount%2Fback%2F" in page
    assert signed_in(scene.learner.user, sign_in=before).post(back).status_code == 409
    with clock.at(clock.now() + timedelta(minutes=1)):
        fresh = SignInFactory.create(user=scene.learner.user)
        client = signed_in(scene.learner.user, sign_in=fresh)
        refused = client.post(address_of(booking), form_of(client, address_of(booking)))
        assert (refused.status_code, b"Nothing can be booked while" in refused.content) == (409, True)
        assert client.post(back).headers["Location"] == back
        assert b"Your account is open" in client.get(back).content
        assert client.post(address_of(booking), form_of(client, address_of(booking))).status_code == 302


# -- the agency -----------------------------------------------------------------------------------------------------


def test_a_dispute_is_decided_in_two_steps(scene: Scene) -> None:
    booking = accepted(scene)
    not_me.report(token=token_in_the_mail())
    client = signed_in(scene.case_worker)
    listed = client.get("/agency/disputes/").content.decode()
    address = f"/agency/disputes/{booking.public_id}/"
    assert address in listed
    page = client.get(address).content.decode()
    for evidence in (
        "Consent receipt",
        "Sign-ins around that day",
        "E-mail addresses",
        "learner@example.org",
    ):
        assert evidence in page
    empty = client.post(address, {"step": "check"})
    assert empty.status_code == 422
    assert b"Choose what you found." in empty.content
    decision = {"outcome": "upheld", "reason": "A stranger's <b>device</b>"}
    checked = client.post(address, decision | {"step": "check"})
    assert b"This cannot be taken back." in checked.content
    assert b"<b>device" not in checked.content
    assert Booking.objects.get(pk=booking.pk).state == "disputed"
    decided = client.post(address, decision | {"step": "confirm"})
    assert decided.headers["Location"] == "/agency/disputes/"
    assert Booking.objects.get(pk=booking.pk).state == "cancelled_by_funder"
    assert client.post(address, decision | {"step": "confirm"}).status_code == 404
    mail.outbox.clear()
    delivery.send_waiting()
    assert any("you were right" in sent.subject for sent in mail.outbox)


def test_an_alarm_is_closed_in_two_steps(scene: Scene) -> None:
    alarm = alarmed(scene)
    address = f"/agency/alarms/{alarm.public_id}/"
    client = signed_in(scene.case_worker)
    assert address in client.get("/agency/disputes/").content.decode()
    decision = {"outcome": "rejected", "reason": "Their own telephone"}
    assert b"This cannot be taken back." in client.post(address, decision | {"step": "check"}).content
    assert client.post(address, decision | {"step": "confirm"}).status_code == 302
    alarm.refresh_from_db()
    assert (alarm.upheld, alarm.closed_by) == (False, scene.case_worker)
    assert b"Their own telephone" in client.get(address).content
    assert alarms.unconfirmed(scene.learner.user.pk).exists()


@pytest.mark.parametrize("part", [*NOT_MINE, "learner", "auditor", "payment_officer"])
def test_nobody_else_decides(scene: Scene, part: str) -> None:
    booking = accepted(scene)
    not_me.report(token=token_in_the_mail())
    client = signed_in(scene.people[part])
    sent = {"step": "confirm", "outcome": "rejected", "reason": "mine"}
    assert client.post(f"/agency/disputes/{booking.public_id}/", sent).status_code == 403
    assert Booking.objects.get(pk=booking.pk).state == "disputed"


# -- statements -----------------------------------------------------------------------------------------------------


def test_a_statement_reads_from_what_was_to_what_is(scene: Scene) -> None:
    booking = validated_booking(scene)
    statement = statement_of(booking.account)
    client = client_of(scene.learner)
    assert f"/statements/{statement}/" in client.get("/statements/").content.decode()
    page = client.get(f"/statements/{statement}/").content.decode()
    assert "€5,000.00" in page
    assert "Money held for the booking" in page
    assert "This statement is not as it was made" not in page
    paper = client.get(f"/statements/{statement}.pdf")
    words = "".join(page.extract_text() for page in PdfReader(io.BytesIO(paper.content)).pages)
    assert "Money held for the booking" in words
    for part in NOT_MINE:
        for end in (f"{statement}/", f"{statement}.pdf"):
            assert signed_in(scene.people[part]).get(f"/statements/{end}").status_code == 404
        assert str(statement) not in signed_in(scene.people[part]).get("/statements/").content.decode()


def test_lists_ask_as_often_for_many_as_for_few(scene: Scene) -> None:
    counts: dict[str, list[int]] = {"/agency/disputes/": [], "/statements/": []}
    for _ in range(2):
        for _ in range(2):
            learner = scene.world.make_learner()
            booking = proposed_booking(scene, learner)
            bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)
            bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
            statement_of(booking.account, last_day=clock.now().date() + timedelta(days=40))
        for address, found in counts.items():
            client = signed_in(scene.case_worker)
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            found.append(len(queries))
    assert all(few == many for few, many in counts.values()), counts
