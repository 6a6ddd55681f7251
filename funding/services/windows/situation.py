"""What an application looks at: two round trips of queries that are put together once per process."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, DateField, DateTimeField, Exists, Q, Value, When
from django.db.models.functions import Coalesce
from django.db.models.query import QuerySet

from accounts.models import Consent, User
from accounts.services import alarms
from catalogue.models import Accreditation, AccreditationState, MicroCredential, Provider, Session
from catalogue.selectors import accreditation
from funding.models import (
    Booking,
    BookingLog,
    BookingState,
    Budget,
    BudgetSlice,
    GrantCount,
    Hold,
    LearningAccount,
    Place,
    SchemeVersion,
    Window,
)
from funding.models.bookings import OPEN_STATES
from funding.services import holds
from funding.services.bookings import history
from funding.services.bookings.situation import VERSION
from ila.core import locks
from ila.core.batch import Answer, Batch
from ila.core.errors import DomainError
from ila.core.pipeline import Result
from ila.core.prepared import Param, Prepared

NOW = Param("now", DateTimeField())
PROVIDER_DAY = Param("provider_day", DateField())

# What a booking is to the next application: (of that session, still open or disputed), (counts as granted).
STANDS = Q(state__in=[*OPEN_STATES, BookingState.DISPUTED])


def _guards() -> QuerySet[Provider, Any]:
    """Provider accredited, credential accredited, the learner's account under an alarm."""
    standing = accreditation.standing(NOW, PROVIDER_DAY)
    return Provider.objects.filter(pk=Param("provider")).values_list(
        Exists(standing.filter(provider=Param("provider"))),
        Exists(standing.filter(micro_credential=Param("credential"))),
        Exists(alarms.unconfirmed(Param("user"))),
    )


def _holds() -> QuerySet[Hold]:
    concerned = holds.scopes(
        booking_id=None, session_id=Param("session"), provider_id=Param("provider"), iban=None
    )
    iban = Q(iban=Param("iban", CharField())) & ~Q(iban="")
    return holds.open_holds(NOW).filter(concerned | iban).order_by("pk")[:1]


def _earlier_bookings() -> QuerySet[Booking, Any]:
    """Of the account: the session, whether it stands, whether all went back, and when it was applied for or accepted.

    A grant counts for the year of its application, also where the money for it came in the next one (N-01).
    """
    return Booking.objects.filter(account=Param("account")).values_list(
        "session_id",
        Case(When(STANDS, then=Value(1)), default=Value(0)),
        Case(When(history.ALL_BACK, then=Value(1)), default=Value(0)),
        Coalesce("application__applied_at", "accepted_at"),
    )


ACCOUNT = Prepared(
    lambda: LearningAccount.objects.select_related("citizen__user", "scheme").filter(pk=Param("account"))
)
SESSION = Prepared(
    lambda: Session.objects.select_related("micro_credential__provider").filter(pk=Param("session"))
)
WINDOW = Prepared(
    lambda: Window.objects.select_related("scheme", "budget").filter(
        pk=Param("window"), scheme__learning_accounts=Param("account")
    )
)
PLACE = Prepared(
    lambda: Place.objects.filter(window=Param("window"), account=Param("account"), left_at__isnull=True)
)
EARLIER = Prepared(lambda: BookingLog.objects.filter(actor=Param("actor"), idempotency_key=Param("key")))
GUARDS: Prepared[tuple[bool, bool, bool]] = Prepared(_guards)
HOLDS: Prepared[Hold] = Prepared(_holds)
BOOKINGS: Prepared[tuple[int, int, int, datetime | None]] = Prepared(_earlier_bookings)
COUNT: Prepared[tuple[int]] = Prepared(
    lambda: GrantCount.objects.filter(
        scheme=Param("scheme"), credential=Param("credential"), year=Param("year")
    ).values_list("granted")
)

SHARE_ACCREDITATIONS = f"""
SELECT accreditation.id FROM {Accreditation._meta.db_table} AS accreditation
  JOIN {Session._meta.db_table} AS session ON session.id = %s
  JOIN {MicroCredential._meta.db_table} AS credential ON credential.id = session.micro_credential_id
 WHERE accreditation.state = '{AccreditationState.ACCREDITED}'
   AND (accreditation.provider_id = credential.provider_id OR accreditation.micro_credential_id = credential.id)
 ORDER BY accreditation.id FOR SHARE OF accreditation
"""

# The window's own budget first, then its further parts.
PARTS = f"""
SELECT budget.id, budget.available_cents
  FROM (SELECT budget_id, 0 AS position FROM {Window._meta.db_table} WHERE id = %s
        UNION ALL
        SELECT budget_id, position FROM {BudgetSlice._meta.db_table} WHERE window_id = %s) AS part
  JOIN {Budget._meta.db_table} AS budget ON budget.id = part.budget_id
 ORDER BY part.position
"""

NUMBERS = (
    f"SELECT nextval(pg_get_serial_sequence('{Booking._meta.db_table}', 'id')),"
    f" nextval(pg_get_serial_sequence('{Consent._meta.db_table}', 'id'))"
)

