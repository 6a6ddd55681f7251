"""Thresholds that people change: proposed by one, tried on the past, put in force by another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Max
from pydantic import ValidationError

from accounts.models import User
from fraud import permissions
from fraud.detection.detector import BELOW_ANOTHER, Detector, Parameters
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import DayResult
from fraud.models import BackTest, BackTestOutcome, ParameterVersion, RuleState
from fraud.services.cases import required
from ila.core import fsm, locks
from ila.core.errors import DomainError

logger = structlog.get_logger(__name__)

S = RuleState
BUILT_IN = 1
# Of the advisory lock under which numbers are given.
_SPACE = 0x667261
OUTDATED = "ParametersOutdated"


@dataclass
class Ruled:
    """Detectors with the parameters in force. failed: whose parameters the detector no longer understands."""

    detectors: list[Detector] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def with_rules_in_force(detectors: Iterable[Detector]) -> Ruled:
    """These detectors with the parameters that are in force now; built-in ones where nobody changed them.

    A version that the detector of today cannot read is a failure to be seen: never silently what is built in.
    """
    standing = {each.detector: each for each in ParameterVersion.objects.filter(state=S.IN_FORCE)}
    ruled = Ruled()
    for detector in detectors:
        version = standing.get(detector.id)
        if version is None:
            ruled.detectors.append(detector)
            continue
        try:
            ruled.detectors.append(with_version(detector, version))
        except ValidationError:
            logger.exception("fraud_rule_outdated", detector=detector.id, number=version.number)
            ruled.failed[detector.id] = OUTDATED
    return ruled


def with_version(detector: Detector, version: ParameterVersion) -> Detector:
    """The detector with the parameters of a version. Raises: ValidationError where it cannot read them any more."""
    parameters = type(detector.parameters).model_validate(version.parameters)
    return replace(detector, parameters=parameters, rule=version.number)


def authors_of(result: DayResult) -> dict[str, frozenset[int]]:
    """Who wrote the parameters that a day's detectors ran with, by detector, where those were people."""
    ran = {(each.detector.id, each.detector.rule) for each in result.alerts if each.detector.rule > BUILT_IN}
    if not ran:
        return {}
    versions = ParameterVersion.objects.filter(detector__in=[detector for detector, _number in ran])
    return {each.detector: each.authors for each in versions if (each.detector, each.number) in ran}


def present(detector: str) -> Detector:
    """The detector with the parameters in force now. Raises: DomainError `not_found` (404) for one that is none."""
    found = DETECTORS.get(detector)
    if found is None:
        raise DomainError("not_found", status=404, kind="detector")
    version = ParameterVersion.objects.filter(detector=detector, state=S.IN_FORCE).first()
    if version is None:
        return found
    try:
        return with_version(found, version)
    except ValidationError:
        # What is changed next starts from what the detector of today understands.
        return found


@transaction.atomic
def propose_rule(*, actor: User, detector: str, values: Mapping[str, Any], reason: str) -> ParameterVersion:
    """A person proposes other parameters of a detector. values: all of them, by name. Nothing changes yet.

    Logs: version `create`. Raises: DomainError `incomplete` without a reason, `bad_parameters` naming what is out of
    its range, `nothing_changed`, `not_allowed` (403), `not_found`.
    """
    if not permissions.may_investigate(None, actor):
        raise DomainError("not_allowed", status=403, what="propose")
    now = present(detector)
    parameters = read_parameters(now, values)
    if parameters == now.parameters:
        raise DomainError("nothing_changed", status=409, detector=detector)
    with connection.cursor() as cursor:
        # Two who propose at the same moment get two numbers.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_SPACE, detector])
    last = ParameterVersion.objects.filter(detector=detector).aggregate(last=Max("number"))["last"]
    version = ParameterVersion(
        detector=detector,
        number=(last or BUILT_IN) + 1,
        code_version=now.version,
        parameters=parameters.model_dump(mode="json"),
        reason=required(reason),
        proposed_by=actor,
    )
    fsm.start(version, actor=actor, reason=version.reason)
    return version


