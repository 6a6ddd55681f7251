"""What changed parameters would have found on past days, beside those in force. Nothing of it becomes an alert."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from pydantic import ValidationError

from accounts.models import User
from fraud import permissions
from fraud.detection.detector import Detector, Finding
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import Answer, ask_live
from fraud.models import (
    Alert,
    AlertState,
    BackTest,
    BackTestDay,
    BackTestFinding,
    BackTestOutcome,
    Became,
    Case,
    CaseState,
    ParameterVersion,
)
from fraud.models.cases import AT_FAULT
from fraud.models.rules import UNFINISHED
from fraud.services import feeds, rules, subjects
from fraud.services.shadows import Subject, subject_of
from ila.core import clock, locks
from ila.core.errors import DomainError

logger = structlog.get_logger(__name__)

# Half a year of weeks: each day is a snapshot of all facts.
MOST_WEEKS = 26


class NoAnswerError(Exception):
    """The detector could not say anything of a day; the text is the kind of error, or what is missing."""


@transaction.atomic
def ask_for_back_test(*, actor: User, version_id: int, weeks: int) -> BackTest:
    """Write down that a version is to be tried on the past; a job does it (`execute_back_test`).

    weeks: so many days are asked about, today and one a week before it. Locks: the version.
    Raises: DomainError `not_allowed` (403), or where the version waits for no decision; `incomplete` for weeks out of
    1 to 26; `already_under_way`.
    """
    (version,) = locks.acquire(locks.lock(ParameterVersion, version_id))
    if not permissions.may_investigate(version, actor):
        raise DomainError("not_allowed", status=403, what="back_test")
    if not version.is_undecided:
        raise DomainError("not_allowed", what="back_test", state=version.state)
    if not 1 <= weeks <= MOST_WEEKS:
        raise DomainError("incomplete", status=422, what="weeks")
    if version.back_tests.filter(outcome__in=UNFINISHED).exists():
        raise DomainError("already_under_way", status=409)
    now = rules.present(version.detector)
    return BackTest.objects.create(
        version=version,
        present=now.parameters.model_dump(mode="json"),
        present_number=now.rule,
        last_day=clock.now().date(),
        weeks=weeks,
        asked_by=actor,
    )


def days_of(back_test: BackTest) -> list[date]:
    """The days that it asks about, the earliest first."""
    return [back_test.last_day - timedelta(weeks=back) for back in range(back_test.weeks - 1, -1, -1)]


def execute_back_test(*, public_id: UUID) -> int:
    """Do a back-test that waits, or one whose worker was killed, from the beginning. Returns the days asked about.

    Progress is written after each day, the result at the end, all of it at once. What fails is written down.
    """
    with transaction.atomic():
        back_test = (
            BackTest.objects.select_for_update(no_key=True, of=("self",))
            .select_related("version")
            .filter(public_id=public_id)
            .first()
        )
        if back_test is None or not back_test.is_unfinished:
            return 0
        back_test.outcome, back_test.done = BackTestOutcome.RUNNING, 0
        back_test.save(update_fields=["outcome", "done"])
    try:
        compared = _compare(back_test)
    except (NoAnswerError, ValidationError) as error:
        said = str(error) if isinstance(error, NoAnswerError) else rules.OUTDATED
        _finish(back_test, BackTestOutcome.FAILED, error=said[:200])
        return 0
    except BaseException as error:
        _finish(back_test, BackTestOutcome.FAILED, error=type(error).__name__)
        raise
    with transaction.atomic():
        _store(back_test, compared)
        _finish(back_test, BackTestOutcome.DONE, done=back_test.weeks)
    logger.info("fraud_back_test_done", back_test=str(back_test.public_id), days=back_test.weeks)
    return back_test.weeks


def _finish(back_test: BackTest, outcome: BackTestOutcome, **values: Any) -> None:
    BackTest.objects.filter(pk=back_test.pk, outcome__in=UNFINISHED).update(
        outcome=outcome, finished_at=clock.now(), **values
    )


@dataclass
class _Seen:
    """A subject over all days."""

    first_on: date
    last_on: date
    score: float = 0.0
    amount_cents: int = 0
    present_days: int = 0
    proposed_days: int = 0

    def add(self, day: date, finding: Finding, cents: int) -> None:
        self.last_on = day
        self.score, self.amount_cents = max(self.score, finding.score), max(self.amount_cents, cents)


@dataclass
class _Compared:
    days: list[BackTestDay]
    seen: dict[Subject, _Seen]


def _compare(back_test: BackTest) -> _Compared:
    detector = DETECTORS.get(back_test.version.detector)
    if detector is None:
        raise NoAnswerError("the detector is no more")
    blind = feeds.blind_detectors().get(detector.id)
    if blind:
        raise NoAnswerError(blind)
    two = _both(detector, back_test)
    compared = _Compared([], {})
    for number, day in enumerate(days_of(back_test), 1):
        answers = ask_live(day=day, detectors=two)
        for answer in answers:
            if answer.error:
                raise NoAnswerError(answer.error)
        _add(compared, back_test, day, answers)
        BackTest.objects.filter(pk=back_test.pk).update(done=number)
    return compared


def _both(detector: Detector, back_test: BackTest) -> list[Detector]:
    kind = type(detector.parameters)
    present = replace(detector, parameters=kind.model_validate(back_test.present))
    return [present, rules.with_version(detector, back_test.version)]


def _add(compared: _Compared, back_test: BackTest, day: date, answers: Sequence[Answer]) -> None:
    named: list[set[Subject]] = []
    for answer, what in zip(answers, ("present_days", "proposed_days"), strict=True):
        # A subject that is named twice on a day counts once, with what is worst of it.
        mine: set[Subject] = set()
        for finding in answer.findings:
            subject = subject_of(finding)
            seen = compared.seen.setdefault(subject, _Seen(day, day))
            seen.add(day, finding, answer.amount_of(finding))
            if subject not in mine:
                setattr(seen, what, getattr(seen, what) + 1)
                mine.add(subject)
        named.append(mine)
    now, then = named
    compared.days.append(
        BackTestDay(back_test=back_test, day=day, present=len(now), proposed=len(then), both=len(now & then))
    )


def _store(back_test: BackTest, compared: _Compared) -> None:
    BackTestDay.objects.bulk_create(compared.days)
    became = _became(back_test.version.detector, compared.seen)
    refs = {ref for ref, _kind, _id in compared.seen}
    providers = subjects.providers_of(refs)
    decided = _decided({found.pk: ref for ref, found in providers.items()})
    BackTestFinding.objects.bulk_create(
        [
            BackTestFinding(
                back_test=back_test,
                provider_ref=subject[0],
                provider=providers.get(subject[0]),
                subject_kind=subject[1],
                subject_id=subject[2],
                became=became.get(subject, Became.NEVER),
                provider_became=decided.get(subject[0], ""),
                **vars(seen),
            )
            for subject, seen in sorted(compared.seen.items())
        ],
        batch_size=1_000,
    )


def became_of(states: Iterable[tuple[str, str | None]]) -> Became:
    """What became of alerts of one subject, by (state, outcome of its case): the gravest that people decided."""
    found = {_one(state, outcome) for state, outcome in states}
    order = (Became.CONFIRMED, Became.REFUTED, Became.DISMISSED, Became.UNDECIDED)
    return next((each for each in order if each in found), Became.NEVER)


def _one(state: str, outcome: str | None) -> Became:
    if outcome in AT_FAULT:
        return Became.CONFIRMED
    if outcome == CaseState.REFUTED:
        return Became.REFUTED
    return Became.DISMISSED if state == AlertState.DISMISSED else Became.UNDECIDED


def _became(detector: str, wanted: Iterable[Subject]) -> Mapping[Subject, Became]:
    refs = {ref for ref, _kind, _id in wanted}
    states: dict[Subject, list[tuple[str, str | None]]] = defaultdict(list)
    rows = Alert.objects.filter(detector=detector, provider_ref__in=refs).values_list(
        "provider_ref", "subject_kind", "subject_id", "state", "case__outcome"
    )
    for ref, kind, subject_id, state, outcome in rows:
        states[ref, kind, subject_id].append((state, outcome))
    return {subject: became_of(found) for subject, found in states.items()}


def _decided(providers: Mapping[int, str]) -> dict[str, Became]:
    """By provider, what its decided cases came to, whatever led to them."""
    found: dict[str, set[str]] = defaultdict(set)
    rows = Case.objects.filter(provider__in=providers, outcome__in=[*AT_FAULT, CaseState.REFUTED])
    for provider_id, outcome in rows.values_list("provider_id", "outcome"):
        found[providers[provider_id]].add(outcome)
    return {
        ref: Became.CONFIRMED if outcomes & set(AT_FAULT) else Became.REFUTED
        for ref, outcomes in found.items()
    }
