"""What changed after bookings were decided on it: nothing is rewritten, a person looks again.

Facts about citizens, dates of sessions and accreditations belong to other apps, which keep a history of their
changes. This sweep reads those histories and opens a review of each open booking that is concerned.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, Sum

from accounts.models import Citizen, CitizenFact
from accounts.services.citizens import facts_at
from catalogue.models import AccreditationLog, AccreditationState, ChangeKind, SessionChange
from catalogue.selectors import accreditation
from funding.models import Booking, BookingReview, BookingState, Bucket, JournalEntry, Lot, Posting
from funding.schemes import eligibility
from funding.services import reviews
from funding.services.bookings import acceptance, in_bulk, terms
from funding.services.bookings.context import (
    calendar_of,
    facts_of_credential,
    facts_of_learner,
)
from funding.services.bookings.situation import facts_of_lots
from funding.services.due.marks import locked_mark
from ila.core import clock, locks
from ila.core.errors import DomainError

# A transaction may be this long between the moment it writes down and its end: so far back one looks again.
OVERLAP = timedelta(days=1)

DECIDED = (
    BookingState.ACCEPTED,
    BookingState.IN_TRAINING,
    BookingState.LEFT,
    BookingState.SERVICE_DECLARED,
    BookingState.SERVICE_VALIDATED,
    BookingState.DISPUTED,
)
ENDED_STANDING = (AccreditationState.SUSPENDED, AccreditationState.EXPIRED, AccreditationState.WITHDRAWN)
RELATED = (
    "account__citizen__user",
    "account__scheme",
    "session",
    "credential",
    "provider",
    "scheme_version",
)

MOVED, STANDING, FACTS = "session_moved", "accreditation_ended", "facts_corrected"


def review_changes() -> dict[str, int]:
    """Look for changes since the last time; each is dealt with once, however often it is looked at.

    Returns how many reviews were opened or extended, by reason.
    """
    return {
        MOVED: _sweep(MOVED, _moved_sessions),
        STANDING: _sweep(STANDING, _ended_accreditations),
        FACTS: _sweep(FACTS, _corrected_facts),
    }


def _sweep(kind: str, look: Any) -> int:
    """Look at the history since the mark and a day before it, and move the mark; one worker at a time."""
    with locked_mark(kind, None) as mark:
        if mark is None:
            return 0
        now = clock.now()
        done: int = look(mark.until - OVERLAP)
        mark.until = max(now, mark.until)
        mark.save(update_fields=["until"])
    return done


# -- dates of sessions ----------------------------------------------------------------


def _moved_sessions(since: datetime) -> int:
    """The dates of a session changed: each of its live bookings is looked at, and its terms are reckoned anew."""
    rows = _since(SessionChange.objects.order_by("-pk"), since)
    changes = [row for row in rows if row.kind == ChangeKind.DATES and row.bookings]
    return sum(deal_with_move(change) for change in reversed(changes))


def deal_with_move(change: SessionChange) -> int:
    """Have each live booking of a moved session looked at, reckon its terms anew, tell its learner; once for a change.

    Locks: the bookings with what they belong to. Returns how many were told now.
    """
    live = Booking.objects.filter(
        session=change.session_id, state__in=terms.BEFORE_DECLARATION, accepted_at__lte=change.at
    )
    with transaction.atomic():
        locks.acquire_set(live)
        bookings = [locks.mark_locked(each) for each in live.select_related(*RELATED).order_by("pk")]
        told = _open(bookings, MOVED, change.pk, {"before": change.before, "after": change.after})
        for booking in told:
            if booking.scheme_version is not None:
                terms.set_again(booking, booking.scheme_version.parsed, calendar_of(booking.account.scheme))
        in_bulk.tell_learners(told, "session_moved", **dates_told(change))
    return len(told)


def dates_told(change: SessionChange) -> dict[str, str]:
    """A change of dates as its mail says it: the new first and last day where it is taught, and why."""
    provider = change.session.micro_credential.provider
    days = {
        name: provider.local_date(datetime.fromisoformat(told)).isoformat()
        for name, told in (("first", change.after.get("starts_at")), ("last", change.after.get("ends_at")))
        if told
    }
    return {**days, "reason": change.after.get("reason") or ""}


# -- accreditations ----------------------------------------------------------------


def _ended_accreditations(since: datetime) -> int:
    """An accreditation ended or was suspended: bookings that have not begun and need it are looked at."""
    rows = _since(AccreditationLog.objects.select_related("subject").order_by("-pk"), since)
    return sum(_lose(row) for row in reversed([row for row in rows if row.target in ENDED_STANDING]))


def _lose(row: AccreditationLog) -> int:
    subject = row.subject
    scope = (
        Q(provider=subject.provider_id)
        if subject.provider_id is not None
        else Q(credential=subject.micro_credential_id)
    )
    waiting = Booking.objects.filter(scope, state=BookingState.ACCEPTED, accepted_at__lte=row.at)
    standing: dict[tuple[int, int, str], bool] = {}
    concerned = []
    for booking in waiting.select_related(*RELATED).order_by("pk").iterator(chunk_size=500):
        assert booking.scheme_version is not None
        regime = booking.scheme_version.parsed.accreditation
        key = (booking.provider_id, booking.credential_id, regime)
        if key not in standing:
            standing[key] = accreditation.is_accredited(
                provider=booking.provider, credential=booking.credential, moment=clock.now(), regime=regime
            )
        if not standing[key]:
            concerned.append(booking)
    told = _open(concerned, STANDING, row.pk, {"authority": subject.authority, "step": row.transition})
    in_bulk.tell_learners(told, "accreditation_lost")
    return len(told)


# -- facts about citizens ----------------------------------------------------------------


def _corrected_facts(since: datetime) -> int:
    """A fact was corrected: open bookings that would have been decided otherwise are looked at."""
    rows = list(_since(CitizenFact.objects.order_by("-pk"), since, at="recorded_at"))
    by_citizen: dict[int, list[CitizenFact]] = defaultdict(list)
    for row in reversed(rows):
        by_citizen[row.citizen_id].append(row)
    return sum(_correct(citizen_id, facts) for citizen_id, facts in by_citizen.items())


def _correct(citizen_id: int, facts: Sequence[CitizenFact]) -> int:
    opened = 0
    decided = Booking.objects.filter(account__citizen=citizen_id, state__in=DECIDED)
    for booking in decided.select_related(*RELATED).order_by("pk"):
        assert booking.accepted_at is not None
        since = [fact for fact in facts if fact.recorded_at > booking.accepted_at]
        if not since:
            continue
        now = decision(booking, booking.account.citizen)
        then = decision(booking, facts_at(booking.account.citizen, booking.accepted_at))
        if now != then:
            detail = {"facts": sorted({fact.fact for fact in since}), "then": then, "now": now}
            opened += len(_open([booking], FACTS, since[-1].pk, detail))
    return opened


def decision(booking: Booking, citizen: Citizen) -> list[list[Any]]:
    """Who would have paid the booking, had these been the facts about the citizen when it was accepted.

    The rules and the balances are those of that moment. Source and cents of each allocation, or the refusal.
    """
    assert booking.scheme_version is not None
    assert booking.accepted_at is not None
    rules = booking.scheme_version.parsed
    learner = facts_of_learner(citizen)
    before = booking.account.citizen
    try:
        eligibility.check_bookable(rules, learner, facts_of_credential(booking.credential))
        day = calendar_of(booking.account.scheme).local_date(booking.accepted_at)
        eligibility.check_eligible(rules, learner, day)
        if rules.funding == "window":
            return []
        booking.account.citizen = citizen
        plan = acceptance.plan_for(booking, rules, lots_before(booking), booking.accepted_at)
    except DomainError as refusal:
        return [["refused", refusal.code, refusal.rule]]
    finally:
        booking.account.citizen = before
    return [[each.source, each.cents] for each in plan.allocations]


def lots_before(booking: Booking) -> Any:
    """The lots of the booking's account as they were just before its money was held, from the postings."""
    entry = JournalEntry.objects.filter(
        scheme=booking.account.scheme, idempotency_key=f"booking:{booking.pk}:accept"
    ).first()
    postings = Posting.objects.filter(lot__account=booking.account_id, bucket=Bucket.AVAILABLE)
    if entry is not None:
        postings = postings.filter(entry_id__lt=entry.pk)
    balances = dict(postings.order_by().values_list("lot").annotate(cents=Sum("amount_cents")))
    lots = Lot.objects.filter(pk__in=[pk for pk, cents in balances.items() if cents > 0]).order_by("pk")
    return facts_of_lots(
        (pk, source, balances[pk], expires, earmark)
        for pk, source, expires, earmark in lots.values_list("pk", "source", "expires_on", "earmark")
    )


