"""Facts of the schemes' own rules: caps by kind of course, and what one claims before a training ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from fraud.services.feeds.feed import Feed, words
from funding.models import SchemeVersion
from funding.schemes.rules import SchemeRules
from ila.core import clock


def _versions() -> list[SchemeVersion]:
    return list(
        SchemeVersion.objects.filter(withdrawn_at__isnull=True).select_related("scheme").order_by("pk")
    )


def _in_force(day: date) -> list[SchemeVersion]:
    return [
        one
        for one in _versions()
        if one.valid_from <= day and (one.valid_until is None or day < one.valid_until)
    ]


def limit_rows() -> Mapping[str, Any]:
    """Each cap on a kind of course with the day it came into force; of two schemes' caps the lower one.

    Beside it what two persons approve, from the day on which that changed; blank where one is enough.
    """
    versions = _versions()
    rows: dict[tuple[str, date], dict[str, Any]] = {}
    for version in versions:
        rules: SchemeRules = version.parsed
        for kind, cents in rules.usage_cap_cents.items():
            key = (str(kind), version.valid_from)
            if key in rows and rows[key]["cap_cents"] <= cents:
                continue
            rows[key] = {
                "kind": key[0],
                "cap_cents": cents,
                "yearly_credit_cents": rules.yearly_credit_cents,
                "valid_from": version.valid_from.isoformat(),
            }
    _add_approvals(rows, versions)
    return {"rows": _json(rows.values())}


def _add_approvals(rows: dict[tuple[str, date], dict[str, Any]], versions: Sequence[SchemeVersion]) -> None:
    limited = [one for one in versions if one.parsed.second_approval_above_cents is not None]
    days = sorted(
        {one.valid_from for one in versions}
        | {one.valid_until for one in limited if one.valid_until is not None}
    )
    for kind in sorted({str(kind) for one in limited for kind in one.parsed.bookable_kinds}):
        before = 0
        cap: dict[str, int | None] = {"cap_cents": None, "yearly_credit_cents": None}
        for day in days:
            asked = [
                one.parsed.second_approval_above_cents or 0
                for one in limited
                if one.valid_from <= day
                and (one.valid_until is None or day < one.valid_until)
                and kind in one.parsed.bookable_kinds
            ]
            limit = min(asked, default=0)
            row = rows.get((kind, day))
            if row is not None:
                cap = {name: row[name] for name in cap}
            elif limit != before:
                # A row says all that holds of its kind from its day on.
                row = rows[kind, day] = {"kind": kind, "valid_from": day.isoformat(), **cap}
            if row is not None:
                row["approval_limit_cents"] = limit or None
            before = limit


def scheme_row() -> Mapping[str, Any]:
    """What all schemes in force have in common: of different terms the widest, so that no lawful claim is early."""
    now = clock.now()
    standing = _in_force(now.date())
    if not standing:
        return {"rows": "[]"}
    rules = [version.parsed for version in standing]
    offset = now.astimezone(ZoneInfo(standing[0].scheme.timezone)).utcoffset()
    row = {
        "utc_offset_minutes": int(offset.total_seconds() // 60) if offset is not None else 0,
        "first_claim_days_before_start": max(one.claim_lead_days or 0 for one in rules),
        "advance_percent": max(
            100 if one.claim_lead_days is not None else one.advance_percent or 0 for one in rules
        ),
    }
    return {"rows": _json([row])}


def _json(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows))


LIMITS = Feed(
    "limits",
    words("kind cap_cents yearly_credit_cents approval_limit_cents valid_from"),
    """
SELECT kind, cap_cents, yearly_credit_cents, approval_limit_cents, valid_from, %(now)s::timestamptz AS changed_at
  FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS x(kind text, cap_cents bigint, yearly_credit_cents bigint, approval_limit_cents bigint, valid_from date)
""",
    values=limit_rows,
)

SCHEME = Feed(
    "scheme",
    words("utc_offset_minutes first_claim_days_before_start advance_percent"),
    """
SELECT utc_offset_minutes, first_claim_days_before_start, advance_percent, %(now)s::timestamptz AS changed_at
  FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS x(utc_offset_minutes bigint, first_claim_days_before_start bigint, advance_percent numeric)
""",
    values=scheme_row,
)
