"""People who change a detector's thresholds, on a platform with one booking."""

from __future__ import annotations

from datetime import date
from typing import Any

from accounts.models import User
from fraud.detection.registry import DETECTORS
from fraud.models import BackTest, ParameterVersion
from fraud.services import back_tests, feeds, findings, rules
from fraud.services.watch import detect_today
from ila.core.clock import VirtualClock
from tests.factories.accounts import MembershipFactory
from tests.support.world import World


class Workshop:
    """Use inside a database fixture and a virtual clock."""

    def __init__(self, hand: VirtualClock) -> None:
        self.hand, self.world = hand, World()
        self.proposer = self.agent("investigator")
        self.approver = self.agent("investigator")
        self.third = self.agent("manager")
        self.auditor = self.agent("auditor")

    def agent(self, role: str) -> User:
        user: User = MembershipFactory.create(organisation=self.world.agency, role=role).user
        return user

    def values(self, detector: str, **changed: Any) -> dict[str, Any]:
        """The built-in parameters with some of them changed."""
        return {**DETECTORS[detector].parameters.model_dump(mode="json"), **changed}

    def proposed(self, detector: str = "D26", **changed: Any) -> ParameterVersion:
        """Everybody is drawn by lot, unless told otherwise."""
        values = self.values(detector, **(changed or {"one_in": 1}))
        return rules.propose_rule(
            actor=self.proposer, detector=detector, values=values, reason="Too few are asked."
        )

    def tried(self, version: ParameterVersion, weeks: int = 1) -> BackTest:
        """Back-tested by the job."""
        asked = back_tests.ask_for_back_test(actor=self.proposer, version_id=version.pk, weeks=weeks)
        back_tests.execute_back_test(public_id=asked.public_id)
        asked.refresh_from_db()
        return asked

    def in_force(self, detector: str = "D26", **changed: Any) -> ParameterVersion:
        version = self.proposed(detector, **changed)
        assert self.tried(version).outcome == "done"
        return rules.put_in_force(actor=self.approver, version_id=version.pk, reason="It was tried.")

    def booked(self) -> date:
        """A booking that the facts know; the day of it."""
        self.world.accepted(self.world.make_learner())
        assert not feeds.catch_up().failed
        return self.hand.moment.date()

    def watch(self) -> None:
        """A day's run with the values in force."""
        findings.store(detect_today())
