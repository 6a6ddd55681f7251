"""A survey, answered by who holds the link that was mailed to them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from catalogue.models import SurveyAnswer, SurveyInvitation, SurveyKind
from catalogue.services import surveys
from ila.core import clock
from ila.core.errors import DomainError

RATINGS = [
    ("", _("Choose")),
    ("5", _("5 – very good")),
    ("4", _("4 – good")),
    ("3", _("3 – fair")),
    ("2", _("2 – weak")),
    ("1", _("1 – poor")),
]
YES_NO = [("", _("No answer")), ("yes", _("Yes")), ("no", _("No"))]
SITUATIONS = [
    ("", _("No answer")),
    ("same_job", _("In the same job as before")),
    ("new_job", _("In another job")),
    ("promoted", _("In a better position")),
    ("self_employed", _("Self-employed")),
    ("learning", _("In further training")),
    ("seeking", _("Looking for work")),
    ("other", _("Something else")),
]


class EndForm(forms.Form):
    """The survey at the end."""

    rating = forms.TypedChoiceField(label=_("The training as a whole"), choices=RATINGS, coerce=int)
    teaching = forms.TypedChoiceField(
        label=_("The teaching"), choices=RATINGS, coerce=int, required=False, empty_value=None
    )
    recommends = forms.ChoiceField(label=_("Would you recommend it?"), choices=YES_NO, required=False)


class OutcomeForm(forms.Form):
    """The survey six months later."""

    rating = forms.TypedChoiceField(
        label=_("Looking back, the training as a whole"), choices=RATINGS, coerce=int
    )
    useful = forms.TypedChoiceField(
        label=_("How useful it is in your work"),
        choices=RATINGS,
        coerce=int,
        required=False,
        empty_value=None,
    )
    recommends = forms.ChoiceField(label=_("Would you recommend it?"), choices=YES_NO, required=False)
    situation = forms.ChoiceField(label=_("Where you are now"), choices=SITUATIONS, required=False)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask, take the answer, and say thank you; once answered or over, say so."""
    invitation = get_object_or_404(
        SurveyInvitation.objects.select_related("micro_credential__provider"), public_id=public_id
    )
    kind: type[forms.Form] = EndForm if invitation.kind == SurveyKind.END else OutcomeForm
    form = kind(request.POST or None)
    answered = SurveyAnswer.objects.filter(invitation=invitation).exists()
    over = clock.now() >= invitation.expires_at or invitation.closed_at is not None
    if request.method == "POST" and not answered and not over and form.is_valid():
        try:
            surveys.answer_survey(public_id=public_id, **_given(form.cleaned_data))
        except DomainError:
            # Answered in another window, or over since the page was opened: the page says which.
            return redirect("survey", public_id)
        return redirect("survey", public_id)
    context = {
        "invitation": invitation,
        "entry": invitation.micro_credential,
        "form": form,
        "answered": answered,
        "over": over,
        "early": clock.now() < invitation.due_at,
    }
    status = 422 if form.is_bound and form.errors and not answered and not over else 200
    response = render(request, "catalogue/survey.html", context, status=status)
    # The address is the key to it: no search engine keeps it.
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _given(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "recommends": {"yes": True, "no": False}.get(told["recommends"])}
