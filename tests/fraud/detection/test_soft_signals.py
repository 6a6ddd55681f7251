"""D01, D02, D04, D06, D11, D12, D14, D15, D18 and D22: what fires them, and the honest life that looks alike."""

import itertools
import random
from datetime import timedelta

import pytest

from tests.fraud.population import Population, found, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> Population:
    population = Population()
    population.honest()
    return population


def _course(people, *, starts=None, **values):
    provider = people.provider()
    starts = starts or moment(60, 11)
    return provider, people.session(people.credential(provider), starts=starts, **values)


def _batch(people, *, learners=10, **values):
    provider, session = _course(people)
    for number in range(learners):
        people.book(people.learner(), session, created=moment(80) + timedelta(seconds=40 * number), **values)
    return provider


def test_many_learners_from_one_device_in_minutes_are_looked_at(people, tmp_path):
    provider = _batch(people, device_hash="one", actor="provider")
    assert found(people.detect(tmp_path, "D01"), "D01") == {(provider, "device", "R")}


def test_many_learners_of_one_agent_in_minutes_are_looked_at(people, tmp_path):
    provider = _batch(people, agent_id=people.person(None, "agent"), actor="agent")
    assert found(people.detect(tmp_path, "D01"), "D01") == {(provider, "person", "R")}


@pytest.mark.parametrize("kind", ["library", "prison", "employer"])
def test_a_library_kiosk_and_a_prison_are_known_places(people, tmp_path, kind):
    people.add("places", ip_hash="shared", kind=kind)
    _batch(
        people, ip_hash="shared", consent_ip_hash="shared", device_hash="kiosk", consent_device_hash="kiosk"
    )
    assert found(people.detect(tmp_path, "D01"), "D01") == set()


def test_an_employer_may_book_for_its_people_at_once(people, tmp_path):
    people.add("employers", employer_id="E1", registered_at=moment(400))
    _batch(people, actor="employer", employer_id="E1", ip_hash="office", device_hash="office")
    assert found(people.detect(tmp_path, "D01"), "D01") == set()


def test_a_launch_brings_many_learners_from_their_own_devices(people, tmp_path):
    _batch(people, learners=40)
    assert found(people.detect(tmp_path, "D01"), "D01") == set()


def _new_learners(people, *, hours, cents):
    provider, session = _course(people)
    for number in range(6):
        registered = moment(100 + number)
        learner = people.learner(registered_at=registered)
        people.book(learner, session, created=registered + timedelta(hours=hours), amount_cents=cents)
    return provider


def test_accounts_opened_and_emptied_at_one_provider_are_looked_at(people, tmp_path):
    provider = _new_learners(people, hours=2, cents=490_000)
    for row in people.rows["credits"]:
        row.update(at=moment(390))
    assert found(people.detect(tmp_path, "D02"), "D02") == {(provider, "provider", "R")}


@pytest.mark.parametrize(("hours", "cents"), [(30, 490_000), (2, 90_000)])
def test_new_learners_who_wait_or_keep_their_rights_are_left_alone(people, tmp_path, hours, cents):
    _new_learners(people, hours=hours, cents=cents)
    assert found(people.detect(tmp_path, "D02"), "D02") == set()


def test_a_phone_of_many_learners_of_one_provider_is_looked_at_and_a_household_is_not(people, tmp_path):
    provider, session = _course(people)
    for _ in range(6):
        people.book(people.learner(phone_hash="shared"), session, created=moment(80))
    for _ in range(4):
        people.book(people.learner(phone_hash="household", address_hash="home"), session, created=moment(80))
    result = people.detect(tmp_path, "D04")
    assert found(result, "D04") == {(provider, "provider", "R")}
    assert len(result.alerts[0].bookings) == 6


def test_a_learner_with_the_agents_phone_is_looked_at(people, tmp_path):
    provider, session = _course(people)
    agent = people.person(None, "agent", phone_hash="agent phone")
    people.book(people.learner(phone_hash="agent phone"), session, created=moment(80), agent_id=agent)
    assert found(people.detect(tmp_path, "D04"), "D04") == {(provider, "learner", "R")}


