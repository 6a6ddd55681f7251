"""By which rail a batch's payments travel: files to a bank, or transfers at Stripe; one port for both."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q

from catalogue.connect import is_connected_account
from funding.banking.config import bank_is_configured, open_bank
from funding.banking.port import BankPort
from funding.cards.config import cards_are_taken
from funding.cards.transfers import ConnectRail, StripeTransfers
from funding.models import BatchState, PaymentBatch, Rail
from ila.core.errors import DomainError

OPEN = (BatchState.EXPORTED, BatchState.ACKNOWLEDGED, BatchState.PARTLY_REJECTED)
# Learners name accounts at banks alone; only a provider's account in force can be one at Stripe.
AT_STRIPE = Q(payee_iban="", provider__iban__startswith="acct_")


def rail_of(account: str) -> Rail:
    """The rail by which an account is reached."""
    return Rail.STRIPE if is_connected_account(account) else Rail.SEPA


def payable_by(rail: str) -> Q:
    """The claims whose payee is paid by that rail."""
    return AT_STRIPE if rail == Rail.STRIPE else ~AT_STRIPE


def rail_is_configured(rail: str) -> bool:
    """Whether there is a way for files of that rail."""
    return cards_are_taken() if rail == Rail.STRIPE else bank_is_configured()


def open_rail(rail: str) -> BankPort:
    """The way of that rail. Raises: DomainError `bank_not_configured`, `cards_not_configured`."""
    if rail != Rail.STRIPE:
        return open_bank()
    groups = PaymentBatch.objects.filter(rail=Rail.STRIPE, state__in=OPEN, file__isnull=False).order_by("pk")
    return ConnectRail(open_transfers(), groups=list(groups.values_list("msg_id", flat=True)))


def open_transfers() -> StripeTransfers:
    """Transfers and our balance at Stripe. Raises: DomainError `cards_not_configured`."""
    if not settings.STRIPE_SECRET_KEY:
        raise DomainError("cards_not_configured", status=503, missing="STRIPE_SECRET_KEY")
    return StripeTransfers(
        settings.STRIPE_SECRET_KEY, address=settings.STRIPE_ADDRESS, timeout=settings.STRIPE_TIMEOUT
    )
