"""Which citizen a proved person is: beyond doubt, for a clerk, or nobody. Names in any script."""

from __future__ import annotations

from datetime import date

import pytest

from accounts.identity import facts, matching
from accounts.identity.facts import BirthDate
from accounts.models import ClaimReason
from tests.accounts.identity.support import NIR, person, registered
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

SECOND = ("birth_place", "email", "postcode")
NUMBER = "national_id:fr.nir"
PLAIN_NIR = NIR.replace(" ", "")


def find(**more):
    return matching.find(person(**more), second_facts=SECOND)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ngọc-Ánh", "NGOC ANH"),
        ("O’Neill", "o'neill"),
        ("Иван", "Ivan"),
        ("Łukasz", "lukasz"),
        ("Þórdís", "Thordis"),
        ("Straße", "STRASSE"),
        ("Noe\u0308l", "Noël"),
        ("Ｃａｍｉｌｌｅ", "camille"),
        ("Εύα", "Eua"),
    ],
)
def test_names_are_the_same_in_any_writing(one, other):
    assert facts.words_of(one) == facts.words_of(other)


@pytest.mark.parametrize("one", ["", " ", "-", "'", "\u0301"])
def test_a_name_of_no_letters_is_like_none(one):
    assert not facts.same_names((one, one), (one, one))
    assert facts.likeness((one, one), (one, one)) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1990-02-03", BirthDate(1990, 2, 3)),
        ("1990-02-00", BirthDate(1990, 2, 0)),
        ("1990-00-00", BirthDate(1990, 0, 0)),
        ("1990-00-03", None),
        ("1990-02-30", None),
        ("1990-13-01", None),
        ("0000-01-01", None),
        ("1990", None),
        ("03/02/1990", None),
        ("１９９０-02-03", None),
        (19900203, None),
        (None, None),
    ],
)
def test_birth_dates_may_be_known_in_part(text, found):
    assert BirthDate.parse(text) == found


def test_one_of_the_name_and_day_with_a_second_fact_is_the_person():
    citizen = registered()
    registered(given_name="Noé")
    assert find().citizen == citizen


@pytest.mark.parametrize("known", [{}, {"birth_place": "75056"}, {"email": "other@example.org"}])
def test_without_a_second_fact_a_clerk_looks(known):
    registered(marks=known)
    finding = find()
    assert (finding.citizen, finding.reason) == (None, ClaimReason.UNCONFIRMED)


def test_a_second_fact_of_the_person_that_no_rule_names_confirms_nothing():
    registered()
    finding = matching.find(person(), second_facts=("email",))
    assert finding.reason == ClaimReason.UNCONFIRMED


def test_an_address_may_have_changed_and_a_birth_place_never_does():
    citizen = registered(marks={"birth_place": "69123", "email": "old@example.org"})
    assert find(facts={"birth_place": "69123", "email": "new@example.org"}).citizen == citizen
    finding = find(facts={"birth_place": "75056", "email": "old@example.org"})
    assert finding.reason == ClaimReason.UNCONFIRMED


def test_two_of_one_name_and_day_are_told_apart_by_nobody_but_a_clerk():
    registered()
    registered(marks={"birth_place": "75056"})
    finding = find()
    assert (finding.citizen, finding.reason) == (None, ClaimReason.SAME_NAME)
    assert len(finding.candidates) == 2


def test_national_numbers_tell_people_apart():
    citizen = registered(marks={NUMBER: PLAIN_NIR})
    registered(marks={NUMBER: "255081416802538"})
    assert find(facts={NUMBER: PLAIN_NIR}).citizen == citizen


def test_another_national_number_is_another_person():
    registered(marks={NUMBER: "255081416802538", "birth_place": "69123"})
    finding = find(facts={NUMBER: PLAIN_NIR, "birth_place": "69123"})
    assert (finding.citizen, finding.reason) == (None, None)


def test_a_number_of_somebody_born_on_another_day_goes_to_a_clerk():
    registered(birth_date=date(1971, 5, 6), marks={NUMBER: PLAIN_NIR})
    assert find(facts={NUMBER: PLAIN_NIR}).reason == ClaimReason.CONTRADICTION


@pytest.mark.parametrize(
    "change",
    [
        {"given_name": "Camile"},
        {"family_name": "Durant"},
        {"given_name": "Durand", "family_name": "Camille"},
        {"birth_date": date(1990, 3, 2)},
        {"birth_date": date(1991, 2, 3)},
        {"birth_date": date(1990, 2, 8)},
    ],
)
def test_what_is_nearly_the_same_goes_to_a_clerk(change):
    registered(**change)
    finding = find()
    assert (finding.citizen, finding.reason) == (None, ClaimReason.NEAR_MATCH)


@pytest.mark.parametrize(
    "change",
    [
        {"given_name": "Noé"},
        {"family_name": "Petit"},
        {"birth_date": date(1970, 11, 25)},
        {"given_name": "Camile", "birth_date": date(1990, 3, 2)},
    ],
)
def test_others_are_nobody_like_them(change):
    registered(**change)
    finding = find()
    assert (finding.citizen, finding.reason, finding.candidates) == (None, None, ())


def test_an_account_with_a_sign_in_goes_to_a_clerk():
    registered(user=UserFactory.create())
    assert find().reason == ClaimReason.ALREADY_CLAIMED
    registered(given_name="Zoé", user=UserFactory.create(), marks={NUMBER: PLAIN_NIR})
    assert find(facts={NUMBER: PLAIN_NIR}).reason == ClaimReason.ALREADY_CLAIMED


@pytest.mark.parametrize("known", [BirthDate(1990, 0, 0), BirthDate(1990, 2, 0)])
def test_a_day_known_in_part_is_for_a_clerk_always(known):
    assert find(birth_date=known).reason == ClaimReason.PARTIAL_DATE
    registered()
    registered(given_name="Other", birth_date=date(1991, 1, 1))
    finding = find(birth_date=known)
    assert (finding.reason, len(finding.candidates)) == (ClaimReason.PARTIAL_DATE, 1)


def test_a_day_known_in_part_is_enough_beside_the_number():
    citizen = registered(marks={NUMBER: PLAIN_NIR})
    assert find(birth_date=BirthDate(1990, 0, 0), facts={NUMBER: PLAIN_NIR}).citizen == citizen


def test_the_number_of_queries_does_not_grow_with_who_shares_the_day(django_assert_num_queries):
    for number in range(4):
        registered(given_name="Camille", marks={"birth_place": str(number)})
    with django_assert_num_queries(2):
        find()
    for number in range(4):
        registered(given_name="Camille", marks={"birth_place": str(number)})
    with django_assert_num_queries(2):
        find()
