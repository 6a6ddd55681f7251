"""What waits for a provider, the most urgent first."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from funding import provider_words as words
from funding.selectors import provider_work as selected
from funding.views.provider_desk import desk, own_session
from ila.core import clock

PER_PAGE = 20


@never_cache
@require_safe
def work(request: HttpRequest) -> HttpResponse:
    """Every open step with its term and what happens after it, by kind and session."""
    mine = desk(request)
    kind = request.GET.get("kind", "")
    kind = kind if kind in selected.KINDS else ""
    wanted = request.GET.get("session", "")
    session = own_session(request, int(wanted))[1] if wanted.isdecimal() and len(wanted) < 19 else None
    found, counts = selected.work_of(mine, kind=kind, session_id=session.pk if session else None)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    context = {
        "page": page,
        "rows": [row_of(one, now) for one in selected.with_sessions(page)],
        "kinds": [
            (code, words.KINDS[code], counts[code]) for code in selected.KINDS if counts[code] or code == kind
        ],
        "kind": kind,
        "session": session,
        "in_all": counts.total(),
        "questions": list(selected.questions_of(mine)[:PER_PAGE]),
        "manages": mine.manages,
    }
    return render(request, "funding/provider/work.html", context)


def row_of(one: selected.Work, now: Any) -> dict[str, Any]:
    """One line of the queue: what, until when, what happens then, and where it is done."""
    return {
        "work": one,
        "session": one.session,
        "what": words.COUNTED[one.kind] % {"count": one.count},
        "after": words.LAST_PROPOSAL if one.last_proposal else words.AFTER[one.kind],
        "late": one.due_at is not None and now >= one.due_at,
        "url": url_of(one.kind, one.session_id),
        "zone": one.zone,
    }


def url_of(kind: str, session_id: int) -> str:
    """Where a step is taken."""
    if kind in selected.MANAGERS_KINDS:
        return f"{reverse('provider_claim')}?session={session_id}"
    step = "propose" if kind == "answer" else kind
    return reverse("provider_step_all", args=[session_id, step])
