"""D03, D05, D13, D16 and D17: each fires on what it is for, and stays silent on what only looks like it."""

from datetime import timedelta

import pytest

from tests.fraud.population import Population, found, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> Population:
    population = Population()
    population.honest()
    return population


def _paid(people, *, bookings=3, starts=None, status="held", attended=True, paid_days=60):
    starts = starts or moment(70, 11)
    provider = people.provider()
    session = people.session(people.credential(provider), starts=starts, status=status)
    made = []
    for _ in range(bookings):
        booking = people.book(people.learner(), session, created=starts - timedelta(days=20))
        people.event(booking, "claim", moment(paid_days + 5), amount_cents=90_000)
        people.event(booking, "paid", moment(paid_days), amount_cents=90_000)
        if attended:
            people.attend(booking, session)
        made.append(booking)
    return provider, session, made


def test_honest_life_raises_no_hard_fact(people, tmp_path):
    result = people.detect(tmp_path)
    assert [alert for alert in result.alerts if alert.action in "HB"] == []


def test_a_denied_consent_holds_the_booking(people, tmp_path):
    provider, _session, bookings = _paid(people)
    for row in people.rows["booking_events"]:
        if row["event"] == "paid" and row["booking_id"] in bookings:
            row["amount_cents"] = 30_000
    people.add("surveys", booking_id=bookings[0], sent_at=moment(9), answered_at=moment(8), answer="denied")
    people.event(bookings[1], "denied", moment(3))
    result = people.detect(tmp_path, "D03")
    assert found(result, "D03") == {(provider, "booking", "H")}
    assert {alert.finding.subject_id for alert in result.alerts} == set(bookings[:2])
    assert {alert.amount_cents for alert in result.alerts} == {90_000}


def test_a_denied_consent_that_was_paid_in_full_can_only_be_looked_at(people, tmp_path):
    provider, _session, bookings = _paid(people)
    people.event(bookings[1], "denied", moment(3))
    assert found(people.detect(tmp_path, "D03"), "D03") == {(provider, "booking", "R")}


def test_a_confirmed_consent_is_silent_even_after_a_new_phone(people, tmp_path):
    _provider, session, bookings = _paid(people)
    people.add(
        "surveys", booking_id=bookings[0], sent_at=moment(9), answered_at=moment(8), answer="confirmed"
    )
    learner = people.learner()
    people.add("logins", at=moment(200), subject_kind="learner", subject_id=learner, device_hash="own")
    change = {"subject_kind": "learner", "subject_id": learner, "field": "phone", "new_hash": "x"}
    people.add("contact_changes", at=moment(93), **change, device_hash="own")
    people.book(learner, session, created=moment(91))
    assert found(people.detect(tmp_path, "D03"), "D03") == set()


def test_contact_data_changed_from_an_unknown_device_is_looked_at(people, tmp_path):
    provider, session, _bookings = _paid(people)
    learner = people.learner()
    people.add("logins", at=moment(200), subject_kind="learner", subject_id=learner, device_hash="own")
    change = {"subject_kind": "learner", "subject_id": learner, "field": "phone", "new_hash": "x"}
    people.add("contact_changes", at=moment(93), **change, device_hash="strange")
    people.book(learner, session, created=moment(91))
    assert found(people.detect(tmp_path, "D03"), "D03") == {(provider, "booking", "R")}


def test_two_providers_with_one_account_are_held(people, tmp_path):
    one, two = people.provider(iban_hash="same"), people.provider(iban_hash="same")
    assert found(people.detect(tmp_path, "D05"), "D05") == {(one, "account", "H"), (two, "account", "H")}


def test_an_account_shared_with_a_learner_of_its_own_is_held(people, tmp_path):
    provider, session, _bookings = _paid(people)
    iban = next(row for row in people.rows["providers"] if row["provider_id"] == provider)["iban_hash"]
    people.book(people.learner(iban_hash=iban), session, created=moment(95))
    assert found(people.detect(tmp_path, "D05"), "D05") == {(provider, "account", "H")}


def test_a_family_chain_with_one_account_is_left_alone(people, tmp_path):
    shops = [people.provider(iban_hash="family") for _ in range(3)]
    director = people.person(shops[0], "director")
    for shop in shops[1:]:
        people.person(shop, "director", person_id=director)
    assert found(people.detect(tmp_path, "D05"), "D05") == set()


