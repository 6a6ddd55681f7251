"""The public catalogue: searching it, and one entry with its sessions."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalogue import words
from catalogue.forms import SearchForm
from catalogue.models import Accreditation, MicroCredential, Offer, Session
from catalogue.selectors import bookability, listing
from ila.core import clock

SESSIONS_PER_PAGE = 15


@login_not_required
@require_safe
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One micro-credential: what is learnt, by whom, when, for how much, and why it cannot be booked."""
    now = clock.now()
    one = (
        MicroCredential.objects.select_related("provider")
        .filter(pk=pk)
        .exclude(state__in=["draft", "submitted"])
        .first()
    )
    if one is None:
        raise Http404
    accreditations = list(
        Accreditation.objects.filter(provider=one.provider).order_by("-created_at", "-pk")[:5]
    )
    day = bookability.today_at(one.provider)
    valid = [each for each in accreditations if _covers(each, day)]
    sessions = (
        Session.objects.filter(micro_credential=one, removed_at__isnull=True)
        .exclude(ends_at__lt=now)
        .select_related("offer", "seats")
        .order_by("starts_at", "pk")
    )
    page = Paginator(sessions, SESSIONS_PER_PAGE).get_page(request.GET.get("page"))
    of_entry = bookability.entry_reasons(one, accredited=bool(valid))
    rows = []
    for session in page:
        reasons = of_entry | bookability.session_reasons(session, one.provider, day)
        if listing.is_full(session):
            reasons.add("session_full")
        # What is the matter with the whole entry is said once, beside its price.
        rows.append({"session": session, "bookable": not reasons, "reasons": _sentences(reasons - of_entry)})
    has_sessions = bool(page.paginator.count) or Session.objects.filter(micro_credential=one).exists()
    if has_sessions and not page.paginator.count:
        of_entry.add("too_late")
    context = {
        "entry": one,
        "provider": one.provider,
        "zone": one.provider.time_zone,
        "kind": words.word(words.KINDS, one.kind),
        "language": words.word(words.LANGUAGES, one.language) if one.language else "",
        "accreditations": [
            (each, words.word(words.ACCREDITATION_STATES, each.state), each in valid)
            for each in accreditations
        ],
        "accredited": bool(valid),
        "reasons": _sentences(of_entry),
        "page": page,
        "rows": rows,
        "offers": [(each, words.word(words.MODES, each.mode) if each.mode else "") for each in _offers(one)],
        "price_from": min((session.price_cents for session in page), default=one.price_cents),
        "has_sessions": has_sessions,
        "back": _back(request),
    }
    return render(request, "catalogue/entry.html", context)


def _offers(one: MicroCredential) -> list[Offer]:
    return list(Offer.objects.filter(micro_credential=one, removed_at=None).order_by("city", "pk")[:30])


def _covers(one: Accreditation, day: date) -> bool:
    """Whether the accreditation stands on that day."""
    begun = one.valid_from is None or one.valid_from <= day
    return one.state == "accredited" and begun and (one.valid_until is None or day <= one.valid_until)


def _sentences(reasons: set[str]) -> list[Any]:
    return [text for code, text in words.REASONS.items() if code in reasons]


def _back(request: HttpRequest) -> str:
    """The search one came from, when one did: a query of our own catalogue, nothing else."""
    query = QueryDict(request.GET.get("from", ""))
    allowed = {name: query[name] for name in SearchForm.base_fields if query.get(name)}
    if not allowed:
        return reverse("catalogue")
    again = QueryDict(mutable=True)
    again.update(allowed)
    return f"{reverse('catalogue')}?{again.urlencode()}"
