"""The "this wasn't me" links of mails: minted as a mail is sent, kept as hashes, used once."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.models import Message, NotMeLink
from ila.core import clock
from ila.core.errors import DomainError


def mint(message: Message) -> str:
    """The token for a message that carries a link, and its hash written down; empty for any other message.

    A message that is sent again, because a worker was killed in between, carries the same token: both mails work.
    """
    wanted = message.context.get("not_me")
    if not wanted:
        return ""
    token = _token(message)
    NotMeLink.objects.get_or_create(
        message=message,
        defaults={
            "user": message.recipient,
            "kind": wanted["kind"],
            "reference": wanted["reference"],
            "token_hash": hash_of(token),
            "made_at": clock.now(),
            "expires_at": clock.now() + timedelta(days=settings.NOT_ME_LINK_DAYS),
        },
    )
    return token


def find(token: str) -> NotMeLink | None:
    """The link that a token opens, used or not, expired or not; None for any other token."""
    return NotMeLink.objects.select_related("user", "message").filter(token_hash=hash_of(token)).first()


def spend(link: NotMeLink) -> None:
    """Use a link up, inside the transaction that does what it says: of two at once, the second finds it used.

    Raises: DomainError `link_used` or `link_expired`.
    """
    now = clock.now()
    if NotMeLink.objects.filter(pk=link.pk, used_at__isnull=True, expires_at__gt=now).update(used_at=now):
        link.used_at = now
        return
    link.refresh_from_db(fields=["used_at"])
    raise DomainError("link_used" if link.used_at is not None else "link_expired", status=410)


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _token(message: Message) -> str:
    what = f"{message.pk}:{message.recipient_id}:{message.created_at.isoformat()}"
    digest = salted_hmac("ila.not-me", what, secret=settings.SECRET_KEY, algorithm="sha256").digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
