"""D07 to D10, D19 to D21 and D23 to D26: what fires them, and the honest life that looks alike."""

from datetime import date

import pytest

from fraud.detection.registry import DETECTORS
from fraud.detectors.names import birth_date_factor, name_score, plain
from tests.fraud.population import START, Population, found, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> Population:
    population = Population()
    population.honest()
    return population


def _course(people, provider, *, starts=None, price=90_000, **values):
    credential = people.credential(provider, price_cents=price, **values)
    return people.session(credential, starts=starts or moment(40, 11))


def _bookings(people, session, number, *, first_day=60.0, every=0.5, **values):
    return [
        people.book(people.learner(), session, created=moment(first_day - every * n), **values)
        for n in range(number)
    ]


# -- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Ana Maria Kovač", "KOVAC Ana Maria"),
        ("Ольга Петрова", "Olga Petrova"),
        ("Jean-Pierre Lefèvre", "Jean Pierre Lefevre"),
        ("Müller, Hans", "Hans Muller"),
        ("Katarina Novak", "Katarnia Novak"),
        ("Anne Martine Dupont", "Anne Dupont"),
        ("Formation Plus SARL", "Formation Plus"),
    ],
)
def test_one_name_is_recognised_however_it_is_written(one, two):
    assert name_score(plain(one), plain(two)) >= 0.88


@pytest.mark.parametrize(
    ("one", "two"), [("Ana Kovač", "Ivan Horvat"), ("Hans Müller", "Greta Müller"), ("", "Ana")]
)
def test_other_names_are_other_people(one, two):
    assert name_score(plain(one), plain(two)) < 0.88


def test_birth_dates_decide_between_namesakes():
    born = date(1970, 3, 4)
    assert birth_date_factor(born, born) == 1
    assert birth_date_factor(born, date(1970, 4, 3)) == birth_date_factor(born, date(1971, 3, 4)) == 0.9
    assert birth_date_factor(born, None) == 0.75
    assert birth_date_factor(born, date(1988, 12, 25)) == 0.2


def _listed(people, **values):
    given = {"person_name": "Petrova Olga", "birth_date": date(1970, 3, 4), "listed_at": START}
    people.add("blacklist", entry_id="X1", **{**given, **values})


def test_a_blacklisted_director_and_the_firms_of_a_partner_are_found(people, tmp_path):
    _listed(people)
    one, two, three = (people.provider() for _ in range(3))
    people.person(one, "director", full_name="Ольга Петрова", birth_date=date(1970, 3, 4))
    partner = people.person(one, "shareholder")
    people.person(two, "director", person_id=partner)
    people.person(three, "director")
    result = people.detect(tmp_path, "D07")
    assert {alert.finding.provider_id for alert in result.alerts} == {one, two}
    scores = {alert.finding.provider_id: alert.finding.score for alert in result.alerts}
    assert scores[one] > scores[two]


@pytest.mark.parametrize(
    "listed", [{"birth_date": date(1988, 12, 25)}, {"until": "2026-01-31"}, {"person_name": "Ivan Horvat"}]
)
def test_a_namesake_and_an_entry_that_ended_are_left_alone(people, tmp_path, listed):
    _listed(people, **listed)
    provider = people.provider()
    people.person(provider, "director", full_name="Olga Petrova", birth_date=date(1970, 3, 4))
    assert found(people.detect(tmp_path, "D07"), "D07") == set()


def test_a_blacklisted_firm_under_its_own_name_is_found(people, tmp_path):
    _listed(people, person_name=None, birth_date=None, entity_name="Bright Future Training Ltd")
    provider = people.provider(legal_name="BRIGHT FUTURE TRAINING")
    assert found(people.detect(tmp_path, "D07"), "D07") == {(provider, "provider", "R")}


# -- hubs, agents, rings ---------------------------------------------------------------------------------


def test_a_nominee_of_three_new_firms_is_found(people, tmp_path):
    firms = [people.provider() for _ in range(3)]
    nominee = people.person(firms[0], "director", valid_from="2026-01-10")
    for firm in firms[1:]:
        people.person(firm, "director", person_id=nominee, valid_from="2026-02-10")
    assert found(people.detect(tmp_path, "D08"), "D08") == {(firm, "person", "R") for firm in firms}


def test_one_device_that_signs_in_for_three_firms_is_found(people, tmp_path):
    firms = [people.provider() for _ in range(3)]
    for number, firm in enumerate(firms):
        people.add(
            "logins", at=moment(30 - number), subject_kind="provider", subject_id=firm, device_hash="one"
        )
    assert found(people.detect(tmp_path, "D08"), "D08") == {(firm, "device", "R") for firm in firms}


def test_a_family_chain_of_long_ago_is_left_alone(people, tmp_path):
    firms = [people.provider(iban_hash="family") for _ in range(3)]
    director = people.person(firms[0], "director", valid_from="2015-01-10")
    for number, firm in enumerate(firms):
        if number:
            people.person(firm, "director", person_id=director, valid_from="2018-01-10")
        people.add("logins", at=moment(20), subject_kind="provider", subject_id=firm, device_hash="office")
    assert found(people.detect(tmp_path, "D08"), "D08") == set()


