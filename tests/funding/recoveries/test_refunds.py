"""Own money that is due back: drawn up once, approved and paid like a claim, to the learner's account of the day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accounts.models import Message
from funding.models import Claim, Posting, RefundAccount
from funding.services import batches, bookings, claims, payments, refunds
from ila.core import clock
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.recoveries.house import House, buckets
from tests.support.world import Learner

OWN = 15_000
IBAN = "DE89370400440532013000"
OTHER = "NL91ABNA0417164300"


def name_account(learner: Learner, iban: str = IBAN) -> None:
    RefundAccount.objects.filter(citizen=learner.citizen, ended_at__isnull=True).update(ended_at=clock.now())
    RefundAccount.objects.create(
        citizen=learner.citizen, iban=iban, holder="Camille Durand", entered_under=learner.sign_in
    )


def withdrawn(house: House) -> Learner:
    ((learner, booking),) = house.accepted()
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    return learner


def approved(house: House) -> Claim:
    claim = Claim.objects.get(kind="refund")
    return claims.approve_claim(actor=house.world.payer, claim_id=claim.pk)


def due() -> int:
    return sum(Posting.objects.filter(bucket="refund_due").values_list("amount_cents", flat=True))


def test_drawn_up_once_and_paid_by_four_eyes(house: House) -> None:
    learner = withdrawn(house)
    assert refunds.prepare_refunds() == 0
    assert refunds.prepare_refunds() == 0
    assert Message.objects.filter(template="refund_account_wanted").count() == 1
    name_account(learner)
    assert refunds.prepare_refunds() == 1
    assert refunds.prepare_refunds() == 0
    claim = approved(house)
    assert (claim.amount_cents, claim.payee_iban) == (OWN, IBAN)
    assert claim.due_on == clock.now().date() + timedelta(days=30)
    expect_refusal(
        "not_allowed",
        None,
        batches.create_batch,
        actor=house.world.payer,
        scheme=house.world.scheme,
        claim_ids=[claim.pk],
    )
    assert due() == OWN
    (payment,) = house.pay(claim)
    assert due() == 0
    assert (payment.iban, payment.amount_cents, payment.netted_cents) == (IBAN, OWN, 0)
    assert buckets() == {}
    assert refunds.prepare_refunds() == 0
    assert refunds.due_refunds() == []


def test_a_returned_refund_is_due_again_and_goes_to_another_account_only(house: House) -> None:
    learner = withdrawn(house)
    name_account(learner)
    refunds.prepare_refunds()
    claim = approved(house)
    (payment,) = house.pay(claim)
    payments.return_payments(payment_ids=[payment.pk], reason_code="AC04")
    assert due() == OWN
    assert refunds.prepare_refunds() == 0
    arguments: dict[str, Any] = {
        "actor": house.world.second_payer,
        "scheme": house.world.scheme,
        "claim_ids": [claim.pk],
    }
    expect_refusal("bad_iban", None, batches.create_batch, **arguments)
    name_account(learner, OTHER)
    (again,) = house.pay(claim)
    assert (again.iban, due()) == (OTHER, 0)


def test_rejected_by_the_bank_or_by_a_person_it_stays_due(house: House) -> None:
    learner = withdrawn(house)
    name_account(learner)
    refunds.prepare_refunds()
    claim = approved(house)
    payment = house.batch(claim).payments.get()
    payments.reject_payments(payment_ids=[payment.pk], reason_code="AC04")
    assert due() == OWN
    claims.reject_claim(actor=house.world.payer, claim_id=claim.pk, reason="wrong name")
    assert due() == OWN
    assert refunds.prepare_refunds() == 1


def test_officers_are_warned_before_the_term(house: House) -> None:
    withdrawn(house)
    assert refunds.warn_before_term() == 0
    house.hand.move(clock.now() + timedelta(days=24))
    assert refunds.warn_before_term() == 1
    assert Message.objects.filter(template="refunds_due_soon").count() == 3


def test_a_dispute_does_not_call_a_refund_back(house: House) -> None:
    ((learner, booking),) = house.accepted()
    house.validated(booking, percent=50)
    name_account(learner)
    refunds.prepare_refunds()
    claim = approved(house)
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    house.pay(claim)
    bookings.resolve_dispute(actor=house.world.case_worker, booking_id=booking.pk, upheld=True)
    assert refunds.prepare_refunds() == 1
    second = Claim.objects.filter(kind="refund").latest("pk")
    assert claim.amount_cents + second.amount_cents == OWN
