"""What waits for a provider: every open step of its bookings with its term, put together by session."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Membership, OrganisationKind, Role, User
from catalogue.models import Application, Provider, Session, SessionState
from funding.models import Booking, BookingLog, BookingState, Certificate, Claim, ClaimKind, ClaimState
from funding.models.schemes import SchemeVersion
from funding.schemes import deadlines, windows
from funding.schemes.rules import SchemeRules
from funding.services.bookings.guards import CALLED_OFF
from ila.core import clock
from ila.core.calendars import WorkingCalendar, calendar_for

S = BookingState
# What waits, in the order in which a booking goes through it; a manager's alone are the last two.
KINDS = ("acknowledge", "answer", "entry", "exit", "service", "proof", "advance", "claim")
MANAGERS_KINDS = ("advance", "claim")
_WAITING = Q(
    state__in=[S.REQUESTED, S.ACCEPTED, S.IN_TRAINING, S.LEFT, S.SERVICE_DECLARED, S.SERVICE_VALIDATED]
)
_OWED = Q(state__in=[S.CANCELLED_BY_LEARNER, S.NO_SHOW], realised_percent__gt=0)


@dataclass(frozen=True, slots=True)
class Desk:
    """For which provider organisations somebody works, and which of them they manage. Read once per request."""

    user: User
    organisations: frozenset[int]
    managed: frozenset[int]

    @property
    def manages(self) -> bool:
        """Whether there is any organisation whose claims and money are theirs to deal with."""
        return bool(self.managed)


def desk_of(user: User) -> Desk:
    """The provider organisations of a person today. One query."""
    rows = Membership.objects.filter(
        user=user, ended_at__isnull=True, organisation__kind=OrganisationKind.PROVIDER
    ).values_list("organisation_id", "role")
    held = list(rows) if user.is_active and not user.is_service else []
    return Desk(
        user=user,
        organisations=frozenset(pk for pk, _role in held),
        managed=frozenset(pk for pk, role in held if role == Role.MANAGER),
    )


def bookings_of(desk: Desk, *, managed: bool = False) -> QuerySet[Booking]:
    """The bookings of somebody's providers; managed: of those they manage alone."""
    own = desk.managed if managed else desk.organisations
    return Booking.objects.filter(provider__organisation__in=own)


def sessions_of(desk: Desk) -> QuerySet[Session]:
    """The sessions of somebody's providers."""
    return Session.objects.filter(micro_credential__provider__organisation__in=desk.organisations)


@dataclass(slots=True)
class Work:
    """Steps of one kind for the learners of one session. due_at: the earliest term, the first moment after it.

    overdue: how many are past theirs. last_proposal: true where the term is the last day to propose at all (F-22).
    """

    kind: str
    session_id: int
    count: int = 0
    overdue: int = 0
    due_at: datetime | None = None
    last_proposal: bool = False
    session: Session | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class _Row:
    pk: int
    state: str
    session_id: int
    organisation_id: int
    requested_at: datetime
    entered_at: datetime | None
    prerequisites: bool
    starts_at: datetime | None
    ends_at: datetime | None
    session_state: str
    percent: int | None
    acknowledged: bool
    proved: bool
    claimed: bool
    advanced: bool
    rules: SchemeRules = field(repr=False)
    calendar: WorkingCalendar = field(repr=False)
    timezone: str = "UTC"


def work_of(desk: Desk, *, kind: str = "", session_id: int | None = None) -> tuple[list[Work], Counter[str]]:
    """What waits, the most urgent first (what has no term last), and how many steps of each kind there are.

    kind, session_id: only those; the counts are of all kinds. A number of queries that does not grow.
    """
    now = clock.now()
    found: dict[tuple[str, int], Work] = {}
    counts: Counter[str] = Counter()
    for row in _rows(desk, session_id=session_id):
        for what, due, last in _steps(row, now):
            if what in MANAGERS_KINDS and row.organisation_id not in desk.managed:
                continue
            counts[what] += 1
            if kind and what != kind:
                continue
            one = found.setdefault((what, row.session_id), Work(what, row.session_id, zone=row.timezone))
            one.count += 1
            one.overdue += due is not None and now >= due
            if due is not None and (one.due_at is None or due < one.due_at):
                one.due_at, one.last_proposal = due, last
    far = now + timedelta(days=36_500)
    order = {what: n for n, what in enumerate(KINDS)}
    listed = sorted(found.values(), key=lambda one: (one.due_at or far, order[one.kind], one.session_id))
    return listed, counts


