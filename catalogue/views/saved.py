"""Searches that somebody keeps."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from catalogue.forms import SearchForm
from catalogue.models import SavedSearch
from catalogue.services import searches
from catalogue.views.search import described
from ila.core.errors import DomainError


@require_http_methods(["GET", "HEAD", "POST"])
def saved_searches(request: HttpRequest) -> HttpResponse:
    """The reader's searches; a POST keeps one more."""
    user: Any = request.user
    if request.method == "POST":
        asked = SearchForm.read(QueryDict(request.POST.get("query", "")[:2000]))[0]
        name = described(asked) or _("The whole catalogue")
        try:
            searches.save_search(actor=user, query=request.POST.get("query", "")[:2000], name=name)
        except DomainError:
            messages.error(
                request, _("You keep %(n)s searches already: delete one first.") % {"n": searches.MOST}
            )
        else:
            messages.success(request, _("The search is kept. You get a mail when something new fits it."))
        return redirect("saved_searches")
    kept = SavedSearch.objects.filter(owner=user).order_by("-created_at", "-pk")
    rows = [
        {
            "search": one,
            "name": described(SearchForm.read(QueryDict(one.query))[0]) or _("The whole catalogue"),
            "url": f"{reverse('catalogue')}?{one.query}" if one.query else reverse("catalogue"),
        }
        for one in kept
    ]
    return render(request, "catalogue/saved.html", {"rows": rows})


@require_POST
def delete(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Forget a search."""
    _or_404(lambda user: searches.delete_search(actor=user, public_id=public_id), request)
    messages.success(request, _("The search is deleted."))
    return redirect("saved_searches")


@require_POST
def mails(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Begin or end the mails about a search."""
    wanted = request.POST.get("mails") == "on"
    _or_404(lambda user: searches.set_mails(actor=user, public_id=public_id, mails=wanted), request)
    messages.success(
        request,
        _("You get a mail when something new fits it.") if wanted else _("You get no more mails about it."),
    )
    return redirect("saved_searches")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, stop_token: UUID) -> HttpResponse:
    """End the mails about a search by the link in one of them. A GET only asks: programs follow links too."""
    if request.method == "POST":
        searches.stop_mails(stop_token=stop_token)
    kept = SavedSearch.objects.filter(stop_token=stop_token).first()
    return render(request, "catalogue/saved_stop.html", {"search": kept})


def _or_404(act: Any, request: HttpRequest) -> None:
    try:
        act(request.user)
    except DomainError as refusal:
        if refusal.status == 404:
            raise Http404 from refusal
        raise