@pytest.mark.parametrize("finishes", [False, True])
def test_an_agent_whose_learners_do_not_finish_is_looked_at(people, tmp_path, finishes):
    provider, agent = people.provider(), people.person(None, "agent")
    session = _course(people, provider)
    for booking in _bookings(people, session, 16, agent_id=agent, actor="agent"):
        if finishes:
            people.attend(booking, session)
    expected = set() if finishes else {(provider, "agent", "R")}
    assert found(people.detect(tmp_path, "D23"), "D23") == expected


@pytest.mark.parametrize("at_library", [False, True])
def test_learners_joined_by_devices_at_one_provider_are_a_ring(people, tmp_path, at_library):
    provider = people.provider()
    session = _course(people, provider)
    if at_library:
        people.add("places", ip_hash="desk", kind="library")
    for number in range(8):
        device = {"device_hash": f"d{number // 2}", "consent_device_hash": f"d{(number + 1) // 2}"}
        people.book(people.learner(), session, created=moment(60 - number), ip_hash="desk", **device)
    expected = set() if at_library else {(provider, "provider", "R")}
    assert found(people.detect(tmp_path, "D24"), "D24") == expected


# -- volume ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accredited", "fires"), [(390, True), (100, False)])
def test_a_firm_that_never_trained_and_suddenly_claims_most(people, tmp_path, accredited, fires):
    _bookings(people, _course(people, people.provider()), 1, first_day=395)
    provider = people.provider(accredited_at=moment(accredited))
    session = _course(people, provider)
    for booking in _bookings(people, session, 12):
        people.event(booking, "claim", moment(20), amount_cents=300_000)
    expected = {(provider, "provider", "R")} if fires else set()
    assert found(people.detect(tmp_path, "D09"), "D09") == expected


def _crowd(people, *, spike_for_all=False):
    for _ in range(5):
        provider = people.provider()
        session = _course(people, provider)
        _bookings(people, session, 24, first_day=200, every=6)
        if spike_for_all:
            _bookings(people, session, 40, first_day=50, every=1)


@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_ramp_stands_out_and_everybodys_growth_does_not(people, tmp_path, all_of_them):
    _crowd(people, spike_for_all=all_of_them)
    provider = people.provider()
    session = _course(people, provider)
    _bookings(people, session, 24, first_day=200, every=6)
    _bookings(people, session, 40, first_day=50, every=1)
    expected = set() if all_of_them else {(provider, "provider", "R")}
    assert found(people.detect(tmp_path, "D10"), "D10") == expected


# -- prices ----------------------------------------------------------------------------------------------


def _limits(people, **values):
    given = {"kind": "rs", "cap_cents": 100_000, "approval_limit_cents": 90_000, "valid_from": "2025-01-01"}
    people.add("limits", **{**given, **values})


@pytest.mark.parametrize(
    ("courses", "price", "fires"), [(3, 99_000, True), (1, 99_000, False), (3, 80_000, False)]
)
def test_all_prices_at_the_cap_stand_out_and_one_popular_course_does_not(
    people, tmp_path, courses, price, fires
):
    _limits(people)
    provider = people.provider()
    for _ in range(courses):
        _bookings(people, _course(people, provider, price=price), 18 // courses)
    expected = {(provider, "provider", "R")} if fires else set()
    assert found(people.detect(tmp_path, "D19"), "D19") == expected


@pytest.mark.parametrize(("cents", "fires"), [(89_500, True), (85_000, False), (90_100, False)])
def test_amounts_just_under_the_approval_limit_stand_out(people, tmp_path, cents, fires):
    people.rows["bookings"] = [{**row, "amount_cents": 50_000} for row in people.rows["bookings"]]
    _limits(people)
    provider = people.provider()
    _bookings(people, _course(people, provider), 14, amount_cents=cents)
    expected = {(provider, "provider", "R")} if fires else set()
    assert found(people.detect(tmp_path, "D20"), "D20") == expected


@pytest.mark.parametrize(("private", "fires"), [(60_000, True), (90_000, False), (None, False)])
def test_the_public_pays_more_than_private_people(people, tmp_path, private, fires):
    provider = people.provider()
    _bookings(people, _course(people, provider, private_price_cents=private), 12)
    expected = {(provider, "provider", "R")} if fires else set()
    assert found(people.detect(tmp_path, "D21"), "D21") == expected


@pytest.mark.parametrize(
    ("amounts", "fires"), [(range(500, 600), True), ([10 * 2**n for n in range(40)], False)]
)
def test_digits_are_looked_at_only_where_there_are_many(people, tmp_path, amounts, fires):
    provider = people.provider()
    session = _course(people, provider)
    learner = people.learner()
    spread = list(amounts)
    for number in range(1010):
        cents = spread[number % len(spread)] if number > 9 else (1, 100_000)[number % 2]
        people.book(learner, session, created=moment(60), amount_cents=cents)
    expected = {(provider, "provider", "N")} if fires else set()
    assert found(people.detect(tmp_path, "D25"), "D25") == expected


# -- control ---------------------------------------------------------------------------------------------


def test_the_lot_draws_two_in_a_hundred_and_says_nothing_against_them(people, tmp_path):
    session = _course(people, people.provider())
    _bookings(people, session, 150, first_day=6, every=0.03)
    result = people.detect(tmp_path, "D26")
    assert len(result.alerts) == 3
    assert {alert.finding.score for alert in result.alerts} == {0}
    assert result.cases == []


def test_all_detectors_are_there():
    assert list(DETECTORS) == [f"D{number:02}" for number in range(1, 27)]
