"""The pages of a fraud case: from the first alert to the referral and to an appeal that succeeds, and who sees what."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from catalogue.models import Accreditation
from fraud import steps
from fraud.models import Alert, Case, FeedState, Measure, PaymentScreening
from fraud.services import questions
from funding import audit
from ila.core import clock
from tests.factories.accounts import MembershipFactory
from tests.fraud.casework.office import Office
from tests.pages.support import signed_in
from tests.pages.test_catalogue import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY, Learner

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(db: None) -> Iterator[Office]:
    with clock.at(MONDAY) as hand:
        yield Office(hand)


def gone_wrong(office: Office) -> tuple[Case, list[Learner]]:
    """Three learners were signed up unasked; one booking was paid already."""
    made = office.house.accepted(3)
    office.house.validated(*(booking for _learner, booking in made[:1]))
    office.house.pay(office.house.approved(made[0][1]))
    theirs = [booking for _learner, booking in made]
    office.store(
        office.found("D01", theirs, score=0.8),
        office.found("D03", theirs, action="H", subject=("booking", str(theirs[0].public_id))),
    )
    return Case.objects.get(provider=office.provider), [learner for learner, _booking in made]


def step(user: User, subject: Any, code: str, expected: int = 302, **given: Any) -> None:
    """Take a step on its page: the page is there, then what is posted is done."""
    kind = type(subject).__name__.lower()
    where = reverse(f"fraud_{kind}_step", args=[subject.public_id, code])
    client = signed_in(user)
    assert client.get(where).status_code == 200, (code, "is not offered")
    answer = client.post(where, given)
    assert answer.status_code == expected, text_of(answer.content)[:2_000]
    subject.refresh_from_db()


def page(user: User, subject: Any) -> str:
    """What the page of an alert, case or measure says."""
    answer = signed_in(user).get(reverse(f"fraud_{type(subject).__name__.lower()}", args=[subject.public_id]))
    assert answer.status_code == 200
    return text_of(answer.content)


def test_from_the_first_alert_to_the_referral_and_back(office: Office) -> None:
    case, learners = gone_wrong(office)
    found = signed_in(office.investigator).get(reverse("fraud_alerts"), {"state": "merged"})
    assert "D03" in text_of(found.content)
    assert "Evidence, frozen" in page(office.investigator, Alert.objects.all()[0])
    step(office.investigator, case, "queue", reason="A learner called.")
    step(office.investigator, case, "take")
    step(office.investigator, case, "begin")
    step(office.investigator, case, "ask", text="Who signed them up?", days=10)
    asked = case.questions.get()
    client = signed_in(office.provider_user)
    assert "Who signed them up?" in text_of(client.get(reverse("provider_letters")).content)
    where = reverse("provider_question", args=[asked.public_id])
    assert client.post(where, {"answer": " "}).status_code == 422
    assert client.post(where, {"answer": "Our agent did."}).status_code == 302
    assert "Our agent did." in page(office.investigator, case)
    step(office.investigator, case, "survey")
    for survey in case.surveys.all():
        theirs = reverse("fraud_survey", args=[survey.public_id])
        learner = next(each for each in learners if each.citizen == survey.booking.account.citizen)
        assert "Did you sign up yourself" in text_of(signed_in(learner.user).get(theirs).content)
        assert signed_in(learner.user).post(theirs, {"answer": "denied"}).status_code == 302
        assert "You have answered" in text_of(signed_in(learner.user).get(theirs).content)
    step(office.investigator, case, "propose", outcome="confirmed_fraud", reasons="Nobody agreed.")
    assert "is not open to you" in text_of(
        signed_in(office.investigator)
        .get(reverse("fraud_case_step", args=[case.public_id, "decide"]), follow=True)
        .content
    )
    assert str(case) in text_of(signed_in(office.manager).get(reverse("fraud_desk")).content)
    step(office.manager, case, "decide", 422, shown="confirmed_fraud", reason="I agree.")
    step(office.manager, case, "decide", shown="confirmed_fraud", reason="I agree.", sure="on")
    step(office.manager, case, "enforce")
    step(office.manager, case, "restore")
    assert case.rights_restored_at is not None
    until = (clock.now() + timedelta(days=730)).date().isoformat()
    wanted: tuple[tuple[str, dict[str, Any]], ...] = (
        ("restitution", {}),
        ("termination", {}),
        ("blacklist_person", {"expires_at": until, "person_name": "Ada Faux", "birth_date": "1970-01-02"}),
        ("referral", {"authority": "Parquet national financier"}),
    )
    for kind, more in wanted:
        step(office.investigator, case, "measure", kind=kind, reason="Because of the case.", **more)
    for measure in case.measures.exclude(kind="hold"):
        step(office.investigator, measure, "notify")
    first = case.measures.get(kind="restitution")
    where = reverse("provider_measure", args=[first.public_id])
    assert client.post(where, {"answer": "We are sorry."}).status_code == 302
    office.hand.move(clock.now() + timedelta(days=13))
    for measure in case.measures.exclude(kind="hold"):
        if measure.state == "notified":
            step(office.investigator, measure, "hear", answer="Nothing came.")
        step(office.manager, measure, "force", reason="It stands.", sure="on")
        assert "In force since" in page(office.manager, measure)
    assert Accreditation.objects.get(provider=office.provider).state == "withdrawn"
    assert audit.run().ok

    assert client.post(where, {"appeal": "We taught them."}).status_code == 302
    first.refresh_from_db()
    step(office.second_manager, first, "overturn", reason="The device was borrowed.", sure="on")
    assert first.state == "overturned"
    assert "Undone" in page(office.investigator, first)
    letters = text_of(client.get(reverse("provider_letters")).content)
    assert "Payments are held" in letters or "Overturned on appeal" in letters
    assert audit.run().ok
    answer = signed_in(office.manager).post(reverse("fraud_case_dossier", args=[case.public_id]))
    assert "manifest.json" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()


def test_every_step_has_a_page_and_a_sentence() -> None:
    for _name, found in steps.STEPS.values():
        codes = [each.code for each in found]
        assert len(codes) == len(set(codes))
        assert all(str(each.label) and str(each.about) for each in found)


def test_a_hold_that_ended_wrongly_is_counted_by_age_size_and_region(office: Office) -> None:
    theirs = [booking for _learner, booking in office.house.accepted(5)]
    case = office.case(*theirs)
    office.in_force(case, "hold", amounts={booking.pk: None for booking in theirs})
    client, where = signed_in(office.investigator), reverse("fraud_fairness")
    assert "The third with the fewest bookings" in (told := text_of(client.get(where).content))
    assert "1000.0" not in told
    office.decided(case, "refuted")
    told = text_of(client.get(where).content)
    assert told.count("1000.0") == 3
    office.hand.move(clock.now() + timedelta(days=500))
    assert text_of(client.get(where).content).count("Too few bookings were made in this time.") == 3


@pytest.mark.parametrize("role", ["case_worker", "auditor", "payment_officer"])
def test_who_only_watches_takes_no_step(office: Office, role: str) -> None:
    case, _learners = gone_wrong(office)
    user = MembershipFactory.create(organisation=office.world.agency, role=role).user
    client = signed_in(user)
    seen = 403 if role == "payment_officer" else 200
    for name in ("fraud_desk", "fraud_cases", "fraud_alerts", "fraud_feeds", "fraud_fairness"):
        assert client.get(reverse(name)).status_code == seen, name
    assert client.get(reverse("fraud_case", args=[case.public_id])).status_code == seen
    where = reverse("fraud_case_step", args=[case.public_id, "queue"])
    assert client.get(where).status_code == 403
    assert client.post(where, {"reason": "x"}).status_code == 403
    case.refresh_from_db()
    assert case.state == "draft"


def test_nobody_else_reads_letters_questions_measures_or_surveys(office: Office) -> None:
    case, learners = gone_wrong(office)
    office.taken_up(case)
    step(office.investigator, case, "ask", text="Who signed them up?", days=10)
    step(office.investigator, case, "survey")
    hold = Measure.objects.get(case=case, kind="hold")
    places = [
        reverse("provider_letter", args=[case.letters.all()[0].public_id]),
        reverse("provider_question", args=[case.questions.get().public_id]),
        reverse("provider_measure", args=[hold.public_id]),
    ]
    survey = case.surveys.all()[0]
    others = signed_in(office.world.user_of(office.world.make_provider()))
    for place in places:
        assert signed_in(office.provider_user).get(place).status_code == 200, place
        assert others.get(place).status_code == 404, place
        assert signed_in(learners[0].user).get(place).status_code == 403, place
        assert Client().get(place).status_code == 302
    stranger = office.world.make_learner()
    where = reverse("fraud_survey", args=[survey.public_id])
    assert signed_in(stranger.user).get(where).status_code == 404
    assert signed_in(office.provider_user).get(where).status_code == 404
    assert (
        signed_in(office.provider_user).get(reverse("fraud_case", args=[case.public_id])).status_code == 403
    )


def test_a_feed_or_detector_that_failed_is_told(office: Office) -> None:
    FeedState.objects.update_or_create(
        table="bookings", defaults={"error": "OperationalError", "failed_at": clock.now()}
    )
    client = signed_in(office.investigator)
    assert "tables of facts were not fed" in text_of(client.get(reverse("fraud_desk")).content)
    PaymentScreening.objects.create(
        day=clock.now().date(), outcome="passed", finished_at=clock.now(), failed={"D07": "TimeoutError"}
    )
    assert "D07" in text_of(client.get(reverse("fraud_desk")).content)
    told = text_of(client.get(reverse("fraud_feeds")).content)
    assert "OperationalError" in told
    assert "D07: TimeoutError" in told


def test_pictures_of_a_case(office: Office) -> None:
    case, _learners = gone_wrong(office)
    client = signed_in(office.investigator)
    drawn = client.get(reverse("fraud_case_picture", args=[case.public_id, "timeline"]))
    assert drawn.status_code == 200
    assert b"<title>" in drawn.content
    assert client.get(reverse("fraud_case_picture", args=[case.public_id, "links"])).status_code in (200, 404)


def test_lists_ask_a_constant_number_of_queries(office: Office) -> None:
    client, provider = signed_in(office.investigator), signed_in(office.provider_user)
    case = office.case(office.house.accepted(1)[0][1], detector="D03")

    def grow(count: int) -> None:
        for _ in range(count):
            ((_learner, booking),) = office.house.accepted(1)
            office.store(office.found("D03", [booking], subject=("booking", str(booking.public_id))))
            questions.ask_provider(actor=office.investigator, case_id=case.pk, text="Who was it?")

    def look() -> None:
        assert provider.get(reverse("provider_letters")).status_code == 200
        for name in ("fraud_desk", "fraud_alerts", "fraud_cases", "fraud_fairness"):
            assert client.get(reverse(name)).status_code == 200
        assert client.get(reverse("fraud_case", args=[case.public_id])).status_code == 200

    assert_queries_constant(grow, look, n=2)
