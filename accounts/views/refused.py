"""What is answered to a form whose page is too old."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_BAD_REFERER
from django.shortcuts import redirect
from django.template.loader import render_to_string

from accounts import kept_forms


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Give a form back whose page was opened before its sender signed in (in another tab); refuse all others.

    It is given back only where the browser itself says that the form was on a page of ours, and nothing is done
    before the person has sent it again: another site's form never gets this far.
    """
    if _from_our_page(request, reason):
        page = kept_forms.keep_of_signed_in(request)
        if page is not None:
            response = redirect(page)
            response.status_code = 303
            kept_forms.hand_over_key(request, response)
            return response
    return HttpResponse(render_to_string("403_csrf.html"), status=403)


def _from_our_page(request: HttpRequest, reason: str) -> bool:
    foreign = (REASON_BAD_ORIGIN.split("%", 1)[0], REASON_BAD_REFERER.split("%", 1)[0])
    if reason.startswith(foreign):
        return False
    # A stated origin was compared with ours before the token was; without one, the browser's word on the site counts.
    return bool(request.headers.get("Origin")) or request.headers.get("Sec-Fetch-Site") == "same-origin"
