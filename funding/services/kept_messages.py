"""Messages of banks and of Stripe, kept as they came before anything is made of them."""

import hashlib

from django.db import transaction

from funding.models import BankMessage
from ila.core import clock


@transaction.atomic
def store_message(*, content: bytes, note_repeats: bool = True) -> tuple[BankMessage, bool]:
    """Keep a file of the bank byte for byte; the same bytes are kept once. Returns it, and whether it is new.

    That the bank sent the same file again is noted with it.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    message, created = BankMessage.objects.get_or_create(
        sha256=sha256, defaults={"content": content, "received_at": clock.now()}
    )
    if not created and note_repeats:
        (message,) = BankMessage.objects.filter(pk=message.pk).select_for_update()
        repeats = [*message.detail.get("received_again", []), clock.now().isoformat()]
        message.detail = {**message.detail, "received_again": repeats[-20:]}
        message.save(update_fields=["detail"])
    return message, created
