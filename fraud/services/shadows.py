"""Versions in shadow: asked daily beside what is in force; what they find is kept apart, and stops nobody's money."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import structlog
from django.db import transaction
from pydantic import ValidationError

from fraud.detection.detector import Detector, Finding
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import Answer, ask_live
from fraud.models import ParameterVersion, RuleState, ShadowDay, ShadowFinding
from fraud.services import feeds, rules, subjects
from ila.core import clock

logger = structlog.get_logger(__name__)

Subject = tuple[str, str, str]


def run_shadows() -> dict[str, str]:
    """Ask each version in shadow, once a day, and keep its findings apart from alerts.

    A shadow that fails says so on its day. Returns what failed as a whole; it never raises, so that the day's run is
    what it would be without shadows.
    """
    day = clock.now().date()
    waiting = ParameterVersion.objects.filter(state=RuleState.SHADOW).exclude(shadow_days__day=day)
    try:
        _run(list(waiting.order_by("pk")), day)
    except Exception as error:
        # Whatever it was: alerts and holds of the day are kept already, and the page shows a day without shadow.
        logger.exception("fraud_shadows_failed", day=day.isoformat())
        return {"shadow": type(error).__name__}
    return {}


def _run(versions: Iterable[ParameterVersion], day: date) -> None:
    blind = feeds.blind_detectors()
    pairs: list[tuple[ParameterVersion, Detector, Detector]] = []
    for version in versions:
        if version.detector not in DETECTORS or version.detector in blind:
            ShadowDay.objects.create(version=version, day=day, error=blind.get(version.detector, "not there"))
            continue
        try:
            proposed = rules.with_version(DETECTORS[version.detector], version)
        except ValidationError:
            ShadowDay.objects.create(version=version, day=day, error=rules.OUTDATED)
            continue
        pairs.append((version, rules.present(version.detector), proposed))
    if not pairs:
        return
    answers = ask_live(day=day, detectors=[each for _version, *two in pairs for each in two])
    for place, (version, _present, _proposed) in enumerate(pairs):
        _keep(version, day, answers[2 * place], answers[2 * place + 1])


@transaction.atomic
def _keep(version: ParameterVersion, day: date, present: Answer, proposed: Answer) -> None:
    error = present.error or proposed.error
    if error:
        ShadowDay.objects.create(version=version, day=day, error=error)
        return
    now = {subject_of(each) for each in present.findings}
    found = {subject_of(each): each for each in proposed.findings}
    ShadowDay.objects.create(
        version=version, day=day, present=len(now), proposed=len(found), both=len(now & set(found))
    )
    providers = subjects.providers_of(ref for ref, _kind, _id in found)
    ShadowFinding.objects.bulk_create(
        [
            ShadowFinding(
                version=version,
                day=day,
                provider_ref=subject[0],
                provider=providers.get(subject[0]),
                subject_kind=subject[1],
                subject_id=subject[2],
                score=finding.score,
                action=finding.action,
                amount_cents=proposed.amount_of(finding),
                evidence=list(finding.evidence),
                also_present=subject in now,
            )
            for subject, finding in sorted(found.items())
        ],
        ignore_conflicts=True,
        batch_size=1_000,
    )


def subject_of(finding: Finding) -> Subject:
    """Whom a finding names."""
    return finding.provider_id, finding.subject_kind, finding.subject_id
