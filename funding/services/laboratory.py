"""Runs of the policy laboratory: asked for, played by a job, cancelled, deleted. Nothing of them touches an account."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from accounts.models import User
from funding import permissions
from funding.laboratory import engine
from funding.laboratory.request import Planned, Request, plan
from funding.laboratory.rulesets import LaboratoryError
from funding.models import LaboratoryOutcome, LaboratoryRun
from funding.models.laboratory import UNFINISHED
from ila.core import clock
from ila.core.errors import DomainError

log = structlog.get_logger(__name__)

MOST_GENERATED = 200_000
"""Learners that a run from the page may imagine: a minute or so of a worker. The command has no such limit."""


def ask_for_run(
    *,
    actor: User,
    title: str,
    scheme: str,
    changes: Mapping[str, Any],
    years: tuple[int, ...],
    generated: int | None,
    seed: int,
) -> LaboratoryRun:
    """Write down what is to be tried; a job plays it (`execute_run`). The rules are checked at once.

    Raises: DomainError `not_allowed`; LaboratoryError naming each fault of the rules, the years or the numbers.
    """
    if not permissions.may_run_laboratory(actor):
        raise DomainError("not_allowed", status=403)
    if generated is not None and generated > MOST_GENERATED:
        raise LaboratoryError(f"at most {MOST_GENERATED:,} learners can be imagined here, not {generated:,}")
    planned = plan(Request(scheme=scheme, changes=changes, years=years, generated=generated, seed=seed))
    return LaboratoryRun.objects.create(
        title=title,
        scheme_code=scheme,
        changes=dict(changes),
        first_year=years[0],
        last_year=years[-1],
        generated=generated,
        seed=seed,
        before_sha256=planned.setting.before.sha256,
        after_sha256=planned.setting.after.sha256,
        learners=planned.learners,
        asked_by=actor,
    )


def execute_run(*, public_id: UUID) -> int:
    """Play a run that waits, or one whose worker was killed, from the beginning. Returns the learners played.

    Progress is written after each part of the population; who cancels or deletes the run stops it there.
    """
    with transaction.atomic():
        run = LaboratoryRun.objects.select_for_update().filter(public_id=public_id).first()
        if run is None or not run.is_unfinished:
            return 0
        run.outcome, run.started_at, run.done = LaboratoryOutcome.RUNNING, clock.now(), 0
        run.save(update_fields=["outcome", "started_at", "done"])
    try:
        planned = _plan(run)
        tally = engine.run(planned.setting, planned.population(), progress=lambda done: _note(run, done))
        result = planned.report(tally)
    except engine.Cancelled:
        return 0
    except LaboratoryError as error:
        _finish(run, LaboratoryOutcome.FAILED, error="\n".join(error.faults))
        return 0
    except BaseException as error:
        _finish(run, LaboratoryOutcome.FAILED, error=type(error).__name__)
        raise
    _finish(run, LaboratoryOutcome.DONE, result=result, learners=tally.learners, done=tally.learners)
    log.info("laboratory_run_done", run=str(run.public_id), learners=tally.learners)
    return tally.learners


def cancel_run(*, actor: User, public_id: UUID) -> None:
    """Stop a run that waits or is under way. Raises: DomainError `not_found`, `not_allowed` (or over already)."""
    with transaction.atomic():
        run = _locked(actor, public_id)
        if not run.is_unfinished:
            raise DomainError("not_allowed", transition="cancel", state=run.outcome)
        run.outcome, run.finished_at = LaboratoryOutcome.CANCELLED, clock.now()
        run.save(update_fields=["outcome", "finished_at"])


def delete_run(*, actor: User, public_id: UUID) -> None:
    """Remove a run and its result; one under way stops. Raises: DomainError `not_found`, `not_allowed`."""
    with transaction.atomic():
        run = _locked(actor, public_id)
        log.info("laboratory_run_deleted", run=str(run.public_id), by=actor.pk, after=run.after_sha256)
        run.delete()


def _locked(actor: User, public_id: UUID) -> LaboratoryRun:
    run = LaboratoryRun.objects.select_for_update().filter(public_id=public_id).first()
    if run is None:
        raise DomainError("not_found", status=404, kind="laboratory_run")
    if not permissions.may_end_laboratory_run(run, actor):
        raise DomainError("not_allowed", status=403)
    return run


def _plan(run: LaboratoryRun) -> Planned:
    """As it was asked. Raises: LaboratoryError also where the scheme's own rules have changed since."""
    planned = plan(
        Request(
            scheme=run.scheme_code,
            changes=run.changes,
            years=tuple(range(run.first_year, run.last_year + 1)),
            generated=run.generated,
            seed=run.seed,
        )
    )
    if planned.setting.before.sha256 != run.before_sha256:
        raise LaboratoryError("the rules of the scheme have changed since the run was asked for")
    return planned


def _note(run: LaboratoryRun, done: int) -> None:
    """Write how far a run has come. Raises: Cancelled when it is no longer wanted."""
    if not LaboratoryRun.objects.filter(pk=run.pk, outcome=LaboratoryOutcome.RUNNING).update(done=done):
        raise engine.Cancelled


def _finish(run: LaboratoryRun, outcome: LaboratoryOutcome, **values: Any) -> None:
    LaboratoryRun.objects.filter(pk=run.pk, outcome__in=UNFINISHED).update(
        outcome=outcome, finished_at=clock.now(), **values
    )
