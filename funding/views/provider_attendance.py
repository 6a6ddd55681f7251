"""Attendance sheets by day, the sheet to print, the code of the day, and files of certificates."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from catalogue.models import Session
from funding import epc
from funding.models import Booking, BookingState, CertificateFile, Presence
from funding.provider_forms import DayForm
from funding.selectors.bookings import standing_of
from funding.selectors.provider_sessions import recorded_days
from funding.services import attendance_codes, attendance_sheets, certificates
from funding.services.bookings.guards import CALLED_OFF
from funding.services.bookings.training import IN_COURSE
from funding.views.provider_desk import about, own_session
from funding.views.provider_steps import SAID
from ila.core.downloads import kept_file
from ila.core.errors import DomainError

PER_PAGE = 31
MOST = 300


@never_cache
@require_safe
def days(request: HttpRequest, session_id: int) -> HttpResponse:
    """The days of a session, with what their sheets say and how many confirmed being there."""
    _desk, session = own_session(request, session_id)
    listed = attendance_sheets.days_of(session)
    today = attendance_codes.today_of(session)
    paginator = Paginator(listed, PER_PAGE)
    first = listed.index(today) // PER_PAGE + 1 if today in listed else 1
    page = paginator.get_page(request.GET.get("page", first))
    sheets, codes = recorded_days(session)
    context = {
        **about(session),
        "page": page,
        "rows": [(day, sheets.get(day, 0), codes.get(day, 0), day <= today) for day in page],
        "today": today if today in listed else None,
    }
    return render(request, "funding/provider/days.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sheet(request: HttpRequest, session_id: int, day: str) -> HttpResponse:
    """The sheet of a day: present, absent, hours. The same address prints it."""
    _desk, session = own_session(request, session_id)
    on = _day(session, day)
    learners = list(
        Booking.objects.filter(session=session, state__in=IN_COURSE)
        .select_related("account__citizen", "credential")
        .order_by("account__citizen__family_name", "account__citizen__given_name", "pk")[:MOST]
    )
    confirmed = {each.booking_id: each for each in Presence.objects.filter(booking__session=session, day=on)}
    form = DayForm(
        request.POST if request.method == "POST" else None,
        bookings=learners,
        known=attendance_sheets.sheets_of([each.pk for each in learners]),
        day=on,
        usual=attendance_sheets.usual_hours(session),
        confirmed=confirmed,
    )
    error, status = "", 200
    if request.method == "POST" and not form.is_valid():
        status = 422
    elif request.method == "POST":
        try:
            changed = attendance_sheets.record_day(
                actor=cast("User", request.user), session_id=session.pk, day=on, hours=form.marked
            )
        except DomainError as refused:
            error, status = str(SAID.get(refused.code, SAID["not_allowed"])), refused.status
        else:
            said = _("The sheet is recorded.") if changed else _("Nothing on the sheet has changed.")
            messages.success(request, said)
            return redirect("provider_days", session.pk)
    context = {
        **about(session),
        "day": on,
        "form": form,
        "error": error,
        "to_come": on > attendance_codes.today_of(session),
        "waiting": Booking.objects.filter(session=session, state=BookingState.ACCEPTED).count(),
    }
    return render(request, "funding/provider/sheet.html", context, status=status)


@never_cache
@require_safe
def code(request: HttpRequest, session_id: int, day: str) -> HttpResponse:
    """The code of the day, large enough for a projector; of another day than today nothing is shown."""
    _desk, session = own_session(request, session_id)
    on = _day(session, day)
    shown = on == attendance_codes.today_of(session) and session.state not in CALLED_OFF
    plain = attendance_codes.code_of(session_id=session.pk, day=on)
    context = {
        **about(session),
        "day": on,
        "code": f"{plain[:4]}-{plain[4:]}" if shown else "",
        "address": f"{settings.SITE_ADDRESS}{reverse('attend_code')}",
        "confirmed": Presence.objects.filter(booking__session=session, day=on).count(),
    }
    return render(request, "funding/provider/code.html", context)


@never_cache
@require_safe
def code_picture(request: HttpRequest, session_id: int, day: str) -> HttpResponse:
    """The QR code of today's address; 404 for another day."""
    _desk, session = own_session(request, session_id)
    on = _day(session, day)
    if on != attendance_codes.today_of(session) or session.state in CALLED_OFF:
        raise Http404
    token = attendance_codes.token_of(session_id=session.pk, day=on)
    address = f"{settings.SITE_ADDRESS}{reverse('attend', args=[token])}"
    return HttpResponse(epc.svg_of(address), content_type="image/svg+xml")


@never_cache
@require_safe
def certificate_file(request: HttpRequest, public_id: uuid.UUID, certificate_id: int) -> HttpResponse:
    """The file of a certificate, as an attachment: for the booking's learner, its provider and the agency."""
    found = (
        CertificateFile.objects.select_related(
            "certificate__booking__account__citizen", "certificate__booking__provider"
        )
        .filter(certificate=certificate_id, certificate__booking__public_id=public_id)
        .first()
    )
    standing = standing_of(cast("User", request.user))
    if found is None or standing.sees_as(found.certificate.booking) is None:
        raise Http404
    try:
        content = certificates.content_of(found)
    except DomainError as error:
        raise Http404 from error
    return kept_file(content, media_type=found.media_type, name=found.name)


def _day(session: Session, text: str) -> Any:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Http404 from error
    if day not in attendance_sheets.days_of(session):
        raise Http404
    return day
