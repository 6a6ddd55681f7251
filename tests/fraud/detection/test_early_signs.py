"""What is seen in the first days, before a training can fail to take place: parts of D01, D02 and D08."""

from datetime import timedelta

import pytest

from fraud.detection.peers import beyond_peers, share_excess
from tests.fraud.population import Population, found, moment

pytestmark = pytest.mark.django_db


def _seats(people, provider, learners, *, apart=timedelta(hours=5), back=20, **values):
    """Bookings of these learners for one coming session of the provider, so far apart."""
    session = people.session(people.credential(provider), starts=moment(-20), status="planned")
    for number, learner in enumerate(learners):
        created = moment(back) + number * apart
        people.book(learner, session, created=created, device_hash=people.name("D"), **values)


@pytest.fixture
def people() -> Population:
    """Firms of which every other customer has learnt before, and whose bookings come one by one."""
    population = Population()
    for _ in range(8):
        old, new = population.provider(), population.provider()
        regulars = [population.learner() for _ in range(6)]
        _seats(population, old, regulars, back=200)
        _seats(population, new, [learner for known in regulars for learner in (known, population.learner())])
    return population


def test_learners_entered_one_after_another_are_looked_at_whatever_the_device(people, tmp_path):
    provider = people.provider()
    _seats(people, provider, [people.learner() for _ in range(6)], apart=timedelta(seconds=70))
    alerts = people.detect(tmp_path, "D01").alerts
    assert [(a.finding.provider_id, a.finding.subject_kind, a.action) for a in alerts] == [
        (provider, "provider", "R")
    ]
    assert len(alerts[0].bookings) == 6
    assert alerts[0].finding.score < 0.5


@pytest.mark.parametrize(
    "case", ["few", "apart", "long ago", "employer", "unnamed employer", "prison", "launch"]
)
def test_what_comes_at_once_for_good_reasons_is_no_sitting(people, tmp_path, case):
    provider = people.provider()
    number, apart, back, values = 6, timedelta(seconds=70), 20.0, {}
    if case == "few":
        number = 3
    elif case == "apart":
        apart = timedelta(minutes=25)
    elif case == "long ago":
        back = 60
    elif case == "employer":
        people.add("employers", employer_id="E1", registered_at=moment(400))
        values = {"actor": "employer", "employer_id": "E1"}
    elif case == "unnamed employer":
        values = {"actor": "employer"}
    elif case == "prison":
        people.add("places", ip_hash="walls", kind="prison")
        values = {"ip_hash": "walls"}
    else:
        # A launch: so many in a day that some must be near each other.
        number, apart, back = 60, timedelta(minutes=10), 20.5
    _seats(people, provider, [people.learner() for _ in range(number)], apart=apart, back=back, **values)
    assert found(people.detect(tmp_path, "D01"), "D01") == set()


def test_accounts_that_slept_until_one_firm_found_them_are_looked_at(people, tmp_path):
    provider = people.provider()
    _seats(people, provider, [people.learner() for _ in range(12)])
    alerts = people.detect(tmp_path, "D02").alerts
    assert [(a.finding.provider_id, a.finding.subject_kind, a.action) for a in alerts] == [
        (provider, "provider", "R")
    ]
    assert len(alerts[0].bookings) == 12
    assert alerts[0].finding.score < 0.5


@pytest.mark.parametrize("case", ["few", "half", "fresh", "long ago", "library"])
def test_new_customers_are_usual(people, tmp_path, case):
    provider = people.provider()
    learners = [people.learner() for _ in range(12)]
    back, values = 20, {}
    if case == "few":
        learners = learners[:3]
    elif case == "half":
        known = [people.learner() for _ in range(6)]
        _seats(people, people.provider(), known, back=150)
        learners = learners[:6] + known
    elif case == "fresh":
        # Who opens an account in order to learn: a launch that many heard of.
        learners = [people.learner(registered_at=moment(25)) for _ in range(12)]
    elif case == "long ago":
        back = 60
    else:
        people.add("places", ip_hash="kiosk", kind="library")
        values = {"ip_hash": "kiosk"}
    _seats(people, provider, learners, back=back, **values)
    assert found(people.detect(tmp_path, "D02"), "D02") == set()


