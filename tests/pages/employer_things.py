"""An employer with an order, a list, a transfer nobody could place and a refund: what employers' pages speak of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from accounts.models import Employer
from accounts.services import employers
from funding.models import CardPayment, Fund, TopUp, TopUpDraft, TopUpReceipt, TopUpRefund
from funding.services import top_ups
from funding.services.top_ups import OrderLine
from funding.services.top_ups.lists import as_csv
from funding.services.top_ups.references import new_code
from ila.core import clock, fsm
from tests.funding.top_ups.support import IBAN, Transfer, siret_number, tell
from tests.pages.support import Scene
from tests.support.world import MONDAY


@dataclass
class EmployerThings:
    """What the addresses of employers speak of: all of it the scene's employer's."""

    employer: Employer
    order: TopUp
    paid: TopUp
    draft: TopUpDraft
    receipt: TopUpReceipt
    refund: TopUpRefund
    card_payment: CardPayment

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The arguments of each address."""
        organisation = {"public_id": self.employer.organisation.public_id}
        payment = {"public_id": self.card_payment.public_id}
        order, draft = {"public_id": self.order.public_id}, {"public_id": self.draft.public_id}
        account = {"account_id": self.order.lines.all()[0].account_id}
        names = ("employer", "employer_again", "employer_top_up_new", "employer_list_new", "employer_totals")
        return {
            **dict.fromkeys((*names, "employer_members", "agency_employer"), organisation),
            **dict.fromkeys(
                (
                    "employer_top_up",
                    "employer_top_up_code",
                    "employer_top_up_cancel",
                    "employer_top_up_refund",
                    "employer_top_up_card",
                    "employer_top_up_card_refund",
                ),
                order,
            ),
            **{
                f"employer_draft{each}": draft
                for each in ("", "_progress", "_faults", "_confirm", "_discard")
            },
            **dict.fromkeys(
                (
                    "card_payment",
                    "card_payment_open",
                    "card_payment_give_up",
                    "card_debt_pay",
                    "agency_card_payment",
                ),
                payment,
            ),
            "agency_receipt": {"receipt_id": self.receipt.pk},
            "agency_refund": {"public_id": self.refund.public_id},
            **dict.fromkeys(("top_up_reference_give", "top_up_reference_revoke", "payroll_number"), account),
            "payroll_number_revoke": {**account, "number": 1},
        }


def register(scene: Scene, *, name: str = "Ateliers du Rhône", verified: bool = True) -> Employer:
    """The scene's employer's person registers an organisation; the agency verifies it."""
    employer = employers.register_employer(
        actor=scene.employer,
        name=name,
        country="FR",
        number=siret_number(Employer.objects.count() + 7_000),
        contact_name="Alix Roux",
        contact_email="alix@example.org",
    )
    if verified:
        employers.decide_employer(actor=scene.case_worker, employer_id=employer.pk, verified=True)
        employer.refresh_from_db()
    return employer


def make_employer_things(scene: Scene) -> EmployerThings:
    """Everything that employers' pages show."""
    with clock.at(MONDAY):
        employer = register(scene)
        learner = scene.learner
        reference = top_ups.give_reference(actor=learner.user, account_id=learner.account.pk)

        def order(cents: int, **facts: Any) -> TopUp:
            return top_ups.order_top_up(
                actor=scene.employer,
                organisation=employer.organisation,
                scheme=scene.world.scheme,
                kind="voluntary",
                lines=[OrderLine(learner.account.pk, cents)],
                **facts,
            )

        pending, paid = order(30_000), order(20_000, earmark="isced:06", ends_on=date(2027, 12, 31))
        tell(
            Transfer(21_000, paid.reference, iban=IBAN),
            Transfer(7_700, note="Formation de Camille", payer="Boulangerie Petit"),
        )
        top_ups.allocate_waiting()
        paid.refresh_from_db()
        # Begun while cards were taken, and not opened at Stripe: no network here.
        card_payment = CardPayment(
            scheme=pending.scheme,
            top_up=pending,
            payer=scene.employer,
            fund=Fund.EMPLOYER,
            amount_cents=30_000,
            currency=pending.currency,
            expires_at=clock.now() + timedelta(hours=12),
        )
        fsm.start(card_payment, actor=scene.employer)
        refund = top_ups.request_refund(actor=scene.employer, top_up_id=paid.pk, iban=IBAN)
        draft = top_ups.request_draft(
            actor=scene.employer,
            organisation=employer.organisation,
            scheme=scene.world.scheme,
            kind="voluntary",
            earmark="",
            ends_on=None,
            name="employees-may.csv",
            content=as_csv([(reference.shown, "300.00"), (new_code(), "300.00"), ("=1+1", "1")]),
        )
        top_ups.check_draft(draft_id=draft.pk)
        draft.refresh_from_db()
    receipt = TopUpReceipt.objects.get(top_up__isnull=True)
    return EmployerThings(employer, pending, paid, draft, receipt, refund, card_payment)
