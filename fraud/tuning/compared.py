"""What a back-test and a shadow come to, as the pages show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from fraud.models import BackTest, BackTestDay, BackTestFinding, Became, ParameterVersion, ShadowDay

NEW, GONE, BOTH = "new", "gone", "both"
WHICH = {
    NEW: Q(present_days=0, proposed_days__gt=0),
    GONE: Q(present_days__gt=0, proposed_days=0),
    BOTH: Q(present_days__gt=0, proposed_days__gt=0),
}


@dataclass(frozen=True)
class Side:
    """Subjects that one side names, and what had become of them. cents: public money."""

    subjects: int
    confirmed: int
    refuted: int
    dismissed: int

    @property
    def decided(self) -> int:
        """On how many people had decided."""
        return self.confirmed + self.refuted + self.dismissed

    @property
    def percent(self) -> int | None:
        """Of those, confirmed in whole percent; None where nothing was decided."""
        return round(100 * self.confirmed / self.decided) if self.decided else None


@dataclass
class Compared:
    """A finished back-test. new: named by the proposed parameters alone; gone: by those in force alone."""

    present: Side
    proposed: Side
    new: int = 0
    gone: int = 0
    new_cents: int = 0
    new_providers: int = 0
    new_at_fault: int = 0
    gone_confirmed: int = 0
    days: list[BackTestDay] = field(default_factory=list)


def findings(back_test: BackTest, which: str = "") -> QuerySet[BackTestFinding]:
    """The subjects of a back-test, those that only one side names first, the most money first."""
    found = back_test.findings.select_related("provider")
    if which in WHICH:
        found = found.filter(WHICH[which])
    return found.order_by("-amount_cents", "-score", "pk")


def compare(back_test: BackTest) -> Compared:
    """The sums of a finished back-test. Two queries."""
    sides = {"present": Q(present_days__gt=0), "proposed": Q(proposed_days__gt=0)}
    counts: dict[str, Any] = {}
    for name, side in sides.items():
        counts[name] = Count("pk", filter=side)
        for became in (Became.CONFIRMED, Became.REFUTED, Became.DISMISSED):
            counts[f"{name}_{became}"] = Count("pk", filter=side & Q(became=became))
    found = back_test.findings.aggregate(
        new=Count("pk", filter=WHICH[NEW]),
        gone=Count("pk", filter=WHICH[GONE]),
        new_cents=Sum("amount_cents", filter=WHICH[NEW], default=0),
        new_providers=Count("provider_ref", filter=WHICH[NEW], distinct=True),
        new_at_fault=Count(
            "provider_ref", filter=WHICH[NEW] & Q(provider_became=Became.CONFIRMED), distinct=True
        ),
        gone_confirmed=Count("pk", filter=WHICH[GONE] & Q(became=Became.CONFIRMED)),
        **counts,
    )
    made = {
        name: Side(
            found.pop(name),
            *(found.pop(f"{name}_{became}") for became in ("confirmed", "refuted", "dismissed")),
        )
        for name in sides
    }
    return Compared(made["present"], made["proposed"], **found, days=list(back_test.days.order_by("day")))


@dataclass(frozen=True)
class Shadow:
    """What a version found in shadow. only: subjects that those in force did not name when it first did."""

    days: list[ShadowDay]
    subjects: int
    only: int


def shadow(version: ParameterVersion, number: int = 28) -> Shadow:
    """The latest days of a version in shadow. Two queries."""
    found = version.shadow_findings.aggregate(
        subjects=Count("pk"), only=Count("pk", filter=Q(also_present=False))
    )
    return Shadow(list(version.shadow_days.order_by("-day")[:number]), **found)
