"""Alerts as detection found them: kept once, added to by later days, gathered into cases; what people make of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import service_users
from catalogue.models import Provider
from fraud import permissions
from fraud.detection.runs import DayResult
from fraud.detection.scoring import Alert as FoundAlert
from fraud.models import Alert, AlertAction, AlertSighting, AlertState, Case, Snooze
from fraud.services import gathering, precautions, subjects
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S = AlertState
Key = tuple[str, str, str]
# What asks for a person is gathered into cases; notes wait beside them.
GATHERED = (AlertAction.REVIEW, AlertAction.HOLD, AlertAction.REJECT)


@dataclass
class Stored:
    """What a day's detection came to. seen: known alerts that the day found again, without anything new."""

    new: int = 0
    added_to: int = 0
    seen: int = 0
    snoozed: int = 0
    cases: int = 0
    holds: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def store_day(
    *,
    result: DayResult,
    authors: Mapping[str, Collection[int]] | None = None,
    partial: bool = False,
    actor: User | None = None,
) -> Stored:
    """Keep a day's live alerts, once each; open or refresh cases; hold what may be held.

    A provider's alerts go in one transaction: killed and called again, it goes on. authors: who wrote the parameters
    that a detector ran with, by its id, where those were people. partial: only some detectors ran, so that the scores
    of cases stay what all of them said. Locks: provider, cases.
    Logs: alert `create`, `snooze`, `merge`; case `create`; measures as `precautions.hold`.
    """
    actor = actor or service_users.get("fraud")
    by_provider: dict[str, list[FoundAlert]] = defaultdict(list)
    for alert in result.alerts:
        by_provider[alert.finding.provider_id].append(alert)
    rows = {row["provider_id"]: row for row in result.cases}
    providers = subjects.providers_of(by_provider)
    keeper = _Keeper(result.day, authors or {}, actor, _snoozes(), partial)
    total = Stored()
    for ref in sorted(by_provider):
        total += keeper.store(ref, providers.get(ref), by_provider[ref], rows.get(ref))
    return total


@dataclass(frozen=True)
class _Keeper:
    day: date
    authors: Mapping[str, Collection[int]]
    actor: User
    snoozes: Mapping[Key, datetime]
    partial: bool

    @transaction.atomic
    def store(
        self, ref: str, provider: Provider | None, found: Sequence[FoundAlert], row: Mapping[str, Any] | None
    ) -> Stored:
        """Keep one provider's alerts of the day."""
        return _store_provider(self, ref, provider, found, row)


def _store_provider(
    keeper: _Keeper,
    ref: str,
    provider: Provider | None,
    found: Sequence[FoundAlert],
    row: Mapping[str, Any] | None,
) -> Stored:
    actor, snoozes = keeper.actor, keeper.snoozes
    if provider is not None:
        # One after the other: two runs of a day are one.
        locks.acquire(locks.lock(Provider, provider.pk))
    stored = Stored()
    known = {
        (each.detector, each.subject_kind, each.subject_id): each
        for each in Alert.objects.filter(provider_ref=ref, standing=True)
        .select_related("case")
        .prefetch_related("sightings")
    }
    seen: list[tuple[Alert, FoundAlert]] = []
    new: list[FoundAlert] = []
    over: list[int] = []
    for each in found:
        finding = each.finding
        alert = known.get((each.detector.id, finding.subject_kind, finding.subject_id))
        if alert is not None and not _starts_anew(alert, each):
            seen.append((alert, each))
            continue
        if alert is not None:
            over.append(alert.pk)
        new.append(each)
    if over:
        Alert.objects.filter(pk__in=over).update(standing=False)
    _see_again(seen, keeper.day, stored)
    made = _create(new, ref, provider, keeper)
    stored.new += len(made)
    asleep: dict[datetime, list[Alert]] = defaultdict(list)
    for alert in made:
        until = snoozes.get((alert.detector, "provider", ref)) or snoozes.get(
            (alert.detector, alert.subject_kind, alert.subject_id)
        )
        if until is not None:
            asleep[until].append(alert)
            stored.snoozed += 1
    for until, theirs in sorted(asleep.items()):
        fsm.apply_set(
            theirs,
            "snooze",
            actor=actor,
            reason="snoozed before",
            fields={"snoozed_until": until},
            until=until,
        )
    if provider is not None:
        by_place = {id(each): alert for alert, each in [*seen, *zip(made, new, strict=True)]}
        _gather(provider, [(by_place[id(each)], each) for each in found], row, keeper, stored)
    return stored


