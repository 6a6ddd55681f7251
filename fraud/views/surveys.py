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
from funding.sentences import sentence
from ila.core import clock
from ila.core.errors import DomainError


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Did you sign up, were you taught? Open to the booking's own learner."""
    user = cast("User", request.user)
    asked = selectors.surveys_of(user).filter(public_id=public_id).first()
    if asked is None:
        raise Http404
    form = SurveyForm(request.POST or None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            questions.answer_survey(actor=user, survey_id=asked.pk, **form.cleaned_data)
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(request, _("Thank you. Your answer is kept."))
            return redirect("fraud_survey", public_id)
    context = {
        "survey": asked,
        "form": form,
        "error": error,
        "open": not asked.answer and asked.closes_at > clock.now(),
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "fraud/survey.html", context, status=status)
