"""Bookings that were ended before they were paid: an appeal, or a refutation, gives them back to the cent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fraud.models import Case, CaseBooking, MeasureEffect
from fraud.services import appeals, case_file, cases, rights
from funding.models import Booking
from funding.services import bookings
from ila.core import clock
from ila.core.errors import DomainError
from tests.fraud.casework.office import PRICE, Office
from tests.funding.recoveries.house import buckets, check_books
from tests.support.world import STARTS, Learner

pytestmark = pytest.mark.django_db

# Of 5,000.00 the rest beside 1,500.00.
LEFT = 350_000


def mixed(office: Office) -> list[tuple[Learner, Booking]]:
    """One claimed and approved, one in training, one declared, one not begun."""
    made = office.house.accepted(4)
    office.hand.move(STARTS)
    bookings.declare_entry(actor=office.provider_user, booking_id=made[1][1].pk)
    office.house.validated(made[0][1])
    declared = made[2][1].pk
    bookings.declare_entry(actor=office.provider_user, booking_id=declared)
    bookings.declare_exit(actor=office.provider_user, booking_id=declared, exit_reason="complete")
    bookings.declare_service(actor=office.provider_user, booking_id=declared, percent=80)
    office.house.approved(made[0][1])
    return made


def ended(office: Office, made: list[tuple[Learner, Booking]], found: str = "not_taught") -> Case:
    """The case confirmed, every learner's rights restored."""
    case = office.case(*(booking for _, booking in made))
    for _, booking in made:
        cases.record_finding(
            actor=office.investigator, case_id=case.pk, booking_id=booking.pk, found=found, why="Empty room."
        )
    office.decided(case)
    with pytest.raises(DomainError, match="not_allowed"):
        rights.restore_rights(actor=office.investigator, case_id=case.pk)
    assert office.restored(case).left == {}
    case.refresh_from_db()
    return case


def states(made: list[tuple[Learner, Booking]]) -> list[str]:
    return [str(bookings.read_booking(booking.pk).state) for _, booking in made]


def test_an_overturned_restitution_gives_back_what_was_ended_unpaid(office: Office) -> None:
    made = mixed(office)
    before = buckets()
    case = ended(office, made)
    assert set(states(made)) == {"cancelled_by_funder"}
    assert [learner.lot().available_cents for learner, _ in made] == [LEFT + 150_000] * 4
    assert buckets() == {}
    measure = office.in_force(case, "restitution")
    effects = measure.effects.filter(kind="not_paid").order_by("booking_id")
    assert [each.amount_cents for each in effects] == [PRICE] * 4
    appeals.lodge_appeal(actor=office.provider_user, measure_id=measure.pk, appeal="We taught them.")
    # One learner has used their rights meanwhile: they keep them.
    spender = made[0][0]
    later = clock.now() + timedelta(days=60)
    course = office.world.make_session(
        office.world.make_credential(kind="rncp"), starts_at=later, ends_at=later, price_cents=500_000
    )
    again = office.world.accepted(spender, course)
    assert spender.lot().available_cents == 15_000
    spent = again.allocations.exclude(lot=None).get().amount_cents

    appeals.overturn(actor=office.second_manager, measure_id=measure.pk, reason="The room was next door.")
    assert states(made) == ["service_validated", "in_training", "service_declared", "cancelled_by_funder"]
    assert [learner.lot().available_cents for learner, _ in made] == [0, LEFT, LEFT, LEFT + 150_000]
    assert spender.lot().held_cents == spent + 150_000
    after = buckets()
    # What was payable is held until it is claimed again; what was not begun stays with its learner.
    assert after["held"] - again.price_cents == before["held"] + before["payable"] - PRICE
    letter = case.letters.get(kind="apology")
    assert letter.bodies["en"].count("1,650.00") == 4
    assert letter.bodies["en"].count("it stays ended") == 1
    undone = {row.booking_id: row.undone_at is not None for row in case.bookings.all()}
    assert list(undone.values()) == [True, True, True, False]
    # The provider is paid what it had earned, once.
    office.house.pay(office.house.approved(made[0][1]))
    assert bookings.read_booking(made[0][1].pk).state == "settled"
    assert buckets()["paid"] == PRICE
    assert not MeasureEffect.objects.filter(undoes__isnull=True, undone_by__isnull=True).exists()
    assert list(case_file.faults(case)) == []
    check_books()


def test_a_refuted_reopening_undoes_what_no_measure_asked_for(office: Office) -> None:
    made = mixed(office)[:1]
    learner = made[0][0]
    case = ended(office, made, "no_consent")
    cases.close_case(actor=office.manager, case_id=case.pk, reason="Done.")
    cases.ask_reopening(actor=office.investigator, case_id=case.pk, reason="A list turned up.")
    cases.answer_reopening(actor=office.manager, case_id=case.pk, agreed=True, reason="Yes.")
    case.refresh_from_db()
    assert case.rights_restored_at is None
    cases.propose_decision(
        actor=office.investigator, case_id=case.pk, outcome="refuted", reasons="They had signed."
    )
    with pytest.raises(DomainError, match="money_moved"):
        cases.decide(actor=office.other, case_id=case.pk, reason="I agree.")
    cases.decide(actor=office.manager, case_id=case.pk, reason="I agree.")
    assert states(made) == ["service_validated"]
    assert learner.lot().available_cents == LEFT
    assert CaseBooking.objects.get(booking=made[0][1]).undone_at is not None
    with pytest.raises(DomainError, match="not_allowed"):
        bookings.reinstate(actor=office.manager, booking_id=made[0][1].pk, reason="Again.")
    check_books()


def test_what_cannot_stand_again_is_told_in_the_file(office: Office) -> None:
    ((learner, booking),) = office.house.accepted(1)
    case = ended(office, [(learner, booking)])
    measure = office.in_force(case, "restitution")
    appeals.lodge_appeal(actor=office.provider_user, measure_id=measure.pk, appeal="Wrong.")
    appeals.overturn(actor=office.second_manager, measure_id=measure.pk, reason="Sorry.")
    record = case.records.filter(kind="rights").latest("number")
    assert record.data["why"] == "not_allowed accepted"
    assert states([(learner, booking)]) == ["cancelled_by_funder"]
    check_books()
