"""A citizen's own accounts: what is in them, what expires when, what moved, and opening one."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Citizen, User
from funding import words
from funding.entry_words import entry_word
from funding.models import Booking, BookingState, Lot
from funding.schemes.plain import describe
from funding.schemes.prospects import Year
from funding.selectors import learning_accounts as selected
from funding.selectors.schemes import today, version_at, with_versions
from funding.sentences import sentence
from funding.services import suggestions
from funding.services.learning_accounts import open_account
from ila.core.errors import DomainError

PER_PAGE = 20
MOST_SUGGESTIONS = 10
# The picture of the coming years, in its own units.
HEIGHT, WIDTH, GAP = 60, 24, 12


@never_cache
@require_safe
def account_list(request: HttpRequest) -> HttpResponse:
    """The citizen's accounts, what waits for an answer, and schemes in which they could open one."""
    user = cast("User", request.user)
    citizen = Citizen.objects.filter(user=user).first()
    held = selected.standings_of(user)
    waiting = Booking.objects.filter(account__citizen__user=user, state=BookingState.PROPOSED)
    context = {
        "citizen": citizen,
        "held": held,
        "suggestions": suggestions.shown_to(user)[:MOST_SUGGESTIONS],
        "waiting": list(
            waiting.select_related("credential", "account__scheme").order_by("next_due_at", "pk")
        ),
        "openable": []
        if citizen is None
        else [
            (one, "" if one.refusal is None else sentence(one.refusal, rules=one.version.parsed))
            for one in selected.openable(citizen, held)
        ],
    }
    return render(request, "funding/learning_accounts.html", context)


@never_cache
@require_safe
def account_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One account: money by source and expiry, the coming years, what moved; 404 for everybody but its citizen."""
    standing = selected.standing_of_account(cast("User", request.user), public_id)
    if standing is None:
        raise Http404
    scheme = standing.account.scheme
    version = version_at(with_versions().get(pk=scheme.pk).versions.all(), standing.today)
    years = standing.years(version)
    page = Paginator(selected.movements(standing.account), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "standing": standing,
        "account": standing.account,
        "scheme": scheme,
        "lots": [_lot(lot) for lot in standing.rows],
        "expiring": [_lot(lot) for lot in standing.expiring],
        "years": years,
        "bars": _bars(years),
        "page": page,
        "movements": [
            (one, entry_word(one.entry.kind)) for one in selected.movements_on(standing.account, list(page))
        ],
    }
    return render(request, "funding/learning_account.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def account_open(request: HttpRequest, code: str) -> HttpResponse:
    """What the scheme gives, then the citizen's own account in it."""
    user = cast("User", request.user)
    if not Citizen.objects.filter(user=user).exists():
        raise Http404
    scheme = get_object_or_404(with_versions(), code=code)
    version = version_at(scheme.versions.all(), today(scheme))
    if version is None:
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            account = open_account(actor=user, scheme_id=scheme.pk)
        except DomainError as refused:
            error = sentence(refused, rules=version.parsed)
        else:
            messages.success(request, _("Your account is open."))
            return redirect("learning_account", public_id=account.public_id)
    context = {"scheme": scheme, "error": error, "sections": describe(version.parsed)[:2]}
    return render(request, "funding/learning_account_open.html", context, status=409 if error else 200)


def _lot(lot: Lot) -> dict[str, Any]:
    return {"lot": lot, "label": words.word(words.SOURCES, lot.source)}


def _bars(years: tuple[Year, ...]) -> list[dict[str, int]]:
    """Where each year's bar stands in the picture and how high it is; nothing where there would be no money."""
    most = max((one.available_cents for one in years), default=0)
    return [
        {
            "year": one.year,
            "x": at * (WIDTH + GAP) + GAP,
            "middle": at * (WIDTH + GAP) + GAP + WIDTH // 2,
            "y": HEIGHT - (height := round(one.available_cents * HEIGHT / most)),
            "height": height,
        }
        for at, one in enumerate(years)
        if most
    ]
