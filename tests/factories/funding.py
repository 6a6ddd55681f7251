"""Schemes, budgets, learning accounts and what is credited to them."""

from datetime import date
from typing import Any

from factory.declarations import Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from accounts.services import service_users
from funding.models import Budget, LearningAccount, Lot, Scheme, fund_of
from funding.services import schemes
from tests.factories.accounts import CitizenFactory, UserFactory

PLENTY = 10**12


class SchemeFactory(DjangoModelFactory[Scheme]):
    """A scheme that ships: CPF unless told otherwise. One per code, however often it is asked for."""

    class Meta:
        model = Scheme

    code = "cpf"

    @classmethod
    def _create(cls, model_class: type[Scheme], *_args: Any, **kwargs: Any) -> Scheme:
        found = model_class.objects.filter(code=kwargs["code"]).first()
        return found or schemes.load_preset_scheme(
            code=kwargs["code"], author=UserFactory.create(), approver=UserFactory.create()
        )


class BudgetFactory(DjangoModelFactory[Budget]):
    """An appropriation, booked through the ledger."""

    class Meta:
        model = Budget

    class Params:
        empty = Trait(amount_cents=0)

    scheme = SubFactory(SchemeFactory)
    name = Sequence(lambda n: f"Budget {n}")
    amount_cents = PLENTY

    @classmethod
    def _create(cls, model_class: type[Budget], *_args: Any, **kwargs: Any) -> Budget:
        if not kwargs["amount_cents"]:
            return model_class.objects.create(
                scheme=kwargs["scheme"], name=kwargs["name"], currency=kwargs["scheme"].currency
            )
        return schemes.appropriate(
            scheme=kwargs["scheme"],
            budget_name=kwargs["name"],
            amount_cents=kwargs["amount_cents"],
            actor=service_users.get("ledger"),
            idempotency_key=f"appropriate:{kwargs['name']}",
        )


class LearningAccountFactory(DjangoModelFactory[LearningAccount]):
    """An account, empty."""

    class Meta:
        model = LearningAccount

    citizen = SubFactory(CitizenFactory)
    scheme = SubFactory(SchemeFactory)


class LotFactory(DjangoModelFactory[Lot]):
    """Rights of 5,000.00 on an account, credited through the ledger out of the scheme's first budget."""

    class Meta:
        model = Lot

    class Params:
        endowment = Trait(source="endowment", amount_cents=40_000)
        employer = Trait(source="employer", amount_cents=50_000)
        empty = Trait(amount_cents=0)

    account = SubFactory(LearningAccountFactory)
    source = "rights"
    amount_cents = 500_000
    expires_on: date | None = None
    earmark = ""
    idempotency_key = Sequence(lambda n: f"credit:{n}")

    @classmethod
    def _create(cls, model_class: type[Lot], *_args: Any, **kwargs: Any) -> Lot:
        account: LearningAccount = kwargs["account"]
        if not kwargs["amount_cents"]:
            return model_class.objects.create(
                account=account,
                source=kwargs["source"],
                fund=fund_of(kwargs["source"]),
                currency=account.scheme.currency,
                expires_on=kwargs["expires_on"],
                earmark=kwargs["earmark"],
            )
        if not account.scheme.budgets.exists():
            BudgetFactory.create(scheme=account.scheme)
        return schemes.credit(actor=service_users.get("ledger"), **kwargs)
