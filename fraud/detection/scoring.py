"""From findings to alerts, and from a provider's alerts to its case of the week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fraud.detection.detector import TYPOLOGIES, Detector, Finding
from fraud.detection.peers import excess

# Above this score a finding is evidence of its family; two families may hold money.
EVIDENCE_SCORE = 0.5
# What is said of single bookings counts in full when it is so many deviations beyond the other providers' rate,
# and never less than this part.
FULL_EXCESS = 4.0
LEAST_PART = 0.15
SINGLE = frozenset({"booking", "learner", "session"})
# What is said of this share of all providers is worth less, and of that share nothing: everybody's habit.
RARE, COMMON, FEW_PROVIDERS = 0.1, 0.4, 30
# A wider hold at more than this share of all providers would be no sign of misuse.
MOST_HELD = 0.15
# A detector that does not belong to a typology supports it a little.
SUPPORT = 0.35


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


Strengths = Mapping[str, Mapping[str, float]]


def final_actions(
    found: Iterable[tuple[Detector, Finding]], strengths: Strengths | None = None, providers: int = 0
) -> list[tuple[Detector, Finding, str]]:
    """Each finding with what may be done: a hold needs a hard fact, or two independent families of evidence.

    strengths: detector → provider → how much its findings say together; without it each finding's own score counts.
    A hard fact that is found at a large part of all `providers` is how they work, or how it is recorded: it is
    reviewed, and money is held by booking only.
    """
    pairs = list(found)
    families: dict[str, set[str]] = defaultdict(set)
    hard: dict[str, set[str]] = defaultdict(set)
    for detector, finding in pairs:
        said = finding.score
        if strengths is not None:
            said = min(said, strengths.get(detector.id, {}).get(finding.provider_id, 0.0))
        if said >= EVIDENCE_SCORE and finding.action in "RHB":
            families[finding.provider_id].add(detector.family)
        if detector.hard and finding.action == "H":
            hard[detector.id].add(finding.provider_id)
    usual = {
        name
        for name, named in hard.items()
        if providers >= FEW_PROVIDERS and len(named) > MOST_HELD * providers
    }
    return [
        (detector, finding, _action(detector, finding, len(families[finding.provider_id]), usual))
        for detector, finding in pairs
    ]


def _action(detector: Detector, finding: Finding, families: int, usual: set[str]) -> str:
    if finding.action == "B":
        return "B"
    if finding.action == "H" and detector.hard:
        return "R" if detector.id in usual and finding.subject_kind != "booking" else "H"
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


def make_cases(
    alerts: Iterable[Alert], sizes: Mapping[str, int], day: date, recent: Recent | None = None
) -> list[dict[str, Any]]:
    """One row per provider that anything speaks against, best first. sizes: bookings by provider."""
    standing = list(alerts)
    mine: dict[str, dict[str, float]] = defaultdict(dict)
    for key, by_provider in strengths_of(standing, sizes, recent).items():
        for provider_id, strength in by_provider.items():
            mine[provider_id][key] = strength
    weights = {alert.detector.id: alert.detector.weight for alert in standing}
    year, week, _weekday = day.isocalendar()
    cases = [
        {"week": f"{year}-W{week:02}", "provider_id": provider_id, **_judged(strengths, weights)}
        for provider_id, strengths in mine.items()
    ]
    return sorted(cases, key=lambda case: (-case["score"], case["provider_id"]))


def _judged(strengths: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, Any]:
    """The highest sum over typologies as x / (1 + x), and what it is made of."""
    scores = {
        name: sum(
            weights[key] * strengths[key] * (1 if key in members else SUPPORT) for key in sorted(strengths)
        )
        for name, members in TYPOLOGIES.items()
    }
    total = max(scores.values())
    return {
        "score": round(total / (1 + total), 4),
        "reasons": [
            {"typology": name, "detector": key, "strength": strengths[key]}
            for name in sorted(TYPOLOGIES, key=lambda name: (-scores[name], name))
            for key in sorted(strengths)
            if key in TYPOLOGIES[name]
        ],
    }


@dataclass(frozen=True)
class Recent:
    """The bookings of the latest weeks, and how many each provider has of them."""

    bookings: frozenset[str]
    sizes: Mapping[str, int]


def strengths_of(
    alerts: Iterable[Alert], sizes: Mapping[str, int], recent: Recent | None = None
) -> dict[str, dict[str, float]]:
    """Detector → provider → how much its findings say together, against what they say of all the others.

    Of single bookings, learners and sessions: the highest score, as far as there are more of them than the others'
    rate explains, over all time or lately. Of a provider as a whole: the highest score, less where very many
    providers are named.
    """
    by_detector: dict[str, dict[str, list[Alert]]] = defaultdict(lambda: defaultdict(list))
    for alert in alerts:
        if alert.finding.score > 0 and alert.detector.typologies:
            by_detector[alert.detector.id][alert.finding.provider_id].append(alert)
    return {key: _strengths(by_detector[key], sizes, recent) for key in sorted(by_detector)}


def _strengths(
    found: Mapping[str, list[Alert]], sizes: Mapping[str, int], recent: Recent | None
) -> dict[str, float]:
    active = max(len(sizes), len(found))
    named = len(found) / active if active >= FEW_PROVIDERS else 0.0
    rare = min(1.0, max(0.0, (COMMON - named) / (COMMON - RARE)))
    beyond = _beyond({name: _masses(group, None) for name, group in found.items()}, sizes)
    if recent is not None:
        lately = {name: _masses(group, recent.bookings) for name, group in found.items()}
        for name, z in _beyond(lately, recent.sizes).items():
            beyond[name] = max(beyond[name], z)
    strengths = {}
    for name, group in found.items():
        whole = [alert.finding.score * rare for alert in group if alert.finding.subject_kind not in SINGLE]
        parts = [alert.finding.score for alert in group if alert.finding.subject_kind in SINGLE]
        strength = max(whole, default=0.0)
        if parts:
            strength = max(strength, max(parts) * min(1.0, max(LEAST_PART, beyond[name] / FULL_EXCESS)))
        strengths[name] = round(strength, 4)
    return strengths


def _beyond(masses: Mapping[str, float], sizes: Mapping[str, int]) -> dict[str, float]:
    everything, size = sum(sorted(masses.values())), sum(sizes.values())
    return {
        name: excess(mass, max(sizes.get(name, 0), mass), everything, size) for name, mass in masses.items()
    }


def _masses(alerts: list[Alert], only: frozenset[str] | None) -> float:
    """Bookings that single findings touch, each with the highest score of those; a finding without any is one."""
    touched: dict[str, float] = {}
    for alert in alerts:
        if alert.finding.subject_kind in SINGLE:
            names = alert.bookings or {f"{alert.finding.subject_kind} {alert.finding.subject_id}"}
            for name in names if only is None else only & names:
                touched[name] = max(touched.get(name, 0.0), alert.finding.score)
    return round(sum(sorted(touched.values())), 4)
