"""Counsellors: a learner says who may look at what, and sees every look; a counsellor looks, and suggests."""

from __future__ import annotations

import uuid
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Citizen, Delegation, Part, User
from accounts.services import counselling
from catalogue.models import MicroCredential, Session
from catalogue.selectors.listing import bookable_sessions
from catalogue.views.stacks import way_of
from funding import words
from funding.learner_forms import PARTS, InviteForm, SuggestForm
from funding.models import Booking, Suggestion
from funding.selectors.learning_accounts import standings_of_citizen
from funding.sentences import sentence
from funding.services import suggestions
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 20
MOST_SESSIONS = 20


# -- the learner ------------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def counsellor_list(request: HttpRequest) -> HttpResponse:
    """Who may look at one's account, and inviting somebody to. 404 for who is no known citizen."""
    user, citizen = _learner(request)
    form = InviteForm(
        request.POST if request.method == "POST" else None, counsellors=list(counselling.counsellors())
    )
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            counselling.invite(
                actor=user, email=form.address, parts=form.parts, months=form.cleaned_data["months"]
            )
        except DomainError as refused:
            error = _refusal(refused)
        else:
            messages.success(request, _("Invited. They may look once they have said yes; you are told."))
            return redirect("counsellors")
    found = (
        Delegation.objects.filter(citizen=citizen)
        .select_related("counsellor")
        .annotate(look_count=Count("looks"), last_look=Max("looks__at"))
        .order_by("-made_at", "-pk")
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(one, _state(one), [PARTS[Part(part)] for part in one.parts]) for one in page],
        "form": form,
        "error": error,
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "accounts/counsellors.html", context, status=status)


@never_cache
@require_safe
def counsellor_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Who looked, at what and when. 404 for everybody but the learner."""
    _user, citizen = _learner(request)
    found = Delegation.objects.select_related("counsellor")
    delegation = get_object_or_404(found, public_id=public_id, citizen=citizen)
    page = Paginator(delegation.looks.order_by("-at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "delegation": delegation,
        "name": counselling.name_of_counsellor(delegation),
        "state": _state(delegation),
        "parts": [PARTS[Part(part)] for part in delegation.parts],
        "open": delegation.is_open(counselling.today()),
        "page": page,
        "looks": [(look, PARTS[Part(look.part)]) for look in page],
    }
    return render(request, "accounts/counsellor.html", context)


@require_POST
def counsellor_end(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """End it at once: the learner, or the counsellor."""
    user = cast("User", request.user)
    try:
        delegation = counselling.end(actor=user, public_id=public_id)
    except DomainError as refused:
        raise Http404 from refused
    messages.success(request, _("Ended. Nothing can be looked at any more."))
    return redirect("counselling" if delegation.counsellor_id == user.pk else "counsellors")


@require_POST
def suggestion_dismiss(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The learner puts a suggestion away."""
    try:
        suggestions.dismiss(actor=cast("User", request.user), public_id=public_id)
    except DomainError as refused:
        raise Http404 from refused
    return redirect("learning_accounts")


# -- the counsellor ---------------------------------------------------------------------------------------------------


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Invitations that wait for an answer, and whose accounts one may look at."""
    user = cast("User", request.user)
    waiting = counselling.invitations_of(user).select_related("citizen").order_by("made_at", "pk")
    mine = counselling.counselled_by(user).select_related("citizen").order_by("-accepted_at", "-pk")
    page = Paginator(mine, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "may": counselling.may_counsel(user),
        "waiting": [
            (one, counselling.name_of(one.citizen), [PARTS[Part(part)] for part in one.parts])
            for one in waiting[:PER_PAGE]
        ],
        "page": page,
        "rows": [(one, counselling.name_of(one.citizen)) for one in page],
    }
    return render(request, "accounts/counselling.html", context)


@require_POST
def answer(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Say yes or no to an invitation."""
    user = cast("User", request.user)
    try:
        if request.POST.get("answer") == "yes":
            counselling.take_up(actor=user, public_id=public_id)
        else:
            counselling.decline(actor=user, public_id=public_id)
            messages.success(request, _("You have said no. Nothing was shown to you."))
            return redirect("counselling")
    except DomainError as refused:
        if refused.status == 404:
            raise Http404 from refused
        messages.error(request, _refusal(refused))
        return redirect("counselling")
    return redirect("counselled", public_id=public_id)


