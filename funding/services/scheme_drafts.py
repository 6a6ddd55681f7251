"""Rules written by one manager of the agency and put into force by another; and taken back before they begin.

Every act locks the scheme, where there is one, then the draft. Nothing here touches a booking: each keeps the
version that it was accepted under.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from funding import permissions
from funding.models import Booking, DraftKind, DraftState, Scheme, SchemeDraft, SchemeVersion
from funding.schemes.drafting import HEAD, SHARED, Checked, check_content, jsonable
from funding.schemes.rules import SchemeRules
from ila.core import clock, fsm, locks
from ila.core.calendars import calendar_for
from ila.core.errors import DomainError
from ila.core.locks import lock

NOTICE = timedelta(hours=1)
"""The least time between an approval and the first day. Bookings of a day are all under one version: none is
closed on a day that has begun, and no acceptance around midnight can meet an approval half-way."""


def create_draft(
    *,
    actor: User,
    content: Mapping[str, Any],
    scheme: Scheme | None = None,
    replaces: SchemeVersion | None = None,
) -> SchemeDraft:
    """A manager begins to write rules down, faulty as they may be. Returns the draft.

    scheme: the scheme that they are for; none: a new one. replaces: a version not yet begun.
    Raises: DomainError `not_allowed` for who may not, or not for that scheme (decision 173), or a version that
    belongs elsewhere.
    """
    may = (
        permissions.may_draft_new_schemes(actor)
        if scheme is None
        else permissions.may_draft_schemes(actor, scheme)
    )
    if not may:
        raise DomainError("not_allowed", status=403, what="draft_scheme")
    if replaces is not None and (scheme is None or replaces.scheme_id != scheme.pk):
        raise DomainError("not_allowed", reason="version_of_another_scheme")
    draft = SchemeDraft(
        scheme=scheme, content=_kept(content, scheme), replaces=replaces, author=actor, created_at=clock.now()
    )
    with transaction.atomic():
        fsm.start(draft, actor=actor)
    return draft


def edit_draft(
    *, actor: User, draft_id: UUID, content: Mapping[str, Any], content_hash: str | None = None
) -> SchemeDraft:
    """Its author changes a draft. content_hash: what they had before them, when they say so.

    Raises: DomainError `not_allowed` for another person or state; `draft_changed` when it is no longer what
    was before them.
    """
    with transaction.atomic():
        draft = _locked(draft_id)
        if draft.kind != DraftKind.VERSION or draft.state != DraftState.DRAFT:
            raise DomainError("not_allowed", reason="draft_fixed", state=draft.state)
        if not permissions.is_draft_author(draft, actor):
            raise DomainError("not_allowed", status=403, what="edit_draft")
        if content_hash is not None and content_hash != draft.content_hash:
            raise DomainError("draft_changed")
        draft.content = _kept(content, draft.scheme)
        draft.save(update_fields=["content"])
    return draft


def propose_draft(*, actor: User, draft_id: UUID) -> SchemeDraft:
    """Its author asks another manager to put the draft into force.

    Raises: DomainError `draft_faulty` naming the parameters at fault; `too_late` for a first day that is too
    near; `overlap` for a day on which another version begins; `not_allowed`.
    """
    with transaction.atomic():
        draft = _locked(draft_id)
        if not permissions.is_draft_author(draft, actor):
            raise DomainError("not_allowed", status=403, what="propose_draft")
        if draft.withdraws is not None:
            _require_not_begun(draft.withdraws)
        else:
            _require_possible(draft)
        fsm.apply(draft, "propose", actor=actor, at=clock.now())
    return draft


def propose_withdrawal(*, actor: User, version: SchemeVersion, reason: str) -> SchemeDraft:
    """A manager asks another one to take back a version that has not begun.

    Raises: DomainError `too_late` once it has begun; `incomplete` without a reason; `not_allowed`.
    """
    if not permissions.may_draft_schemes(actor, version.scheme):
        raise DomainError("not_allowed", status=403, what="withdraw_version")
    if not reason.strip():
        raise DomainError("incomplete", reason="reason_missing")
    scheme = version.scheme
    draft = SchemeDraft(
        kind=DraftKind.WITHDRAWAL,
        scheme=scheme,
        withdraws=version,
        content={**_head(scheme), "valid_from": version.valid_from.isoformat()},
        author=actor,
    )
    with transaction.atomic():
        locks.acquire(lock(Scheme, scheme.pk))
        _require_not_begun(version)
        fsm.start(draft, actor=actor, reason=reason)
        fsm.apply(draft, "propose", actor=actor, at=clock.now())
    return draft


def take_back_draft(*, actor: User, draft_id: UUID) -> SchemeDraft:
    """Its author takes a proposal back. Raises: DomainError `not_allowed`."""
    return _move(actor, draft_id, "take_back")


def reject_draft(*, actor: User, draft_id: UUID, reason: str) -> SchemeDraft:
    """Another manager says no, and why. Raises: DomainError `incomplete` without a reason; `not_allowed`."""
    if not reason.strip():
        raise DomainError("incomplete", reason="reason_missing")
    return _move(actor, draft_id, "reject", reason=reason, approver=actor, at=clock.now())


def revise_draft(*, actor: User, draft_id: UUID) -> SchemeDraft:
    """Its author works on a rejected draft again. Raises: DomainError `not_allowed`."""
    return _move(actor, draft_id, "revise")


def discard_draft(*, actor: User, draft_id: UUID) -> SchemeDraft:
    """Its author gives a draft up. Raises: DomainError `not_allowed`."""
    return _move(actor, draft_id, "discard")


def approve_draft(*, actor: User, draft_id: UUID, content_hash: str, timeline_hash: str) -> SchemeDraft:
    """Put a proposal into force, as another manager than its author has seen it: see `timeline_of`.

    The version in force on the day before ends there; what was booked under it stays under it. Approved again
    by the same person with the same content, nothing changes.
    Locks: the scheme, the draft.
    Raises: DomainError `draft_changed` when the content is not what was seen; `rules_changed` when the
    scheme's versions are not; `too_late`, `overlap`, `draft_faulty` as for a proposal; `windows_depend` when
    a window to come would lose its rules; `not_allowed`.
    """
    with transaction.atomic():
        draft = _locked(draft_id)
        if draft.content_hash != content_hash:
            raise DomainError("draft_changed")
        if draft.state == DraftState.APPROVED and draft.approver_id == actor.pk:
            return draft
        if not permissions.may_decide_draft(draft, actor):
            raise DomainError("not_allowed", status=403, what="approve_draft")
        if draft.state != DraftState.PROPOSED:
            raise DomainError("not_allowed", transition="approve", state=draft.state)
        if timeline_of(draft.scheme) != timeline_hash:
            raise DomainError("rules_changed")
        if draft.kind == DraftKind.WITHDRAWAL:
            assert draft.withdraws is not None
            _withdraw(draft.withdraws)
            scheme, version = draft.scheme, None
        else:
            version = _put_into_force(draft, _require_possible(draft), actor)
            scheme = version.scheme
        assert scheme is not None
        _require_windows(scheme)
        fsm.apply(
            draft, "approve", actor=actor, approver=actor, at=clock.now(), scheme=scheme, version=version
        )
    return draft


def check_draft(draft: SchemeDraft) -> Checked:
    """Every fault of a draft's content, found afresh."""
    scheme = draft.scheme
    fixed = None if scheme is None else {name: str(getattr(scheme, name)) for name in SHARED}
    return check_content(draft.content, fixed=fixed)


