"""What the agency reads to decide a dispute or an alarm: who signed in, from what, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import QuerySet

from accounts.models import AccountAlarm, Message, SignIn, User
from funding.models import Booking, BookingState
from funding.selectors.scope import of_people

SIGN_INS = 20
AROUND = timedelta(days=30)


def open_disputes() -> QuerySet[Booking]:
    """Disputed bookings, the oldest dispute first."""
    found = Booking.objects.filter(state=BookingState.DISPUTED)
    related = ("account__citizen__user", "account__scheme", "credential", "provider", "consent__sign_in")
    return found.select_related(*related).order_by("disputed_at", "pk")


def open_alarms(schemes: frozenset[int] | None = None) -> QuerySet[AccountAlarm]:
    """Alarms that nobody has closed, the oldest first; of people with an account in these schemes, or of anybody."""
    waiting = of_people(AccountAlarm.objects.filter(closed_at__isnull=True), "user", schemes)
    return waiting.select_related("user").order_by("raised_at", "pk")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Sign-ins around a moment, newest first, each with whether its device and network were known before.

    addresses: e-mail addresses of the user; changed: notices of changed contact data, with their times.
    """

    sign_ins: list[tuple[SignIn, bool, bool]]
    addresses: list[Any]
    changed: list[Message]


def evidence_about(user: User, moment: datetime) -> Evidence:
    """What is known of a user around that moment. Four queries, however much there is."""
    seen = SignIn.objects.filter(user=user, at__lte=moment + AROUND, at__gte=moment - AROUND)
    sign_ins = list(seen.order_by("-at", "-pk")[:SIGN_INS])
    firsts: dict[tuple[str, str], int] = {}
    history = (
        SignIn.objects.filter(user=user).order_by("at", "pk").values_list("pk", "device_hash", "ip_hash")
    )
    for pk, device, address in history:
        firsts.setdefault(("device", device), pk)
        firsts.setdefault(("network", address), pk)
    return Evidence(
        sign_ins=[
            (
                each,
                bool(each.device_hash) and firsts["device", each.device_hash] != each.pk,
                bool(each.ip_hash) and firsts["network", each.ip_hash] != each.pk,
            )
            for each in sign_ins
        ],
        addresses=list(EmailAddress.objects.filter(user=user).order_by("pk")),
        changed=list(
            Message.objects.filter(recipient=user, template="contact_changed").order_by("-created_at")[
                :SIGN_INS
            ]
        ),
    )
