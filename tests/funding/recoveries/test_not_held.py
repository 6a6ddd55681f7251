"""A session that turns out not to have taken place, or was taught in part: rights first, then the provider's debt."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Message
from catalogue.models import Award
from catalogue.services import sessions
from funding.models import Booking, Receivable, SessionFinding
from funding.services import awards, bookings, claims, due, payments
from funding.services.bookings import endings
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.recoveries.house import PRICE, House, buckets, state
from tests.support.world import ENDS, STARTS, Learner

pytestmark = pytest.mark.django_db
ALL_RIGHTS = 500_000
FOUND = "A control was there: nobody taught."


def find(house: House, **given: Any) -> list[int]:
    told: dict[str, Any] = {
        "actor": house.world.case_worker,
        "session_id": house.world.session.pk,
        "reason": FOUND,
    }
    return bookings.find_never_held(**told | given)


def run(house: House, *, held: bool = False) -> None:
    """The provider says that the session began, or that it was held."""
    sessions.start_session(actor=house.world.provider_user, session_id=house.world.session.pk)
    if held:
        sessions.end_session(actor=house.world.provider_user, session_id=house.world.session.pk)


def settled(house: House, *, held: bool = False) -> tuple[Learner, Booking]:
    ((learner, booking),) = house.accepted()
    house.validated(booking)
    house.pay(house.approved(booking))
    run(house, held=held)
    return learner, bookings.read_booking(booking.pk)


@pytest.mark.parametrize("held", [False, True], ids=["running", "said_to_be_held"])
def test_what_was_settled_comes_back_by_itself_and_the_provider_owes_it(house: House, held: bool) -> None:
    learner, booking = settled(house, held=held)
    assert booking.state == "settled"
    assert learner.lot().available_cents < ALL_RIGHTS
    assert find(house) == []
    booking = bookings.read_booking(booking.pk)
    assert booking.state == "settled"
    assert booking.log.get(transition="give_back").reason == "session never held"
    assert learner.lot().available_cents == ALL_RIGHTS
    debt = Receivable.objects.get(booking=booking)
    assert (state(debt), debt.provider) == (("opened", PRICE, 0), house.world.provider)
    assert buckets() == {"paid": PRICE, "owed": -PRICE}
    assert Message.objects.filter(template="booking_given_back", recipient=learner.user).count() == 1
    house.world.session.refresh_from_db()
    assert house.world.session.state == ("held" if held else "never_held")
    assert SessionFinding.objects.get().reason == FOUND
    # Again, by a person or by the job: nothing more comes back.
    assert find(house) == []
    assert bookings.finish_never_held_sessions() == 0
    assert Receivable.objects.count() == 1


def test_every_booking_of_the_session_is_undone_wherever_it_stands(house: House) -> None:
    made = house.accepted(6)
    (_, asked), (late, missed), *rest = made
    house.validated(*(booking for _, booking in rest))
    bookings.declare_no_show(actor=house.world.provider_user, booking_id=missed.pk, justified=False)
    house.pay(house.approved(rest[0][1]))
    on_its_way = house.approved(rest[1][1])
    (sent,) = house.batch(on_its_way).payments.all()
    house.approved(rest[2][1])
    run(house)
    assert sorted(find(house)) == sorted([asked.pk, *(booking.pk for _, booking in rest[1:])])
    states = [bookings.read_booking(booking.pk).state for _, booking in made]
    assert states == ["cancelled_by_funder", "no_show", "settled", *["cancelled_by_funder"] * 3]
    assert bookings.read_booking(missed.pk).realised_percent is None
    assert buckets() == {"in_transit": PRICE, "paid": PRICE, "owed": -PRICE}
    # The bank pays what was on its way: that comes back too, and is owed.
    payments.execute_payments(payment_ids=[sent.pk])
    assert buckets() == {"paid": 2 * PRICE, "owed": -2 * PRICE}
    assert [learner.lot().available_cents for learner, _ in made] == [ALL_RIGHTS] * 6
    assert late.lot().available_cents == ALL_RIGHTS


def test_a_session_that_is_cancelled_after_its_bookings_were_paid_gives_all_back(house: House) -> None:
    """Its provider never said that it began: it can still be cancelled, and somebody was paid for it."""
    (paid, proved) = house.accepted(2)
    house.validated(paid[1], proved[1])
    house.pay(house.approved(paid[1]))
    done = bookings.cancel_session(
        actor=house.world.provider_user, session_id=house.world.session.pk, reason="mistake"
    )
    assert done == [proved[1].pk]
    assert bookings.read_booking(paid[1].pk).state == "settled"
    assert bookings.read_booking(proved[1].pk).state == "cancelled_by_funder"
    assert Receivable.objects.get().booking == paid[1]
    assert paid[0].lot().available_cents == proved[0].lot().available_cents == ALL_RIGHTS


def test_what_its_provider_admits_is_undone_by_the_job(house: House) -> None:
    learner, booking = settled(house)
    sessions.mark_session_never_held(
        actor=house.world.provider_user, session_id=house.world.session.pk, reason="the trainer was ill"
    )
    assert bookings.finish_never_held_sessions() == 1
    assert Receivable.objects.get(booking=booking).amount_cents == PRICE
    assert learner.lot().available_cents == ALL_RIGHTS
    assert booking.log.get(transition="give_back").actor.is_service


def test_killed_between_two_bookings_the_job_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = house.accepted(2)
    house.validated(*(booking for _, booking in made))
    house.pay(*(house.approved(booking) for _, booking in made))
    run(house, held=True)
    give_back, count = endings._give_back, []

    def killed(booking_id: int, **given: Any) -> None:
        count.append(booking_id)
        if len(count) == 2:
            raise KeyboardInterrupt
        give_back(booking_id, **given)

    monkeypatch.setattr(endings, "_give_back", killed)
    with pytest.raises(KeyboardInterrupt):
        find(house)
    monkeypatch.undo()
    assert Receivable.objects.count() == 1
    assert bookings.finish_never_held_sessions() == 1
    assert Receivable.objects.count() == 2
    assert {row.actor for row in made[1][1].log.filter(transition="give_back")} == {house.world.case_worker}


def test_the_debt_of_it_is_kept_of_coming_payments(house: House) -> None:
    made = house.accepted(2)
    house.validated(*(booking for _, booking in made))
    house.pay(house.approved(made[0][1]))
    other = house.approved(made[1][1])
    bookings.reduce_service(
        actor=house.world.case_worker, booking_id=made[0][1].pk, percent=60, reason="sheets of 30 of 50 hours"
    )
    debt = Receivable.objects.get()
    assert debt.amount_cents == PRICE * 40 // 100
    (payment,) = house.pay(other)
    assert payment.netted_cents == min(PRICE // 2, debt.amount_cents)
    assert state(debt)[1] == debt.amount_cents - payment.netted_cents


def test_f28_less_than_was_validated_goes_back_before_and_after_the_payment(house: House) -> None:
    made = house.accepted(2)
    house.validated(*(booking for _, booking in made))
    (paid_learner, paid), (open_learner, waiting) = made
    house.pay(house.approved(paid))
    claim = house.approved(waiting)
    for booking in (paid, waiting):
        reduced = bookings.reduce_service(
            actor=house.world.case_worker, booking_id=booking.pk, percent=60, reason="a day was left out"
        )
        assert reduced.realised_percent == 60
        row = booking.log.get(transition="reduce_service")
        assert (row.data, row.reason) == ({"from": 100, "to": 60}, "a day was left out")
    assert bookings.read_booking(paid.pk).state == "settled"
    assert Receivable.objects.get().amount_cents == 66_000
    claim.refresh_from_db()
    assert claim.state == "rejected"
    again = claims.claim_booking(actor=house.world.provider_user, booking_id=waiting.pk)
    assert again.amount_cents == 99_000
    assert paid_learner.lot().available_cents == open_learner.lot().available_cents
    # A second look finds still less: only the difference is owed beside it.
    bookings.reduce_service(
        actor=house.world.case_worker, booking_id=paid.pk, percent=0, reason="nobody was there at all"
    )
    assert sorted(each.amount_cents for each in Receivable.objects.all()) == [66_000, 99_000]
    assert paid_learner.lot().available_cents == ALL_RIGHTS


def test_who_may_not_and_what_is_not_refused(house: House) -> None:
    world = house.world
    made = house.accepted(2)
    house.validated(made[0][1])
    given = {"actor": world.case_worker, "booking_id": made[0][1].pk, "percent": 50, "reason": "looked"}
    expect_refusal("not_allowed", None, bookings.reduce_service, **given | {"actor": world.provider_user})
    expect_refusal("incomplete", None, bookings.reduce_service, **given | {"reason": " "})
    expect_refusal("not_allowed", None, bookings.reduce_service, **given | {"percent": 100})
    expect_refusal("not_allowed", None, bookings.reduce_service, **given | {"booking_id": made[1][1].pk})
    house.batch(house.approved(made[0][1]))
    expect_refusal("on_its_way", None, bookings.reduce_service, **given)
    for stranger in (world.provider_user, world.payer, made[0][0].user):
        expect_refusal("not_allowed", None, find, house=house, actor=stranger)
    expect_refusal("incomplete", None, find, house=house, reason=" ")
    expect_refusal("not_found", None, find, house=house, session_id=10**9)
    # What has not begun is cancelled, not "never held".
    expect_refusal("not_allowed", None, find, house=house)
    assert not SessionFinding.objects.exists()


def test_nothing_more_of_it_is_declared_validated_or_paid(house: House) -> None:
    ((learner, booking),) = house.accepted()
    house.hand.move(STARTS)
    bookings.declare_entry(actor=house.world.provider_user, booking_id=booking.pk)
    house.hand.move(ENDS)
    bookings.declare_exit(actor=house.world.provider_user, booking_id=booking.pk, exit_reason="complete")
    bookings.declare_service(actor=house.world.provider_user, booking_id=booking.pk, percent=100)
    run(house, held=True)
    SessionFinding.objects.create(session=house.world.session, reason=FOUND, found_by=house.world.case_worker)
    validate = {"actor": house.world.case_worker, "booking_id": booking.pk}
    expect_refusal("not_allowed", None, bookings.validate_service, **validate)
    house.hand.move(ENDS.replace(year=2027))
    due.run_due(scheme=house.world.scheme)
    assert bookings.read_booking(booking.pk).state == "service_declared"
    assert bookings.finish_never_held_sessions() == 1
    assert bookings.read_booking(booking.pk).state == "cancelled_by_funder"
    assert learner.lot().available_cents == ALL_RIGHTS


def test_a_rejected_dispute_pays_nobody_for_what_was_never_held(house: House) -> None:
    """Rights that came back with the dispute stay back, spent or not: the session did not take place."""
    learner, booking = settled(house, held=True)
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    find(house)
    assert bookings.read_booking(booking.pk).state == "disputed"
    bookings.resolve_dispute(
        actor=house.world.case_worker, booking_id=booking.pk, upheld=False, reason="it was them"
    )
    assert bookings.read_booking(booking.pk).state == "settled"
    assert learner.lot().available_cents == ALL_RIGHTS
    assert state(Receivable.objects.get()) == ("opened", PRICE, 0)
    assert bookings.finish_never_held_sessions() == 0


def test_no_award_is_given_for_it_and_a_given_one_is_revoked(house: House) -> None:
    _, booking = settled(house, held=True)
    assert awards.award_booking(booking_id=booking.pk) is not None
    find(house)
    assert awards.sweep_awards()["revoked"] == 1
    assert awards.award_booking(booking_id=booking.pk) is None
    assert {award.state for award in Award.objects.all()} == {"revoked"}
