"""Alarms: somebody says that what happened on their account was not them. It is closed to everybody, then looked at."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import AccountAlarm, NotMeLink, SignIn, User
from accounts.permissions import may_close_alarms
from accounts.services import messages
from accounts.services.consents import is_fresh
from ila.core import clock
from ila.core.errors import DomainError

MAX_REASON = 500


def unconfirmed(user: Any) -> QuerySet[AccountAlarm]:
    """Alarms that keep anything from being booked in this user's name. user: an id, or an expression of one."""
    return AccountAlarm.objects.filter(user=user, confirmed_at__isnull=True)


@transaction.atomic
def raise_alarm(*, link: NotMeLink) -> AccountAlarm:
    """Close an account at the word of its owner: all sessions end, its password is void, nothing can be booked.

    The link is used up by the caller, in the same transaction. The owner is told. Locks: the user.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=link.user_id)
    # A session is bound to the password as it is kept: with another one, every session has ended.
    user.set_unusable_password()
    user.save(update_fields=["password"])
    alarm = AccountAlarm.objects.create(user=user, kind=link.kind, link=link, raised_at=clock.now())
    # To where the link went: the address of today may be that of who changed it.
    messages.queue(
        recipient=user, template="alarm_raised", address=link.message.address, alarm=str(alarm.public_id)
    )
    return alarm


@transaction.atomic
def confirm_account(*, actor: User, sign_in: SignIn | None) -> int:
    """The owner is back, under a fresh strong sign-in made after the alarm, and may book again (F-32).

    Returns how many alarms were confirmed. Raises: DomainError `consent_missing`, `weak_identity`,
    `sign_in_too_old`.
    """
    if sign_in is None or sign_in.user_id != actor.pk or actor.is_service or not actor.is_active:
        raise DomainError("consent_missing", status=403)
    if sign_in.assurance != "strong":
        raise DomainError("weak_identity", rule="F-32", status=403)
    now = clock.now()
    waiting = unconfirmed(actor.pk)
    if not is_fresh(sign_in, now) or waiting.filter(raised_at__gte=sign_in.at).exists():
        raise DomainError("sign_in_too_old", rule="F-32", status=403)
    return waiting.update(confirmed_at=now, confirmed_under=sign_in)


@transaction.atomic
def close_alarm(*, actor: User, alarm_id: int, upheld: bool, reason: str) -> AccountAlarm:
    """A person of the agency has looked at an alarm: it was somebody else, or it was not. The owner is told.

    Locks: the alarm. Raises: DomainError `not_allowed`, `incomplete` without a reason, `not_found` (404).
    """
    if not may_close_alarms(actor):
        raise DomainError("not_allowed", status=403, what="close_alarm")
    alarm = AccountAlarm.objects.select_for_update().filter(pk=alarm_id).first()
    if alarm is None:
        raise DomainError("not_found", status=404, kind="accountalarm")
    if alarm.closed_at is not None or alarm.user_id == actor.pk:
        raise DomainError("not_allowed", status=409, alarm=str(alarm.public_id))
    if not reason.strip() or len(reason) > MAX_REASON:
        raise DomainError("incomplete", status=422, what="reason")
    alarm.closed_at, alarm.closed_by = clock.now(), actor
    alarm.upheld, alarm.reason = upheld, reason.strip()
    alarm.save(update_fields=["closed_at", "closed_by", "upheld", "reason"])
    messages.queue(recipient=alarm.user, template="alarm_closed", alarm=str(alarm.public_id), upheld=upheld)
    return alarm
