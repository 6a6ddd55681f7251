"""Batches: four eyes, the file written once, and what is taken out of it at the last moment."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from lxml import etree

from accounts.models import User
from funding.banking.identifiers import is_reference
from funding.banking.pain001 import NAMESPACE, validate_pain001
from funding.banking.port import BankUnreachable, OutgoingFile
from funding.models import BatchState, Booking, Claim, Payment, PaymentBatch, PaymentFile
from funding.services import batches, bookings, holds, payments
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.settlement.desk import Desk, balances, payday, states

PRICE = 165_000


def learner_of(booking: Booking) -> User:
    user = booking.account.citizen.user
    assert user is not None
    return user


def test_f31_invariant_7_four_people_from_claim_to_file(desk: Desk) -> None:
    world = desk.world
    desk.claim(desk.booking())
    with pytest.raises(DomainError, match="not_allowed"):
        batches.create_batch(actor=world.case_worker, scheme=world.scheme)
    with pytest.raises(DomainError, match="not_allowed"):  # approved the claim
        batches.create_batch(actor=world.payer, scheme=world.scheme)
    batch = batches.create_batch(actor=world.second_payer, scheme=world.scheme)
    for unfit in (world.second_payer, world.payer, world.case_worker, world.provider_user):
        with pytest.raises(DomainError, match="not_allowed"):
            batches.approve_batch(actor=unfit, batch_id=batch.pk)
    with pytest.raises(DomainError, match="not_allowed"):
        batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
    with pytest.raises(DomainError, match="not_allowed"):
        batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
    assert states()["batches"] == ["approved"]
    assert balances() == {"payable": PRICE}


def test_the_file_is_valid_and_says_what_is_owed(desk: Desk) -> None:
    first = desk.claim(desk.booking(provider=desk.providers[0], percent=60))
    second = desk.claim(desk.booking(provider=desk.providers[1]))
    batch = desk.batch()
    content = desk.export(batch)
    validate_pain001(content)
    root = etree.fromstring(content)
    name = {"p": NAMESPACE}

    def texts(path: str) -> list[str]:
        return [str(node.text) for node in root.iterfind(f".//p:{path}", name)]

    assert texts("MsgId") == [batch.msg_id]
    assert texts("InstdAmt") == ["990.00", "1650.00"]
    assert texts("CtrlSum") == ["2640.00"] * 2
    assert texts("CdtrAcct/p:Id/p:IBAN") == [desk.providers[0].iban, desk.providers[1].iban]
    assert texts("ReqdExctnDt/p:Dt") == [payday().isoformat()]
    references = texts("EndToEndId")
    assert len(set(references)) == 2
    assert all(is_reference(each) for each in references)
    # The learner stays unnamed: remittance is the booking's public id.
    assert all(
        str(claim.booking.public_id) in text
        for claim, text in zip((first, second), texts("Ustrd"), strict=True)
    )
    learner = first.booking.account.citizen
    assert learner.family_name not in content.decode()


def test_the_file_is_written_once_and_money_moves_with_it(desk: Desk) -> None:
    desk.claim(desk.booking())
    batch = desk.batch()
    content = desk.export(batch)
    assert balances() == {"in_transit": PRICE}
    desk.hand.move(clock.now() + timedelta(days=2))
    assert desk.export(batch) == content
    assert PaymentFile.objects.count() == 1
    assert balances() == {"in_transit": PRICE}
    with pytest.raises(Exception, match=r"append|Cannot|permission"), transaction.atomic():
        PaymentFile.objects.update(content=b"")


def test_a_bad_iban_is_left_out_or_named(desk: Desk) -> None:
    good = desk.claim(desk.booking(provider=desk.providers[0]))
    bad = desk.claim(desk.booking(provider=desk.providers[1]))
    desk.providers[1].iban = "NL91ABNA0417164301"
    desk.providers[1].save(update_fields=["iban"])
    with pytest.raises(DomainError, match="bad_iban"):
        desk.batch(good, bad)
    batch = desk.batch()
    assert [payment.claim_id for payment in batch.payments.all()] == [good.pk]
    with pytest.raises(DomainError, match="bad_iban"):
        desk.batch()


def test_an_empty_batch_is_not_made(desk: Desk) -> None:
    with pytest.raises(DomainError, match="incomplete"):
        desk.batch()
    with pytest.raises(DomainError, match="not_allowed"):
        batches.create_batch(actor=desk.world.payer, scheme=desk.world.scheme, claim_ids=[10**9])
    assert not PaymentBatch.objects.exists()


def test_a_day_that_has_passed_becomes_today(desk: Desk) -> None:
    desk.claim(desk.booking())
    batch = batches.create_batch(
        actor=desk.world.second_payer, scheme=desk.world.scheme, value_date=date(2026, 6, 25)
    )
    batches.approve_batch(actor=desk.world.third_payer, batch_id=batch.pk)
    desk.export(batch)
    batch.refresh_from_db()
    assert batch.value_date == payday()


def test_what_is_stopped_after_approval_is_taken_out(desk: Desk) -> None:
    kept = desk.claim(desk.booking(provider=desk.providers[0]))
    held = desk.claim(desk.booking(provider=desk.providers[1]))
    disputed = desk.claim(desk.booking(provider=desk.providers[2]))
    batch = desk.batch()
    holds.place_hold(
        owner=desk.world.case_worker,
        reason="account changed yesterday",
        until=clock.now() + timedelta(days=5),
        iban=desk.providers[1].iban,
    )
    bookings.deny_consent(actor=learner_of(disputed.booking), booking_id=disputed.booking_id)
    content = desk.export(batch)
    assert content.count(b"<EndToEndId>") == 1
    assert [payment.claim_id for payment in batch.payments.all()] == [kept.pk]
    assert states()["claims"] == ["in_batch", "approved", "approved"]
    assert balances() == {"in_transit": PRICE, "payable": 2 * PRICE}
    assert held.log.latest("pk").reason == "on_hold"
    desk.send(batch)
    desk.collect()
    assert states()["batches"] == ["executed"]


def test_a_dispute_upheld_before_the_export_frees_the_money(desk: Desk) -> None:
    booking = desk.booking()
    desk.claim(booking)
    other = desk.claim(desk.booking(provider=desk.providers[1]))
    batch = desk.batch()
    bookings.deny_consent(actor=learner_of(booking), booking_id=booking.pk)
    bookings.resolve_dispute(
        actor=desk.world.case_worker, booking_id=booking.pk, upheld=True, reason="never there"
    )
    desk.export(batch)
    assert [payment.claim_id for payment in batch.payments.all()] == [other.pk]
    assert balances() == {"in_transit": PRICE}
    assert states()["claims"] == ["rejected", "in_batch"]
    assert booking.account.lots.get(source="rights").available_cents == 500_000


def test_a_dispute_upheld_while_the_money_was_on_its_way(desk: Desk) -> None:
    booking = desk.booking()
    desk.claim(booking)
    batch = desk.batch()
    desk.send(batch)
    bookings.deny_consent(actor=learner_of(booking), booking_id=booking.pk)
    assert balances() == {"in_transit": PRICE}
    desk.collect()
    # It arrived after all: the learner's rights come first, and the provider owes.
    assert states()["bookings"] == ["disputed"]
    assert balances() == {"paid": PRICE, "owed": -PRICE}
    assert booking.account.lots.get(source="rights").available_cents == 500_000


def test_a_return_of_what_is_owed_waits_for_a_person(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="return-later", parameters={"days": 1})
    booking = desk.booking()
    desk.claim(booking)
    desk.send(desk.batch())
    desk.collect()
    bookings.deny_consent(actor=learner_of(booking), booking_id=booking.pk)
    desk.advance()
    told = desk.collect()
    assert {(m.kind, m.state, m.reason) for m in told} == {
        ("pacs.004", "refused", "owed_by_provider"),
        ("camt.054", "processed", ""),
        ("camt.053", "processed", ""),
    }
    assert balances() == {"paid": PRICE, "owed": -PRICE}


def test_an_unreachable_bank_changes_nothing_and_is_tried_again(desk: Desk) -> None:
    class Closed:
        def send(self, outgoing: OutgoingFile) -> None:
            raise BankUnreachable(f"{outgoing.name}: no answer")

    desk.claim(desk.booking())
    batch = desk.batch()
    desk.export(batch)
    with pytest.raises(BankUnreachable):
        batches.send_batch(batch_id=batch.pk, bank=Closed())  # type: ignore[arg-type]
    batch.refresh_from_db()
    assert (batch.state, batch.sent_at) == (BatchState.EXPORTED, None)
    assert [each.pk for each in batches.send_unsent(bank=desk.bank.client)] == [batch.pk]
    assert batches.send_unsent(bank=desk.bank.client) == []
    desk.collect()
    assert states()["claims"] == ["paid"]


def test_the_bank_is_never_called_inside_a_transaction(desk: Desk) -> None:
    desk.claim(desk.booking())
    batch = desk.batch()
    desk.export(batch)
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        batches.send_batch(batch_id=batch.pk, bank=desk.bank.client)


def test_the_number_of_queries_does_not_grow_with_the_payments(desk: Desk) -> None:
    counts = []
    for size in (2, 4):
        made = [desk.claim(desk.booking(provider=desk.providers[n % 4])) for n in range(size)]
        batch = desk.batch(*made)
        queries: list[int] = []
        for act in (lambda b=batch: desk.export(b), lambda b=batch: _execute(b)):
            with connection.execute_wrapper(_Counter(queries)):
                act()
            queries.append(0)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def _execute(batch: PaymentBatch) -> None:
    ids = list(batch.payments.values_list("pk", flat=True))
    assert payments.execute_payments(payment_ids=ids) == len(ids)
    assert payments.execute_payments(payment_ids=ids) == 0


class _Counter:
    def __init__(self, queries: list[int]) -> None:
        self.queries = queries

    def __call__(self, execute, sql, params, many, context):
        self.queries.append(1)
        return execute(sql, params, many, context)


def test_services_for_single_words_of_the_bank(desk: Desk) -> None:
    for n in range(3):
        desk.claim(desk.booking(provider=desk.providers[n]))
    batch = desk.batch()
    desk.export(batch)
    first, second, third = batch.payments.order_by("pk").values_list("pk", flat=True)
    assert payments.execute_payments(payment_ids=[first]) == 1
    assert payments.reject_payments(payment_ids=[second], reason_code="AC04") == 1
    assert payments.reject_payments(payment_ids=[second], reason_code="AC04") == 0
    assert states()["batches"] == ["partly_rejected"]
    assert payments.return_payments(payment_ids=[first, third], reason_code="AC06") == 2
    assert states()["batches"] == ["executed"]
    assert balances() == {"payable": 3 * PRICE}
    with pytest.raises(payments.ContradictionError):
        payments.execute_payments(payment_ids=[second])
    assert Payment.objects.filter(outcome="pending").count() == 0
    assert Claim.objects.filter(state="approved").count() == 3
