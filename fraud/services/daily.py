"""The day's run over everything: facts, detectors, holds, alerts; each step seen where it failed."""

from __future__ import annotations

from dataclasses import dataclass, field

from fraud.detection.runs import DayResult
from fraud.gates import payments
from fraud.models import PaymentScreening
from fraud.screening import onboarding
from fraud.services import shadows


@dataclass
class Watched:
    """What a day's run did. result: None where detectors could not run; failed: what did, and the kind of error."""

    screening: PaymentScreening
    result: DayResult | None
    matched: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """The run in numbers."""
        found = self.result
        return {
            "alerts": len(found.alerts) if found is not None else 0,
            "held": self.screening.held,
            "matched": self.matched,
            "failed": len(self.failed),
        }


def watch_day() -> Watched:
    """Compare all facts, run every detector, hold what must not be paid, keep alerts, screen names, run shadows.

    A detector that fails is among `failed` and in the kept screening; the others' findings are kept all the same.
    """
    screening, result = payments.screen_payable(compare=True)
    watched = Watched(screening, result, failed=dict(screening.failed))
    if screening.error:
        watched.failed.setdefault("run", screening.error)
    watched.matched = onboarding.screen_all().matched
    watched.failed.update(shadows.run_shadows())
    return watched