def timeline_of(scheme: Scheme | None) -> str:
    """A fingerprint of all versions of a scheme: what a preview rests on, and an approval has to find again."""
    rows: list[Any] = []
    if scheme is not None:
        versions = scheme.versions.order_by("valid_from").values_list("pk", "valid_from", "valid_until")
        rows = [[pk, str(first), str(until)] for pk, first, until in versions]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def earliest_first_day(country: str, timezone: str, now: datetime) -> date:
    """The first day on which rules approved now may begin."""
    calendar = calendar_for(country, timezone)
    day = calendar.local_date(now) + timedelta(days=1)
    return day if calendar.start_of_day(day) >= now + NOTICE else day + timedelta(days=1)


def _require_possible(draft: SchemeDraft) -> tuple[date, SchemeRules]:
    """The day and the rules, if they may be put into force as things stand."""
    checked = check_draft(draft)
    if checked.faults or checked.rules is None or checked.valid_from is None:
        names = sorted({name for fault in checked.faults for name in fault.parameters})
        raise DomainError("draft_faulty", faults=", ".join(names))
    rules, first = checked.rules, checked.valid_from
    earliest = earliest_first_day(rules.country, rules.timezone, clock.now())
    if first < earliest:
        raise DomainError("too_late", reason="first_day", earliest=earliest.isoformat())
    if draft.replaces is not None:
        _require_not_begun(draft.replaces)
    if draft.scheme is None:
        if Scheme.objects.filter(code=draft.code).exists():
            raise DomainError("overlap", reason="code_taken", scheme=draft.code)
    elif any(pk != draft.replaces_id for pk in _begun_with(draft.scheme, first)):
        raise DomainError("overlap", reason="first_day", valid_from=first.isoformat())
    return first, rules


