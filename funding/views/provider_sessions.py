"""A provider's sessions: seats, learners, and opening, guaranteeing, beginning, ending or cancelling one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from catalogue import provider_words as catalogue_words
from catalogue.entry_forms import MoveForm
from catalogue.models import MicroCredential
from catalogue.registers import last_second_of_day, start_of_day
from catalogue.services import sessions
from catalogue.services.sessions import MOVABLE_STATES
from catalogue.services.teaching import teaching_of
from funding import provider_words, words
from funding.forms import StateFilter
from funding.models import Booking
from funding.provider_forms import name_of
from funding.selectors import provider_sessions as selected
from funding.selectors.provider_work import work_of
from funding.services import bookings, moves
from funding.services.attendance_codes import today_of
from funding.services.attendance_sheets import attended_of, days_of
from funding.views.provider_desk import about, desk, own_session, zone_of
from funding.views.provider_steps import SAID
from funding.views.provider_teaching import is_tellable
from funding.views.provider_work import row_of
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 20
LEARNERS = 50
_DO: dict[str, Any] = {
    "open": sessions.open_session,
    "guarantee": sessions.guarantee_session,
    "start": sessions.start_session,
    "end": sessions.end_session,
}


@never_cache
@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    """All sessions, the latest first, with seats and learners; by state, and of one entry."""
    mine = desk(request)
    states: dict[str, object] = dict(catalogue_words.SESSION_STATES)
    form = StateFilter(request.GET, states=states)
    asked = request.GET.get("entry", "")
    entry = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    found = selected.listed_sessions(mine, state=form.chosen, entry=entry)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "form": form,
        "rows": [(one, catalogue_words.word(states, one.state)) for one in page],
        "entries": MicroCredential.objects.filter(
            provider__organisation__in=mine.organisations, state="registered"
        ).order_by("title", "pk")[:PER_PAGE],
    }
    return render(request, "funding/provider/sessions.html", context)


@never_cache
@require_safe
def session_page(request: HttpRequest, session_id: int) -> HttpResponse:
    """One session: what waits, its learners, its days."""
    mine, session = own_session(request, session_id)
    found = (
        Booking.objects.filter(session=session)
        .select_related("account__citizen__user", "account__scheme", "credential")
        .order_by("requested_at", "pk")
    )
    page = Paginator(found, LEARNERS).get_page(request.GET.get("page"))
    attended = attended_of(list(page))
    work, _counts = work_of(mine, session_id=session.pk)
    now = clock.now()
    for one in work:
        one.session = session
    context = {
        **about(session),
        "state": catalogue_words.word(catalogue_words.SESSION_STATES, session.state),
        "work": [row_of(one, now) for one in work],
        "page": page,
        "rows": [
            {
                "booking": each,
                "name": name_of(each),
                "email": each.account.citizen.user.email if each.account.citizen.user else "",
                "state": words.word(words.BOOKING_STATES, each.state),
                "attended": attended[each.pk],
            }
            for each in page
        ],
        "acts": [(act, provider_words.SESSION_ACTS[act]) for act in _acts(session)],
        "movable": is_movable(session),
        "tellable": is_tellable(session),
        "teaching": teaching_of(session),
        "days": len(days_of(session)),
        "today": today_of(session) if today_of(session) in days_of(session) else None,
    }
    return render(request, "funding/provider/session.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_move(request: HttpRequest, session_id: int, act: str) -> HttpResponse:
    """One step of a session, after saying what it means: cancelling says how many lose their place."""
    _desk, session = own_session(request, session_id)
    if act not in provider_words.SESSION_ACTS:
        raise Http404
    if act not in _acts(session):
        messages.info(request, _("The session has moved on; this is not possible any more."))
        return redirect("provider_session", session.pk)
    error, status = "", 200
    reason = request.POST.get("reason", "").strip()[:500]
    if request.method == "POST" and act == "cancel" and not reason:
        error, status = _("Say why it does not take place: the learners read it."), 422
    elif request.method == "POST":
        user = cast("User", request.user)
        try:
            if act == "cancel":
                bookings.cancel_session(actor=user, session_id=session.pk, reason=reason)
            else:
                _DO[act](actor=user, session_id=session.pk)
        except DomainError as refused:
            error, status = str(SAID.get(refused.code, SAID["not_allowed"])), refused.status
        else:
            messages.success(request, _("It is done."))
            return redirect("provider_session", session.pk)
    context = {
        **about(session),
        "act": act,
        "title": provider_words.SESSION_ACTS[act],
        "means": provider_words.SESSION_MEANS[act],
        "cancelling": selected.cancelling_of(session) if act == "cancel" else None,
        "error": error,
        "error_target": "reason",
        "reason": reason,
    }
    return render(request, "funding/provider/session_move.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_dates(request: HttpRequest, session_id: int) -> HttpResponse:
    """Hold a session that has not begun on other days; every learner is told, and may leave for nothing."""
    _desk, session = own_session(request, session_id)
    if not is_movable(session):
        messages.info(request, _("The session has moved on; this is not possible any more."))
        return redirect("provider_session", session.pk)
    zone = zone_of(session)
    form = MoveForm(
        request.POST if request.method == "POST" else None,
        today=clock.now().astimezone(ZoneInfo(zone)).date(),
        initial={
            "starts_on": _local_day(session.starts_at, zone),
            "ends_on": _local_day(session.ends_at, zone),
        },
    )
    if request.method == "POST" and form.is_valid():
        try:
            moves.move_session(
                actor=cast("User", request.user),
                session_id=session.pk,
                starts_at=start_of_day(form.cleaned_data["starts_on"], zone),
                ends_at=last_second_of_day(form.cleaned_data["ends_on"], zone),
                reason=form.cleaned_data["reason"],
            )
        except DomainError as refused:
            said = provider_words.MOVE_REFUSALS.get(refused.code, SAID["not_allowed"])
            form.add_error("starts_on", str(said))
        else:
            messages.success(request, _("The session has other dates now. Its learners are told by e-mail."))
            return redirect("provider_session", session.pk)
    context = {**about(session), "form": form, "concerned": selected.concerned_by_move(session)}
    status = 422 if form.errors else 200
    return render(request, "funding/provider/session_dates.html", context, status=status)


def is_movable(session: Any) -> bool:
    """Whether it has not begun, by its state and by the clock."""
    begun = session.starts_at is not None and session.starts_at <= clock.now()
    return session.state in MOVABLE_STATES and not begun


def _local_day(moment: datetime | None, zone: str) -> date | None:
    return None if moment is None else moment.astimezone(ZoneInfo(zone)).date()


def _acts(session: Any) -> tuple[str, ...]:
    acts = selected.ACTS.get(session.state, ())
    early = session.starts_at is not None and clock.now() < session.starts_at
    return tuple(act for act in acts if not (early and act == "start"))
