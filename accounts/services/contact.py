"""Telling people that their contact data were changed, where they were and where they are now."""

from collections.abc import Iterable

from django.db import transaction

from accounts.models import NotMeKind, User
from accounts.services import messages


@transaction.atomic
def tell_contact_changed(*, user: User, addresses: Iterable[str]) -> None:
    """One mail to each address, the earlier one first, with a link for who did not change anything."""
    for address in dict.fromkeys(address.lower() for address in addresses if address):
        messages.queue(
            recipient=user,
            template="contact_changed",
            address=address,
            **messages.not_me(NotMeKind.CONTACT),
        )
