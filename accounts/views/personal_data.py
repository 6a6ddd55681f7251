"""A person's data: a copy of all of it, and asking to be erased; for the agency, how such requests stand."""

from __future__ import annotations

import uuid
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import personal_registry as registry
from accounts import sessions
from accounts.models import ErasureRequest, ExportState, PersonalExport, User
from accounts.permissions import may_see_erasures
from accounts.services import consents, erasures, exports
from accounts.tasks import make_copy
from ila.core import clock, jobs
from ila.core.errors import DomainError

PER_PAGE = 20
KEPT_SHOWN = 5

# What is in the way of an erasure, and what to do about it.
OBSTACLES: dict[str, Promise] = {
    "member": gettext_lazy(
        "You act for an organisation. Ask one of its managers to take you off its list first."
    ),
    "claim_open": gettext_lazy(
        "A case worker is still looking for your learning account. Wait for the answer."
    ),
    "bookings_open": gettext_lazy(
        "You have a booking that is not over, or is disputed. Leave it, or wait until it is settled."
    ),
    "money_owed": gettext_lazy(
        "Money is still on its way to you or to a provider. Wait until it has been paid."
    ),
    "correction_open": gettext_lazy(
        "A case worker still looks at a correction you asked for. Take it back, or wait."
    ),
}


@never_cache
@require_safe
def personal_data(request: HttpRequest) -> HttpResponse:
    """Copies that were made, how far one is, and how an erasure stands."""
    user = cast("User", request.user)
    copies = list(PersonalExport.objects.filter(user=user).order_by("-asked_at", "-pk")[:KEPT_SHOWN])
    now = clock.now()
    latest = copies[0] if copies else None
    context = {
        "copies": [(one, one.can_be_had(now)) for one in copies],
        "under_way": latest if latest and latest.state in (ExportState.WAITING, ExportState.MAKING) else None,
        "failed": latest is not None and latest.state == ExportState.FAILED,
        "erasure": erasures.open_requests().filter(user=user).first(),
        "stopped": ErasureRequest.objects.filter(user=user, stopped_at__isnull=False).order_by("-pk").first(),
        "days": settings.EXPORT_DAYS,
    }
    return render(request, "accounts/personal_data.html", context)


@require_POST
def copy_ask(request: HttpRequest) -> HttpResponse:
    """Ask for a copy; a job makes it."""
    try:
        export = exports.ask_for_copy(actor=cast("User", request.user))
    except DomainError:
        messages.error(request, _("You have asked for three copies today. Use one of them, or ask tomorrow."))
    else:
        jobs.defer(make_copy, export_id=export.pk, once=f"accounts.make_copy:{export.pk}")
        messages.success(request, _("Your copy is being made. You may leave this page: you get a mail."))
    return redirect("personal_data")


@never_cache
@require_safe
def copy_download(request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
    """The file, for its owner alone and after proving once more who they are."""
    try:
        export = exports.open_copy(
            actor=cast("User", request.user), public_id=public_id, sign_in=sessions.sign_in_of(request)
        )
    except DomainError as refused:
        if refused.status == 404:
            raise Http404 from refused
        return _to_identity(request)
    answer = StreamingHttpResponse(exports.content_of(export), content_type="application/zip")
    answer.headers["Content-Length"] = str(export.size)
    day = f"{export.asked_at:%Y-%m-%d}"
    answer.headers["Content-Disposition"] = f'attachment; filename="my-data-{day}.zip"'
    return answer


@never_cache
@require_http_methods(["GET", "POST"])
def erasure_ask(request: HttpRequest) -> HttpResponse:
    """What goes, what the law keeps and until when; then asking for it, under a fresh strong sign-in."""
    user = cast("User", request.user)
    sign_in = sessions.sign_in_of(request)
    error = ""
    in_the_way = registry.obstacles(user)
    if request.method == "POST":
        if consents.needs_strong_sign_in(sign_in):
            return _to_identity(request)
        if request.POST.get("sure") != "on":
            error = _("Tick the box if you want to be erased; nothing is erased without it.")
        else:
            try:
                erasures.ask_erasure(actor=user, sign_in=sign_in)
            except DomainError as refused:
                in_the_way = list(refused.params.get("obstacles", []))
                error = _("You cannot be erased now. Read below what is in the way.")
            else:
                messages.success(request, _("Asked. You can take it back until the day named below."))
                return redirect("personal_data")
    context = {
        "error": error,
        "obstacles": [OBSTACLES[code] for code in in_the_way],
        "until": registry.kept_until(user),
        "days": settings.ERASURE_COOLING_DAYS,
        "years": settings.ERASURE_BOOKS_YEARS,
        "asked": erasures.open_requests().filter(user=user).exists(),
        "needs_identity": consents.needs_strong_sign_in(sign_in),
    }
    return render(request, "accounts/erasure.html", context, status=409 if error else 200)


@require_POST
def erasure_take_back(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Undo a request before its day."""
    try:
        erasures.take_back(actor=cast("User", request.user), public_id=public_id)
    except DomainError as refused:
        raise Http404 from refused
    messages.success(request, _("Taken back. Nothing is erased."))
    return redirect("personal_data")


@never_cache
@require_safe
def erasure_list(request: HttpRequest) -> HttpResponse:
    """For the agency: requests, how they stand and what was erased, without saying whose."""
    if not may_see_erasures(request.user):
        raise PermissionDenied
    page = Paginator(ErasureRequest.objects.order_by("-asked_at", "-pk"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    rows = [(one, _state(one), sum(one.counts.values())) for one in page]
    return render(request, "accounts/erasures.html", {"page": page, "rows": rows})


def _state(one: ErasureRequest) -> tuple[str, str]:
    if one.withdrawn_at is not None:
        return "ended", _("Taken back")
    if one.stopped_at is not None:
        return "disputed", _("Stopped: something was in the way")
    if one.erased_at is None:
        return "asked", _("Waits for its day")
    if one.closed_at is None:
        return "held", _("Erased but for what the law keeps")
    return "settled", _("Erased")


def _to_identity(request: HttpRequest) -> HttpResponse:
    return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': request.path})}")