def read_parameters(detector: Detector, values: Mapping[str, Any]) -> Parameters:
    """These values as the detector's parameters.

    Raises: DomainError `bad_parameters` (422) with `names` at fault, and of these those that are less than another
    one allows in `below`.
    """
    try:
        return type(detector.parameters).model_validate(dict(values))
    except ValidationError as error:
        faults = error.errors()
        below = sorted(
            name for each in faults if each["type"] == BELOW_ANOTHER for name in each["ctx"]["names"]
        )
        names = sorted({str(each["loc"][0]) for each in faults if each["loc"]} | set(below))
        raise DomainError("bad_parameters", status=422, names=names, below=below) from error


@transaction.atomic
def start_shadow(*, actor: User, version_id: int) -> ParameterVersion:
    """Let a proposed version run daily beside the one in force, without alerts. Locks: it. Logs: `observe`."""
    return _step(version_id, "observe", actor)


@transaction.atomic
def stop_shadow(*, actor: User, version_id: int) -> ParameterVersion:
    """It does not run daily any more. Locks: it. Logs: `rest`."""
    return _step(version_id, "rest", actor)


@transaction.atomic
def withdraw_rule(*, actor: User, version_id: int, reason: str) -> ParameterVersion:
    """Who proposed it takes it back. Locks: it. Logs: `withdraw`. Raises: `incomplete`, `not_allowed`."""
    return _step(version_id, "withdraw", actor, required(reason))


@transaction.atomic
def refuse_rule(*, actor: User, version_id: int, reason: str) -> ParameterVersion:
    """Another person than who proposed it says no. Locks: it. Logs: `refuse`. Raises: `incomplete`, `not_allowed`."""
    return _step(version_id, "refuse", actor, required(reason), by=actor, decision=required(reason))


@transaction.atomic
def put_in_force(*, actor: User, version_id: int, reason: str, shown: str = "") -> ParameterVersion:
    """Another person than who proposed it puts it in force, on a back-test against what is in force now.

    The next run of the detectors uses it, and what was in force before is replaced. Who proposed it and who put it in
    force neither investigate nor decide what it finds. shown: the back-test that the person was shown.
    Locks: every version of the detector that is not over. Logs: `replace`, `put_in_force`.
    Raises: DomainError `not_allowed` (403); `not_back_tested`, `back_test_outdated` where another version came into
    force since; `back_test_changed` where another one than that shown counts now; `incomplete`, `bad_parameters`.
    """
    said = required(reason)
    seen = ParameterVersion.objects.filter(pk=version_id).values_list("detector", flat=True).first()
    if seen is None:
        raise DomainError("not_found", status=404, kind="parameterversion")
    # All that may be in force now or wants to be: of two who put one in force, one comes after the other.
    standing = locks.acquire_set(
        ParameterVersion.objects.filter(detector=seen, state__in=[S.PROPOSED, S.SHADOW, S.IN_FORCE])
    )
    version: ParameterVersion | None = next(
        (each for each in standing if each.pk == version_id and each.is_undecided), None
    )
    if version is None:
        raise DomainError("not_allowed", transition="put_in_force")
    if not permissions.may_decide_rule(version, actor):
        raise DomainError("not_allowed", status=403, transition="put_in_force", state=version.state)
    before = next((each for each in standing if each.state == S.IN_FORCE), None)
    read_parameters(DETECTORS[version.detector], version.parameters)
    back_test = _told(version, before, shown)
    if before is not None:
        fsm.apply(before, "replace", actor=actor, reason=str(version))
    fsm.apply(version, "put_in_force", actor=actor, reason=said, by=actor, back_test=back_test, decision=said)
    logger.info("fraud_rule_in_force", detector=version.detector, number=version.number)
    return version


def latest_back_test(version: ParameterVersion) -> BackTest | None:
    """The latest back-test of a version that came to an end with a result."""
    return version.back_tests.filter(outcome=BackTestOutcome.DONE).order_by("-pk").first()


def _told(version: ParameterVersion, before: ParameterVersion | None, shown: str) -> BackTest:
    back_test = latest_back_test(version)
    if back_test is None:
        raise DomainError("not_back_tested", status=409)
    if back_test.present_number != (before.number if before is not None else BUILT_IN):
        raise DomainError("back_test_outdated", status=409)
    if shown and str(back_test.public_id) != shown:
        raise DomainError("back_test_changed", status=409)
    return back_test


def _step(version_id: int, name: str, actor: User, reason: str = "", **given: Any) -> ParameterVersion:
    (version,) = locks.acquire(locks.lock(ParameterVersion, version_id))
    fsm.apply(version, name, actor=actor, reason=reason, **given)
    moved: ParameterVersion = version
    return moved
