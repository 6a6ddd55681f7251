"""What a learner's own pages speak of: somebody who may look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import Delegation
from accounts.services import counselling
from tests.pages.support import Scene

NOWHERE = UUID(int=4)


@dataclass
class LearnerThings:
    """All of it the learner's."""

    delegation: Delegation

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The arguments of each address."""
        return {
            "counsellor": {"public_id": self.delegation.public_id},
            "counsellor_end": {"public_id": self.delegation.public_id},
            "suggestion_dismiss": {"public_id": NOWHERE},
            "counselled": {"public_id": self.delegation.public_id},
            "counselling_answer": {"public_id": self.delegation.public_id},
            "counselled_suggest": {"public_id": self.delegation.public_id},
            "counselled_part": {"public_id": self.delegation.public_id, "part": "balances"},
        }


def make_learner_things(scene: Scene) -> LearnerThings:
    """Somebody is invited to look, who is nobody of the scene."""
    return LearnerThings(
        counselling.invite(
            actor=scene.learner.user, email="ada@counsel.example", parts=["balances"], months=3
        )
    )