def _gather(
    provider: Provider,
    fresh: Sequence[tuple[Alert, FoundAlert]],
    row: Mapping[str, Any] | None,
    keeper: _Keeper,
    stored: Stored,
) -> None:
    """Open alerts into cases, and holds on what may be held."""
    wanted = [
        (alert, each)
        for alert, each in fresh
        if each.action in GATHERED and alert.state in (S.OPEN, S.MERGED)
    ]
    merged, opened = gathering.gather(
        provider, wanted, row, actor=keeper.actor, rescore=not keeper.partial, authors=keeper.authors
    )
    stored.cases += opened
    for case, group in merged:
        held = [(alert, each) for alert, each in group if precautions.holds_money(each)]
        if held and precautions.hold(case, held, actor=keeper.actor) is not None:
            stored.holds += 1


def _starts_anew(alert: Alert, found: FoundAlert) -> bool:
    """Whether what was settled is asked again: only for evidence that nobody has looked at."""
    over = alert.state == S.DISMISSED or (alert.case is not None and not alert.case.is_open)
    return over and not set(found.finding.evidence) <= _evidence(alert)


def _evidence(alert: Alert) -> set[str]:
    known = set(alert.evidence)
    for sighting in alert.sightings.all():
        known.update(sighting.evidence)
    return known


def _see_again(seen: Sequence[tuple[Alert, FoundAlert]], day: date, stored: Stored) -> None:
    """What is known was found again: what a day adds to it is kept beside it."""
    added = [(alert, found) for alert, found in seen if _says_more(alert, found)]
    rows = subjects.rows_behind_each([found.finding.evidence for _alert, found in added], day)
    AlertSighting.objects.bulk_create(
        [
            AlertSighting(
                alert=alert,
                on=day,
                version=found.detector.version,
                rule=found.detector.rule,
                parameters=found.detector.parameters.model_dump(mode="json"),
                score=found.finding.score,
                action=found.action,
                amount_cents=found.amount_cents,
                evidence=list(found.finding.evidence),
                evidence_rows=behind,
                evidence_hash=subjects.hash_of(found.finding.evidence, behind),
            )
            for (alert, found), behind in zip(added, rows, strict=True)
        ],
        batch_size=500,
    )
    stored.added_to += len(added)
    stored.seen += len(seen) - len(added)
    later = [alert.pk for alert, _found in seen if day > alert.last_seen_on]
    if later:
        Alert.objects.filter(pk__in=later).update(last_seen_on=day)


def _says_more(alert: Alert, found: FoundAlert) -> bool:
    last = max(alert.sightings.all(), key=lambda each: each.pk, default=alert)
    said = (found.finding.score, found.action, found.detector.version, found.detector.rule)
    return (
        not set(found.finding.evidence) <= _evidence(alert)
        or (last.score, last.action, last.version, last.rule) != said
    )


def _create(new: Sequence[FoundAlert], ref: str, provider: Provider | None, keeper: _Keeper) -> list[Alert]:
    """Alerts as they were found, with their frozen rows, in the order in which they were found."""
    frozen = subjects.rows_behind_each([found.finding.evidence for found in new], keeper.day)
    made = [_alert(found, rows, ref, provider, keeper) for found, rows in zip(new, frozen, strict=True)]
    # The database checks the rules of each row as it takes them in.
    Alert.objects.bulk_create(made, batch_size=500)
    for alert in made:
        locks.mark_locked(alert)
    fsm.bulk_log(
        [fsm.log_row(alert, "create", source="", actor=keeper.actor) for alert in made], model=Alert.log_model
    )
    return made


def _alert(
    found: FoundAlert, rows: list[dict[str, Any]], ref: str, provider: Provider | None, keeper: _Keeper
) -> Alert:
    detector, finding = found.detector, found.finding
    return Alert(
        provider=provider,
        detector=detector.id,
        version=detector.version,
        parameters=detector.parameters.model_dump(mode="json"),
        rule=detector.rule,
        rule_author_ids=sorted(keeper.authors.get(detector.id, ())),
        family=detector.family,
        typology=detector.typologies[0] if detector.typologies else "control",
        provider_ref=ref,
        subject_kind=finding.subject_kind,
        subject_id=finding.subject_id,
        score=finding.score,
        action=found.action,
        amount_cents=found.amount_cents,
        evidence=list(finding.evidence),
        evidence_rows=rows,
        evidence_hash=subjects.hash_of(finding.evidence, rows),
        found_on=keeper.day,
        last_seen_on=keeper.day,
    )


