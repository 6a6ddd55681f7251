"""Pages that undo: a session that never took place, less than was validated, money taken back, a dropped batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import AccountAlarm, NotMeKind
from catalogue.services import sessions
from funding.models import PaymentBatch, Receivable, ReconciliationNote, SchemeLimit
from funding.services import batches, bookings, corrections, differences, not_me, top_ups
from funding.services.recoveries import receipts
from ila.core import clock
from tests.factories.funding import SchemeFactory
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.recoveries.house import PRICE, House, check_books, state
from tests.funding.test_not_me import token_of
from tests.funding.top_ups.support import Firm, Transfer, tell
from tests.pages.support import signed_in
from tests.pages.test_bookings import text_of
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Iterator[House]:
    with clock.at(MONDAY) as hand:
        yield House(hand)
        check_books()


def test_a_case_worker_undoes_a_session_after_reading_what_that_means(house: House) -> None:
    ((learner, booking),) = house.accepted()
    house.validated(booking)
    house.pay(house.approved(booking))
    sessions.start_session(actor=house.world.provider_user, session_id=house.world.session.pk)
    worker = signed_in(house.world.case_worker)
    assert "The session did not take place" in text_of(worker.get(f"/bookings/{booking.public_id}/").content)
    address = f"/agency/sessions/{house.world.session.pk}/never-held/"
    page = text_of(worker.get(address).content)
    assert "1 × Settled" in page
    assert "€1,650.00" in page
    assert worker.post(address, {"reason": "nobody was there"}).status_code == 422
    assert not Receivable.objects.exists()
    assert worker.post(address, {"reason": "nobody was there", "sure": "on"}).status_code == 302
    assert Receivable.objects.get().amount_cents == PRICE
    assert "Its bookings are undone" in text_of(worker.get(address).content)
    mine = text_of(signed_in(learner.user).get(f"/bookings/{booking.public_id}/").content)
    assert "The session did not take place: what was paid goes back" in mine
    SchemeLimit.objects.create(
        membership=house.world.case_worker.memberships.get(), scheme=house.world.scheme
    )
    assert worker.get(address).status_code == 403


def test_what_has_not_begun_is_cancelled_by_the_same_page(house: House) -> None:
    ((learner, booking),) = house.accepted()
    worker = signed_in(house.world.case_worker)
    address = f"/agency/sessions/{house.world.session.pk}/never-held/"
    assert "Cancel the session" in text_of(worker.get(address).content)
    assert worker.post(address, {"reason": "a ban", "sure": "on"}).status_code == 302
    assert bookings.read_booking(booking.pk).state == "cancelled_by_funder"
    assert learner.lot().available_cents == 500_000


def test_a_share_is_lowered_and_money_taken_back_by_who_may(house: House) -> None:
    ((_, booking),) = house.accepted()
    house.validated(booking)
    house.pay(house.approved(booking))
    worker, officer = signed_in(house.world.case_worker), signed_in(house.world.payer)
    share = f"/agency/bookings/{booking.public_id}/share/"
    assert worker.post(share, {"percent": "100", "reason": "x", "sure": "on"}).status_code == 422
    assert worker.post(share, {"percent": "60", "reason": "30 of 50 hours", "sure": "on"}).status_code == 302
    assert Receivable.objects.get().amount_cents == 66_000
    back = f"/agency/bookings/{booking.public_id}/take-back/"
    assert "€990.00" in text_of(officer.get(back).content)
    assert officer.post(back, {"amount": "990.01", "reason": "x", "sure": "on"}).status_code == 409
    assert officer.post(back, {"amount": "10.00", "reason": "misuse", "sure": "on"}).status_code == 302
    assert sorted(each.amount_cents for each in Receivable.objects.all()) == [1_000, 66_000]


def test_a_draft_is_dropped_with_its_reason_and_never_after_its_release(house: House) -> None:
    receivable, (claim,) = house.owing()
    world = house.world
    batch = batches.create_batch(actor=world.second_payer, scheme=world.scheme)
    assert state(receivable)[2] > 0
    officer = signed_in(world.third_payer)
    address = f"/agency/batches/{batch.msg_id}/drop/"
    assert "Drop the batch" in text_of(officer.get(f"/agency/batches/{batch.msg_id}/").content)
    assert officer.post(address, {"reason": ""}).status_code == 422
    assert signed_in(world.case_worker).post(address, {"reason": "x"}).status_code in (403, 404)
    assert officer.post(address, {"reason": "the wrong value date"}).status_code == 302
    batch.refresh_from_db()
    claim.refresh_from_db()
    assert (batch.state, claim.state, state(receivable)[2]) == ("dropped", "approved", 0)
    row = batch.log.get(transition="drop")
    assert (row.actor, row.reason) == (world.third_payer, "the wrong value date")
    assert claim.log.order_by("-pk")[0].reason == f"batch {batch.msg_id} dropped"
    page = text_of(officer.get(f"/agency/batches/{batch.msg_id}/").content)
    assert "Batch dropped before its release" in page
    again = house.batch(claim)
    assert officer.post(f"/agency/batches/{again.msg_id}/drop/", {"reason": "x"}).status_code == 302
    expect_refusal("not_allowed", None, batches.drop_batch, actor=world.payer, batch_id=again.pk, reason="x")
    expect_refusal("incomplete", None, batches.drop_batch, actor=world.payer, batch_id=again.pk, reason="")


def test_a_released_batch_whose_every_claim_was_stopped_closes_itself(house: House) -> None:
    ((learner, booking),) = house.accepted()
    house.validated(booking)
    claim = house.approved(booking)
    world = house.world
    batch = batches.create_batch(actor=world.second_payer, scheme=world.scheme)
    batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    expect_refusal("on_hold", None, batches.export_batch, actor=world.third_payer, batch_id=batch.pk)
    batch.refresh_from_db()
    claim.refresh_from_db()
    assert (batch.state, claim.state) == ("dropped", "approved")


def test_refunds_of_employers_are_drawn_up_on_their_page(house: House) -> None:
    firm = Firm(house.world)
    order = firm.order(30_000)
    firm.pay(order, 35_000)
    top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban="NL91ABNA0417164300")
    officer = signed_in(house.world.payer)
    assert "Draw up a batch of refunds" in text_of(officer.get("/agency/receipts/").content)
    page = officer.get("/agency/receipts/refunds/batch/")
    assert "did not come from this account" in text_of(page.content)
    ((scheme, plan),) = page.context["plans"]
    form = {"scheme": scheme.code, "seen": "other"}
    assert officer.post("/agency/receipts/refunds/batch/", form).status_code == 409
    assert officer.post("/agency/receipts/refunds/batch/", form | {"seen": plan.seen}).status_code == 302
    batch = PaymentBatch.objects.get()
    shown = text_of(signed_in(house.world.second_payer).get(f"/agency/batches/{batch.msg_id}/").content)
    assert "Refunds to employers" in shown
    assert "€50.00" in shown
    step = signed_in(house.world.second_payer).get(f"/agency/batches/{batch.msg_id}/approve/")
    assert "Ateliers du Rhône" in text_of(step.content)


def test_services_refuse_a_role_that_is_limited_to_other_schemes(house: House) -> None:
    """What belongs to no scheme is for who works for all; what belongs to one, for who works for it."""
    world = house.world
    firm = Firm(world)
    order = firm.order(30_000)
    firm.pay(order, 35_000)
    refund = top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban="NL91ABNA0417164300")
    tell(Transfer(700, note="nothing known"))
    receivable, _ = house.owing()
    tell(Transfer(receivable.free_cents + 100, receivable.reference))
    other = SchemeFactory.create(code="skillsfuture")
    for user in (world.payer, world.case_worker):
        SchemeLimit.objects.create(membership=user.memberships.get(), scheme=other)
    lost = order.receipts.model.objects.get(top_up__isnull=True)
    too_much = receivable.receipts.get()
    asked = corrections.ask_correction(actor=firm.employees[0].user, fact="status", says="I am retired")
    given: dict[str, Any] = {"actor": world.payer, "reason": "looked at"}
    expect_refusal("not_allowed", None, top_ups.put_receipt_aside, **given, receipt_id=lost.pk)
    expect_refusal("not_allowed", None, receipts.settle_receipt, **given, receipt_id=too_much.pk)
    expect_refusal("not_allowed", None, top_ups.refuse_refund, **given, refund_id=refund.pk)
    expect_refusal(
        "not_allowed",
        None,
        differences.note_difference,
        actor=world.payer,
        day=clock.now().date(),
        currency="EUR",
        difference_cents=1,
        owner=world.second_payer,
        note="x",
        explained=False,
    )
    expect_refusal(
        "not_found",
        None,
        corrections.decide,
        actor=world.case_worker,
        public_id=asked.public_id,
        value=None,
        answer="no",
    )
    # One who works for its scheme may: too much for a debt of theirs, and a citizen with an account of theirs.
    SchemeLimit.objects.filter(scheme=other).delete()
    for user in (world.payer, world.case_worker):
        SchemeLimit.objects.create(membership=user.memberships.get(), scheme=world.scheme)
    receipts.settle_receipt(**given, receipt_id=too_much.pk)
    corrections.decide(actor=world.case_worker, public_id=asked.public_id, value=None, answer="no document")
    assert not ReconciliationNote.objects.exists()


def test_an_alarm_is_seen_by_who_works_for_a_scheme_of_its_owner(house: House) -> None:
    learner = house.world.make_learner()
    not_me.report(token=token_of(learner, NotMeKind.CONTACT))
    alarm = AccountAlarm.objects.get()
    worker = house.world.case_worker
    client = signed_in(worker)
    limit = SchemeLimit.objects.create(
        membership=worker.memberships.get(), scheme=SchemeFactory.create(code="skillsfuture")
    )
    assert client.get(f"/agency/alarms/{alarm.public_id}/").status_code == 404
    assert client.get("/agency/disputes/").context["alarm_page"].paginator.count == 0
    limit.delete()
    SchemeLimit.objects.create(membership=worker.memberships.get(), scheme=house.world.scheme)
    assert client.get(f"/agency/alarms/{alarm.public_id}/").status_code == 200
    assert client.get("/agency/disputes/").context["alarm_page"].paginator.count == 1
