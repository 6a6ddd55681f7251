"""Providers who are paid through Stripe: their claims, and what becomes of their transfers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.test import Client

from catalogue.models import ConnectedAccount, Provider
from catalogue.services import connected_accounts
from funding.banking.simulator import SimulatedBank
from funding.models import Payment, PaymentBatch, Rail, StripeEvent
from funding.services import batch_orders, batches, card_events
from tests.funding.settlement.desk import Desk
from tests.support.fake_stripe.process import FakeStripe

BACK = "https://ila.example/back/"


@dataclass
class House:
    """A desk whose providers are paid at Stripe. Use inside a database fixture, with the fake Stripe."""

    stripe: FakeStripe
    desk: Desk

    @classmethod
    def build(cls, stripe: FakeStripe, world: Any) -> House:
        desk = Desk(world, cast("SimulatedBank", None), stripe.hand, [world.provider])  # type: ignore[arg-type]
        stripe.tick()
        stripe.act("fund", amount=100_000_000)
        return cls(stripe, desk)

    def connected(self, provider: Provider, *, name: str | None = None) -> str:
        """The provider's account at Stripe, opened and set up there. Returns its id."""
        actor = self.desk.world.user_of(provider)
        connected_accounts.set_up(actor=actor, provider_id=provider.pk, back=BACK, again=BACK)
        account = ConnectedAccount.objects.get(provider=provider).account_id
        assert account is not None
        assert provider.organisation is not None
        self.stripe.act("set_up", account=account, name=name or provider.organisation.name)
        connected_accounts.look(provider_id=provider.pk)
        return account

    def paid_there(self, provider: Provider) -> str:
        """The same, as the account in force: what people had to do for that is tested by itself."""
        account = self.connected(provider)
        provider.iban = account
        provider.save(update_fields=["iban"])
        return account

    def batch(self, *claims: Any) -> PaymentBatch:
        """An approved batch for Stripe."""
        world = self.desk.world
        ids = [claim.pk for claim in claims] or None
        batch = batches.create_batch(
            actor=world.second_payer, scheme=world.scheme, claim_ids=ids, rail=Rail.STRIPE
        )
        return batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)

    def send(self, batch: PaymentBatch) -> None:
        batch_orders.export_and_send(actor=self.desk.world.third_payer, batch_id=batch.pk)

    def paid(self) -> tuple[Payment, str]:
        """A payment that was executed, and its transfer's id."""
        claim = self.desk.claim(self.desk.booking())
        self.send(self.batch(claim))
        payment = Payment.objects.get(claim=claim)
        assert payment.outcome == "executed"
        return payment, self.stripe.act("objects", kind="transfer")[0]["id"]

    def tell(self) -> None:
        """Every webhook so far that was not told yet, worked on."""
        told = set(StripeEvent.objects.values_list("event_id", flat=True))
        for webhook in self.stripe.webhooks():
            if webhook["id"] not in told:
                answer = Client().post(
                    "/stripe/webhook/",
                    webhook["body"],
                    content_type="application/json",
                    headers={"stripe-signature": webhook["header"]},
                )
                assert answer.status_code == 200
        for pk in (
            StripeEvent.objects.filter(done_at__isnull=True).order_by("pk").values_list("pk", flat=True)
        ):
            card_events.process_event(event_id=pk)
