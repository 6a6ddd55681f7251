"""What learners are asked of a booking made in their name. Nothing happens to whoever answers."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from fraud import selectors
from fraud.forms import SurveyForm
from fraud.services import questions
from fraud.views.handing_in import hand_in
from ila.core import clock


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Did you sign up, were you taught? Open to the booking's own learner."""
    user = cast("User", request.user)
    asked = selectors.surveys_of(user).filter(public_id=public_id).first()
    if asked is None:
        raise Http404
    form = SurveyForm(request.POST or None)
    given = hand_in(
        request,
        form,
        lambda: questions.answer_survey(actor=user, survey_id=asked.pk, **form.cleaned_data),
    )
    if given.done:
        messages.success(request, _("Thank you. Your answer is kept."))
        return redirect("fraud_survey", public_id)
    context = {
        "survey": asked,
        "form": form,
        "error": given.error,
        "open": not asked.answer and asked.closes_at > clock.now(),
    }
    return render(request, "fraud/survey.html", context, status=given.status)