def _snoozes() -> dict[Key, datetime]:
    """What is snoozed now, by detector and entity."""
    standing = Snooze.objects.filter(ended_at__isnull=True, until__gt=clock.now())
    return {(each.detector, each.entity_kind, each.entity_id): each.until for each in standing}


@transaction.atomic
def dismiss_alert(*, actor: User, alert_id: int, reason: str) -> Alert:
    """A person says that nothing is wrong, and why. Locks: the alert. Logs: `dismiss`.

    Raises: DomainError `incomplete` without a reason, `not_allowed`.
    """
    return _move(alert_id, "dismiss", actor, reason)


@transaction.atomic
def snooze_alert(
    *, actor: User, alert_id: int, until: datetime, reason: str, of_provider: bool = False
) -> Snooze:
    """Do not ask about what this detector says of this subject (or of the provider as a whole) until a moment.

    Locks: the alert. Logs: `snooze` of it. Raises: DomainError `incomplete` without a reason or an end in the future;
    `not_allowed`.
    """
    if until <= clock.now():
        raise DomainError("incomplete", status=422, what="until")
    alert = _move(alert_id, "snooze", actor, reason, until=until)
    kind, entity = ("provider", alert.provider_ref) if of_provider else (alert.subject_kind, alert.subject_id)
    Snooze.objects.filter(
        detector=alert.detector, entity_kind=kind, entity_id=entity, ended_at__isnull=True
    ).update(ended_at=clock.now(), ended_by=actor)
    return Snooze.objects.create(
        detector=alert.detector,
        entity_kind=kind,
        entity_id=entity,
        until=until,
        reason=reason.strip()[:500],
        by=actor,
        at=clock.now(),
    )


@transaction.atomic
def merge_alert(*, actor: User, alert_id: int, case_id: int) -> Alert:
    """A person makes an alert part of an open case of the same provider.

    Locks: the case, the alert. Logs: alert `merge`. Raises: DomainError `not_allowed`.
    """
    case, alert = locks.acquire(locks.lock(Case, case_id), locks.lock(Alert, alert_id))
    if alert.provider_id != case.provider_id or not case.is_open or not permissions.may_sort(case, actor):
        raise DomainError("not_allowed", transition="merge", state=alert.state)
    gathering.merge(case, [alert], actor=actor)
    gathering.add_bookings(case, _booking_refs(alert))
    merged: Alert = alert
    return merged


@transaction.atomic
def open_case(*, actor: User, alert_id: int, typology: str) -> Case:
    """A person opens a case for an alert, or finds the one that is open. Two who do so get the same case.

    Locks: provider, alert. Logs: case `create`, alert `merge`. Raises: DomainError `not_allowed` for an alert that is
    settled or of no provider of the platform.
    """
    seen = Alert.objects.filter(pk=alert_id).first()
    if seen is None or seen.provider_id is None or not permissions.may_investigate(None, actor):
        raise DomainError("not_allowed", transition="open_case", state=seen.state if seen else "")
    locks.acquire(locks.lock(Provider, seen.provider_id))
    (alert,) = locks.acquire(locks.lock(Alert, alert_id))
    if alert.case_id is not None:
        (case,) = locks.acquire(locks.lock(Case, alert.case_id))
        return case  # type: ignore[no-any-return]
    case, _new = gathering.open_case(alert.provider, typology, actor=actor)
    gathering.merge(case, [alert], actor=actor)
    gathering.add_bookings(case, _booking_refs(alert))
    return case


def wake_snoozed(*, actor: User | None = None) -> int:
    """Alerts whose snooze is over are open again. Returns how many. Logs: alert `wake`. May be repeated."""
    actor = actor or service_users.get("fraud")
    due = Alert.objects.filter(state=S.SNOOZED, snoozed_until__lte=clock.now()).order_by("pk")
    woken = 0
    for pk in due.values_list("pk", flat=True):
        with transaction.atomic():
            (alert,) = locks.acquire(locks.lock(Alert, pk))
            if alert.state == S.SNOOZED and alert.snoozed_until <= clock.now():
                fsm.apply(alert, "wake", actor=actor)
                woken += 1
    Snooze.objects.filter(ended_at__isnull=True, until__lte=clock.now()).update(
        ended_at=clock.now(), ended_by=actor
    )
    return woken


def _booking_refs(alert: Alert) -> frozenset[str]:
    return gathering.booking_refs(_evidence(alert))


def _move(alert_id: int, transition: str, actor: User, reason: str, **kwargs: Any) -> Alert:
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    (alert,) = locks.acquire(locks.lock(Alert, alert_id))
    fsm.apply(alert, transition, actor=actor, reason=reason.strip(), **kwargs)
    moved: Alert = alert
    return moved
