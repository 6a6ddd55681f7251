"""Who is held wrongly, by age, size and region: what counts, and what is too little to be shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud import fairness
from fraud.models import AutomaticHold, PaymentScreening
from fraud.services import appeals
from funding.services import holds
from ila.core import clock
from tests.fraud.casework.office import Office
from tests.support.queries import captured_queries
from tests.support.world import MONDAY


@pytest.fixture
def office(db: None) -> Iterator[Office]:
    with clock.at(MONDAY) as hand:
        yield Office(hand)


def table(report: fairness.Report, dimension: str) -> fairness.Compared:
    return next(each for each in report.compared if each.dimension == dimension)


def test_a_hold_counts_once_and_is_wrong_when_an_appeal_overturned_it(office: Office) -> None:
    made = office.house.accepted(6)
    people = [learner.citizen for learner, _booking in made]
    for citizen in people:
        citizen.birth_date = (MONDAY - timedelta(days=365 * 70)).date()
        citizen.save()
    theirs = [booking for _learner, booking in made]
    case = office.case(*theirs)
    measure = office.in_force(case, "hold", amounts={booking.pk: None for booking in theirs})
    shown = fairness.report(clock.now() + timedelta(seconds=1))
    (row,) = table(shown, "age").rows
    assert (row.name, row.bookings, row.held, row.wrong) == ("60+", 6, 6, 0)
    (row,) = table(shown, "region").rows
    assert (row.bookings, row.held) == (6, 6)

    appeals.lodge_appeal(actor=office.investigator, measure_id=measure.pk, appeal="They came.")
    appeals.overturn(actor=office.third_manager, measure_id=measure.pk, reason="They did come.")
    with captured_queries() as queries:
        shown = fairness.report(clock.now() + timedelta(seconds=1))
    assert len(queries) == 1
    for dimension in fairness.DIMENSIONS:
        (row,) = table(shown, dimension).rows
        assert (row.held, row.wrong, row.wrong_per_thousand) == (6, 6, 1000)
        assert not row.clear


def test_a_refuted_case_makes_its_holds_wrong_a_confirmed_one_does_not(office: Office) -> None:
    theirs = [booking for _learner, booking in office.house.accepted(5)]
    case = office.case(*theirs)
    office.in_force(case, "hold", amounts={booking.pk: None for booking in theirs})
    office.decided(case, "refuted")
    (row,) = table(fairness.report(clock.now() + timedelta(seconds=1)), "size").rows
    assert (row.held, row.wrong) == (5, 5)


def test_what_a_person_lets_go_before_a_payment_was_wrong_while_no_case_confirms_it(office: Office) -> None:
    theirs = [booking for _learner, booking in office.house.accepted(5)]
    screening = PaymentScreening.objects.create(day=clock.now().date(), looked_at=5)
    placed = []
    for booking in theirs:
        hold = holds.place_hold(
            owner=office.manager, reason="D05", until=clock.now() + timedelta(days=30), booking=booking
        )
        AutomaticHold.objects.create(
            hold=hold, booking=booking, screening=screening, detector="D05", version=2, score=1, evidence=[]
        )
        placed.append(hold)

    def numbers() -> tuple[int | None, int | None]:
        (row,) = table(fairness.report(clock.now() + timedelta(seconds=1)), "age").rows
        return row.held, row.wrong

    assert numbers() == (5, 0)
    for hold in placed:
        holds.release_hold(hold_id=hold.pk, actor=office.manager)
    assert numbers() == (5, 5)
    case = office.case(*theirs)
    office.in_force(case, "hold", amounts={booking.pk: None for booking in theirs})
    assert numbers() == (5, 5)
    office.decided(case)
    assert numbers() == (5, 0)


def test_nothing_in_a_year_without_bookings(office: Office) -> None:
    office.house.accepted(1)
    for each in fairness.report(clock.now() - timedelta(days=400)).compared:
        assert (each.rows, each.left_out) == ([], 0)


def test_few_are_not_shown_nor_what_they_could_be_reckoned_from() -> None:
    counts = [("0-29", 4, 4, 4), ("30-44", 900, 30, 2), ("45-59", 900, 9, 7), ("60+", 900, 0, 0)]
    found = fairness.compare("age", counts)
    assert found.left_out == 1
    assert [(row.name, row.held, row.wrong) for row in found.rows] == [
        ("30-44", 30, None),
        ("45-59", 9, None),
        ("60+", 0, 0),
    ]


def test_clearly_more_than_others_is_said() -> None:
    found = fairness.compare("region", [("a", 1000, 60, 50), ("b", 9000, 60, 50), ("c", 9000, 60, 45)])
    assert [row.clear for row in found.rows] == [True, False, False]


@given(st.lists(st.integers(0, 30), max_size=6))
def test_every_small_number_is_hidden_and_never_one_alone(numbers: list[int]) -> None:
    few = fairness.hidden(numbers)
    assert all(few[place] for place, number in enumerate(numbers) if 0 < number < fairness.LEAST)
    assert not any(few[place] for place, number in enumerate(numbers) if number == 0)
    assert sum(few) != 1 or sum(number > 0 for number in numbers) == 1