def test_where_nobody_has_learnt_before_it_says_nothing(tmp_path):
    people = Population()
    for _ in range(9):
        _seats(people, people.provider(), [people.learner() for _ in range(12)])
    assert found(people.detect(tmp_path, "D02"), "D02") == set()


def test_a_share_is_compared_with_that_of_the_others_in_their_own_spread():
    assert share_excess(10, 10, 110, 210) > 3.5
    assert abs(share_excess(5, 10, 105, 210)) < 0.3
    alike = beyond_peers({**{f"P{n}": (5, 10) for n in range(20)}, "new": (10, 10)}, 4)
    mixed = beyond_peers({**{f"P{n}": (10 * (n % 2), 10) for n in range(20)}, "new": (10, 10)}, 4)
    assert alike["new"] > 3.5
    assert mixed["new"] < 1.5


def _changed_hands(people, provider, *signs):
    """Another director of late, and what changed with them."""
    people.person(provider, "director")
    people.person(provider, "director", valid_from="2026-03-11")
    for field in ("iban", "phone"):
        if field in signs:
            change = {
                "field": field,
                "old_hash": "a",
                "new_hash": f"{field} of others",
                "device_hash": "theirs",
            }
            people.add(
                "contact_changes", at=moment(18), subject_kind="provider", subject_id=provider, **change
            )
    people.add("logins", at=moment(150), subject_kind="provider", subject_id=provider, device_hash="office")
    device = "theirs" if "device" in signs else "office"
    people.add("logins", at=moment(17), subject_kind="provider", subject_id=provider, device_hash=device)
    if "people" in signs:
        people.person(provider, "staff", valid_from="2026-03-12")


@pytest.mark.parametrize(
    "signs", [("iban", "phone"), ("people", "device"), ("iban", "phone", "people", "device")]
)
def test_a_quiet_firm_that_came_into_other_hands_is_looked_at(people, tmp_path, signs):
    provider = people.provider()
    _changed_hands(people, provider, *signs)
    alerts = people.detect(tmp_path, "D08").alerts
    assert [(a.finding.provider_id, a.finding.subject_kind, a.action) for a in alerts] == [
        (provider, "provider", "R")
    ]
    assert alerts[0].finding.score == (0.4 if len(signs) == 2 else 0.45)
    people.book(
        people.learner(), people.session(people.credential(provider), starts=moment(-20)), created=moment(3)
    )
    assert len(people.detect(tmp_path / "booked", "D08").alerts[0].bookings) == 1


@pytest.mark.parametrize("case", ["one sign", "at work", "founded", "long ago"])
def test_other_directors_are_usual_where_people_learn_or_nothing_else_changes(people, tmp_path, case):
    provider = people.provider(accredited_at=moment(35) if case == "founded" else moment(390))
    _changed_hands(
        people, provider, *(["device"] if case == "one sign" else ["iban", "phone", "people", "device"])
    )
    if case == "at work":
        _seats(people, provider, [people.learner()], back=170)
    if case == "long ago":
        for row in people.rows["persons"]:
            row["valid_from"] = str(row["valid_from"]).replace("2026-03", "2025-11")
    assert found(people.detect(tmp_path, "D08"), "D08") == set()


def test_a_firm_that_was_not_known_to_be_quiet_may_change_hands(tmp_path):
    people = Population()
    _seats(people, people.provider(), [people.learner() for _ in range(6)], back=60)
    _changed_hands(people, people.provider(), "iban", "phone", "people", "device")
    assert found(people.detect(tmp_path, "D08"), "D08") == set()
