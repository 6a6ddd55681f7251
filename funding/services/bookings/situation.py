"""What an acceptance looks at: two round trips of queries that are put together once per process.

Nowhere else is this needed; the other walks read through `context`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import DateField, DateTimeField, Exists, OuterRef, Q, Value
from django.db.models.query import QuerySet

from accounts.models import User
from accounts.services import alarms
from catalogue.models import Accreditation, AccreditationState
from catalogue.selectors import accreditation
from funding.models import Booking, BookingLog, Lot, SchemeVersion
from funding.schemes.facts import LotFacts
from funding.services import holds
from funding.services.bookings.context import RELATED, calendar_of
from ila.core import locks
from ila.core.batch import Batch
from ila.core.errors import DomainError
from ila.core.prepared import Param, Prepared

NOW = Param("now", DateTimeField())
PROVIDER_DAY = Param("provider_day", DateField())
SCHEME_DAY = Param("scheme_day", DateField())


def _holds() -> QuerySet[Any]:
    scope = (
        Q(booking=OuterRef("pk")) | Q(session=OuterRef("session_id")) | Q(provider=OuterRef("provider_id"))
    )
    return holds.open_holds(NOW).filter(scope).annotate(one=Value(1)).values("one")


def _guards() -> QuerySet[Booking, Any]:
    """Provider accredited, credential accredited, on hold; whether the learner's account is under an alarm."""
    standing = accreditation.standing(NOW, PROVIDER_DAY)
    return Booking.objects.filter(pk=Param("booking")).values_list(
        Exists(standing.filter(provider=OuterRef("provider_id"))),
        Exists(standing.filter(micro_credential=OuterRef("credential_id"))),
        Exists(_holds()),
        Exists(alarms.unconfirmed(OuterRef("account__citizen__user_id"))),
    )


def _lots() -> QuerySet[Lot, Any]:
    """The account's lots with money in them, oldest first."""
    lots = Lot.objects.filter(account=Param("account"), available_cents__gt=0).order_by("pk")
    return lots.values_list("pk", "source", "available_cents", "expires_on", "earmark")


def _version() -> QuerySet[SchemeVersion]:
    versions = SchemeVersion.objects.filter(scheme=Param("scheme"), valid_from__lte=SCHEME_DAY)
    return versions.exclude(valid_until__lte=SCHEME_DAY).order_by("-valid_from")[:1]


BOOKING = Prepared(lambda: Booking.objects.select_related(*RELATED).filter(pk=Param("booking")))
EARLIER = Prepared(lambda: BookingLog.objects.filter(actor=Param("actor"), idempotency_key=Param("key")))
GUARDS: Prepared[tuple[bool, bool, bool, bool]] = Prepared(_guards)
VERSION = Prepared(_version)
LOTS: Prepared[tuple[int, str, int, date | None, str]] = Prepared(_lots)


SHARE_ACCREDITATIONS = f"""
SELECT accreditation.id FROM {Accreditation._meta.db_table} AS accreditation
  JOIN {Booking._meta.db_table} AS booking
    ON booking.provider_id = accreditation.provider_id OR booking.credential_id = accreditation.micro_credential_id
 WHERE booking.id = %s AND accreditation.state = '{AccreditationState.ACCREDITED}'
 ORDER BY accreditation.id FOR SHARE OF accreditation
"""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the database says once the rows are locked."""

    version: SchemeVersion | None
    accredited: bool
    on_hold: bool
    alarm: bool
    lots: tuple[LotFacts, ...]


def lock_booking(booking_id: int, actor: User, key: str | None) -> tuple[Booking, BookingLog | None]:
    """The booking with all it belongs to, locked for its acceptance, and what the same key did before.

    Locks: learning account → micro-credential, accreditations, session (all shared) → booking →
    consent. Raises: DomainError `not_found` (404).
    """
    batch = Batch()
    batch.lock(
        locks.lock_through(Booking, booking_id, "account"),
        # A suspension waits for the acceptances under way, so that each of them came before it.
        locks.lock_through(Booking, booking_id, "credential", share=True),
    )
    batch.add(SHARE_ACCREDITATIONS, [booking_id])
    batch.lock(
        locks.lock_through(Booking, booking_id, "session", share=True),
        locks.lock(Booking, booking_id),
        locks.lock_through(Booking, booking_id, "consent"),
    )
    found = batch.fetch(BOOKING, booking=booking_id)
    earlier = None if key is None else batch.fetch(EARLIER, actor=actor.pk, key=key)
    batch.send()
    booking = found.first
    if booking is None:
        raise DomainError("not_found", status=404, kind="booking")
    for row in (booking.account, booking.session, booking, booking.consent):
        if row is not None:
            locks.mark_locked(row)
    return booking, None if earlier is None else earlier.first


def read_situation(booking: Booking, now: datetime) -> Situation:
    """What decides whether a locked booking may be accepted now."""
    scheme = booking.account.scheme
    batch = Batch()
    versions = batch.fetch(VERSION, scheme=scheme.pk, scheme_day=calendar_of(scheme).local_date(now))
    provider_day = booking.provider.local_date(now)
    guards = batch.fetch(GUARDS, booking=booking.pk, now=now, provider_day=provider_day)
    lots = batch.fetch(LOTS, account=booking.account_id)
    batch.send()
    version = versions.first
    provider_ok, credential_ok, on_hold, alarm = guards.rows[0]
    accredited = version is not None and accreditation.satisfied(
        version.parsed.accreditation, provider=provider_ok, credential=credential_ok
    )
    return Situation(version, accredited, on_hold, alarm, facts_of_lots(lots.rows))


def facts_of_lots(rows: Iterable[tuple[int, str, int, date | None, str]]) -> tuple[LotFacts, ...]:
    """Lots as the rules look at them."""
    return tuple(
        LotFacts(id=pk, source=source, available_cents=cents, expires=expires, earmark=earmark or None)
        for pk, source, cents, expires, earmark in rows
    )