def _begun_with(scheme: Scheme, first: date) -> list[int]:
    return list(scheme.versions.filter(valid_from=first).values_list("pk", flat=True))


def _put_into_force(draft: SchemeDraft, what: tuple[date, SchemeRules], approver: User) -> SchemeVersion:
    first, rules = what
    scheme = draft.scheme
    if scheme is None:
        # Two drafts of one code at once: the second waits here for the first, and finds its scheme.
        scheme, created = Scheme.objects.get_or_create(
            code=draft.code, defaults={name: draft.content[name] for name in HEAD if name != "code"}
        )
        if not created:
            raise DomainError("overlap", reason="code_taken", scheme=draft.code)
    if draft.replaces is not None:
        _withdraw(draft.replaces)
    before = scheme.versions.filter(valid_from__lt=first).exclude(valid_until__lte=first).first()
    if before is not None:
        until = before.valid_until
        before.valid_until = first
        before.save(update_fields=["valid_until"])
    else:
        after = scheme.versions.filter(valid_from__gt=first).order_by("valid_from").first()
        until = None if after is None else after.valid_from
    return SchemeVersion.objects.create(
        scheme=scheme,
        valid_from=first,
        valid_until=until,
        rules=rules.model_dump(mode="json"),
        author=draft.author,
        approver=approver,
    )


def _withdraw(version: SchemeVersion) -> None:
    """Take a version back before it begins; the one before it holds on until the next."""
    _require_not_begun(version)
    version.withdrawn_at = clock.now()
    version.save(update_fields=["withdrawn_at"])
    before = version.scheme.versions.filter(valid_until=version.valid_from).first()
    if before is not None:
        before.valid_until = version.valid_until
        before.save(update_fields=["valid_until"])


def _require_not_begun(version: SchemeVersion) -> None:
    version.refresh_from_db(fields=["withdrawn_at", "valid_until"])
    if version.withdrawn_at is not None:
        raise DomainError("not_allowed", reason="version_withdrawn")
    scheme = version.scheme
    if version.valid_from < earliest_first_day(scheme.country, scheme.timezone, clock.now()):
        raise DomainError("too_late", reason="version_begun", valid_from=version.valid_from.isoformat())
    if Booking.objects.filter(scheme_version=version).exists():
        raise DomainError("not_allowed", reason="version_used")


def _require_windows(scheme: Scheme) -> None:
    """A window that was announced keeps rules that grant from windows on the day it opens (N-03)."""
    calendar = calendar_for(scheme.country, scheme.timezone)
    versions = list(scheme.versions.order_by("-valid_from"))
    for window in scheme.windows.filter(opens_at__gt=clock.now()):
        day = calendar.local_date(window.opens_at)
        on = next((each for each in versions if each.valid_from <= day), None)
        ended = on is not None and on.valid_until is not None and on.valid_until <= day
        if on is None or ended or on.parsed.funding != "window":
            raise DomainError("windows_depend", rule="N-03", window=window.name)


def _move(actor: User, draft_id: UUID, transition: str, *, reason: str = "", **values: Any) -> SchemeDraft:
    with transaction.atomic():
        draft = _locked(draft_id)
        fsm.apply(draft, transition, actor=actor, reason=reason, **values)
    return draft


def _locked(draft_id: UUID) -> SchemeDraft:
    """The draft, and its scheme, locked in the house's order."""
    seen = SchemeDraft.objects.filter(public_id=draft_id).values_list("pk", "scheme_id").first()
    if seen is None:
        raise DomainError("not_found", status=404, kind="schemedraft")
    wanted = [lock(SchemeDraft, seen[0])]
    scheme_id: Any = seen[1]
    if scheme_id is not None:
        wanted.append(lock(Scheme, scheme_id))
    draft: SchemeDraft = locks.acquire(*wanted)[0]
    return draft


def _kept(content: Mapping[str, Any], scheme: Scheme | None) -> dict[str, Any]:
    """The content as it is stored; the head of a scheme that exists is the scheme's."""
    kept: dict[str, Any] = jsonable(content)
    return kept if scheme is None else {**kept, **_head(scheme)}


def _head(scheme: Scheme) -> dict[str, str]:
    return {name: str(getattr(scheme, name)) for name in HEAD}
