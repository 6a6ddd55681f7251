"""What a provider is told and asked in cases about it: letters, questions, measures to answer or to appeal."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from fraud import selectors, words
from fraud.forms import AnswerForm, AppealForm, StepForm
from fraud.models.measures import MeasureState
from fraud.services import appeals, measures, questions
from fraud.services.measures import subject_of
from fraud.views.handing_in import hand_in
from funding.views.provider_desk import desk
from ila.core import clock

PER_PAGE = 25


@never_cache
@require_safe
def letter_list(request: HttpRequest) -> HttpResponse:
    """What is to be answered first, then measures, then every letter."""
    organisations = desk(request, managing=True).managed
    asked = [one for one in selectors.questions_to(organisations) if one.answered_at is None]
    page = Paginator(selectors.letters_to(organisations), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "questions": asked,
        "measures": [
            (one, words.MEASURES[one.kind], words.MEASURE_STATES[one.state], subject_of(one))
            for one in selectors.measures_on(organisations)
        ],
        "page": page,
        "letters": [(one, words.in_readers_language(one.subjects)) for one in page],
    }
    return render(request, "fraud/provider_letters.html", context)


@never_cache
@require_safe
def letter_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A letter as it was sent."""
    organisations = desk(request, managing=True).managed
    letter = selectors.letters_to(organisations).filter(public_id=public_id).first()
    if letter is None:
        raise Http404
    context = {
        "letter": letter,
        "subject": words.in_readers_language(letter.subjects),
        "body": words.in_readers_language(letter.bodies),
        "answerable": letter.measure is not None and letter.measure.state == MeasureState.NOTIFIED,
    }
    return render(request, "fraud/provider_letter.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Answer a question."""
    organisations = desk(request, managing=True).managed
    asked = selectors.questions_to(organisations).filter(public_id=public_id).first()
    if asked is None:
        raise Http404
    user = cast("User", request.user)
    form = AnswerForm(request.POST or None, subject=asked.case, actor=user)
    given = hand_in(
        request,
        form,
        lambda: questions.answer_question(actor=user, question_id=asked.pk, text=form.cleaned_data["answer"]),
    )
    if given.done:
        messages.success(request, _("Your answer is in the file."))
        return redirect("provider_letters")
    context = {"question": asked, "form": form, "error": given.error, "open": asked.answered_at is None}
    return render(request, "fraud/provider_question.html", context, status=given.status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def measure(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Answer a measure that was announced, or appeal against one in force."""
    organisations = desk(request, managing=True).managed
    one = selectors.measures_on(organisations).filter(public_id=public_id).first()
    if one is None:
        raise Http404
    user = cast("User", request.user)
    # Who has answered may add to it as long as there is time.
    answering = one.state in (MeasureState.NOTIFIED, MeasureState.REBUTTAL)
    appealing = one.state == MeasureState.IN_FORCE
    wanted: type[StepForm] = AppealForm if appealing else AnswerForm
    form = wanted(request.POST or None, subject=one, actor=user)
    act = appeals.lodge_appeal if appealing else measures.answer_measure
    given = hand_in(request, form, lambda: act(actor=user, measure_id=one.pk, **form.values))
    if given.done:
        messages.success(request, _("What you wrote is in the file. Another person reads it."))
        return redirect("provider_letters")
    context: dict[str, Any] = {
        "measure": one,
        "kind": words.MEASURES[one.kind],
        "state": words.MEASURE_STATES[one.state],
        "about": subject_of(one),
        "letters": list(one.letters.order_by("pk")),
        "form": form,
        "error": given.error,
        "answering": answering,
        "appealing": appealing,
        "late": one.answer_due_at is not None and one.answer_due_at < clock.now(),
    }
    return render(request, "fraud/provider_measure.html", context, status=given.status)
