"""What is held of a provider: why, until when, and its answer."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from fraud import hold_words, selectors
from fraud import words as fraud_words
from fraud.forms import LONG
from fraud.services import hold_answers
from fraud.services.hold_answers import File
from fraud.views.handing_in import hand_in
from funding import words
from funding.models import Hold
from funding.views.provider_desk import desk

PER_PAGE = 25
FILES = ("document", "second_document", "third_document")


def _file(label: Any) -> forms.FileField:
    return forms.FileField(
        label=label,
        required=False,
        help_text=gettext_lazy("A PDF, PNG or JPEG."),
        error_messages={"empty": gettext_lazy("This file is empty. Choose another one.")},
    )


class HoldAnswerForm(forms.Form):
    """What a provider says to a hold, and what shows it."""

    text = forms.CharField(
        label=gettext_lazy("Your answer"),
        help_text=gettext_lazy("Say what happened, and what shows it. A person reads it."),
        max_length=LONG,
        widget=forms.Textarea(attrs={"rows": 8}),
        error_messages={"required": gettext_lazy("Enter your answer.")},
    )
    document = _file(gettext_lazy("Document (optional)"))
    second_document = _file(gettext_lazy("Second document (optional)"))
    third_document = _file(gettext_lazy("Third document (optional)"))

    @property
    def handed_in(self) -> list[File]:
        """What was handed in with it."""
        given = (self.cleaned_data[name] for name in FILES)
        return [File(each.name, each.read()) for each in given if each]


@never_cache
@require_safe
def hold_list(request: HttpRequest) -> HttpResponse:
    """What is held now, what ends first in front; or everything that ever was."""
    organisations = desk(request, managing=True).managed
    every = request.GET.get("show") == "all"
    page = Paginator(selectors.holds_on(organisations, standing=not every), PER_PAGE).get_page(
        request.GET.get("page")
    )
    found = list(page)
    placed, measures = selectors.automatic_of(found), selectors.measures_of(found)
    answers = selectors.answers_of(found, organisations)
    context = {
        "page": page,
        "every": every,
        "rows": [
            {
                "hold": each,
                "scope": words.HOLD_SCOPES[each.scope],
                "why": hold_words.why(each, placed.get(each.pk)),
                "measure": measures.get(each.pk),
                "answered": _answer_until(each, answers.get(each.pk, [])) is not None,
            }
            for each in found
        ],
    }
    return render(request, "fraud/provider_holds.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def hold(request: HttpRequest, pk: int) -> HttpResponse:
    """One hold: the reason, the end, and a form to answer, once until that end."""
    organisations = desk(request, managing=True).managed
    one = selectors.holds_on(organisations, standing=False).filter(pk=pk).first()
    if one is None:
        raise Http404
    measure = selectors.measures_of([one]).get(one.pk)
    if measure is not None:
        return redirect("provider_measure", measure.public_id)
    user = cast("User", request.user)
    posted = request.method == "POST"
    form = HoldAnswerForm(request.POST if posted else None, request.FILES if posted else None)
    given = hand_in(
        request,
        form,
        lambda: hold_answers.answer_hold(
            actor=user, hold_id=one.pk, text=form.cleaned_data["text"], files=form.handed_in
        ),
    )
    if given.done:
        messages.success(request, _("Your answer has arrived. You get a receipt by e-mail."))
        return redirect("provider_hold", one.pk)
    answers = selectors.answers_of([one], organisations).get(one.pk, [])
    placed = selectors.automatic_of([one]).get(one.pk)
    context = {
        "hold": one,
        "scope": words.HOLD_SCOPES[one.scope],
        "why": hold_words.why(one, placed),
        "answers": answers,
        "decisions": [
            (each, fraud_words.HOLD_OUTCOMES[each.outcome]) for each in one.decisions.order_by("-pk")
        ],
        "open": one.stands and _answer_until(one, answers) is None,
        "form": form,
        "error": given.error,
    }
    return render(request, "fraud/provider_hold.html", context, status=given.status)


def _answer_until(one: Hold, answers: list[Any]) -> Any:
    """The answer that was given to it as it ends now."""
    return next((each for each in answers if each.until == one.expires_at), None)