@pytest.mark.parametrize(
    ("device", "days", "fires"), [("new", 5, True), ("office", 5, False), ("new", 40, False)]
)
def test_an_account_changed_from_a_new_device_before_a_payment(people, tmp_path, device, days, fires):
    provider, session = _course(people)
    booking = people.book(people.learner(), session, created=moment(80))
    people.event(booking, "claim", moment(12), amount_cents=90_000)
    people.event(booking, "paid", moment(10), amount_cents=90_000)
    subject = {"subject_kind": "provider", "subject_id": provider}
    people.add("logins", at=moment(300), **subject, device_hash="office")
    change = {"field": "iban", "old_hash": "a", "new_hash": "b", "device_hash": device}
    people.add("contact_changes", at=moment(10 + days), **subject, **change)
    expected = {(provider, "account", "R")} if fires else set()
    assert found(people.detect(tmp_path, "D06"), "D06") == expected


def _two_sessions(people, *, apart_hours=0.0, days=3, lat=48.8, **values):
    one, two = people.provider(), people.provider()
    trainer = people.person(None, "trainer")
    first = people.session(
        people.credential(one), starts=moment(50, 12), days=days, trainer_id=trainer, hours=4
    )
    second = people.session(
        people.credential(two),
        starts=moment(50, 12 - apart_hours),
        days=days,
        trainer_id=trainer,
        hours=4,
        lat=lat,
        **values,
    )
    return one, two, first, second


def test_a_trainer_in_two_places_at_once_is_found(people, tmp_path):
    one, two, *_sessions = _two_sessions(people)
    assert found(people.detect(tmp_path, "D11"), "D11") == {(one, "person", "R"), (two, "person", "R")}


def test_a_trainer_who_travels_too_fast_is_found(people, tmp_path):
    one, two, *_sessions = _two_sessions(people, apart_hours=4.5, lat=43.3)
    assert found(people.detect(tmp_path, "D11"), "D11") == {(one, "person", "R"), (two, "person", "R")}


def test_a_trainer_with_a_morning_here_and_an_afternoon_nearby_is_left_alone(people, tmp_path):
    _two_sessions(people, apart_hours=5, lat=48.9)
    assert found(people.detect(tmp_path, "D11"), "D11") == set()


def test_a_learner_who_signed_twice_at_a_time_is_found(people, tmp_path):
    one, two, first, second = _two_sessions(people)
    learner = people.learner()
    for session in (first, second):
        booking = people.book(learner, session, created=moment(80))
        people.attend(booking, session)
    assert found(people.detect(tmp_path, "D12"), "D12") == {(one, "learner", "R"), (two, "learner", "R")}


def test_who_is_in_two_places_at_once_is_who_a_comparison_of_all_with_all_finds(people, tmp_path):
    dice = random.Random(4)
    provider, begin = people.provider(), moment(60, 11)
    course = people.credential(provider)
    expected: dict[str, set[str]] = {"D11": set(), "D12": set()}
    for number in range(40):
        learner, trainer = people.learner(), people.person(provider, "trainer")
        times = []
        for _ in range(dice.randrange(2, 6)):
            starts = begin + timedelta(minutes=15 * dice.randrange(80))
            hours = dice.choice((0.25, 0.5, 1, 2, 3))
            session = people.session(course, starts=starts, days=2, hours=hours, trainer_id=trainer)
            people.attend(people.book(learner, session, created=moment(80 + number)), session)
            times.append((starts, starts + timedelta(hours=hours)))
        half = timedelta(minutes=30)
        if any(min(a[1], b[1]) - max(a[0], b[0]) >= half for a, b in itertools.combinations(times, 2)):
            expected["D11"].add(trainer)
            expected["D12"].add(learner)
    assert 5 < len(expected["D12"]) < 38
    result = people.detect(tmp_path, "D11", "D12")
    told = {name: {a.finding.subject_id for a in result.alerts if a.detector.id == name} for name in expected}
    assert told == expected


