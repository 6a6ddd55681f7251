"""Which account is paid into: the one in force on the day, never one that may still be objected to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from catalogue.models import AccountChange, Provider
from catalogue.services import account_changes
from funding.models import Payment
from funding.services import batches, holds
from ila.core import clock
from tests.factories.accounts import MembershipFactory
from tests.funding.settlement.desk import IBANS, Desk

NEW = "FR7630006000011234567890189"


@pytest.fixture(autouse=True)
def ground(settings: Any) -> None:
    settings.STAND_IN_PAYEES = True


def approved(desk: Desk) -> AccountChange:
    provider = desk.providers[0]
    first = desk.world.user_of(provider)
    second = MembershipFactory.create(organisation=provider.organisation, role="staff").user
    change = account_changes.ask(actor=first, provider_id=provider.pk, iban=NEW, holder="Provider")
    account_changes.confirm(actor=second, change_id=change.pk)
    return account_changes.approve(actor=desk.world.case_worker, change_id=change.pk)


def paid_into(desk: Desk, claim: Any) -> str:
    desk.batch(claim)
    return Payment.objects.get(claim=claim).iban


def test_nobody_is_paid_into_a_new_account_before_the_time_to_object_is_over(desk: Desk) -> None:
    claims = [desk.claim(desk.booking()) for _ in range(4)]
    change = approved(desk)
    assert change.cooling_until is not None
    assert paid_into(desk, claims[0]) == IBANS[0]
    desk.hand.move(change.cooling_until - timedelta(seconds=1))
    assert paid_into(desk, claims[1]) == IBANS[0]
    # No job has run: whoever pays puts into force what is due.
    desk.hand.move(change.cooling_until)
    assert paid_into(desk, claims[2]) == NEW
    assert Provider.objects.get(pk=change.provider_id).iban == NEW
    # What was under way goes where it was going.
    assert Payment.objects.get(claim=claims[0]).iban == IBANS[0]
    assert paid_into(desk, claims[3]) == NEW


def test_a_payment_under_way_that_comes_back_is_paid_into_the_account_in_force_then(desk: Desk) -> None:
    claim = desk.claim(desk.booking())
    change = approved(desk)
    batch = desk.batch(claim)
    assert b"NL91" not in desk.export(batch)
    assert change.cooling_until is not None
    desk.hand.move(change.cooling_until)
    account_changes.put_due_into_force()
    assert Payment.objects.get(claim=claim).iban == IBANS[0]


def test_an_objection_keeps_the_account(desk: Desk) -> None:
    claim = desk.claim(desk.booking())
    change = approved(desk)
    account_changes.object_by_link(token=account_changes.link_of(change))
    desk.hand.move(clock.now() + timedelta(days=30))
    assert paid_into(desk, claim) == IBANS[0]


def test_a_hold_on_the_old_account_is_not_left_behind(desk: Desk) -> None:
    claim = desk.claim(desk.booking())
    holds.place_hold(
        owner=desk.world.case_worker,
        iban=IBANS[0],
        reason="suspected",
        until=clock.now() + timedelta(days=60),
    )
    change = approved(desk)
    assert change.cooling_until is not None
    desk.hand.move(change.cooling_until)
    account_changes.put_due_into_force()
    _ready, left_out = batches.sort_payable([claim], actor=desk.world.second_payer)
    assert [one.code for one in left_out] == ["on_hold"]
