"""A refund paid by a transfer outside of the platform: noted by one person, confirmed by another (decision 213)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Role
from funding.audit import runner
from funding.models import Posting, TopUpRefund
from funding.selectors.agency_home import desk_of, waiting_for
from funding.services import top_ups
from funding.services.top_ups import refund_batches
from ila.core import clock
from tests.factories.accounts import MembershipFactory
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.top_ups.support import IBAN, Firm, check_books, repay
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Iterator[Firm]:
    with clock.at(MONDAY):
        firm = Firm()
        firm.pay(firm.order(30_000), 35_000)
        yield firm
        check_books()


def asked(firm: Firm) -> TopUpRefund:
    """The 50.00 that are too much."""
    order = firm.organisation.top_ups.get()
    return top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=IBAN)


def returned() -> int:
    return sum(Posting.objects.filter(bucket="returned").values_list("amount_cents", flat=True))


def noted(firm: Firm) -> TopUpRefund:
    refund = asked(firm)
    return top_ups.note_refund(actor=firm.world.payer, refund_id=refund.pk, bank_reference=" T1 ")


def test_nothing_moves_before_another_person_has_seen_the_transfer(firm: Firm) -> None:
    refund = noted(firm)
    assert (refund.state, refund.bank_reference, refund.noted_by) == ("noted", "T1", firm.world.payer)
    assert returned() == 0
    expect_refusal("not_allowed", None, top_ups.confirm_refund, actor=refund.noted_by, refund_id=refund.pk)
    expect_refusal("not_allowed", None, top_ups.confirm_refund, actor=firm.manager, refund_id=refund.pk)
    assert returned() == 0
    second = firm.world.second_payer
    paid = top_ups.confirm_refund(actor=second, refund_id=refund.pk)
    assert (paid.state, paid.confirmed_by, returned()) == ("paid", second, 5_000)
    expect_refusal(
        "not_allowed", None, top_ups.confirm_refund, actor=firm.world.third_payer, refund_id=refund.pk
    )
    assert returned() == 5_000


def test_who_asked_for_the_money_neither_notes_nor_confirms(firm: Firm) -> None:
    """A manager of the employer who is an officer of the agency as well."""
    agency = firm.world.payer.memberships.get().organisation
    MembershipFactory.create(user=firm.manager, organisation=agency, role=Role.PAYMENT_OFFICER)
    refund = asked(firm)
    given = {"actor": firm.manager, "refund_id": refund.pk}
    expect_refusal("not_allowed", None, top_ups.note_refund, **given, bank_reference="T1")
    top_ups.note_refund(actor=firm.world.payer, refund_id=refund.pk, bank_reference="T1")
    expect_refusal("not_allowed", None, top_ups.confirm_refund, **given)


def test_a_note_of_no_transfer_is_dropped_and_the_refund_waits_again(firm: Firm) -> None:
    refund = noted(firm)
    order = refund.top_up
    expect_refusal(
        "already_waiting", None, top_ups.request_refund, actor=firm.manager, top_up_id=order.pk, iban=IBAN
    )
    assert refund_batches.plan_refunds(firm.world.scheme).refunds == []
    expect_refusal(
        "incomplete", None, top_ups.drop_refund_note, actor=firm.world.payer, refund_id=refund.pk, reason=" "
    )
    top_ups.drop_refund_note(
        actor=firm.world.second_payer, refund_id=refund.pk, reason="not on the statement"
    )
    refund.refresh_from_db()
    assert (refund.state, refund.noted_by, refund.bank_reference) == ("requested", None, "")
    assert [each for each, _known in refund_batches.plan_refunds(firm.world.scheme).refunds] == [refund]
    assert returned() == 0


def test_it_waits_on_the_home_page_of_everybody_but_who_noted_it(firm: Firm) -> None:
    noted(firm)
    waits = {
        user: {
            count.number
            for count in waiting_for(desk_of(user))
            if "another person confirms" in str(count.kind.label)
        }
        for user in (firm.world.payer, firm.world.second_payer)
    }
    assert waits == {firm.world.payer: {0}, firm.world.second_payer: {1}}


def test_the_database_and_the_audit_ask_for_two_persons() -> None:
    with clock.at(MONDAY):
        firm = Firm()
        firm.pay(firm.order(30_000), 35_000)
        refund = asked(firm)
        repay(firm, refund)
        row = TopUpRefund.objects.filter(pk=refund.pk)
        with pytest.raises(IntegrityError, match="confirmed_by_another_person"), transaction.atomic():
            row.update(confirmed_by=firm.world.payer)
        with pytest.raises(IntegrityError, match="noted_is_paid_confirmed"), transaction.atomic():
            row.update(confirmed_by=None)
        for spoilt in (
            {"noted_by": firm.world.third_payer},
            {"noted_by": None, "noted_at": None, "confirmed_by": None},
            {
                "noted_by": firm.world.payer,
                "confirmed_by": firm.world.second_payer,
                "requested_by": firm.world.payer,
            },
        ):
            row.update(**spoilt)
            report = runner.run(only={7})
            assert {each.code for one in report.invariants for each in one.findings} == {
                "refund_paid_by_one_person"
            }
