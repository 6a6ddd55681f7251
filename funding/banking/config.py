"""Which account pays, and how its bank is reached: read from the settings, which read the environment."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from funding.banking.folder import FolderBank
from funding.banking.http import HttpBank
from funding.banking.pain001 import Party
from funding.banking.port import BankPort
from ila.core.errors import DomainError


def paying_party() -> Party:
    """Whose account pays. Raises: DomainError `bank_not_configured` without an account."""
    if not settings.BANK_ACCOUNT_IBAN:
        raise DomainError("bank_not_configured", status=503, missing="BANK_ACCOUNT_IBAN")
    return Party(
        name=settings.BANK_ACCOUNT_NAME,
        iban=settings.BANK_ACCOUNT_IBAN,
        bic=settings.BANK_ACCOUNT_BIC,
        town=settings.BANK_ACCOUNT_TOWN,
        country=settings.BANK_ACCOUNT_COUNTRY,
    )


def bank_is_configured() -> bool:
    """Whether there is a way to the bank."""
    return bool(settings.BANK_ADDRESS or (settings.BANK_OUTBOX and settings.BANK_INBOX))


def open_bank() -> BankPort:
    """The way to the bank: an address, or the two folders of a transfer client.

    Raises: DomainError `bank_not_configured`.
    """
    if settings.BANK_ADDRESS:
        return HttpBank(
            settings.BANK_ADDRESS, credentials=settings.BANK_CREDENTIALS, timeout=settings.BANK_TIMEOUT
        )
    if settings.BANK_OUTBOX and settings.BANK_INBOX:
        return FolderBank(Path(settings.BANK_OUTBOX), Path(settings.BANK_INBOX))
    raise DomainError(
        "bank_not_configured", status=503, missing="BANK_ADDRESS, or BANK_OUTBOX and BANK_INBOX"
    )