@never_cache
@require_safe
def counselled(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One learner: what one may look at, and what one has suggested. Opens nothing by itself."""
    delegation = _delegation(request, public_id)
    mine = Suggestion.objects.filter(delegation=delegation).select_related("credential", "session")
    context = {
        "delegation": delegation,
        "name": counselling.name_of(delegation.citizen),
        "parts": [(part, PARTS[Part(part)]) for part in delegation.parts],
        "page": Paginator(mine.order_by("-made_at", "-pk"), PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "accounts/counselled.html", context)


@never_cache
@require_safe
def counselled_part(request: HttpRequest, public_id: uuid.UUID, part: str) -> HttpResponse:
    """A part that the learner ticked: the look is written down first. 404 for any other."""
    try:
        delegation = counselling.look(actor=cast("User", request.user), public_id=public_id, part=part)
    except DomainError as refused:
        raise Http404 from refused
    citizen = delegation.citizen
    context: dict[str, Any] = {
        "delegation": delegation,
        "name": counselling.name_of(citizen),
        "part": part,
        "title": PARTS[Part(part)],
    }
    if part == Part.BALANCES:
        context["held"] = [
            (one, [(lot, words.word(words.SOURCES, lot.source)) for lot in one.rows])
            for one in standings_of_citizen(citizen)
        ]
    elif part == Part.BOOKINGS:
        found = Booking.objects.filter(account__citizen=citizen).select_related(
            "credential", "provider", "session", "account__scheme"
        )
        page = Paginator(found.order_by("-requested_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
        context["page"] = page
        context["rows"] = [(one, words.word(words.BOOKING_STATES, one.state)) for one in page]
    else:
        context["rows"], context["has_awards"] = way_of(citizen)
    return render(request, "accounts/counselled_part.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def suggest(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Point the learner to a training: first its address, then one of its sessions, and a few words."""
    delegation = _delegation(request, public_id)
    sent = request.method == "POST"
    form = SuggestForm(request.POST if sent else request.GET if "entry" in request.GET else None)
    entry: MicroCredential | None = None
    if form.is_bound:
        form.full_clean()
        entry = form.cleaned_data.get("entry")
    if entry is not None:
        form.offer(_sessions(entry))
        form.full_clean()
    error = ""
    if sent and entry is not None and form.is_valid():
        try:
            suggestions.suggest(
                actor=cast("User", request.user),
                public_id=public_id,
                credential_id=entry.pk,
                session_id=int(form.cleaned_data["session"]) if form.cleaned_data["session"] else None,
                note=form.cleaned_data["note"],
            )
        except DomainError as refused:
            error = _refusal(refused)
        else:
            messages.success(request, _("Suggested. The learner finds it on their account page."))
            return redirect("counselled", public_id=public_id)
    context = {
        "delegation": delegation,
        "name": counselling.name_of(delegation.citizen),
        "form": form,
        "entry": entry,
        "error": error,
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "accounts/suggest.html", context, status=status)


# -- both -------------------------------------------------------------------------------------------------------------


def _learner(request: HttpRequest) -> tuple[User, Citizen]:
    user = cast("User", request.user)
    return user, get_object_or_404(Citizen, user=user)


def _delegation(request: HttpRequest, public_id: uuid.UUID) -> Delegation:
    try:
        return counselling.find(actor=cast("User", request.user), public_id=public_id)
    except DomainError as refused:
        raise Http404 from refused


def _sessions(entry: MicroCredential) -> list[tuple[Session, str]]:
    found = bookable_sessions(clock.now()).filter(micro_credential=entry).select_related("offer")
    zone = ZoneInfo(entry.provider.time_zone or "UTC")
    rows = []
    for one in found.order_by("starts_at", "pk")[:MOST_SESSIONS]:
        days = [date_format(at.astimezone(zone), "j F Y") for at in (one.starts_at, one.ends_at) if at]
        place = one.offer.city if one.offer is not None and one.offer.city else ""
        rows.append((one, ", ".join(filter(None, [" – ".join(days), place]))))
    return rows


def _state(one: Delegation) -> tuple[str, str]:
    """How a delegation stands: a code for the colour, and a word."""
    if one.ended_at is not None:
        return "ended", _("Ended")
    if one.declined_at is not None:
        return "ended", _("They said no")
    if not one.is_open(counselling.today()):
        return "ended", _("Time is over")
    if one.accepted_at is None:
        return "asked", _("Invited, no answer yet")
    return "given", _("May look")


def _refusal(refused: DomainError) -> str:
    if refused.params.get("what") == "own_address":
        return _("This is your own address. Enter that of the person who may look.")
    if refused.params.get("what") == "counsel":
        return _(
            "Whoever acts for a provider or an employer cannot be a counsellor: they never see a balance."
        )
    if refused.code == "too_many":
        return _("You have done this often today, or have as many as there may be. Try again tomorrow.")
    if refused.code == "already_invited":
        return _("This person is invited already. End that first if it should show something else.")
    return str(sentence(refused))
