"""The audit of the books, on a page."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, TypedDict, cast

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from funding import audit as books
from funding import permissions, words
from funding.audit import further
from ila.core import clock

_KEY = "funding.audit.result"
# A result is shown for this long before a visit checks anew, in seconds; the page says when it was made.
KEPT_SECONDS = 600
SHOWN_VIOLATIONS = 50


class Finding(TypedDict):
    """One invariant: how many rows were checked, and which are at fault."""

    id: int
    name: Any
    checked: int
    violations: list[str]


class Result(TypedDict):
    """The outcome of one run."""

    at: datetime
    seconds: float
    ok: bool
    invariants: list[Finding]


@never_cache
@require_http_methods(["GET", "POST"])
def audit(request: HttpRequest) -> HttpResponse:
    """Whether the books hold: the invariants with what was checked and what is at fault. POST checks now."""
    if not permissions.may_audit(cast("User", request.user)):
        raise PermissionDenied
    if request.method == "POST":
        _run()
        return redirect("audit")
    result = cast("Result | None", cache.get(_KEY)) or _run()
    rows = [
        {
            "id": one["id"],
            "name": (words.INVARIANTS | further.words()).get(one["id"], one["name"]),
            "checked": one["checked"],
            "count": len(one["violations"]),
            "violations": one["violations"][:SHOWN_VIOLATIONS],
            "left_out": max(0, len(one["violations"]) - SHOWN_VIOLATIONS),
        }
        for one in result["invariants"]
    ]
    failed = sum(1 for row in rows if row["count"])
    return render(request, "funding/audit.html", {"result": result, "rows": rows, "failed": failed})


def _run() -> Result:
    started = time.monotonic()
    report = books.run()
    result = Result(
        at=clock.now(),
        seconds=round(time.monotonic() - started, 2),
        ok=report.ok,
        invariants=[
            Finding(
                id=one.id,
                name=one.name,
                checked=one.checked,
                violations=[str(what) for what in one.violations],
            )
            for one in report.all
        ],
    )
    cache.set(_KEY, result, KEPT_SECONDS)
    return result
