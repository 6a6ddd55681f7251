"""Everything that happened to a booking, in the order in which it happened, for the person who looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.template.defaultfilters import floatformat
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import ConsentLog, Membership, OrganisationKind, User
from funding import words
from funding.entry_words import entry_word
from funding.models import (
    Attendance,
    Booking,
    BookingLog,
    Certificate,
    ClaimLog,
    Hold,
    JournalEntry,
    Payment,
    PaymentOutcome,
    Posting,
    Presence,
    ReceivableLog,
)
from funding.selectors.bookings import Viewer
from funding.services import holds
from ila.core import clock
from ila.core.fsm import TransitionLog
from ila.core.money import format_cents


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline. kind: `step`, `money` or `stop`, for the mark beside it; rank: among equal times."""

    at: datetime
    what: Any
    who: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()
    kind: str = "step"
    rank: int = 9


# What is written in one transaction bears one time: then this is the order in which a person tells it.
_TOLD = ("request", "propose", "ask", "give", "accept", "create", "submit")


def timeline_of(booking: Booking, viewer: Viewer) -> list[Event]:
    """The booking's history as this viewer may read it. Its length does not change the number of queries."""
    logs: list[tuple[TransitionLog, dict[str, Any], str]] = []
    logs += [(row, words.BOOKING_EVENTS, "step") for row in _rows(BookingLog, subject=booking)]
    logs += [
        (row, words.CLAIM_EVENTS, "money")
        for row in _rows(ClaimLog, subject__booking=booking).select_related("subject")
    ]
    logs += [
        (row, words.RECEIVABLE_EVENTS, "stop")
        for row in _rows(ReceivableLog, subject__booking=booking).select_related("subject")
    ]
    if booking.consent_id is not None and viewer is not Viewer.PROVIDER:
        logs += [
            (row, words.CONSENT_EVENTS, "step") for row in _rows(ConsentLog, subject_id=booking.consent_id)
        ]
    placed = list(_holds(booking)) if viewer is not Viewer.PROVIDER else []
    proofs: list[Attendance | Certificate] = [
        *booking.attendance.order_by("pk"),
        *booking.certificates.order_by("pk"),
    ]
    presences = list(booking.presences.order_by("pk"))
    actors = {row.actor_id for row, *_ in logs} | {proof.recorded_by_id for proof in proofs}
    actors |= {one.confirmed_by_id for one in presences}
    naming = Naming(booking, viewer, actors | _hold_actors(placed))
    events = [_log_event(row, names, kind, naming) for row, names, kind in logs]
    events += [_proof_event(proof, naming) for proof in proofs]
    events += [_presence_event(one, naming) for one in presences]
    events += _payment_events(booking)
    events += [event for hold in placed for event in _hold_events(hold, naming)]
    return sorted(events, key=lambda event: (event.at, event.rank))


def _rows(model: Any, **conditions: Any) -> Any:
    return model.objects.filter(**conditions).order_by("at", "pk")


class Naming:
    """What to call whoever acted: by name for the agency, by part in the matter for everybody else."""

    def __init__(self, booking: Booking, viewer: Viewer, user_ids: Iterable[int]) -> None:
        self._booking = booking
        self._viewer = viewer
        ids = set(user_ids)
        self._users = {user.pk: user for user in User.objects.filter(pk__in=ids)}
        self._parts: dict[int, tuple[str, str]] = {}
        held = Membership.objects.filter(user_id__in=ids).select_related("organisation").order_by("pk")
        for membership in held:
            self._parts[membership.user_id] = (membership.organisation.kind, membership.organisation.name)

    @property
    def tells_all(self) -> bool:
        """Whether the reader may know everything."""
        return self._viewer is Viewer.AGENCY

    def name(self, user_id: int) -> str:
        """The words for one actor."""
        user = self._users[user_id]
        if user.is_service:
            return str(_("the platform, by itself"))
        part = self._part(user_id)
        if not self.tells_all:
            return part
        return f"{user.display_name or user.email} ({part})"

    def _part(self, user_id: int) -> str:
        if user_id == self._booking.account.citizen.user_id:
            return str(_("you") if self._viewer is Viewer.LEARNER else _("the learner"))
        kind, name = self._parts.get(user_id, ("", ""))
        if kind == OrganisationKind.AGENCY:
            return str(_("the funding agency"))
        return name or str(_("a person no longer in office"))


def _log_event(row: TransitionLog, names: dict[str, Any], kind: str, naming: Naming) -> Event:
    subject = getattr(row, "subject", None)
    notes = []
    if isinstance(row, ClaimLog | ReceivableLog) and subject is not None:
        notes.append(_money(subject.amount_cents, subject.currency))
    return Event(
        at=row.at,
        what=words.word(names, row.transition),
        who=naming.name(row.actor_id),
        why=_reason(row.reason),
        notes=tuple(notes),
        kind="stop" if row.target in _STOPS else kind,
        rank=_TOLD.index(row.transition) if row.transition in _TOLD else len(_TOLD),
    )


