"""Where a learner confirms being there: with the address of the QR code, or the code typed in."""

from __future__ import annotations

from typing import cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from funding.models import Presence
from funding.sentences import sentence
from funding.services import attendance_codes
from ila.core.errors import DomainError


class CodeForm(forms.Form):
    """The code that the room shows."""

    code = forms.CharField(
        label=gettext_lazy("Code of the day"),
        max_length=20,
        help_text=gettext_lazy("Eight letters and digits, as they are shown in the room."),
        error_messages={"required": gettext_lazy("Enter the code that is shown in the room.")},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def attend_code(request: HttpRequest) -> HttpResponse:
    """Type the code in; on to the confirmation."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            token = attendance_codes.token_for_code(
                user=cast("User", request.user), code=form.cleaned_data["code"]
            )
        except DomainError:
            form.add_error(
                "code", _("This is not today's code of a session that you have a place in. Look again.")
            )
        else:
            return redirect("attend", token)
    return render(request, "funding/attend_code.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def attend(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm being there today. The same plain refusal for who has no place in it and for what nobody made."""
    user = cast("User", request.user)
    try:
        booking, day = attendance_codes.booking_for_token(user=user, token=token)
        if request.method == "POST":
            attendance_codes.confirm_presence(actor=user, token=token)
            messages.success(request, _("Your presence is confirmed. You need do nothing more today."))
            return redirect("attend", token)
    except DomainError as refused:
        over = refused.code == "code_over"
        # Who was in another room at this hour is told so; whatever else was wrong is not told apart.
        why = sentence(refused) if refused.code == "overlapping" else ""
        context = {"over": over, "why": why}
        return render(request, "funding/attend_refused.html", context, status=refused.status)
    context = {
        "booking": booking,
        "day": day,
        "token": token,
        "zone": booking.provider.time_zone,
        "presence": Presence.objects.filter(booking=booking, day=day).first(),
    }
    return render(request, "funding/attend.html", context)
