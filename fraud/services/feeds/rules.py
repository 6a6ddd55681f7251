"""Facts of the schemes' own rules: caps by kind of course, and what one claims before a training ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
    """Each cap on a kind of course with the day it came into force; of two schemes' caps the lower one."""
    rows: dict[tuple[str, date], dict[str, Any]] = {}
    for version in _versions():
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
    return {"rows": _json(rows.values())}


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
    words("kind cap_cents yearly_credit_cents valid_from"),
    """
SELECT kind, cap_cents, yearly_credit_cents, valid_from, %(now)s::timestamptz AS changed_at
  FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS x(kind text, cap_cents bigint, yearly_credit_cents bigint, valid_from date)
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
