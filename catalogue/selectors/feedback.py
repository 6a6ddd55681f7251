"""What an entry's page says of those who completed it: never of fewer than five people."""

from __future__ import annotations

from typing import Any

from catalogue.feedback.figures import LEAST, shown
from catalogue.models import EmploymentOutcome, MicroCredential, SurveyResult


def results_of(entry: MicroCredential) -> list[dict[str, Any]]:
    """The latest published results of each survey. One query."""
    rows = SurveyResult.objects.filter(micro_credential=entry).order_by("kind", "-answers").distinct("kind")
    return [
        {"kind": one.kind, "answers": one.answers, "at": one.published_at, "figures": shown(one.figures)}
        for one in rows
    ]


def outcomes_of(entry: MicroCredential) -> list[dict[str, Any]]:
    """What became of the provider's completers in the entry's field. A figure of under five people is left out."""
    if not entry.code:
        return []
    rows = EmploymentOutcome.objects.filter(provider=entry.provider_id, code=entry.code).order_by("quarters")
    return [told for one in rows if (told := _told(one))]


def _told(one: EmploymentOutcome) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    if one.employed is not None and one.completed >= LEAST:
        found["employed"] = {"value": round(one.employed * 100), "n": one.completed}
    if one.wage_cents is not None and one.with_wage >= LEAST:
        found["wage"] = {"value": one.wage_cents, "n": one.with_wage}
    if one.retained is not None and one.with_retention >= LEAST:
        found["retained"] = {"value": round(one.retained * 100), "n": one.with_retention}
    if not found:
        return None
    return {"months": one.quarters * 3, "as_of": one.as_of, "currency": one.currency, **found}
