"""A learner reports that something about a training is wrong; investigators read what was reported."""

from __future__ import annotations

import uuid
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
from fraud import words
from fraud.models import ReportKind
from fraud.services import reports
from fraud.views.handing_in import hand_in
from fraud.views.steps import reader
from funding.forms import StateFilter

PER_PAGE = 25
OF_THE_KIND = dict.fromkeys(("not_begun", "already_reported"), "kind")


class ReportForm(forms.Form):
    """What is wrong with a training."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What is wrong?"),
        choices=list(words.REPORTS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what is wrong.")},
    )
    said = forms.CharField(
        label=gettext_lazy("What happened"),
        help_text=gettext_lazy("When, where and who, if you know. Say nothing about anybody's health."),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean(self) -> dict[str, Any]:
        """Something else needs words."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("kind") == ReportKind.OTHER and not data.get("said", "").strip():
            self.add_error("said", _("Say what happened."))
        return data


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """For the booking's own learner."""
    user = cast("User", request.user)
    booking = reports.booking_of(user, public_id)
    if booking is None:
        raise Http404
    form = ReportForm(request.POST if request.method == "POST" else None)
    given = hand_in(
        request,
        form,
        lambda: reports.report_training(actor=user, booking_id=booking.pk, **form.cleaned_data),
        beside=OF_THE_KIND,
    )
    if given.done:
        messages.success(request, _("Thank you. Your report is kept, and investigators read it."))
        return redirect("booking", public_id)
    context = {"booking": booking, "form": form, "error": given.error}
    return render(request, "fraud/report.html", context, status=given.status)


@never_cache
@require_safe
def report_list(request: HttpRequest) -> HttpResponse:
    """What learners reported, the latest first, by kind."""
    reader(request)
    form = StateFilter(request.GET, states=words.REPORT_WORDS)
    form.fields["state"].choices = [("", _("All reports")), *words.REPORT_WORDS.items()]  # type: ignore[attr-defined]
    found = reports.all_reports()
    shown = found.filter(kind=form.chosen) if form.chosen else found
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "rows": [(each, words.REPORT_WORDS[each.kind]) for each in page]}
    return render(request, "fraud/reports.html", context)
