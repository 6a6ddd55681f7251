"""The terms of bookings: `next_due_at` and `next_due`, found by the partial index `booking_due`."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from accounts.models import Membership, Message, Role, User
from accounts.services import service_users
from catalogue.models import Provider, SessionState
from funding.models import (
    Booking,
    BookingLog,
    Certificate,
    Claim,
    ClaimKind,
    ClaimState,
    Scheme,
    SessionFinding,
)
from funding.services import holds, reviews
from funding.services.bookings import in_bulk, terms
from funding.services.bookings.context import calendar_of
from funding.services.due.results import DueResult
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

log = structlog.get_logger(__name__)

CHUNK = 500
"""Bookings of one transaction: whoever wants one of them waits for some tenths of a second at most."""

RELATED = ("account__citizen__user", "account__scheme", "session", "provider", "scheme_version")
# What a hold stops: money that would become the provider's (F-27, F-31). A proposal lapses all the same.
STOPPABLE = (terms.VALIDATE, terms.ADVANCE)

# What one booking's deadline may fail with without stopping all others.
Refusals = (DomainError, DatabaseError, RuntimeError, ValueError, LookupError, AssertionError)


def overdue(*, scheme: Scheme | None = None, now: datetime | None = None) -> QuerySet[Booking]:
    """Bookings with something due, of one scheme or any, those under control among them."""
    due = Booking.objects.filter(next_due_at__lte=now or clock.now())
    return due if scheme is None else due.filter(account__scheme=scheme)


def stopped(now: datetime | None = None) -> Q:
    """The condition that a hold, or a session that was never held, stops what is due of a booking now."""
    standing = holds.open_holds(now).order_by()
    # What never took place does not validate itself: the funder ends it (F-27).
    refuted = SessionFinding.objects.values("session")
    never_held = Q(next_due=terms.VALIDATE) & (
        Q(session__state=SessionState.NEVER_HELD) | Q(session__in=refuted)
    )
    banks = standing.exclude(iban="").values("iban")
    held = (
        Q(pk__in=standing.filter(booking__isnull=False).values("booking"))
        | Q(session__in=standing.filter(session__isnull=False).values("session"))
        | Q(provider__in=standing.filter(provider__isnull=False).values("provider"))
        | Q(provider__in=Provider.objects.filter(iban__in=banks).values("pk"))
    )
    return (Q(next_due__in=STOPPABLE) & held) | never_held


class TermStream:
    """The bookings that are due now and that nothing stops, earliest first."""

    def __init__(self, scheme: Scheme | None, now: datetime, result: DueResult) -> None:
        self._scheme = scheme
        self._now = now
        self._result = result
        self._failed: set[int] = set()
        self._actor = service_users.get("clock")

    def head(self) -> datetime | None:
        """When the first of them fell due."""
        return self._ready().order_by("next_due_at").values_list("next_due_at", flat=True).first()

    def execute(self, until: datetime) -> int:
        """Execute a set of those that fell due up to that moment, in one transaction; returns how many.

        One that cannot be executed is told apart, gets a review, and stops nobody else's.
        """
        found: list[int] = []
        try:
            with transaction.atomic():
                bookings = self._lock(until, limit=CHUNK)
                found = [each.pk for each in bookings]
                done = self._execute(bookings)
        except Refusals as error:
            if not found:
                raise
            log.warning("due_set_split", error=type(error).__name__, bookings=len(found))
            return self._one_by_one(found)
        self._result.add(done)
        return len(found)

    def _ready(self) -> QuerySet[Booking]:
        ready = overdue(scheme=self._scheme, now=self._now).exclude(stopped(self._now))
        return ready.exclude(pk__in=self._failed) if self._failed else ready

    def _lock(self, until: datetime, *, limit: int, ids: Sequence[int] = ()) -> list[Booking]:
        ready = self._ready().filter(next_due_at__lte=until).order_by("next_due_at")
        if ids:
            ready = ready.filter(pk__in=ids)
        # The rows alone first: what belongs to them is read for this set, not for all that is due.
        locked = ready.select_for_update(of=("self",), no_key=True, skip_locked=True)
        pks = list(locked.values_list("pk", flat=True)[:limit])
        bookings = Booking.objects.filter(pk__in=pks).select_related(*RELATED).order_by("next_due_at", "pk")
        return [locks.mark_locked(each) for each in bookings]

    def _execute(self, bookings: Sequence[Booking]) -> DueResult:
        by_kind: dict[str, list[Booking]] = defaultdict(list)
        for booking in bookings:
            by_kind[booking.next_due].append(booking)
        done = DueResult()
        for kind, members in by_kind.items():
            act, counted = ACTS[kind]
            act(members, self._actor)
            setattr(done, counted, getattr(done, counted) + len(members))
        return done

    def _one_by_one(self, ids: Sequence[int]) -> int:
        for pk in ids:
            try:
                with transaction.atomic():
                    done = self._execute(self._lock(self._now, limit=1, ids=[pk]))
            except Refusals as error:
                self._failed.add(pk)
                self._result.failed += 1
                kind = error.code if isinstance(error, DomainError) else type(error).__name__
                log.exception("due_failed", booking=pk, error=kind)
                reviews.open_reviews([pk], reason="deadline_failed", detail={"error": kind})
            else:
                self._result.add(done)
        return len(ids)


def offer_advance(bookings: Sequence[Booking], actor: User) -> None:
    """From now an advance may be claimed: the providers are told who have not claimed it yet (F-31)."""
    claimed = set(
        Claim.objects.filter(booking__in=[each.pk for each in bookings], kind=ClaimKind.ADVANCE)
        .exclude(state=ClaimState.REJECTED)
        .values_list("booking_id", flat=True)
    )
    tell_providers([each for each in bookings if each.pk not in claimed], "advance_claimable")
    _note(bookings, terms.ADVANCE, actor)


def find_proof_overdue(bookings: Sequence[Booking], actor: User) -> None:
    """Nobody has proved the completion in time: flagged, for a person to look at, and the providers are told (N-10).

    What follows is a person's decision (N-09). Whose certificate or examination came in time is left alone, though
    the service is not declared yet.
    """
    proved = _proved_in_time(bookings)
    late = [each for each in bookings if each.pk not in proved]
    for booking in late:
        if "late_proof" not in booking.flags:
            booking.flags = [*booking.flags, "late_proof"]
    due = {each.pk: in_bulk.due_data(each) for each in late}
    reviews.open_reviews(list(due), reason="proof_overdue", details=due)
    tell_providers(late, "proof_overdue")
    _note(bookings, terms.PROOF, actor)


def _proved_in_time(bookings: Sequence[Booking]) -> set[int]:
    """The bookings, by id, with a proof recorded before the term that is executed now."""
    terms_of = {each.pk: each.next_due_at for each in bookings}
    rows = Certificate.objects.filter(booking__in=list(terms_of)).values_list("booking_id", "recorded_at")
    return {pk for pk, at in rows if (term := terms_of[pk]) is not None and at < term}


def tell_providers(bookings: Sequence[Booking], template: str) -> None:
    """Write a message about each booking to the managers of its provider."""
    organisations = {each.provider.organisation_id for each in bookings}
    managers: dict[int, list[User]] = defaultdict(list)
    members = Membership.objects.filter(
        organisation__in=organisations, role=Role.MANAGER, ended_at__isnull=True, user__is_active=True
    )
    for member in members.select_related("user").order_by("pk"):
        managers[member.organisation_id].append(member.user)
    now = clock.now()
    Message.objects.bulk_create(
        [
            Message(
                recipient=manager,
                template=template,
                context={"booking": str(booking.public_id)},
                created_at=now,
            )
            for booking in bookings
            for manager in managers.get(booking.provider.organisation_id or 0, [])
        ]
    )


def _note(bookings: Sequence[Booking], what: str, actor: User) -> None:
    """Write down that a term was executed that moves no state, and what falls due next."""
    step = terms.DUE_STEPS[what]
    rows = []
    for booking in bookings:
        row = fsm.log_row(booking, step, source=booking.state, actor=actor, data=in_bulk.due_data(booking))
        rows.append(row)
    fsm.bulk_log(rows, model=BookingLog)
    done = terms.steps_done(bookings)
    for booking in bookings:
        assert booking.scheme_version is not None
        booking.next_due, booking.next_due_at = terms.term_of_training(
            booking.scheme_version.parsed,
            calendar_of(booking.account.scheme),
            starts=booking.session.starts_at,
            ends=booking.session.ends_at,
            entered_at=booking.entered_at,
            done=done[booking.pk],
        )
    Booking.objects.bulk_update(bookings, ["next_due", "next_due_at", "flags"], batch_size=CHUNK)


def _lapse(bookings: Sequence[Booking], actor: User) -> None:
    in_bulk.lapse(bookings, actor=actor)


def _validate(bookings: Sequence[Booking], actor: User) -> None:
    in_bulk.validate(bookings, actor=actor)


Act = Callable[[Sequence[Booking], User], Any]

ACTS: dict[str, tuple[Act, str]] = {
    terms.LAPSE: (_lapse, "lapsed"),
    terms.VALIDATE: (_validate, "validated"),
    terms.ADVANCE: (offer_advance, "advances"),
    terms.PROOF: (find_proof_overdue, "proofs_overdue"),
}
