"""The register of known places: who proposes one, who agrees, what became of it."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from fraud import permissions, words
from fraud.forms import SAY_WHY
from fraud.models import KnownPlace
from fraud.services import places
from fraud.steps import open_to
from fraud.views.handing_in import hand_in
from fraud.views.steps import answer, reader
from funding.forms import StateFilter

PER_PAGE = 25
OF_THE_NETWORK = dict.fromkeys(
    ("bad_network", "network_too_large", "network_too_small", "known_already"), "network"
)


class PlaceForm(forms.Form):
    """A place that detectors shall leave out."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Kind of place"),
        choices=list(words.PLACE_KINDS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what kind of place it is.")},
    )
    name = forms.CharField(
        label=gettext_lazy("Name of the place"),
        max_length=200,
        error_messages={"required": gettext_lazy("Enter the name of the place.")},
    )
    network = forms.CharField(
        label=gettext_lazy("Its network address"),
        help_text=gettext_lazy("One public address, or a range such as 192.0.2.0/24. Ask the place for it."),
        max_length=50,
        error_messages={"required": gettext_lazy("Enter the network address.")},
    )
    reason = forms.CharField(
        label=gettext_lazy("Why many people sign in there"),
        help_text=gettext_lazy("Say how you know: the person who agrees reads it."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages=SAY_WHY,
    )


@never_cache
@require_safe
def place_list(request: HttpRequest) -> HttpResponse:
    """All known places, the latest first, by state."""
    user = reader(request)
    form = StateFilter(request.GET, states=words.PLACE_STATES)
    found = KnownPlace.objects.order_by("-proposed_at", "-pk")
    shown = found.filter(state=form.chosen) if form.chosen else found
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [_row(place) for place in page],
        "may_propose": permissions.may_investigate(None, user),
    }
    return render(request, "fraud/places.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def place_new(request: HttpRequest) -> HttpResponse:
    """Propose a place."""
    user = reader(request)
    if not permissions.may_investigate(None, user):
        raise PermissionDenied
    form = PlaceForm(request.POST if request.method == "POST" else None)
    given = hand_in(
        request, form, lambda: places.propose_place(actor=user, **form.cleaned_data), beside=OF_THE_NETWORK
    )
    if given.done:
        messages.success(request, _("The place is proposed. Another person has to agree."))
        return redirect("fraud_place", cast("KnownPlace", given.result).public_id)
    context = {"form": form, "error": given.error}
    return render(request, "fraud/place_new.html", context, status=given.status)


@never_cache
@require_safe
def place_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One place with its history, and what may be done with it."""
    user = reader(request)
    place = _place(public_id)
    context = {
        "place": place,
        "kind": words.PLACE_KINDS[place.kind],
        "state": words.PLACE_STATES[place.state],
        "steps": open_to(place, user),
        "log": [
            (row, words.PLACE_STEPS[row.transition])
            for row in place.log.select_related("actor").order_by("pk")
        ],
    }
    return render(request, "fraud/place.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def place_step(request: HttpRequest, public_id: uuid.UUID, code: str) -> HttpResponse:
    """Agree to a place, refuse it, take it back or end it."""
    reader(request)
    place = _place(public_id)
    return answer(request, place, code, title=str(place), back=reverse("fraud_place", args=[public_id]))


def _place(public_id: uuid.UUID) -> KnownPlace:
    place = places.place_of(public_id)
    if place is None:
        raise Http404
    return place


def _row(place: KnownPlace) -> tuple[KnownPlace, Any, Any]:
    return place, words.PLACE_KINDS[place.kind], words.PLACE_STATES[place.state]
