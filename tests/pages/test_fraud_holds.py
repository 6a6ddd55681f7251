"""Pages of holds outside of cases: the provider's, the investigator's, and many released at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from fraud.models import Case, HoldAnswer, HoldDecision
from fraud.services import hold_answers
from funding.models import Hold
from ila.core import clock
from tests.catalogue.providers.files import picture
from tests.fraud.casework.office import Office
from tests.fraud.casework.test_hold_answers import held, placed_by_detection
from tests.pages.support import signed_in
from tests.pages.test_catalogue import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(db: None, settings: Any, tmp_path: Path) -> Iterator[Office]:
    settings.DOCUMENTS_DIR = tmp_path
    with clock.at(MONDAY) as hand:
        yield Office(hand)


def at(hold: Hold, name: str = "fraud_hold", **more: Any) -> str:
    return reverse(name, kwargs={"pk": hold.pk, **more})


def step(client: Client, hold: Hold, code: str, expected: int = 302, **given: Any) -> str:
    where = at(hold, "fraud_hold_step", code=code)
    assert client.get(where).status_code == 200, (code, "is not offered")
    answer = client.post(where, given)
    assert answer.status_code == expected, text_of(answer.content)[:2_000]
    return text_of(answer.content)


def test_the_provider_reads_why_and_answers_once(office: Office) -> None:
    hold = placed_by_detection(office)
    client = signed_in(office.provider_user)
    assert "Held payments" in text_of(client.get(reverse("provider_home")).content)
    listed = text_of(client.get(reverse("provider_holds")).content)
    assert "the money paid for it has not come back" in listed
    assert "you can answer" in listed
    where = at(hold, "provider_hold")
    refused = client.post(where, {"text": " "})
    assert (refused.status_code, "Enter your answer." in text_of(refused.content)) == (422, True)
    bad = client.post(where, {"text": "Yes.", "document": SimpleUploadedFile("x.pdf", b"MZ")})
    assert bad.status_code == 409
    given = {"text": "It took place.", "document": SimpleUploadedFile("sheet.png", picture())}
    told = text_of(client.post(where, given, follow=True).content)
    assert "Your answer has arrived." in told
    assert "sheet.png" in told
    assert client.post(where, {"text": "Again."}).status_code == 409
    assert HoldAnswer.objects.count() == 1
    assert "you have answered" in text_of(client.get(reverse("provider_holds")).content)
    stranger = signed_in(office.world.user_of(office.world.make_provider()))
    assert stranger.get(where).status_code == 404
    assert stranger.post(where, {"text": "Mine."}).status_code == 404
    assert "Nothing is held" in text_of(stranger.get(reverse("provider_holds")).content)
    investigator = signed_in(office.other)
    assert "A provider has answered to a hold" in text_of(investigator.get(reverse("fraud_desk")).content)
    assert "It took place." in text_of(investigator.get(reverse("fraud_holds") + "?show=answered").content)
    seen = text_of(investigator.get(at(hold)).content)
    assert "D17, version 1, built-in values" in seen
    document = HoldAnswer.objects.get().documents.get()
    link = at(hold, "fraud_hold_document", public_id=document.public_id)
    assert investigator.get(link)["Content-Type"] == "image/png"
    assert client.get(link).status_code == 403


def test_a_person_prolongs_looks_further_and_lifts(office: Office) -> None:
    hold = held(office)
    client, provider = signed_in(office.other), signed_in(office.provider_user)
    day = (clock.now() + timedelta(days=40)).date()
    for bad, why in ((clock.now().date(), "Enter a later day"), (day + timedelta(days=90), "60 days")):
        assert why in step(client, hold, "prolong", 422, until=bad.isoformat(), reason="More time.")
    step(client, hold, "prolong", until=day.isoformat(), reason="We asked the learner.")
    assert "We asked the learner." in text_of(provider.get(at(hold, "provider_hold")).content)
    step(
        client,
        hold,
        "look",
        typology="non_delivery",
        provider_id=office.provider.pk,
        reason="Two more learners called.",
    )
    case = Case.objects.get()
    assert case.number in text_of(client.get(at(hold)).content)
    told = text_of(provider.get(at(hold, "provider_hold")).content)
    assert "Looked into further" in told
    assert "Two more learners called." not in told
    step(client, hold, "lift", 422, reason="The sheet shows it.")
    step(client, hold, "lift", reason="The sheet shows it.", sure="on")
    assert HoldDecision.objects.count() == 3
    over = client.get(at(hold, "fraud_hold_step", code="lift"), follow=True)
    assert "not open to you now" in text_of(over.content)
    assert "The sheet shows it." in text_of(provider.get(at(hold, "provider_hold")).content)
    assert "Nothing is held" in text_of(provider.get(reverse("provider_holds")).content)


def test_who_only_watches_takes_no_step(office: Office) -> None:
    hold = held(office)
    auditor = signed_in(office.agent("auditor"))
    assert "Release those ticked" not in text_of(auditor.get(reverse("fraud_holds")).content)
    assert auditor.get(at(hold)).status_code == 200
    assert auditor.get(at(hold, "fraud_hold_step", code="lift")).status_code == 403
    assert auditor.post(reverse("fraud_holds_release"), {"hold": [hold.pk]}).status_code == 403
    hold.refresh_from_db()
    assert hold.stands


def test_many_are_released_after_a_second_look(office: Office) -> None:
    made = office.house.accepted(2)
    ((_learner, other),) = office.house.accepted(1)
    office.house.validated(*(booking for _learner, booking in made))
    claims = [office.house.approved(booking) for _learner, booking in made]
    found = [held(office, booking) for _learner, booking in made]
    case = office.case(other)
    measure = office.notified(case, "hold", amounts={case.bookings.get().booking_id: None})
    theirs = measure.effects.get().hold
    assert theirs is not None
    client, where = signed_in(office.other), reverse("fraud_holds_release")
    assert f"Hold {theirs.pk}" not in text_of(client.get(reverse("fraud_holds")).content)
    assert client.get(where).status_code == 405
    assert "Tick at least one hold." in text_of(client.post(where, follow=True).content)
    assert client.post(where, {"hold": ["x"]}).status_code == 404
    ticked: dict[str, Any] = {"hold": [each.pk for each in (*found, theirs)]}
    asked = text_of(client.post(where, ticked).content)
    assert "Release these 2 holds" in asked
    assert "One that you ticked is left out" in asked
    total = sum(each.amount_cents for each in claims)
    assert f"€{total / 100:,.2f}" in asked
    ticked = {"hold": [each.pk for each in found], "confirm": "1"}
    assert client.post(where, {**ticked, "reason": " "}).status_code == 422
    assert all(Hold.objects.get(pk=each.pk).stands for each in found)
    assert client.post(where, {"hold": [theirs.pk], "confirm": "1", "reason": "Go."}).status_code == 409
    done = client.post(where, {**ticked, "reason": "One library."}, follow=True)
    assert "2 holds are released" in text_of(done.content)
    twice = client.post(where, {**ticked, "reason": "One library."}, follow=True)
    assert "2 of them had ended already." in text_of(twice.content)
    assert HoldDecision.objects.count() == 2
    theirs.refresh_from_db()
    assert theirs.stands


def test_lists_ask_a_constant_number_of_queries(office: Office) -> None:
    client, provider = signed_in(office.other), signed_in(office.provider_user)

    def grow(count: int) -> None:
        for _ in range(count):
            hold = placed_by_detection(office)
            hold_answers.answer_hold(actor=office.provider_user, hold_id=hold.pk, text="It took place.")

    def look() -> None:
        assert provider.get(reverse("provider_holds")).status_code == 200
        assert client.get(reverse("fraud_holds")).status_code == 200
        assert client.get(reverse("fraud_desk")).status_code == 200

    assert_queries_constant(grow, look, n=2)
