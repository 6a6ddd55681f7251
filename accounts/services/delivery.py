"""Sending the messages that wait: each once, oldest first; what fails stays and is tried again."""

from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import translation

from accounts.models import Message, User
from accounts.services import memberships, not_me
from ila.core import clock

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 10


def send_waiting(*, limit: int = 500) -> int:
    """Send up to `limit` waiting messages. Returns how many went out.

    Several workers share the work: a message that one has in hand is passed over by the others. A message
    goes out at least once: a worker killed between the sending and its note of it leaves it to be sent again.
    """
    sent = 0
    for _ in range(limit):
        with transaction.atomic():
            message = _next()
            if message is None:
                return sent
            message.attempts += 1
            try:
                _send(message)
            except OSError as error:
                # The mail server is away: the kind of error is logged, never an address.
                log.warning("message_not_sent", message=message.pk, error=type(error).__name__)
                message.save(update_fields=["attempts"])
                return sent
            message.sent_at = clock.now()
            message.save(update_fields=["attempts", "sent_at"])
        sent += 1
    return sent


# Mails that are worth nothing once they were answered: a link for one use, and nothing else.
NO_LETTER = frozenset({"team_invited"})


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it can be read again, without the links that were for one use."""

    message: Message
    subject: str
    body: str


def letter_of(message: Message) -> Letter:
    """What was written to somebody, in the language that is active."""
    context = {**message.context, "not_me_token": "", "invitation_token": "", "recipient": message.recipient}
    subject, body = _words(message, {**context, "site": settings.SITE_ADDRESS})
    return Letter(message, subject, body)


def letters_to(user: User) -> QuerySet[Message]:
    """The mails that went out to somebody and can be read again, the latest first."""
    sent = Message.objects.filter(recipient=user, sent_at__isnull=False).exclude(template__in=NO_LETTER)
    return sent.select_related("recipient").order_by("-sent_at", "-pk")


def _words(message: Message, context: dict[str, Any]) -> tuple[str, str]:
    text = render_to_string(f"email/{message.template}.txt", context)
    subject, _, body = text.partition("\n")
    return subject.strip(), body.strip()


def _next() -> Message | None:
    waiting = Message.objects.filter(sent_at__isnull=True, attempts__lt=MAX_ATTEMPTS)
    return (
        waiting.select_related("recipient")
        .order_by("attempts", "created_at", "pk")
        .select_for_update(of=("self",), skip_locked=True)
        .first()
    )


def _send(message: Message) -> None:
    with translation.override(message.recipient.language):
        context = {
            **message.context,
            "not_me_token": not_me.mint(message),
            "invitation_token": memberships.link_for(message),
            "recipient": message.recipient,
            "site": settings.SITE_ADDRESS,
        }
        subject, body = _words(message, context)
        to = message.address or message.recipient.email
        mail = EmailMultiAlternatives(subject, f"{body}\n", to=[to])
        html = render_to_string("email/frame.html", {**context, "subject": subject, "body": body})
        mail.attach_alternative(html, "text/html")
        mail.send()