def test_a_learner_who_booked_two_and_went_to_one_is_left_alone(people, tmp_path):
    _one, _two, first, second = _two_sessions(people)
    learner = people.learner()
    people.attend(people.book(learner, first, created=moment(80)), first)
    people.book(learner, second, created=moment(80))
    assert found(people.detect(tmp_path, "D12"), "D12") == set()


def _signed(people, *, seconds, absent=False):
    provider, session = _course(people, days=5)
    slots = [row for row in people.rows["slots"] if row["session_id"] == session]
    for number in range(12):
        booking = people.book(people.learner(), session, created=moment(80))
        for day, slot in enumerate(slots[number % 2 if absent else 0 :]):
            late = seconds * ((number * 5 + day * 7) % 12 if absent else number)
            at = slot["starts_at"] + timedelta(seconds=late)
            slot_at = {"slot_starts_at": slot["starts_at"], "signed_at": at}
            people.add("attendance", at=at, booking_id=booking, **slot_at, device_hash="one")
    return provider


def test_everybody_always_there_and_signed_by_one_hand_is_looked_at(people, tmp_path):
    provider = _signed(people, seconds=3)
    assert found(people.detect(tmp_path, "D14"), "D14") == {(provider, "provider", "R")}


def test_a_class_that_comes_in_one_by_one_is_left_alone(people, tmp_path):
    _signed(people, seconds=130, absent=True)
    assert found(people.detect(tmp_path, "D14"), "D14") == set()


def _entered(people, *, late_days, share=1.0):
    provider, session = _course(people, starts=moment(70, 11), days=5)
    for number in range(10):
        booking = people.book(people.learner(), session, created=moment(80))
        before = len(people.rows["attendance"])
        people.attend(booking, session)
        if number < share * 10:
            for row in people.rows["attendance"][before:]:
                row["recorded_at"] = moment(70 - 5 - late_days)
    return provider


def test_rows_entered_at_once_long_afterwards_are_looked_at(people, tmp_path):
    provider = _entered(people, late_days=30)
    assert found(people.detect(tmp_path, "D15"), "D15") == {(provider, "provider", "R")}


@pytest.mark.parametrize(("late_days", "share"), [(5, 1.0), (30, 0.1)])
def test_a_few_late_entries_are_honest_life(people, tmp_path, late_days, share):
    _entered(people, late_days=late_days, share=share)
    assert found(people.detect(tmp_path, "D15"), "D15") == set()


def _same_people_twice(people, **values):
    one, first = _course(people, starts=moment(60, 11))
    two, second = _course(people, starts=moment(40, 11))
    for _ in range(6):
        learner = people.learner()
        for session in (first, second):
            people.book(learner, session, created=moment(80), **values)
    return one, two


def test_the_same_roster_at_two_providers_is_looked_at(people, tmp_path):
    one, two = _same_people_twice(people)
    assert found(people.detect(tmp_path, "D18"), "D18") == {(one, "session", "R"), (two, "session", "R")}


def test_an_employers_people_may_learn_together_twice(people, tmp_path):
    people.add("employers", employer_id="E1", registered_at=moment(400))
    _same_people_twice(people, actor="employer", employer_id="E1")
    assert found(people.detect(tmp_path, "D18"), "D18") == set()


def test_a_series_of_one_provider_in_one_room_is_left_alone(people, tmp_path):
    provider, first = _course(people, starts=moment(60, 11))
    venue = people.rows["sessions"][-1]["venue_id"]
    second = people.session(people.credential(provider), starts=moment(40, 11), venue_id=venue)
    for _ in range(6):
        learner = people.learner()
        for session in (first, second):
            people.book(learner, session, created=moment(80))
    assert found(people.detect(tmp_path, "D18"), "D18") == set()


@pytest.mark.parametrize(("mode", "fires"), [("in_person", True), ("online", False)])
def test_learners_from_far_away_are_noted_where_they_must_come(people, tmp_path, mode, fires):
    provider, session = _course(people, mode=mode)
    for _ in range(6):
        people.book(people.learner(lat=43.3, lon=5.4), session, created=moment(80))
    expected = {(provider, "provider", "N")} if fires else set()
    assert found(people.detect(tmp_path, "D22"), "D22") == expected
