"""What the sign-in library says of changed addresses, heard and told on."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_added, email_changed, email_removed

from accounts.models import User
from accounts.services.contact import tell_contact_changed


def connect() -> None:
    """Listen to every way in which an address changes."""
    email_changed.connect(_changed, dispatch_uid="accounts.email_changed")
    email_added.connect(_touched, dispatch_uid="accounts.email_added")
    email_removed.connect(_touched, dispatch_uid="accounts.email_removed")


def _changed(
    user: User, to_email_address: EmailAddress, from_email_address: EmailAddress | None = None, **_kwargs: Any
) -> None:
    earlier = from_email_address.email if from_email_address is not None else ""
    tell_contact_changed(user=user, addresses=[earlier, to_email_address.email])


def _touched(user: User, **_kwargs: Any) -> None:
    # Whoever added or took away an address in somebody's name knows that one: their own hears of it.
    tell_contact_changed(user=user, addresses=[user.email])
