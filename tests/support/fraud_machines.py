"""A row of every machine of fraud in any of its states, to try every transition on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from accounts.models import User
from fraud.models import Alert, BackTest, Case, KnownPlace, Measure, ParameterVersion
from fraud.models.cases import OUTCOMES
from ila.core import clock, fsm
from tests.support.world import World


def fraud_rows(
    world: World, investigator: User, decider: User
) -> dict[type[fsm.Machine], Callable[[str], fsm.Machine]]:
    """What makes a row of each machine. investigator: of the cases; decider: who decided them."""

    def case(state: str) -> Case:
        now = clock.now()
        outcome = state if state in OUTCOMES else "confirmed_fraud"
        decided = state in (*OUTCOMES, "enforcement", "closed", "reopen_pending")
        return Case(
            provider=world.provider,
            typology="non_delivery",
            state=state,
            investigator=investigator,
            assigned_at=now,
            waiting_until=now,
            proposed_outcome=outcome,
            proposal="row",
            proposed_by=investigator,
            proposed_at=now,
            outcome=outcome if decided else "",
            decided_by=decider if decided else None,
            decided_at=now if decided else None,
            closed_at=now,
            reopen_asked_by=investigator,
        )

    def started_case() -> Case:
        found = Case.objects.first()
        if found is None:
            found = case("investigating")
            fsm.start(found, actor=investigator)
        return found

    def alert(state: str) -> Alert:
        now = clock.now()
        return Alert(
            state=state,
            case=started_case() if state == "merged" else None,
            provider=world.provider,
            detector="D17",
            version=1,
            family="money_back",
            typology="non_delivery",
            provider_ref="p",
            subject_kind="provider",
            subject_id=f"row {state}",
            score=0.5,
            action="R",
            amount_cents=1,
            evidence_hash="-",
            found_on=now.date(),
            last_seen_on=now.date(),
            snoozed_until=now + timedelta(days=1) if state == "snoozed" else None,
        )

    def measure(state: str) -> Measure:
        now = clock.now()
        earlier = now - timedelta(days=20)
        in_force = state in ("in_force", "under_appeal", "upheld", "varied", "overturned")
        values: dict[str, Any] = {}
        if in_force:
            values |= {"in_force_at": now, "in_force_by": decider}
        return Measure(
            case=started_case(),
            kind="termination",
            state=state,
            reason="row",
            proposed_by=investigator,
            notified_at=earlier,
            answer_due_at=now,
            heard_at=now,
            appeal="row",
            appealed_at=now,
            appeal_decided_by=decider if state in ("upheld", "varied", "overturned") else None,
            ended_at=now,
            **values,
        )

    def place(state: str) -> KnownPlace:
        now = clock.now()
        decided = state in ("in_force", "refused", "ended")
        return KnownPlace(
            kind="library",
            name="row",
            network="8.8.8.8/32",
            line_hashes=["row"],
            reason="row",
            state=state,
            proposed_by=investigator,
            decided_by=decider if decided else None,
            decided_at=now if decided else None,
            ended_at=now if state == "ended" else None,
        )

    def version(state: str) -> ParameterVersion:
        now = clock.now()
        decided, was_in_force = (
            state in ("in_force", "replaced", "refused"),
            state in ("in_force", "replaced"),
        )
        return ParameterVersion(
            detector=state,
            number=2,
            code_version=1,
            parameters={"least": 2},
            reason="row",
            state=state,
            proposed_by=investigator,
            shadow_since=now if state == "shadow" else None,
            decided_by=decider if decided else None,
            decided_at=now if decided else None,
            decision="row" if decided else "",
            back_test=back_test() if was_in_force else None,
            ended_at=now if state in ("replaced", "refused", "withdrawn") else None,
        )

    def back_test() -> BackTest:
        found = BackTest.objects.first()
        if found is not None:
            return found
        tried = version("proposed")
        tried.detector = "tried"
        fsm.start(tried, actor=investigator)
        return BackTest.objects.create(
            version=tried,
            present={"least": 1},
            present_number=1,
            last_day=clock.now().date(),
            weeks=1,
            asked_by=investigator,
        )

    return {Case: case, Alert: alert, Measure: measure, KnownPlace: place, ParameterVersion: version}
