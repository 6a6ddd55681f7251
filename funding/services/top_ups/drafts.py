"""From a list to an order: tried first without ordering anything, then ordered when a person says so."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts.models import Organisation, User
from accounts.permissions import manages_organisation, works_for_organisation
from catalogue.exporting.cells import csv_lines
from funding.models import DraftStage, Scheme, TopUpDraft
from funding.services.top_ups.lists import MAX_BYTES, read_list
from funding.services.top_ups.matching import BY_REFERENCE, Matcher
from funding.services.top_ups.orders import (
    MAX_LINE_CENTS,
    MAX_LINES,
    OrderLine,
    check_terms,
    least_cents,
    order_top_up,
    require_verified,
)
from funding.services.top_ups.payroll import ByPayroll
from ila.core import clock, locks
from ila.core.errors import DomainError

# Who tries codes learns nothing worth having, and cannot try many: lists and unknown codes of a day.
DAY = timedelta(days=1)
# A form that is sent again so soon is the same form.
TWICE = timedelta(minutes=1)
LISTS_A_DAY = 100
UNMATCHED_A_DAY = 2_000
_TELL_EVERY = 5_000


@dataclass(slots=True)
class Reading:
    """What a list comes to: lines to order, and the rows that are left out as (line, code)."""

    rows: int = 0
    unmatched: int = 0
    lines: list[OrderLine] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)

    @property
    def total_cents(self) -> int:
        return sum(line.amount_cents for line in self.lines)


def request_draft(
    *,
    actor: User,
    organisation: Organisation,
    scheme: Scheme,
    kind: str,
    earmark: str,
    ends_on: date | None,
    name: str,
    content: bytes,
) -> TopUpDraft:
    """Hand in a list; the caller enqueues its check. The same one again, by a double click, is the one that is there.

    Raises: DomainError `not_allowed` (403), `employer_not_verified`, `too_many_lists` (429), `file_empty`,
    `file_too_large`; as `check_terms`.
    """
    draft = TopUpDraft(organisation=organisation, scheme=scheme, kind=kind, earmark=earmark, ends_on=ends_on)
    if not works_for_organisation(draft, actor):
        raise DomainError("not_allowed", status=403)
    require_verified(organisation)
    check_terms(scheme=scheme, kind=kind, ends_on=ends_on)
    if not content:
        raise DomainError("file_empty", status=422)
    if len(content) > MAX_BYTES:
        raise DomainError("file_too_large", status=422, limit_mb=MAX_BYTES // 1_000_000)
    lately = TopUpDraft.objects.filter(organisation=organisation, requested_at__gt=clock.now() - DAY)
    unmatched = lately.aggregate(rows=Sum("unmatched"))["rows"] or 0
    if lately.count() >= LISTS_A_DAY or unmatched >= UNMATCHED_A_DAY:
        raise DomainError("too_many_lists", status=429)
    same = lately.filter(
        requested_by=actor,
        scheme=scheme,
        kind=kind,
        earmark=earmark,
        ends_on=ends_on,
        content=content,
        stage__in=(DraftStage.CHECKING, DraftStage.CHECKED),
        requested_at__gt=clock.now() - TWICE,
    ).first()
    if same is not None:
        return same
    draft.name, draft.content, draft.requested_by = name[:200] or "list", content, actor
    draft.requested_at = clock.now()
    draft.save()
    return draft


def check_draft(*, draft_id: int) -> TopUpDraft:
    """Read a list and match its rows; nothing is ordered. What cannot be read at all gets a refusal."""
    draft = TopUpDraft.objects.select_related("scheme").get(pk=draft_id)
    if draft.stage != DraftStage.CHECKING:
        return draft
    try:
        reading = _read(draft)
    except DomainError as refusal:
        draft.refusal = str(refusal.params.get("reason", refusal.code))[:40]
    else:
        _note(draft, reading)
    draft.stage, draft.done = DraftStage.CHECKED, 0
    draft.save()
    return draft


def confirm_draft(*, actor: User, public_id: UUID) -> TopUpDraft:
    """Let a checked list be ordered; asked twice it is ordered once. The caller enqueues the ordering.

    Locks: the draft. Raises: DomainError `not_found` (404), `not_allowed` (403) unless the actor manages the
    organisation, `not_checked`, `nothing_to_order`.
    """
    with transaction.atomic():
        draft = _lock(public_id)
        if not manages_organisation(draft, actor):
            raise DomainError("not_allowed", status=403)
        if draft.stage != DraftStage.CHECKED:
            raise DomainError("not_checked", stage=draft.stage)
        if not draft.matched:
            raise DomainError("nothing_to_order", status=422)
        draft.stage, draft.decided_by = DraftStage.ORDERING, actor
        draft.save(update_fields=["stage", "decided_by"])
    return draft


def discard_draft(*, actor: User, public_id: UUID) -> TopUpDraft:
    """Put a list aside: nothing of it is ordered. Locks and Raises: as `confirm_draft`, by any member."""
    with transaction.atomic():
        draft = _lock(public_id)
        if not works_for_organisation(draft, actor):
            raise DomainError("not_allowed", status=403)
        if draft.stage != DraftStage.CHECKED:
            raise DomainError("not_checked", stage=draft.stage)
        draft.stage, draft.decided_by = DraftStage.DISCARDED, actor
        draft.save(update_fields=["stage", "decided_by"])
    return draft


def order_draft(*, draft_id: int) -> TopUpDraft:
    """Order what was confirmed, as it was shown: where references were taken back meanwhile, it is shown again.

    Locks: the draft. Raises: as `order_top_up`.
    """
    with transaction.atomic():
        draft = _lock(TopUpDraft.objects.values_list("public_id", flat=True).get(pk=draft_id))
        if draft.stage != DraftStage.ORDERING:
            return draft
        # Another employee at the same amount is another order: which rows are left out counts too.
        shown = (draft.matched, draft.total_cents, draft.faults)
        reading = _read(draft)
        _note(draft, reading)
        if (draft.matched, draft.total_cents, draft.faults) != shown:
            draft.stage, draft.decided_by = DraftStage.CHECKED, None
            draft.refusal = "changed_since"
            draft.save()
            return draft
        assert draft.decided_by is not None
        draft.top_up = order_top_up(
            actor=draft.decided_by,
            organisation=draft.organisation,
            scheme=draft.scheme,
            kind=draft.kind,
            earmark=draft.earmark,
            ends_on=draft.ends_on,
            lines=reading.lines,
        )
        draft.stage, draft.refusal, draft.done = DraftStage.ORDERED, "", 0
        draft.save()
    return draft


def fail_draft(*, draft_id: int, error: str) -> None:
    """Write down that a job broke: nothing was ordered."""
    under_way = [DraftStage.CHECKING, DraftStage.ORDERING]
    TopUpDraft.objects.filter(pk=draft_id, stage__in=under_way).update(
        stage=DraftStage.FAILED, error=error[:200]
    )


def _read(draft: TopUpDraft) -> Reading:
    scheme = draft.scheme
    rules = check_terms(scheme=scheme, kind=draft.kind, ends_on=draft.ends_on)
    least = max(1, least_cents(draft.kind, rules))
    reading = Reading()
    matcher: Matcher = BY_REFERENCE
    candidates: list[tuple[int, str, int]] = []
    for row in read_list(bytes(draft.content), currency=scheme.currency):
        reading.rows += 1
        if reading.rows > MAX_LINES:
            raise DomainError("too_many_rows", status=422)
        if reading.rows % _TELL_EVERY == 0:
            TopUpDraft.objects.filter(pk=draft.pk).update(done=reading.rows)
        if row.by_payroll and matcher is BY_REFERENCE:
            matcher = ByPayroll(draft.organisation)
        code = matcher.read(row.reference)
        fault = row.fault or _fault(row.amount_cents, least)
        if fault or code is None:
            reading.faults.append((row.line, fault or f"bad_{matcher.name}"))
            continue
        candidates.append((row.line, code, row.amount_cents))
    accounts = matcher.match(scheme=scheme, values=[code for _, code, _ in candidates])
    seen: set[int] = set()
    for line, code, cents in candidates:
        account = accounts.get(code)
        if account is None:
            reading.unmatched += 1
            reading.faults.append((line, "not_matched"))
        elif account in seen:
            reading.faults.append((line, "same_employee_twice"))
        else:
            seen.add(account)
            reading.lines.append(OrderLine(account, cents, matcher.name))
    reading.faults.sort()
    return reading


def _fault(cents: int, least: int) -> str:
    if cents > MAX_LINE_CENTS:
        return "amount_too_large"
    return "below_least" if cents < least else ""


def _note(draft: TopUpDraft, reading: Reading) -> None:
    draft.rows, draft.matched, draft.unmatched = reading.rows, len(reading.lines), reading.unmatched
    draft.faulty = len(reading.faults) - reading.unmatched
    draft.total_cents = reading.total_cents
    draft.faults = "".join(csv_lines(("line", "code"), reading.faults)) if reading.faults else ""


def _lock(public_id: UUID) -> TopUpDraft:
    pk = TopUpDraft.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
    if pk is None:
        raise DomainError("not_found", status=404, kind="draft")
    draft: TopUpDraft
    (draft,) = locks.acquire(locks.lock(TopUpDraft, pk))
    return draft