def with_sessions(listed: Iterable[Work]) -> list[Work]:
    """The same, each with its session. One query."""
    rows = list(listed)
    sessions = Session.objects.select_related("micro_credential__provider", "offer").in_bulk(
        {one.session_id for one in rows}
    )
    for one in rows:
        one.session = sessions[one.session_id]
    return rows


def questions_of(desk: Desk) -> QuerySet[Application]:
    """Applications in which the agency waits for an answer, the oldest question first."""
    return (
        Application.objects.filter(organisation__in=desk.organisations, waiting_since__isnull=False)
        .select_related("organisation")
        .order_by("waiting_since", "pk")
    )


def has_provider(desk: Desk) -> bool:
    """Whether any of the organisations is listed as a provider yet."""
    return Provider.objects.filter(organisation__in=desk.organisations).exists()


def proposals_until(rules: SchemeRules, cal: WorkingCalendar, starts: datetime) -> datetime | None:
    """Until when a place in a session that starts then may be proposed (F-22): the first moment after; None: no end."""
    if rules.min_notice_wd is None:
        return None
    return cal.end_of_day(_last_day_of_notice(cal, cal.local_date(starts), rules.min_notice_wd))


@lru_cache(maxsize=4096)
def _last_day_of_notice(cal: WorkingCalendar, first: date, notice: int) -> date:
    day = cal.add_working_days(first, -notice)
    while cal.add_working_days(day, notice) > first:
        day -= timedelta(days=1)
    while cal.add_working_days(day + timedelta(days=1), notice) <= first:
        day += timedelta(days=1)
    return day


def rules_of(bookings: Iterable[tuple[int, int | None]]) -> dict[tuple[int, int | None], SchemeRules]:
    """The rules that bookings are under, by scheme and version (None: those of today). One query."""
    wanted = set(bookings)
    pinned = {version for _scheme, version in wanted if version is not None}
    open_schemes = {scheme for scheme, version in wanted if version is None}
    versions = SchemeVersion.objects.filter(Q(pk__in=pinned) | Q(scheme__in=open_schemes)).select_related(
        "scheme"
    )
    made: dict[tuple[int, int | None], SchemeRules] = {}
    now = clock.now()
    for version in versions.order_by("scheme_id", "valid_from"):
        if version.pk in pinned:
            made[version.scheme_id, version.pk] = version.parsed
        if version.scheme_id in open_schemes:
            today = calendar_for(version.scheme.country, version.scheme.timezone).local_date(now)
            ended = version.valid_until is not None and version.valid_until <= today
            if version.valid_from <= today and not ended:
                made[version.scheme_id, None] = version.parsed
    return made


def _rows(desk: Desk, *, session_id: int | None) -> Iterator[_Row]:
    live = Claim.objects.filter(booking=OuterRef("pk")).exclude(
        state__in=[ClaimState.REJECTED, ClaimState.DRAFT]
    )
    found = bookings_of(desk).filter(_WAITING | _OWED)
    if session_id is not None:
        found = found.filter(session=session_id)
    values = list(
        found.annotate(
            acknowledged=Exists(BookingLog.objects.filter(subject=OuterRef("pk"), transition="acknowledge")),
            proved=Exists(Certificate.objects.filter(booking=OuterRef("pk"))),
            claimed=Exists(live.filter(kind=ClaimKind.FINAL)),
            advanced=Exists(live.filter(kind=ClaimKind.ADVANCE)),
        ).values_list(
            "pk",
            "state",
            "session_id",
            "provider__organisation_id",
            "requested_at",
            "entered_at",
            "credential__has_prerequisites",
            "session__starts_at",
            "session__ends_at",
            "session__state",
            "declared_percent",
            "acknowledged",
            "proved",
            "claimed",
            "advanced",
            "account__scheme_id",
            "scheme_version_id",
            "account__scheme__country",
            "account__scheme__timezone",
        )
    )
    rules = rules_of((row[15], row[16]) for row in values)
    for row in values:
        known = rules.get((row[15], row[16]))
        if known is None:
            continue
        yield _Row(
            pk=row[0],
            state=row[1],
            session_id=row[2],
            organisation_id=row[3] or 0,
            requested_at=row[4],
            entered_at=row[5],
            prerequisites=bool(row[6]),
            starts_at=row[7],
            ends_at=row[8],
            session_state=row[9],
            percent=row[10],
            acknowledged=bool(row[11]),
            proved=bool(row[12]),
            claimed=bool(row[13]),
            advanced=bool(row[14]),
            rules=known,
            calendar=calendar_for(row[17], row[18]),
            timezone=row[18],
        )


