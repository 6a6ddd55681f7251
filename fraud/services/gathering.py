"""From alerts to cases: one open case per provider and typology, with its alerts, bookings and money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Q, Sum

from accounts.models import User
from catalogue.models import Provider
from fraud.detection.detector import TYPOLOGIES
from fraud.detection.scoring import Alert as FoundAlert
from fraud.models import Alert, Case, CaseBooking, CaseState, RecordKind
from fraud.services import case_file, subjects
from funding.models import Allocation, Source
from ila.core import fsm, locks
from ila.core.errors import DomainError

Group = list[tuple[Alert, FoundAlert]]
CONTROL = "control"
# Tables whose evidence names a booking.
_OF_BOOKINGS = ("bookings", "booking_events", "attendance", "surveys")


def gather(
    provider: Provider,
    found: Sequence[tuple[Alert, FoundAlert]],
    row: Mapping[str, Any] | None,
    *,
    actor: User,
    rescore: bool = True,
    authors: Mapping[str, Collection[int]] | None = None,
) -> tuple[list[tuple[Case, Group]], int]:
    """Put a provider's alerts into its cases, the strongest typology first, and refresh what those say.

    row: the provider's row of the day's ranking. authors: who wrote the parameters of the day, by detector. An alert
    whose author works on the case it belongs to stays outside of it (`own_rule`). Returns the cases with their
    alerts, and how many are new.
    """
    order = _order(row)
    groups: dict[str, Group] = defaultdict(list)
    at_home: dict[int, Group] = defaultdict(list)
    for alert, each in found:
        if alert.case_id is not None:
            at_home[alert.case_id].append((alert, each))
        else:
            groups[_typology(each, order)].append((alert, each))
    result: list[tuple[Case, Group]] = []
    opened = 0
    for case_id in sorted(at_home):
        (case,) = locks.acquire(locks.lock(Case, case_id))
        if case.is_open:
            ran = {each.detector.id for _alert, each in at_home[case_id]}
            name_authors(case, {who for name in ran for who in (authors or {}).get(name, ())})
            result.append((case, at_home[case_id]))
    fresh: list[tuple[Case, Group]] = []
    for typology in sorted(groups, key=lambda name: (order.get(name, len(order)), name)):
        case, new = open_case(provider, typology, actor=actor)
        opened += new
        known = next((each for each, _group in result if each.pk == case.pk), case)
        taken = [
            (alert, each) for alert, each in groups[typology] if not own_rule(known, alert.rule_author_ids)
        ]
        if taken:
            fresh.append((known, taken))
    _lock([alert for _case, group in fresh for alert, _each in group])
    for case, group in fresh:
        merge(case, [alert for alert, _each in group], actor=actor)
        already = next((theirs for each, theirs in result if each.pk == case.pk), None)
        if already is None:
            result.append((case, group))
        else:
            already.extend(group)
    for case, group in result:
        refs: set[str] = set()
        refs.update(*(each.bookings for _alert, each in group))
        add_bookings(case, refs)
        if row is not None and (rescore or not case.reasons):
            refresh_score(case, row)
    return result, opened


def open_case(provider: Provider, typology: str, *, actor: User) -> tuple[Case, bool]:
    """The open case of a locked provider and typology, locked; and whether it is new. Logs: case `create`."""
    known = Case.objects.filter(provider=provider, typology=typology).exclude(state=CaseState.CLOSED).first()
    if known is not None:
        (case,) = locks.acquire(locks.lock(Case, known.pk))
        return case, False
    case = Case(provider=provider, typology=typology)
    fsm.start(case, actor=actor)
    case_file.record(
        case, RecordKind.OPENED, actor=actor, data={"provider": str(provider), "typology": typology}
    )
    return case, True


def _lock(alerts: Sequence[Alert]) -> None:
    """Lock those that this transaction did not make, as they are now."""
    rest = {each.pk: each for each in alerts if not locks.is_locked(each)}
    if not rest:
        return
    for row in locks.acquire_set(Alert.objects.filter(pk__in=rest)):
        # What a person did with it meanwhile counts: a step that is not allowed any more is refused.
        rest[row.pk].__dict__.update(row.__dict__)


def merge(case: Case, alerts: Sequence[Alert], *, actor: User) -> None:
    """Locked alerts become part of a locked case. Logs: alert `merge`. Records: `alert`.

    Raises: DomainError `not_allowed` where who works on the case, or decided it, wrote their rule (see `own_rule`).
    """
    authors = {author for each in alerts for author in each.rule_author_ids}
    if own_rule(case, authors):
        raise DomainError("not_allowed", what="merge", reason="author_of_the_rule")
    fsm.apply_set(
        alerts,
        "merge",
        actor=actor,
        reason=case.number,
        fields={"case_id": case.pk, "snoozed_until": None},
        case=case,
    )
    name_authors(case, authors)
    case_file.record_all(case, [_said(each) for each in alerts], actor=actor)


def _said(alert: Alert) -> case_file.Entry:
    return (
        RecordKind.ALERT,
        f"{alert.detector} {alert.subject_kind} {alert.subject_id}",
        {
            "alert": alert.public_id,
            "detector": alert.detector,
            "version": alert.version,
            "rule": alert.rule,
            "parameters": alert.parameters,
            "score": alert.score,
            "action": alert.action,
            "evidence": len(alert.evidence),
            "evidence_sha256": alert.evidence_hash,
        },
    )


def own_rule(case: Case, authors: Collection[int]) -> bool:
    """Whether one of these works on the case or decided it: nobody looks into, or decides, what their own rule found.

    Such an alert waits, open, outside of the case until it is closed; a person may make another of it.
    """
    return bool({case.investigator_id, case.proposed_by_id, case.decided_by_id} & set(authors))


def name_authors(case: Case, authors: Collection[int]) -> None:
    """Who wrote the rules that led to a case neither investigates nor decides it; who does already, goes on."""
    new = sorted(set(authors) - set(case.rule_author_ids))
    if new and not own_rule(case, new):
        case.rule_author_ids = [*case.rule_author_ids, *new]
        case.save(update_fields=["rule_author_ids"])


def add_bookings(case: Case, refs: Collection[str]) -> None:
    """The bookings that facts name become part of the case, and their public money its amount."""
    bookings = subjects.bookings_of(case.provider, refs)
    CaseBooking.objects.bulk_create(
        [CaseBooking(case=case, booking=booking) for booking in bookings], ignore_conflicts=True
    )
    refresh_amount(case)


def refresh_amount(case: Case) -> None:
    """The public money of the bookings that the case is about, in cents."""
    shares = Allocation.objects.filter(booking__in=case.bookings.values("booking"), reimburses=False)
    public = shares.filter(~Q(source=Source.LEARNER)).aggregate(cents=Sum("amount_cents"))["cents"] or 0
    currency = shares.values_list("booking__currency", flat=True).first() or case.currency
    if (public, currency) != (case.amount_cents, case.currency):
        case.amount_cents, case.currency = public, currency
        case.save(update_fields=["amount_cents", "currency"])


def refresh_score(case: Case, row: Mapping[str, Any]) -> None:
    """What the day's ranking says of the provider, as far as it is about this case's typology."""
    reasons = [each for each in row["reasons"] if each["typology"] == case.typology]
    if (row["score"], reasons) != (case.score, case.reasons):
        case.score, case.reasons = row["score"], reasons
        case.save(update_fields=["score", "reasons"])


def booking_refs(evidence: Collection[str]) -> frozenset[str]:
    """The ids of bookings in evidence."""
    named = (word.split(":", 1) for word in evidence)
    return frozenset(identity for table, identity in named if table in _OF_BOOKINGS)


def _order(row: Mapping[str, Any] | None) -> dict[str, int]:
    """Typologies in the order of the ranking's reasons."""
    names = dict.fromkeys(each["typology"] for each in (row["reasons"] if row is not None else []))
    return {name: place for place, name in enumerate(names)}


def _typology(found: FoundAlert, order: Mapping[str, int]) -> str:
    names = [name for name, members in TYPOLOGIES.items() if found.detector.id in members]
    return min(names, key=lambda name: (order.get(name, len(order)), names.index(name)), default=CONTROL)
