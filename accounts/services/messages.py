"""Messages to people, written in the transaction that causes them; a job sends them after it (accounts/tasks.py)."""

from typing import Any

from accounts.models import Message, NotMeKind, User
from accounts.services import topics
from ila.core import clock


def draft(*, recipient: User | None, template: str, address: str = "", **context: Any) -> list[Message]:
    """The unsaved message, or nothing where nobody is to be written to. address: the recipient's own unless told."""
    if recipient is None or recipient.is_service or topics.is_muted(recipient, template):
        return []
    return [
        Message(
            recipient=recipient, address=address, template=template, context=context, created_at=clock.now()
        )
    ]


def queue(*, recipient: User | None, template: str, address: str = "", **context: Any) -> None:
    """Write the message down, to be sent when the open transaction is done."""
    Message.objects.bulk_create(draft(recipient=recipient, template=template, address=address, **context))


def not_me(kind: NotMeKind, reference: str = "") -> dict[str, Any]:
    """What makes a message carry a "this wasn't me" link, which is minted as it is sent."""
    return {"not_me": {"kind": str(kind), "reference": reference}}