Part = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Locked:
    """The rows that an application locks, with what they belong to; the window and its budget are read only.

    parts: id and cents left of each part of the window's budget, the window's own first.
    """

    account: LearningAccount
    session: Session
    window: Window
    place: Place | None
    parts: tuple[Part, ...]
    earlier: BookingLog | None

    @property
    def credential(self) -> MicroCredential:
        return self.session.micro_credential

    @property
    def provider(self) -> Provider:
        return self.session.micro_credential.provider


@dataclass(frozen=True, slots=True)
class Situation:
    """What the database says once the rows are locked.

    granted: how many grants the programme has had this year; None when there is no counter yet.
    bookings: of the account: session, stands (0, 1), all went back (0, 1), accepted at.
    """

    version: SchemeVersion | None
    provider_accredited: bool
    credential_accredited: bool
    alarm: bool
    hold: Hold | None
    bookings: tuple[tuple[int, int, int, datetime | None], ...]
    granted: int | None
    booking_id: int
    consent_id: int

    def accredited(self, regime: str) -> bool:
        """Whether a scheme's regime is content."""
        return accreditation.satisfied(
            regime, provider=self.provider_accredited, credential=self.credential_accredited
        )

    def stands(self, session: Session) -> bool:
        """Whether the account has a booking of this session that goes on, or may yet."""
        return any(stands and session_id == session.pk for session_id, stands, _, _ in self.bookings)

    @property
    def waits(self) -> bool:
        """Whether a grant is kept for the account while its learner pays their own part."""
        return any(stands and at is None for _, stands, _, at in self.bookings)

    def granted_at(self, *, withdrawn_count: bool) -> list[datetime | None]:
        """When the grants were given that count."""
        return [at for _, _, all_back, at in self.bookings if withdrawn_count or not all_back]


def lock_application(
    *, actor: User, account_id: int, session_id: int, window_id: int, key: str | None
) -> Locked:
    """Lock and read what an application is about.

    Locks: learning account → micro-credential, accreditations, session (all shared).
    Raises: DomainError `not_found` (404) for what is not there or not the actor's own.
    """
    batch = Batch()
    batch.lock(
        locks.lock(LearningAccount, account_id),
        # A suspension waits for the applications under way, so that each of them came before it.
        locks.lock_through(Session, session_id, "micro_credential", share=True),
    )
    batch.add(SHARE_ACCREDITATIONS, [session_id])
    batch.lock(locks.lock(Session, session_id, share=True))
    accounts = batch.fetch(ACCOUNT, account=account_id)
    sessions = batch.fetch(SESSION, session=session_id)
    window = batch.fetch(WINDOW, window=window_id, account=account_id)
    places = batch.fetch(PLACE, window=window_id, account=account_id)
    earlier = None if key is None else batch.fetch(EARLIER, actor=actor.pk, key=key)
    parts = _rows(batch, PARTS, [window_id, window_id])
    batch.send()
    account, session = _found(accounts, "learningaccount"), _found(sessions, "session")
    if actor.is_service or not actor.is_active or account.citizen.user_id != actor.pk:
        raise DomainError("not_found", status=404, kind="learningaccount")
    one = _found(window, "window")
    account.scheme = one.scheme
    for row in (account, session):
        locks.mark_locked(row)
    return Locked(
        account, session, one, places.first, tuple(parts), None if earlier is None else earlier.first
    )


def read_situation(locked: Locked, now: datetime, *, day: Any) -> Situation:
    """What decides whether the application is granted. day: where the scheme is."""
    credential, provider, scheme = locked.credential, locked.provider, locked.window.scheme
    batch = Batch()
    versions = batch.fetch(VERSION, scheme=scheme.pk, scheme_day=day)
    provider_day = provider.local_date(now)
    guards = batch.fetch(
        GUARDS,
        provider=provider.pk,
        credential=credential.pk,
        user=locked.account.citizen.user_id,
        now=now,
        provider_day=provider_day,
    )
    held = batch.fetch(
        HOLDS, now=now, session=locked.session.pk, provider=provider.pk, iban=provider.iban or ""
    )
    bookings = batch.fetch(BOOKINGS, account=locked.account.pk)
    counts = batch.fetch(COUNT, scheme=scheme.pk, credential=credential.pk, year=day.year)
    numbers = _rows(batch, NUMBERS, [])
    batch.send()
    ((booking_id, consent_id),) = numbers
    return Situation(
        versions.first,
        *guards.rows[0],
        held.first,
        tuple(bookings.rows),
        counts.first[0] if counts.first is not None else None,
        booking_id,
        consent_id,
    )


def _rows(batch: Batch, statement: str, params: list[Any]) -> list[Any]:
    """The statement's rows, there when the batch has been sent."""
    rows: list[Any] = []

    def keep(result: Result) -> None:
        rows.extend(result.rows)

    batch.add(statement, params, keep)
    return rows


def _found(answer: "Answer[Any]", kind: str) -> Any:
    if answer.first is None:
        raise DomainError("not_found", status=404, kind=kind)
    return answer.first