# -- what they have in common ----------------------------------------------------------------


def _since(rows: Any, since: datetime, *, at: str = "at") -> Iterator[Any]:
    """The rows of a history, latest first, back to that moment: read along the key, never the whole table."""
    for row in rows.iterator(chunk_size=500):
        if getattr(row, at) < since:
            return
        yield row


def _open(bookings: Sequence[Booking], reason: str, change: int, detail: dict[str, Any]) -> list[Booking]:
    """Open a review of each booking for a change, or add the change to one that is open; returns whose is new.

    A booking whose review, open or closed, names the change already is left alone.
    """
    found = BookingReview.objects.filter(booking__in=[each.pk for each in bookings], reason=reason)
    known: set[int] = set()
    standing: dict[int, BookingReview] = {}
    for review in found.select_for_update(no_key=True):
        if change in review.detail.get("changes", []):
            known.add(review.booking_id)
        elif review.closed_at is None:
            standing[review.booking_id] = review
    fresh = [each for each in bookings if each.pk not in known]
    for review in (standing[each.pk] for each in fresh if each.pk in standing):
        # Of several changes, what stood before the first one.
        earlier = {key: review.detail[key] for key in ("before", "then") if key in review.detail}
        changes = [*review.detail.get("changes", []), change]
        review.detail = {**detail, **earlier, "changes": changes}
        review.save(update_fields=["detail"])
    new = [each.pk for each in fresh if each.pk not in standing]
    reviews.open_reviews(new, reason=reason, detail={**detail, "changes": [change]})
    return fresh
