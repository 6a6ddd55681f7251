"""The first payment into an account: the bank is asked whose it is, and a person answers for what it does not match."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from accounts.models import User
from catalogue.models import PayeeAnswer
from catalogue.payees import HttpPayees, Verification
from catalogue.services import account_changes
from funding.models import Claim, PayeeAcceptance, PayeeCheck, Payment
from funding.selectors.agency_batches import plan_batch, waiting_for_payees
from funding.services import batch_orders, batches, payee_checks, payments
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.settlement.desk import IBANS, Desk
from tests.support.queries import assert_queries_constant

NEW = "FR7630006000011234567890189"


@dataclass
class Answers:
    """A bank that says what it was told to say."""

    answer: str = "match"
    name: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def verify(self, *, iban: str, name: str) -> Verification:
        self.asked.append((iban, name))
        return Verification(PayeeAnswer(self.answer), self.name)


@pytest.fixture(autouse=True)
def ground(settings: Any) -> None:
    settings.STAND_IN_PAYEES = True


def ask(desk: Desk, port: Answers, **more: int) -> payee_checks.Asked:
    return payee_checks.ask_payees(actor=desk.world.second_payer, scheme=desk.world.scheme, port=port, **more)


def plan(desk: Desk, actor: User | None = None) -> dict[int, str]:
    """What the dry run says of each claim: its reason, or `ready`."""
    found = plan_batch(desk.world.scheme, actor=actor or desk.world.second_payer)
    return {claim.pk: "ready" for claim in found.ready} | {one.claim.pk: one.code for one in found.left_out}


def refuse_batch(desk: Desk, code: str, claim: Claim) -> None:
    expect_refusal(
        code,
        None,
        batches.create_batch,
        actor=desk.world.second_payer,
        scheme=desk.world.scheme,
        claim_ids=[claim.pk],
    )


def test_an_account_that_the_bank_matches_is_paid_into_and_never_asked_about_again(desk: Desk) -> None:
    claim, other = desk.claim(desk.booking()), desk.claim(desk.booking())
    bank = Answers()
    assert plan(desk) == dict.fromkeys([claim.pk, other.pk], "payee_unasked")
    refuse_batch(desk, "payee_unasked", claim)
    # One account, asked about once for both.
    assert ask(desk, bank) == payee_checks.Asked(1, 0)
    assert bank.asked[0][0] == IBANS[0]
    assert plan(desk) == dict.fromkeys([claim.pk, other.pk], "ready")
    assert ask(desk, bank) == payee_checks.Asked(0, 0)
    desk.batch(claim)
    assert Payment.objects.get().iban == IBANS[0]


@pytest.mark.parametrize("answer", ["close_match", "no_match", "not_possible"])
def test_what_is_not_matched_waits_for_a_person_who_did_not_approve_it(desk: Desk, answer: str) -> None:
    claim = desk.claim(desk.booking())
    ask(desk, Answers(answer, "Somebody Else"))
    check = PayeeCheck.objects.get()
    assert plan(desk) == {claim.pk: f"payee_{answer}"}
    refuse_batch(desk, f"payee_{answer}", claim)
    assert [one.claim.pk for one in waiting_for_payees(desk.world.scheme)] == [claim.pk]
    accept: dict[str, Any] = {"public_id": check.public_id, "reason": "Called them at the known number"}
    # Neither who approved the claim, nor who pays nothing, nor without a reason.
    expect_refusal("not_allowed", None, payee_checks.accept_payee, actor=desk.world.payer, **accept)
    expect_refusal("not_allowed", None, payee_checks.accept_payee, actor=desk.world.case_worker, **accept)
    accept["actor"] = desk.world.third_payer
    expect_refusal("incomplete", None, payee_checks.accept_payee, **accept | {"reason": " "})
    made = payee_checks.accept_payee(**accept)
    assert payee_checks.accept_payee(**accept) == made
    assert plan(desk) == {claim.pk: "ready"}
    assert waiting_for_payees(desk.world.scheme) == []
    desk.batch(claim)


def test_an_acceptance_does_not_count_for_a_claim_that_its_author_approves_later(desk: Desk) -> None:
    ask_first = desk.claim(desk.booking())
    ask(desk, Answers("no_match"))
    check = PayeeCheck.objects.get()
    payee_checks.accept_payee(actor=desk.world.third_payer, public_id=check.public_id, reason="Seen")
    later = desk.claim(desk.booking())
    Claim.objects.filter(pk=later.pk).update(approver=desk.world.third_payer)
    assert plan(desk) == {ask_first.pk: "ready", later.pk: "payee_no_match"}


def test_what_was_accepted_and_said_is_never_changed(desk: Desk) -> None:
    desk.claim(desk.booking())
    ask(desk, Answers("no_match"))
    check = PayeeCheck.objects.get()
    payee_checks.accept_payee(actor=desk.world.third_payer, public_id=check.public_id, reason="Seen")
    with pytest.raises(DatabaseError), transaction.atomic():
        PayeeCheck.objects.update(answer="match")
    with pytest.raises(DatabaseError), transaction.atomic():
        PayeeAcceptance.objects.all().delete()


def test_an_answer_that_is_not_the_newest_is_not_accepted(desk: Desk) -> None:
    desk.claim(desk.booking())
    ask(desk, Answers("close_match", "Nearly"))
    first = PayeeCheck.objects.get()
    # Not at once again, and not without end.
    assert ask(desk, Answers("no_match")) == payee_checks.Asked(0, 0)
    desk.hand.move(clock.now() + timedelta(hours=1))
    assert ask(desk, Answers("no_match")) == payee_checks.Asked(1, 0)
    arguments: dict[str, Any] = {"actor": desk.world.third_payer, "reason": "Seen"}
    expect_refusal("claim_changed", None, payee_checks.accept_payee, public_id=first.public_id, **arguments)


def test_an_account_that_was_paid_before_needs_no_answer_and_another_one_does(
    desk: Desk, settings: Any
) -> None:
    settings.STAND_IN_PAYEES = False
    first = desk.claim(desk.booking())
    batch = desk.batch(first)
    desk.export(batch)
    payments.execute_payments(payment_ids=[batch.payments.get().pk])
    settings.STAND_IN_PAYEES = True
    again = desk.claim(desk.booking())
    assert plan(desk) == {again.pk: "ready"}
    # The same name with another account, and another name with the same account.
    provider = desk.providers[0]
    provider.iban = NEW
    provider.save(update_fields=["iban"])
    assert plan(desk) == {again.pk: "payee_unasked"}
    provider.iban = IBANS[0]
    provider.save(update_fields=["iban"])
    organisation = provider.organisation
    assert organisation is not None
    organisation.name = "Somebody else altogether"
    organisation.save(update_fields=["name"])
    assert plan(desk) == {again.pk: "payee_unasked"}


def test_a_payment_that_came_back_vouches_for_nothing(desk: Desk) -> None:
    claim = desk.claim(desk.booking())
    ask(desk, Answers("no_match"))
    check = PayeeCheck.objects.get()
    payee_checks.accept_payee(actor=desk.world.third_payer, public_id=check.public_id, reason="Seen")
    batch = desk.batch(claim)
    desk.export(batch)
    payments.return_payments(payment_ids=[batch.payments.get().pk], reason_code="AC04")
    later = desk.claim(desk.booking())
    Claim.objects.filter(pk=later.pk).update(approver=desk.world.third_payer)
    assert plan(desk)[later.pk] == "payee_no_match"


def test_an_account_that_came_into_force_by_the_agency_is_vouched_for(desk: Desk) -> None:
    provider = desk.providers[0]
    organisation = provider.organisation
    assert organisation is not None
    claim = desk.claim(desk.booking())
    first = desk.world.user_of(provider)
    second = MembershipFactory.create(organisation=organisation, role="staff").user
    change = account_changes.ask(actor=first, provider_id=provider.pk, iban=NEW, holder=organisation.name)
    account_changes.confirm(actor=second, change_id=change.pk)
    change = account_changes.approve(actor=desk.world.case_worker, change_id=change.pk)
    assert plan(desk) == {claim.pk: "payee_unasked"}
    assert change.cooling_until is not None
    desk.hand.move(change.cooling_until)
    account_changes.put_due_into_force()
    assert plan(desk) == {claim.pk: "ready"}


def test_without_a_service_nothing_is_asked_and_nothing_is_stopped(desk: Desk, settings: Any) -> None:
    settings.STAND_IN_PAYEES = False
    claim = desk.claim(desk.booking())
    arguments: dict[str, Any] = {"actor": desk.world.second_payer, "scheme": desk.world.scheme}
    assert payee_checks.ask_payees(**arguments) == payee_checks.Asked(0, 0)
    assert plan(desk) == {claim.pk: "ready"}
    desk.batch(claim)
    assert not PayeeCheck.objects.exists()


def test_a_service_that_answers_nothing_is_left_alone_and_what_is_left_is_told(desk: Desk) -> None:
    for provider in desk.providers:
        desk.claim(desk.booking(provider=provider))
    assert ask(desk, Answers(), at_once=1) == payee_checks.Asked(1, 3)
    down = Answers("not_possible")
    # Three are left, fewer than what it takes to give up.
    assert ask(desk, down) == payee_checks.Asked(3, 0)
    desk.hand.move(clock.now() + timedelta(hours=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payee_checks, "GIVE_UP", 2)
        assert ask(desk, down) == payee_checks.Asked(2, 1)


def test_a_service_over_the_network_is_never_asked_inside_a_transaction(desk: Desk) -> None:
    desk.claim(desk.booking())
    port = HttpPayees("http://127.0.0.1:9")
    arguments: dict[str, Any] = {"actor": desk.world.second_payer, "scheme": desk.world.scheme}
    with transaction.atomic(), pytest.raises(RuntimeError, match="never called inside a transaction"):
        payee_checks.ask_payees(**arguments, port=port)
    assert not PayeeCheck.objects.exists()
    # Nobody listens there: that is an answer too, and stops the payment.
    assert payee_checks.ask_payees(**arguments, port=port) == payee_checks.Asked(1, 0)
    assert PayeeCheck.objects.get().answer == "not_possible"
    expect_refusal(
        "not_allowed", None, payee_checks.ask_payees, **arguments | {"actor": desk.world.case_worker}
    )


def test_the_batch_that_was_shown_leaves_out_who_is_not_matched(desk: Desk) -> None:
    good, bad = (desk.claim(desk.booking(provider=provider)) for provider in desk.providers[:2])
    ask(desk, Answers(), at_once=1)
    ask(desk, Answers("no_match"))
    seen = plan_batch(desk.world.scheme, actor=desk.world.second_payer).seen
    arguments: dict[str, Any] = {"actor": desk.world.second_payer, "scheme": desk.world.scheme}
    batch = batch_orders.create_planned_batch(**arguments, value_date=None, seen=seen)
    assert [payment.claim_id for payment in batch.payments.all()] == [good.pk]
    assert plan(desk) == {bad.pk: "payee_no_match"}
    with pytest.raises(DomainError, match="payee_no_match"):
        batches.create_batch(**arguments)


def test_a_dry_run_asks_the_database_as_often_for_many_accounts(desk: Desk) -> None:
    def make(count: int) -> None:
        for _ in range(count):
            desk.claim(desk.booking())
        ask(desk, Answers())

    assert_queries_constant(make, lambda: plan_batch(desk.world.scheme, actor=desk.world.second_payer), n=2)
