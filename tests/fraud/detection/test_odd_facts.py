"""What facts may be like in the world: far too many, out of order, of nobody, in any script, without labels."""

from datetime import timedelta

import pytest

from fraud.detection.registry import DETECTORS
from fraud.detection.runs import detect_evaluated
from fraud.services.loads import load_population
from tests.fraud.population import DAY, Population, moment

pytestmark = pytest.mark.django_db


def test_a_provider_with_thousands_of_rows_of_one_device_is_looked_at_like_any_other(tmp_path):
    people = Population()
    people.honest()
    provider = people.provider(legal_name="Ωμέγα 学校 «Школа»")
    session = people.session(people.credential(provider), starts=moment(40, 11))
    learners = [people.learner() for _ in range(300)]
    for number in range(3_000):
        booking = people.book(
            learners[number % 300], session, created=moment(60) + timedelta(seconds=number), device_hash="one"
        )
        if number % 3 == 0:
            people.attend(booking, session, device="one")
    result = people.detect(tmp_path)
    assert len(result.ran) == 26
    assert provider in {alert.finding.provider_id for alert in result.alerts if alert.detector.id == "D01"}


def test_times_out_of_order_and_blanks_fail_no_detector(tmp_path):
    people = Population()
    people.honest()
    provider = people.provider(accredited_at=None, iban_hash="", lat=None, lon=None)
    course = people.credential(provider, kind=None, hours=None, assessed="")
    people.session(course, starts=moment(40, 11), venue_id="", trainer_id="", mode="", status="")
    backwards = people.session(course, starts=moment(40, 11), hours=-3, venue_id="", trainer_id="")
    learner = people.learner(registered_at=None, birth_year=None, phone_hash="", lat=None)
    booking = people.book(learner, backwards, created=moment(10), consent_at=moment(50), amount_cents=None)
    people.event(booking, "paid", moment(90), amount_cents=None)
    people.event(booking, "claim", moment(5), amount_cents=90_000)
    people.event(booking, "certificate", moment(80))
    people.person(None, "director", full_name="", birth_date=None, valid_from=None)
    people.add("blacklist", entry_id="X", person_name="", entity_name="", listed_at=None)
    people.add("surveys", booking_id=booking, sent_at=None)
    result = people.detect(tmp_path)
    assert len(result.ran) == 26


def test_without_places_or_surveys_only_what_needs_them_stays_silent(tmp_path):
    people = Population()
    people.honest()
    load_population(directory=people.write(tmp_path, without=("surveys", "places", "scheme", "labels")))
    result = detect_evaluated(day=DAY, detectors=DETECTORS.values())
    assert not result.failed
    assert {"D01", "D03", "D04", "D13", "D14", "D16", "D24"} == set(result.not_run)
