"""Providers paid through Stripe Connect: the second rail behind the same port, with the same guards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from catalogue.models import ConnectedAccount, Provider
from catalogue.services import account_changes, connected_accounts
from funding.banking.messages import BadBankMessage
from funding.banking.parse import parse_bank_message
from funding.models import BankMessage, FailedPayout, Payment, Rail, StripeEvent, StripeMovement
from funding.services import batches, card_events, transfers
from funding.services.bank_messages import process_waiting
from funding.services.kept_messages import store_message
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory
from tests.funding.cards.house import House
from tests.funding.cards.test_kills import survive
from tests.funding.settlement.desk import balances, check_books, states
from tests.support.fake_stripe.process import FakeStripe
from tests.support.world import World

pytestmark = pytest.mark.django_db
PRICE = 165_000


@pytest.fixture
def house(db: None, fake: FakeStripe, settings: Any) -> House:
    settings.STRIPE_CONNECT = True
    return House.build(fake, World())


def outcome(payment: Payment) -> tuple[str, str]:
    payment.refresh_from_db()
    return payment.outcome, payment.claim.__class__.objects.get(pk=payment.claim_id).state


def test_another_account_is_one_at_stripe_only_by_three_persons_and_time(house: House) -> None:
    provider = house.desk.providers[0]
    claim = house.desk.claim(house.desk.booking())
    first = house.desk.world.user_of(provider)
    assert provider.organisation is not None
    with pytest.raises(DomainError, match="account_not_ready"):
        connected_accounts.ask_to_be_paid_there(actor=first, provider_id=provider.pk)
    account = house.connected(provider)
    second = MembershipFactory.create(organisation=provider.organisation, role="staff").user
    before = provider.iban
    change = connected_accounts.ask_to_be_paid_there(actor=first, provider_id=provider.pk)
    assert (change.iban, change.payee_answer) == (account, "match")
    with pytest.raises(DomainError, match="not_allowed"):
        account_changes.confirm(actor=first, change_id=change.pk)
    account_changes.confirm(actor=second, change_id=change.pk)
    change = account_changes.approve(actor=house.desk.world.case_worker, change_id=change.pk)
    # Nothing goes there before the time to object is over: the old account is paid by the bank's rail.
    with pytest.raises(DomainError, match="not_allowed"):
        house.batch(claim)
    assert change.cooling_until is not None
    assert house.stripe.hand is not None
    house.stripe.hand.move(change.cooling_until + timedelta(minutes=1))
    house.stripe.tick()
    house.send(house.batch(claim))
    payment = Payment.objects.get()
    assert (payment.iban, payment.outcome) == (account, "executed")
    assert Provider.objects.get(pk=provider.pk).iban == account != before
    check_books()


def test_a_strangers_account_is_never_asked_for(house: House) -> None:
    provider = house.desk.providers[0]
    actor = house.desk.world.user_of(provider)
    house.connected(provider, name="Somebody Else SARL")
    with pytest.raises(DomainError, match="payee_no_match"):
        connected_accounts.ask_to_be_paid_there(actor=actor, provider_id=provider.pk)
    assert provider.organisation is not None
    account = ConnectedAccount.objects.get().account_id
    house.stripe.act("set_up", account=account, name=f"{provider.organisation.name} Horizon")
    with pytest.raises(DomainError, match="payee_close_match"):
        connected_accounts.ask_to_be_paid_there(actor=actor, provider_id=provider.pk)
    stranger = house.desk.world.user_of(house.desk.world.make_provider())
    with pytest.raises(DomainError, match="not_allowed"):
        connected_accounts.ask_to_be_paid_there(actor=stranger, provider_id=provider.pk)
    # Typed in as if it were an IBAN it is none.
    with pytest.raises(DomainError, match="invalid"):
        account_changes.ask(actor=actor, provider_id=provider.pk, iban=str(account), holder="x")


def test_a_batch_is_of_one_rail_and_pays_once(house: House) -> None:
    world = house.desk.world
    at_stripe = house.desk.providers[0]
    account = house.paid_there(at_stripe)
    at_a_bank = world.make_provider(iban="DE89370400440532013000")
    there, here = (
        house.desk.claim(house.desk.booking()),
        house.desk.claim(house.desk.booking(provider=at_a_bank)),
    )
    batch = house.batch()
    assert [payment.claim_id for payment in batch.payments.all()] == [there.pk]
    house.send(batch)
    house.send(batch)
    house.tell()
    (transfer,) = house.stripe.act("objects", kind="transfer")
    payment = batch.payments.get()
    assert (transfer["amount"], transfer["destination"], transfer["transfer_group"]) == (
        PRICE, account, batch.msg_id,
    )  # fmt: skip
    assert transfer["metadata"] == {"ila_payment": payment.end_to_end_id}
    (made,) = [
        each for each in house.stripe.act("requests") if each["path"] == "/v1/transfers" and each["key"]
    ]
    assert made["key"] == f"ila-transfer-{payment.end_to_end_id}"
    assert states()["batches"] == ["executed"]
    assert outcome(payment) == ("executed", "paid")
    # Its advice has a number like any other.
    assert payment.remittance.number == 1
    sepa = batches.create_batch(actor=world.second_payer, scheme=world.scheme)
    assert (sepa.rail, [each.claim_id for each in sepa.payments.all()]) == (Rail.SEPA, [here.pk])
    check_books()


def test_what_stripe_refuses_is_payable_again_and_the_others_are_paid(house: House) -> None:
    world = house.desk.world
    good, bad = house.desk.providers[0], world.make_provider()
    house.paid_there(good)
    account = house.paid_there(bad)
    claims = [house.desk.claim(house.desk.booking(provider=each)) for each in (bad, good)]
    batch = house.batch(*claims)
    house.stripe.act("close_account", account=account)
    house.send(batch)
    first, second = batch.payments.order_by("claim__pk")
    assert outcome(first) == ("rejected", "approved")
    assert first.reason_code == "insufficient_capabilities_for_transfer"[:35]
    assert outcome(second) == ("executed", "paid")
    assert balances() == {"payable": PRICE, "paid": PRICE}
    check_books()


def test_without_money_at_stripe_nothing_is_lost(house: House) -> None:
    house.paid_there(house.desk.providers[0])
    claim = house.desk.claim(house.desk.booking())
    house.stripe.act("fund", amount=-100_000_000)
    house.send(house.batch(claim))
    assert outcome(Payment.objects.get()) == ("rejected", "approved")
    house.stripe.act("fund", amount=PRICE)
    house.send(house.batch(claim))
    assert outcome(Payment.objects.latest("pk")) == ("executed", "paid")
    assert house.stripe.act("balance") == 0
    check_books()


def test_a_wrong_key_rejects_nothing(house: House, settings: Any) -> None:
    house.paid_there(house.desk.providers[0])
    batch = house.batch(house.desk.claim(house.desk.booking()))
    right = settings.STRIPE_SECRET_KEY
    batches.export_batch(actor=house.desk.world.third_payer, batch_id=batch.pk)
    settings.STRIPE_SECRET_KEY = "sk_test_of_somebody_else"
    with pytest.raises(Exception, match="Invalid API Key"):
        batches.send_batch(batch_id=batch.pk)
    assert balances() == {"in_transit": PRICE}
    settings.STRIPE_SECRET_KEY = right
    card_events.sweep()
    assert balances() == {"paid": PRICE}


def test_a_transfer_taken_back_is_payable_again_whoever_tells_first(house: House) -> None:
    house.paid_there(house.desk.providers[0])
    payment, transfer = house.paid()
    house.stripe.act("reverse", transfer=transfer)
    house.tell()
    assert outcome(payment) == ("returned", "approved")
    house.tell()
    card_events.sweep()
    assert balances() == {"payable": PRICE}
    house.send(house.batch())
    assert balances() == {"paid": PRICE}
    assert house.stripe.act("balance") == 100_000_000 - PRICE
    check_books()


def test_a_part_taken_back_is_named_and_changes_nothing(house: House) -> None:
    house.paid_there(house.desk.providers[0])
    payment, transfer = house.paid()
    house.stripe.act("reverse", transfer=transfer, amount=100)
    house.tell()
    assert outcome(payment) == ("executed", "paid")
    assert BankMessage.objects.get(state="refused").reason == "other_amount"


def test_a_payout_that_fails_takes_its_transfers_back(house: House) -> None:
    provider = house.desk.providers[0]
    account = house.paid_there(provider)
    payment, _transfer = house.paid()
    payout = house.stripe.act("pay_out", account=account)
    house.stripe.act("fail_payout", payout=payout["id"])
    house.tell()
    assert outcome(payment) == ("returned", "approved")
    assert payment.reason_code == "account_closed"
    failed = FailedPayout.objects.get()
    assert (failed.account, failed.finding, bool(failed.done_at)) == (account, "", True)
    # Nothing more goes there until Stripe says that it reaches a bank again.
    with pytest.raises(DomainError, match="account_not_ready"):
        house.batch()
    assert provider.organisation is not None
    house.stripe.act("set_up", account=account, name=provider.organisation.name)
    card_events.sweep()
    house.send(house.batch())
    assert balances() == {"paid": PRICE}
    check_books()


def test_a_payout_that_failed_untold_is_found(house: House) -> None:
    account = house.paid_there(house.desk.providers[0])
    payment, _transfer = house.paid()
    house.stripe.act("fail_payout", payout=house.stripe.act("pay_out", account=account)["id"])
    card_events.sweep()
    assert outcome(payment) == ("returned", "approved")
    card_events.sweep()
    assert FailedPayout.objects.count() == 1
    check_books()


def test_a_payout_of_an_account_that_is_no_providers_is_not_believed(house: House) -> None:
    account = house.paid_there(house.desk.providers[0])
    house.paid()
    house.stripe.act("fail_payout", payout=house.stripe.act("pay_out", account=account)["id"])
    ConnectedAccount.objects.all().update(account_id="acct_1ILAsomebodyelse")
    with pytest.raises(AssertionError):
        house.tell()
    assert not StripeEvent.objects.filter(kind="payout.failed").exists()


@pytest.mark.parametrize("call", range(1, 7))
def test_killed_between_each_answer_and_its_commit(
    house: House, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    account = house.paid_there(house.desk.providers[0])
    claims = [house.desk.claim(house.desk.booking()) for _ in range(2)]
    batch = house.batch(*claims)
    survive(lambda: house.send(batch), call, monkeypatch)
    survive(card_events.sweep, call, monkeypatch)
    house.send(batch)
    card_events.sweep()
    assert len(house.stripe.act("objects", kind="transfer")) == 2
    assert balances() == {"paid": 2 * PRICE}
    payout = house.stripe.act("pay_out", account=account)
    house.stripe.act("fail_payout", payout=payout["id"])
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    assert len(house.stripe.act("objects", kind="transfer_reversal")) == 2
    assert balances() == {"payable": 2 * PRICE}
    assert house.stripe.act("balance") == 100_000_000
    check_books()


def test_messages_of_transfers_are_believed_only_of_what_was_ordered(house: House) -> None:
    account = house.paid_there(house.desk.providers[0])
    batch = house.batch(house.desk.claim(house.desk.booking()))
    batches.export_batch(actor=house.desk.world.third_payer, batch_id=batch.pk)
    payment = batch.payments.get()
    told = (
        '{"account":"%s","amount_cents":%d,"currency":"%s","end_to_end_id":"%s","made_at":"2026-06-01T08:00:00+00:00",'
        '"msg_id":"%s","object":"ila.transfer","reason":"","reversed_at":null,"reversed_cents":0,"transfer_id":"tr_%d"}'
    )
    good = (account, PRICE, "EUR", payment.end_to_end_id, batch.msg_id)
    for number, (place, value) in enumerate(
        [(0, "acct_1ILAstranger"), (1, PRICE + 1), (2, "CHF"), (3, "E" + "0" * 26), (4, "ILA" + "0" * 26)]
    ):
        facts = [*good]
        facts[place] = value
        store_message(content=(told % (*facts, number)).encode())
    process_waiting()
    reasons = list(BankMessage.objects.order_by("pk").values_list("state", "reason"))
    assert reasons == [
        ("refused", "other_account"), ("refused", "other_amount"), ("refused", "other_amount"),
        ("refused", "unknown_payment"), ("refused", "unknown_file"),
    ]  # fmt: skip
    assert balances() == {"in_transit": PRICE}
    for content in (b"{", b"{}", b'{"object":"ila.transfer"}', b"[1]"):
        with pytest.raises(BadBankMessage):
            parse_bank_message(content)


def test_movements_of_our_balance_are_kept_once(house: House) -> None:
    house.paid_there(house.desk.providers[0])
    payment, transfer = house.paid()
    assert transfers.keep_movements() == 1
    assert transfers.keep_movements() == 0
    house.stripe.act("reverse", transfer=transfer)
    assert transfers.keep_movements() == 1
    rows = list(StripeMovement.objects.order_by("pk").values_list("kind", "amount_cents", "payment_ref"))
    assert rows == [("transfer", -PRICE, payment.end_to_end_id), ("transfer_refund", PRICE, transfer)]
    assert clock.now() - StripeMovement.objects.latest("pk").moved_at < timedelta(days=30)
