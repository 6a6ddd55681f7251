"""One page per step on an alert, a case or a measure: what it does, what it asks, then it is done."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from fraud import permissions, steps
from fraud.services.rights import Restored
from fraud.step import Step
from fraud.views.handing_in import hand_in


def reader(request: HttpRequest) -> User:
    """The visitor. Raises: PermissionDenied for who may not see cases."""
    user = cast("User", request.user)
    if not permissions.may_see_cases(user):
        raise PermissionDenied
    return user


def answer(request: HttpRequest, subject: Any, code: str, *, title: str, back: str) -> HttpResponse:
    """The page of a step. back: where the subject is. Raises: PermissionDenied for who may take none."""
    user = reader(request)
    if not permissions.may_investigate(subject, user):
        raise PermissionDenied
    step = steps.find(subject, user, code)
    if step is None:
        messages.info(request, _("This step is not open to you now: something else was done meanwhile."))
        return redirect(back)
    posted = request.method == "POST"
    form = step.form(
        request.POST if posted else None, request.FILES if posted else None, subject=subject, actor=user
    )
    given = hand_in(request, form, lambda: steps.take(subject, step, actor=user, values=form.values))
    if given.done:
        _tell(request, step, given.result)
        return redirect(back)
    context = {"step": step, "form": form, "error": given.error, "title": title, "back": back}
    return render(request, "fraud/step.html", context, status=given.status)


def _tell(request: HttpRequest, step: Step, result: object) -> None:
    messages.success(request, _("Done: %(step)s.") % {"step": step.label})
    if isinstance(result, Restored):
        text = ngettext(
            "The rights of one booking were restored.",
            "The rights of %(number)d bookings were restored.",
            result.now,
        )
        messages.info(request, text % {"number": result.now})
        if result.left:
            text = ngettext(
                "One booking could not be restored yet: a payment of it is on its way. Try again later.",
                "%(number)d bookings could not be restored yet: payments of them are on their way. Try again later.",
                len(result.left),
            )
            messages.warning(request, text % {"number": len(result.left)})
