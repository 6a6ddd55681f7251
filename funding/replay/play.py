"""Playing a scenario: everything happens in one transaction, which is always undone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection, transaction

from funding import audit
from funding.replay import outcome, scenario
from funding.replay.acts import Acts
from funding.replay.cast import assemble
from funding.replay.outcome import EventResult
from funding.replay.plan import Plan, plan_scenario
from funding.replay.records import Records
from funding.replay.refusals import code_of, rule_of
from funding.replay.stage import Stage
from funding.sentences import cited, plain
from funding.services import gates
from ila.core import clock
from ila.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario has come to."""

    plan: Plan
    events: tuple[EventResult, ...]
    bookings: dict[str, Any]
    learners: dict[str, Any]
    providers: dict[str, Any]
    violations: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the audit of the scenario's books found nothing."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """The outcome in the shape that programs read."""
        return {
            "events": [each.as_json() for each in self.events],
            "bookings": self.bookings,
            "learners": self.learners,
            "providers": self.providers,
            "audit": {"ok": self.ok, "violations": list(self.violations)},
        }


Watch = Callable[[EventResult], None]


def run_scenario(values: Any, *, watch: Watch | None = None) -> Outcome:
    """Play a scenario, given as plain values, through the real services; nothing of it remains.

    watch: is called after each event, while its books are still there to be looked at.
    Raises: ScenarioError for a scenario that says something impossible, naming the place.
    """
    plan = plan_scenario(scenario.parse_scenario(values))
    with transaction.atomic():
        try:
            played = _play(plan, watch)
        finally:
            transaction.set_rollback(True)
    if played.violations:
        # What was wrong in this database before, and still is, is no finding about the scenario.
        before = set(audit.run(beyond_the_books=False).violations)
        played = replace(played, violations=tuple(each for each in played.violations if each not in before))
    return played


def _play(plan: Plan, watch: Watch | None) -> Outcome:
    # What is tried out is no booking: nobody looks for misuse in it.
    with clock.at(plan.starts) as hand, gates.lifted():
        cast = assemble(plan)
        stage = Stage(cast, hand)
        acts = Acts(cast)
        records = Records(cast)
        results: list[EventResult] = []
        for number, event in enumerate(plan.scenario.events):
            stage.move_to(plan.to[number] or plan.at[number] or stage.now)
            fell_due, moved = _named(acts, records), records.moved()
            result = _do(acts, event, EventResult(number, ok=True, at=stage.begin_act()))
            records.by_itself()
            results.append(replace(result, fell_due=fell_due, moved_before=moved, moved=records.moved()))
            if watch is not None:
                watch(results[-1])
        stage.move_to(stage.now)
        # What the database would ask at the end of a transaction that stays.
        connection.check_constraints()
        return Outcome(
            plan=plan,
            events=tuple(results),
            bookings=outcome.bookings_json(acts),
            learners=outcome.learners_json(cast, today=stage.today),
            providers=outcome.providers_json(cast),
            violations=tuple(audit.run(beyond_the_books=False).violations),
        )


def _do(acts: Acts, event: scenario.Event, result: EventResult) -> EventResult:
    """One event in a savepoint of its own: refused, it has changed nothing."""
    try:
        with transaction.atomic():
            acts.do(event, number=result.number)
    except DomainError as error:
        plan = acts.cast.plan
        rule = rule_of(error, plan.scenario.scheme, plan.rulebook, plan.borrowed_rules)
        return replace(result, ok=False, code=code_of(error), rule=rule, sentence=cited(plain(error), rule))
    return result


def _named(acts: Acts, records: Records) -> list[tuple[str, str]]:
    names = {pk: name for name, pk in acts.bookings.items()}
    return [(names[booking_id], state) for booking_id, state in records.by_itself()]
