"""What can be booked on a day, and if not, why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Prefetch, Q, QuerySet

from catalogue.models import (
    Accreditation,
    AccreditationState,
    CredentialState,
    MicroCredential,
    Provider,
    Session,
)
from catalogue.models.sessions import BOOKABLE_STATES
from catalogue.registers import register_of
from ila.core import clock

# In the order in which they are told.
REASONS = (
    *("not_accredited", "delisted", "recruitment_closed", "no_dates", "too_late"),
    *("price_zero", "total_mismatch", "name_missing"),
)
CHUNK = 200


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as it stands on a day. reasons: why it cannot be booked, none when it can."""

    session: Session
    name: str
    is_open: bool
    guaranteed: bool
    starts: str | None
    ends: str | None
    reasons: tuple[str, ...]

    @property
    def bookable(self) -> bool:
        """Whether a learner may book it on that day."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class EntryView:
    """A micro-credential with its sessions as they stand on a day."""

    micro_credential: MicroCredential
    price_cents: int | None
    reasons: tuple[str, ...]
    sessions: list[SessionView] = field(default_factory=list)

    @property
    def bookable(self) -> bool:
        """Whether one of its sessions may be booked; without sessions, whether one may be opened."""
        return not self.reasons


def list_entries(*, provider: str | None = None, day: date | None = None) -> Iterator[EntryView]:
    """All entries by id, those of one provider if told, as they stand on `day` (today at their provider's).

    Streams: a constant number of queries per 200 entries, all on one snapshot of the database.
    """
    entries = MicroCredential.objects.all()
    if provider is not None:
        entries = entries.filter(provider__external_id=provider)
    entries = entries.select_related("provider").defer("facts", "search_text")
    with transaction.atomic():
        _one_snapshot()
        after: tuple[str, int] | None = None
        while True:
            rest = entries
            if after is not None:
                rest = entries.filter(Q(entry__gt=after[0]) | Q(entry=after[0], pk__gt=after[1]))
            chunk = list(with_sessions(rest).order_by("entry", "pk")[:CHUNK])
            if not chunk:
                return
            after = (chunk[-1].entry, chunk[-1].pk)
            yield from view_entries(chunk, day)


def with_sessions(entries: "QuerySet[MicroCredential]") -> "QuerySet[MicroCredential]":
    """Entries with what `view_entries` reads, in two queries more."""
    sessions = Session.objects.defer("details").select_related("offer").defer("details", "offer__facts")
    return entries.prefetch_related(Prefetch("sessions", queryset=sessions))


def view_entries(entries: Iterable[MicroCredential], day: date | None = None) -> list[EntryView]:
    """The entries as they stand on `day`; one query for all their providers' accreditations."""
    listed = list(entries)
    accreditations = _accreditations({entry.provider_id for entry in listed})
    views = []
    for entry in listed:
        on = day or today_at(entry.provider)
        accredited = any(_covers(one, on) for one in accreditations.get(entry.provider_id, ()))
        views.append(_view(entry, on, accredited))
    return views


def today_at(provider: Provider) -> date:
    """The day it is at the provider's place."""
    return provider.local_date(clock.now())


@lru_cache(maxsize=4096)
def earliest_start(register: str, day: date) -> date:
    """The first day on which a session may start that is booked on `day`.

    EDOF: the 11th working day after it (F-22). Registers without a rule of their own: the day itself.
    """
    namespace = register_of(register)
    return namespace.calendar.add_working_days(day, namespace.notice_wd)


def entry_reasons(entry: MicroCredential, *, accredited: bool) -> set[str]:
    """Why nothing of an entry can be booked, whatever the session."""
    reasons = set()
    if not accredited or entry.state in (
        CredentialState.DRAFT,
        CredentialState.SUBMITTED,
        CredentialState.SUSPENDED,
    ):
        reasons.add("not_accredited")
    if entry.state == CredentialState.DELISTED:
        reasons.add("delisted")
    if entry.price_cents == 0:
        reasons.add("price_zero")
    if entry.total_mismatch:
        reasons.add("total_mismatch")
    name = entry.provider.name
    # A provider that no register has named yet is not accredited, and that is said already.
    if name == "" or (name is None and accredited):
        reasons.add("name_missing")
    return reasons


def session_reasons(session: Session, provider: Provider, day: date) -> set[str]:
    """Why a session cannot be booked on `day`, apart from its entry's reasons."""
    reasons = set()
    if not takes_bookings(session):
        reasons.add("recruitment_closed")
    if session.starts_at is None or session.ends_at is None:
        reasons.add("no_dates")
    if session.starts_at is not None:
        starts = provider.local_date(session.starts_at)
        if starts < earliest_start(provider.register, day):
            reasons.add("too_late")
    if session.price_cents == 0:
        reasons.add("price_zero")
    return reasons


def takes_bookings(session: Session) -> bool:
    """Whether the provider takes somebody new in it, as far as the session alone says."""
    return session.state in BOOKABLE_STATES and not session.recruitment_closed and session.removed_at is None


def told(moment: datetime | None, session: Session, provider: Provider) -> str | None:
    """A session's start or end as the provider gave it: a day, or a time at the provider's place."""
    if moment is None:
        return None
    local = moment.astimezone(ZoneInfo(provider.time_zone))
    return local.date().isoformat() if session.whole_days else local.isoformat(timespec="minutes")


def _view(entry: MicroCredential, day: date, accredited: bool) -> EntryView:
    of_entry = entry_reasons(entry, accredited=accredited)
    sessions = [_view_session(one, entry, day, of_entry) for one in entry.sessions.all()]
    sessions.sort(key=lambda view: (view.name, view.session.pk))
    if not sessions:
        reasons = _ordered(of_entry)
    elif any(view.bookable for view in sessions):
        reasons = ()
    else:
        reasons = _ordered({reason for view in sessions for reason in view.reasons})
    prices = [view.session.price_cents for view in sessions]
    return EntryView(entry, min(prices) if prices else entry.price_cents, reasons, sessions)


def _view_session(session: Session, entry: MicroCredential, day: date, of_entry: set[str]) -> SessionView:
    provider = entry.provider
    number = session.external_id
    return SessionView(
        session=session,
        name=f"{session.offer.external_id}/{number}" if session.offer is not None else number,
        is_open=takes_bookings(session) and entry.state != CredentialState.DELISTED,
        guaranteed=session.guaranteed_at is not None,
        starts=told(session.starts_at, session, provider),
        ends=told(session.ends_at, session, provider),
        reasons=_ordered(of_entry | session_reasons(session, provider, day)),
    )


def _accreditations(providers: set[int]) -> dict[int, list[Accreditation]]:
    found: dict[int, list[Accreditation]] = {}
    for one in Accreditation.objects.filter(provider__in=providers, state=AccreditationState.ACCREDITED):
        if one.provider_id is not None:
            found.setdefault(one.provider_id, []).append(one)
    return found


def _covers(accreditation: Accreditation, day: date) -> bool:
    begun = accreditation.valid_from is None or accreditation.valid_from <= day
    return begun and (accreditation.valid_until is None or day <= accreditation.valid_until)


def _ordered(reasons: set[str]) -> tuple[str, ...]:
    return tuple(reason for reason in REASONS if reason in reasons)


def _one_snapshot() -> None:
    """Let all statements of this transaction see the same moment, unless the transaction is the caller's."""
    state: Any = connection
    if len(state.atomic_blocks) == 1:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