_STOPS = {
    "refused_by_provider",
    "refused_by_learner",
    "lapsed",
    "cancelled_by_learner",
    "cancelled_by_provider",
    "cancelled_by_funder",
    "no_show",
    "disputed",
    "rejected",
    "returned",
}


def _proof_event(proof: Attendance | Certificate, naming: Naming) -> Event:
    if isinstance(proof, Certificate):
        what = _("Certificate recorded") if proof.kind == "certificate" else _("Examination recorded")
        return Event(proof.recorded_at, what, naming.name(proof.recorded_by_id))
    done = f"{proof.percent} %" if proof.percent is not None else _hours(proof.hours)
    who = naming.name(proof.recorded_by_id)
    day = () if proof.day is None else (date_format(proof.day, "j F Y"),)
    return Event(proof.recorded_at, _("Attendance recorded"), who, notes=(*day, done))


def _presence_event(presence: Presence, naming: Naming) -> Event:
    what, day = _("Presence confirmed with the code of the day"), date_format(presence.day, "j F Y")
    return Event(presence.confirmed_at, what, naming.name(presence.confirmed_by_id), notes=(day,))


def _hours(hours: Decimal | None) -> str:
    return _("%(hours)s hours") % {"hours": floatformat(hours, -2)}


def _reason(reason: str) -> str:
    return str(words.EXIT_REASONS.get(reason, reason))


def _money(cents: int, currency: str) -> str:
    return format_cents(cents, currency, get_language() or "en")


def _payment_events(booking: Booking) -> Iterator[Event]:
    payments = Payment.objects.filter(claim__booking=booking).select_related("batch", "claim").order_by("pk")
    for payment in payments:
        note = f"{_money(payment.amount_cents, payment.claim.currency)}, {payment.end_to_end_id}"
        bank = str(_("the bank"))
        if payment.batch.exported_at is not None:
            yield Event(payment.batch.exported_at, _("Payment sent to the bank"), notes=(note,), kind="money")
        if payment.executed_at is not None:
            yield Event(payment.executed_at, _("Payment executed"), who=bank, notes=(note,), kind="money")
        if payment.closed_at is not None and payment.outcome in {
            PaymentOutcome.REJECTED,
            PaymentOutcome.RETURNED,
        }:
            yield Event(
                payment.closed_at,
                words.word(words.OUTCOMES, payment.outcome),
                who=bank,
                why=payment.reason_code,
                notes=(note,),
                kind="stop",
            )


def _holds(booking: Booking) -> Iterable[Hold]:
    # A hold that was over before this booking began is not part of its story.
    return Hold.objects.filter(holds.scopes_of([booking]), expires_at__gt=booking.requested_at).order_by(
        "placed_at"
    )


def _hold_actors(placed: Iterable[Hold]) -> set[int]:
    return {pk for hold in placed for pk in (hold.owner_id, hold.released_by_id) if pk is not None}


def _hold_events(hold: Hold, naming: Naming) -> Iterator[Event]:
    # Why somebody looks into it is the agency's to know; that money is stopped, everybody's whose money it is.
    why = hold.reason if naming.tells_all else ""
    yield Event(
        hold.placed_at, _("Money stopped while this is checked"), naming.name(hold.owner_id), why, kind="stop"
    )
    if hold.released_at is not None and hold.released_by_id is not None:
        yield Event(hold.released_at, _("Stop lifted"), naming.name(hold.released_by_id), kind="step")
    elif hold.expires_at <= clock.now():
        yield Event(hold.expires_at, _("Stop ended"), str(_("the platform, by itself")), kind="step")


@dataclass(frozen=True, slots=True)
class Movement:
    """One journal entry as far as it concerns a booking: what went from where to where, in cents."""

    at: datetime
    entry_id: int
    what: Any
    lines: tuple[tuple[Any, int], ...]


def movements_of(booking: Booking) -> list[Movement]:
    """The journal of a booking, oldest first. Two queries."""
    entries: dict[int, JournalEntry] = {}
    sums: dict[int, dict[str, int]] = {}
    # The other side of a booking's postings, on the learner's lot, belongs to the same entry.
    concerned = Posting.objects.filter(booking=booking).values("entry_id")
    own = Posting.objects.filter(entry_id__in=concerned).filter(_of_booking(booking))
    for posting in own.select_related("entry").order_by("entry_id", "pk"):
        entries[posting.entry_id] = posting.entry
        buckets = sums.setdefault(posting.entry_id, {})
        buckets[posting.bucket] = buckets.get(posting.bucket, 0) + posting.amount_cents
    return [
        Movement(
            at=entry.occurred_at,
            entry_id=pk,
            what=entry_word(entry.kind),
            lines=tuple(
                (words.word(words.BUCKETS, bucket), cents) for bucket, cents in sums[pk].items() if cents
            ),
        )
        for pk, entry in entries.items()
    ]


def _of_booking(booking: Booking) -> Any:
    lots = booking.allocations.filter(lot__isnull=False).values("lot_id")
    budgets = booking.allocations.filter(budget__isnull=False).values("budget_id")
    return (
        Q(booking=booking)
        | Q(booking__isnull=True, lot_id__in=lots)
        | Q(booking__isnull=True, lot__isnull=True, budget_id__in=budgets)
    )
