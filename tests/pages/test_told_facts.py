"""Pages on which people tell what detectors read: known places, who teaches a session, what a learner reports."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from catalogue.models import ProviderDetail
from fraud.models import KnownPlace, LearnerReport
from fraud.services import places, reports
from ila.core import clock
from tests.factories.accounts import MembershipFactory
from tests.pages.support import Scene, signed_in
from tests.pages.test_catalogue import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db
GIVEN = {
    "kind": "library",
    "name": "Library of Rennes",
    "network": "8.8.8.0/30",
    "reason": "Four public computers, says their letter of May.",
}


def test_a_place_is_proposed_by_one_and_agreed_by_another(scene: Scene) -> None:
    manager: User = MembershipFactory.create(organisation=scene.world.agency, role="manager").user
    with clock.at(MONDAY):
        client = signed_in(scene.investigator)
        assert "Known places" in text_of(client.get(reverse("fraud_desk")).content)
        wrong = client.post(reverse("fraud_place_new"), {**GIVEN, "network": "8.8.0.0/16"})
        assert wrong.status_code == 422
        assert "This range is too large for a place." in text_of(wrong.content)
        assert client.post(reverse("fraud_place_new"), {}).status_code == 422
        assert client.post(reverse("fraud_place_new"), GIVEN).status_code == 302
        place = KnownPlace.objects.get()
        page = reverse("fraud_place", args=[place.public_id])
        mine = text_of(client.get(page).content)
        assert "Waits for a second person" in mine
        assert "You do not propose it any more." in mine
        assert "Detectors leave this network out" not in mine
        step = reverse("fraud_place_step", args=[place.public_id, "agree"])
        # Not offered to who proposed it, who is told so.
        assert client.post(step).status_code == 302
        place.refresh_from_db()
        assert place.state == "proposed"
        other = signed_in(manager)
        assert other.get(step).status_code == 200
        assert other.post(step).status_code == 302
        place.refresh_from_db()
        assert place.state == "in_force"
        ending = reverse("fraud_place_step", args=[place.public_id, "end"])
        assert other.post(ending, {"reason": ""}).status_code == 422
        assert other.post(ending, {"reason": "It has moved."}).status_code == 302
        shown = text_of(other.get(page).content)
        assert "It has moved." in shown
        assert "Four public computers" in shown
        listed = reverse("fraud_places")
        assert "Library of Rennes" in text_of(other.get(listed, {"state": "ended"}).content)
        assert "Library of Rennes" not in text_of(other.get(listed, {"state": "in_force"}).content)
        # Who only looks is offered nothing.
        auditor = signed_in(scene.auditor)
        assert "Propose a place" not in text_of(auditor.get(listed).content)
        assert auditor.post(reverse("fraud_place_new"), GIVEN).status_code == 403


def test_who_teaches_is_told_on_the_sessions_page(scene: Scene) -> None:
    session = scene.world.session
    address = reverse("provider_session_teaching", args=[session.pk])
    with clock.at(MONDAY):
        client = signed_in(scene.provider_member)
        assert "None of your trainers is there" in text_of(client.get(address).content)
        trainer = ProviderDetail.objects.create(
            provider=scene.world.provider,
            kind="trainer",
            facts={"full_name": "Ada Martin"},
            valid_from=MONDAY.date(),
            entered_by=scene.provider_member,
        )
        told: dict[str, Any] = {
            "trainer_id": trainer.pk,
            "private_payers": 3,
            "private_price_cents": "1 200,50",
        }
        assert client.post(address, {**told, "private_payers": -1}).status_code == 422
        assert client.post(address, told).status_code == 302
        row = session.teaching.get()
        assert (row.trainer_id, row.private_payers, row.private_price_cents) == (trainer.pk, 3, 120_050)
        page = text_of(client.get(reverse("provider_session", args=[session.pk])).content)
        assert "Ada Martin" in page
        assert "3 take part who pay themselves" in page
        assert client.post(address, {}).status_code == 302
        assert session.teaching.latest("pk").trainer_id is None
        assert session.teaching.count() == 2


def test_a_learner_reports_and_an_investigator_reads(scene: Scene) -> None:
    with clock.at(MONDAY):
        booking = scene.world.accepted(scene.learner)
        client = signed_in(scene.learner.user)
        address = reverse("fraud_report", args=[booking.public_id])
        assert address in client.get(reverse("booking", args=[booking.public_id])).content.decode()
        assert client.get(address).status_code == 200
        assert client.post(address, {"kind": "other", "said": " "}).status_code == 422
        early = client.post(address, {"kind": "not_taught"})
        assert early.status_code == 422
        assert "The training has not begun yet." in text_of(early.content)
        assert client.post(address, {"kind": "gift", "said": "A tablet."}).status_code == 302
        assert client.post(address, {"kind": "gift"}).status_code == 422
        assert LearnerReport.objects.get().said == "A tablet."
        # Its provider reads nothing of it on the booking's page.
        member = signed_in(scene.provider_member)
        assert address not in member.get(reverse("booking", args=[booking.public_id])).content.decode()
        reader = signed_in(scene.investigator)
        assert "A tablet." in text_of(reader.get(reverse("fraud_reports"), {"state": "gift"}).content)
        assert "A tablet." not in text_of(reader.get(reverse("fraud_reports"), {"state": "other"}).content)


def test_longer_lists_ask_no_more(scene: Scene) -> None:
    with clock.at(MONDAY):
        client = signed_in(scene.investigator)

        def grow(number: int) -> None:
            for _ in range(number):
                size = KnownPlace.objects.count()
                places.propose_place(actor=scene.investigator, **{**GIVEN, "network": f"8.8.8.{size}"})
                learner = scene.world.make_learner()
                booking = scene.world.accepted(learner)
                reports.report_training(actor=learner.user, booking_id=booking.pk, kind="gift")

        def look() -> None:
            for name in ("fraud_places", "fraud_reports"):
                assert client.get(reverse(name)).status_code == 200

        assert_queries_constant(grow, look, n=2)