Step = tuple[str, datetime | None, bool]


def _steps(row: _Row, now: datetime) -> Iterator[Step]:
    """What one booking waits for: kind, term, whether the term is the last day to propose."""
    if row.state == S.REQUESTED:
        yield from _of_request(row)
    elif row.state == S.ACCEPTED:
        yield from _of_accepted(row, now)
    elif row.state == S.IN_TRAINING and row.ends_at is not None and now >= row.ends_at:
        yield "exit", deadlines.exit_due(row.rules, row.calendar, row.ends_at), False
    elif row.state == S.LEFT and row.session_state != SessionState.NEVER_HELD:
        yield "service", None, False
    yield from _proof_of(row, now)
    yield from _claims_of(row, now)


def _of_request(row: _Row) -> Iterator[Step]:
    needs = row.prerequisites
    if needs and not row.acknowledged:
        due = deadlines.acknowledge_due(row.rules, row.calendar, row.requested_at, prerequisites=True)
        yield "acknowledge", due, False
    due = deadlines.answer_due(row.rules, row.calendar, row.requested_at, prerequisites=needs)
    last = None if row.starts_at is None else proposals_until(row.rules, row.calendar, row.starts_at)
    if last is not None and (due is None or last < due):
        yield "answer", last, True
    else:
        yield "answer", due, False


def _of_accepted(row: _Row, now: datetime) -> Iterator[Step]:
    if row.starts_at is None or row.session_state in CALLED_OFF:
        return
    cal = row.calendar
    if cal.local_date(now) >= cal.local_date(row.starts_at):
        yield "entry", deadlines.entry_due(row.rules, cal, row.starts_at), False


def _proof_of(row: _Row, now: datetime) -> Iterator[Step]:
    """Where the scheme wants a certificate, once the training is over (N-08, N-10)."""
    if row.proved or row.ends_at is None or now < row.ends_at:
        return
    if row.state not in (S.LEFT, S.SERVICE_DECLARED, S.SERVICE_VALIDATED):
        return
    least = row.rules.attendance_min_percent
    short = row.percent is not None and least is not None and row.percent < least
    if row.rules.certificate_required or short:
        yield "proof", deadlines.proof_due(row.rules, row.calendar, row.ends_at), False


def _claims_of(row: _Row, now: datetime) -> Iterator[Step]:
    if row.rules.funding == "reimbursement" or row.session_state == SessionState.NEVER_HELD:
        return
    if may_claim_final(row, now):
        yield "claim", None, False
    elif _may_claim_advance(row, now):
        yield "advance", None, False


def may_claim_final(row: _Row, now: datetime) -> bool:
    """Whether the price, or what was realised of it, may be claimed now (F-24, F-25, F-27, N-07)."""
    if row.claimed:
        return False
    if row.state in (S.SERVICE_VALIDATED, S.CANCELLED_BY_LEARNER, S.NO_SHOW):
        return True
    leads = row.state in (S.ACCEPTED, S.IN_TRAINING) and row.rules.pays_in_advance
    if not leads or row.starts_at is None or (row.ends_at is not None and now >= row.ends_at):
        return False
    first = windows.claim_from(row.rules, row.calendar, row.starts_at)
    return first is not None and now >= first


def _may_claim_advance(row: _Row, now: datetime) -> bool:
    if row.advanced or row.claimed or row.state not in (S.IN_TRAINING, S.LEFT, S.SERVICE_DECLARED):
        return False
    if row.entered_at is None or row.starts_at is None or row.ends_at is None:
        return False
    due = deadlines.advance_due(row.rules, row.calendar, row.entered_at, row.starts_at, row.ends_at)
    return due is not None and now >= due


def claimable_ids(desk: Desk, *, session_id: int | None = None) -> dict[int, str]:
    """Bookings of what somebody manages that may be claimed now, with the kind of claim. Two queries."""
    now, made = clock.now(), {}
    for row in _rows(desk, session_id=session_id):
        if row.organisation_id in desk.managed:
            for what, _due, _last in _claims_of(row, now):
                made[row.pk] = "advance" if what == "advance" else "final"
    return made


def state_counts(session_ids: Collection[int]) -> dict[int, Counter[str]]:
    """How many bookings of each session are in which state. One query."""
    made: dict[int, Counter[str]] = defaultdict(Counter)
    rows = Booking.objects.filter(session__in=list(session_ids)).values_list("session_id", "state")
    for session_id, state in rows:
        made[session_id][state] += 1
    return dict(made)
