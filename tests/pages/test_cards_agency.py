"""The agency's pages of cards, the provider's of Stripe, and the days at Stripe: what they say, and to whom."""

from __future__ import annotations

from typing import Any

import pytest

from funding.models import CardPayment, PayerDebt, RefusedWebhook, StripeEvent
from funding.services import transfers
from ila.core import clock
from ila.core.money import format_cents
from tests.funding.cards.conftest import fake, stripe_process, till
from tests.funding.cards.support import Till
from tests.pages.support import signed_in
from tests.pages.test_bookings import text_of
from tests.support.fake_stripe.process import FakeStripe
from tests.support.queries import captured_queries
from tests.support.world import World

pytestmark = pytest.mark.django_db
__all__ = ["fake", "stripe_process", "till"]


def taken_back(till: Till) -> CardPayment:
    _booking, payment = till.booked(till.world.make_learner())
    dispute = till.stripe.act("dispute", intent=payment.intent_id)
    till.stripe.act("close_dispute", dispute=dispute["id"], won=False)
    till.tell_all()
    payment.refresh_from_db()
    return payment


def test_debts_disputes_and_refused_messages_are_shown_to_who_pays(till: Till) -> None:
    client = signed_in(till.world.payer)
    assert "No payer owes anything." in client.get("/agency/cards/").content.decode()
    payment = taken_back(till)
    RefusedWebhook.objects.create(day=clock.now().date(), reason="bad_signature", times=3)
    page = client.get("/agency/cards/").content.decode()
    debt = PayerDebt.objects.get()
    assert debt.shown_reference in page
    assert "3 messages" in page
    # What was kept and changed nothing is named as well.
    for number, finding in enumerate(("unknown_type", "unknown_type", "not_ours")):
        StripeEvent.objects.create(
            event_id=f"evt_{number}",
            kind="customer.created",
            object_id="cus_1",
            created_at=clock.now(),
            told_by="webhook",
            done_at=clock.now(),
            finding=finding,
        )
    page = text_of(client.get("/agency/cards/").content)
    assert "customer.created : Nothing is done with this kind, 2 messages" in page
    assert "It is about no payment of this platform" in page
    detail = client.get(f"/agency/cards/{payment.public_id}/").content.decode()
    assert debt.shown_reference in detail
    assert "charge.dispute.created" in detail
    home = client.get("/agency/").content.decode()
    assert "Card payments that wait for a person" in home


def test_queries_do_not_grow_with_the_debts(till: Till) -> None:
    client = signed_in(till.world.payer)
    counts = []
    for _ in range(2):
        taken_back(till)
        with captured_queries() as queries:
            assert client.get("/agency/cards/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_who_owes_sees_how_to_pay(till: Till) -> None:
    payment = taken_back(till)
    client = signed_in(payment.payer)
    page = client.get(f"/payments/{payment.public_id}/").content.decode()
    assert payment.debt.shown_reference in page
    answer = client.post(f"/payments/{payment.public_id}/repay/")
    repayment = CardPayment.objects.get(repays=payment.debt)
    assert answer["Location"] == f"/payments/{repayment.public_id}/"
    page = client.get(answer["Location"]).content.decode()
    assert "What is owed" in page
    assert "https://checkout.example/" in page
    stranger = signed_in(till.firm.manager)
    assert stranger.post(f"/payments/{payment.public_id}/repay/").status_code == 404


def test_an_employer_and_the_agency_read_what_a_charge_back_left_owed(till: Till) -> None:
    order, payment = till.paid_order(30_000)
    till.world.accepted(till.firm.employees[0], till.world.make_session(price_cents=30_000))
    dispute = till.stripe.act("dispute", intent=payment.intent_id)
    till.stripe.act("close_dispute", dispute=dispute["id"], won=False)
    till.tell_all()
    owed = format_cents(PayerDebt.objects.get().owed_cents, "EUR", "en")
    manager = signed_in(till.firm.manager)
    answer = manager.get(f"/employer/top-ups/{order.public_id}/")
    assert f"{owed} is owed" in text_of(answer.content)
    assert f"/payments/{payment.public_id}/" in answer.content.decode()
    organisation = order.organisation.public_id
    for client, address in (
        (manager, f"/employer/{organisation}/"),
        (signed_in(till.world.case_worker), f"/agency/employers/{organisation}/"),
    ):
        shown = text_of(client.get(address).content)
        assert f"Owed: taken back by the bank after it was spent {owed}" in shown


def test_days_at_stripe_stand_beside_the_banks_and_are_explained_by_an_owner(till: Till) -> None:
    taken_back(till)
    transfers.keep_movements()
    till.stripe.act("fund_by_hand", amount=-700)
    transfers.keep_movements()
    client = signed_in(till.world.payer)
    page = client.get("/agency/reconciliation/").content.decode()
    assert "Stripe and books by day" in page
    address = f"/agency/reconciliation/stripe/{clock.now().date().isoformat()}/EUR/"
    assert address in page
    assert "adjustment" in client.get(address).content.decode()
    note = {"owner": till.world.payer.pk, "note": "Stripe corrected a fee", "explained": "on"}
    assert client.post(address, note).status_code == 302
    assert "Explained" in client.get(address).content.decode()
    assert "cards" in client.get("/agency/reconciliation/days.csv").content.decode()


def test_a_provider_opens_an_account_at_stripe_and_asks_for_it(fake: FakeStripe, settings: Any) -> None:
    world = World()
    provider = world.provider
    client = signed_in(world.provider_user)
    address = f"/provider/{provider.pk}/account/stripe/"
    assert client.get(address).status_code == 404
    settings.STRIPE_CONNECT = True
    assert address in client.get(f"/provider/{provider.pk}/account/").content.decode()
    assert "Not opened yet." in client.get(address).content.decode()
    page = client.post(address, {"act": "set_up"}).content.decode()
    assert "https://connect.example/setup/" in page
    assert client.post(address, {"act": "ask"}).status_code == 422
    (account,) = fake.act("objects", kind="account")
    assert provider.organisation is not None
    fake.act("set_up", account=account["id"], name=provider.organisation.name)
    assert "Set up: Stripe can pay out" in client.get(address).content.decode()
    assert client.post(address, {"act": "ask"}).status_code == 302
    page = client.get(f"/provider/{provider.pk}/account/").content.decode()
    assert "Stripe ••••" in page
    assert "A change of account is under way already." in client.get(address).content.decode()
    stranger = signed_in(world.user_of(world.make_provider()))
    assert stranger.get(address).status_code == 404