def test_a_director_declared_yesterday_explains_no_shared_account(people, tmp_path):
    shops = [people.provider(iban_hash="family") for _ in range(2)]
    director = people.person(shops[0], "director")
    people.person(shops[1], "director", person_id=director, valid_from=moment(1).date())
    assert len(found(people.detect(tmp_path, "D05"), "D05")) == 2


def test_a_trainer_of_more_than_a_day_is_held_and_an_intensive_bootcamp_is_not(people, tmp_path):
    provider, camp = people.provider(), people.provider()
    trainer, coach = people.person(None, "trainer"), people.person(None, "trainer")
    starts = moment(40, 13)
    for _ in range(4):
        session = people.session(
            people.credential(provider), starts=starts, days=1, hours=7, trainer_id=trainer
        )
        people.book(people.learner(), session, created=moment(50))
    bootcamp = people.session(people.credential(camp), starts=starts, days=10, hours=10, trainer_id=coach)
    for _ in range(5):
        booking = people.book(people.learner(), bootcamp, created=moment(55))
        people.attend(booking, bootcamp)
    assert found(people.detect(tmp_path, "D13"), "D13") == {(provider, "person", "H")}


def test_more_people_than_a_room_holds_are_looked_at(people, tmp_path):
    provider = people.provider()
    people.add("venues", venue_id="small", capacity=4, opens="08:00", closes="20:00")
    session = people.session(people.credential(provider), starts=moment(40, 11), venue_id="small")
    for _ in range(6):
        booking = people.book(people.learner(), session, created=moment(50))
        people.attend(booking, session)
    assert found(people.detect(tmp_path, "D13"), "D13") == {(provider, "session", "R")}


def test_a_certificate_before_the_last_slot_is_rejected_and_one_after_it_is_not(people, tmp_path):
    provider, _session, bookings = _paid(people, starts=moment(70, 11))
    people.event(bookings[0], "certificate", moment(70))
    people.event(bookings[1], "certificate", moment(60))
    result = people.detect(tmp_path, "D16")
    assert found(result, "D16") == {(provider, "booking", "B")}
    assert [alert.finding.subject_id for alert in result.alerts] == [bookings[0]]


def test_a_claim_before_its_day_is_rejected_and_an_advance_is_lawful(people, tmp_path):
    provider = people.provider()
    session = people.session(people.credential(provider), starts=moment(-30), status="planned")
    booking = people.book(people.learner(), session, created=moment(10))
    people.event(booking, "claim", moment(5), amount_cents=20_000)
    assert found(people.detect(tmp_path / "strict", "D16"), "D16") == {(provider, "booking", "B")}
    people.rows["scheme"][0].update(first_claim_days_before_start=60, advance_percent=25)
    assert found(people.detect(tmp_path / "advance", "D16"), "D16") == set()


@pytest.mark.parametrize(("days", "action"), [(13, None), (15, "R"), (22, "H")])
def test_a_cancelled_session_must_be_refunded_in_time(people, tmp_path, days, action):
    provider, session, bookings = _paid(people, attended=False, status="planned", paid_days=50)
    cancelled = next(row for row in people.rows["sessions"] if row["session_id"] == session)
    people.rows["sessions"].append({**cancelled, "status": "cancelled", "recorded_at": moment(days)})
    for booking in bookings:
        people.event(booking, "cancelled", moment(days))
    expected = {(provider, "session", action)} if action else set()
    assert found(people.detect(tmp_path, "D17"), "D17") == expected


def test_what_was_refunded_is_no_finding(people, tmp_path):
    _provider, _session, bookings = _paid(people, attended=False, status="cancelled", paid_days=50)
    for booking in bookings:
        people.event(booking, "cancelled", moment(40))
        people.event(booking, "refunded", moment(30), amount_cents=90_000)
    assert found(people.detect(tmp_path, "D17"), "D17") == set()


def test_a_session_nobody_came_to_must_be_refunded_too(people, tmp_path):
    provider, _session, _bookings = _paid(people, attended=False, status="held", paid_days=50)
    assert found(people.detect(tmp_path, "D17"), "D17") == {(provider, "session", "H")}
