"""From findings to alerts, and from a provider's alerts to its case of the week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fraud.detection.detector import TYPOLOGIES, Detector, Finding

# Above this score a finding is evidence of its family; two families may hold money.
EVIDENCE_SCORE = 0.5
# From this share of a provider's bookings a detector counts in full.
FULL_SHARE = 0.2
LEAST_WEIGHT = 0.6


@dataclass(frozen=True)
class Alert:
    """A finding with what it was found by, and the public money that it is about."""

    as_of: date
    detector: Detector
    finding: Finding
    action: str
    amount_cents: int
    bookings: frozenset[str]

    def as_json(self) -> dict[str, Any]:
        """The alert in the exchange format."""
        return {
            "as_of": self.as_of.isoformat(),
            "detector": self.detector.id,
            "version": self.detector.version,
            "typology": self.detector.typologies[0] if self.detector.typologies else "control",
            "family": self.detector.family,
            "provider_id": self.finding.provider_id,
            "subject_kind": self.finding.subject_kind,
            "subject_id": self.finding.subject_id,
            "score": self.finding.score,
            "amount_cents": self.amount_cents,
            "action": self.action,
            "evidence": list(self.finding.evidence),
        }


def final_actions(found: Iterable[tuple[Detector, Finding]]) -> list[tuple[Detector, Finding, str]]:
    """Each finding with what may be done: a hold needs a hard fact, or two independent families of evidence."""
    pairs = list(found)
    families: dict[str, set[str]] = defaultdict(set)
    for detector, finding in pairs:
        if finding.score >= EVIDENCE_SCORE and finding.action in "RHB":
            families[finding.provider_id].add(detector.family)
    return [
        (detector, finding, _action(detector, finding, len(families[finding.provider_id])))
        for detector, finding in pairs
    ]


def _action(detector: Detector, finding: Finding, families: int) -> str:
    if finding.action == "B" or (finding.action == "H" and detector.hard):
        return finding.action
    if finding.action == "H" or (detector.rises and finding.action == "R"):
        return "H" if families >= 2 and finding.score >= EVIDENCE_SCORE else "R"
    return finding.action


def in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts best first; what is equal goes by detector, provider and subject."""
    return sorted(
        alerts,
        key=lambda alert: (
            -alert.finding.score,
            -alert.amount_cents,
            alert.detector.id,
            alert.finding.provider_id,
            alert.finding.subject_kind,
            alert.finding.subject_id,
        ),
    )


def make_cases(alerts: Iterable[Alert], sizes: Mapping[str, int], day: date) -> list[dict[str, Any]]:
    """One row per provider that anything speaks against, best first. sizes: bookings by provider."""
    by_provider: dict[str, dict[str, list[Alert]]] = defaultdict(lambda: defaultdict(list))
    for alert in alerts:
        if alert.finding.score > 0 and alert.detector.typologies:
            by_provider[alert.finding.provider_id][alert.detector.id].append(alert)
    year, week, _weekday = day.isocalendar()
    cases = []
    for provider_id, found in by_provider.items():
        strengths = {key: _strength(group, sizes.get(provider_id, 0)) for key, group in found.items()}
        weights = {key: group[0].detector.weight for key, group in found.items()}
        scores = {
            name: sum(weights[key] * strengths[key] for key in sorted(strengths) if key in members)
            for name, members in TYPOLOGIES.items()
        }
        best = max(TYPOLOGIES, key=lambda name: scores[name])
        total = scores[best]
        cases.append(
            {
                "week": f"{year}-W{week:02}",
                "provider_id": provider_id,
                "score": round(total / (1 + total), 4),
                "reasons": [
                    {"typology": name, "detector": key, "strength": strengths[key]}
                    for name in sorted(TYPOLOGIES, key=lambda name: (-scores[name], name))
                    for key in sorted(strengths)
                    if key in TYPOLOGIES[name]
                ],
            }
        )
    return sorted(cases, key=lambda case: (-case["score"], case["provider_id"]))


def _strength(alerts: list[Alert], size: int) -> float:
    """How much one detector says of a provider: its highest score, less where few bookings are touched."""
    highest = max(alert.finding.score for alert in alerts)
    touched = len(frozenset[str]().union(*(alert.bookings for alert in alerts)))
    share = min(1.0, touched / (FULL_SHARE * size)) if size and touched else 0.0
    return round(highest * (LEAST_WEIGHT + (1 - LEAST_WEIGHT) * share), 4)
