"""Holds outside of cases, for investigators: what stands, what was answered, one decided on, many released at once."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from catalogue import documents
from fraud import hold_words, permissions, selectors, steps
from fraud import words as fraud_words
from fraud.evidence import tables_of
from fraud.forms import long_text
from fraud.models import AutomaticHold, HoldDocument, ParameterVersion
from fraud.services import hold_answers, subjects
from fraud.services.hold_answers import Released
from fraud.views.handing_in import hand_in
from fraud.views.steps import answer, reader
from funding import words
from funding.models import Hold
from ila.core.downloads import kept_file

# So many may be ticked on one page.
PER_PAGE = 100


class ReleaseForm(forms.Form):
    """Why many holds end."""

    reason = long_text(gettext_lazy("Why"), gettext_lazy("Each provider reads it."))


@never_cache
@require_safe
def hold_list(request: HttpRequest) -> HttpResponse:
    """Holds that stand outside of cases, those that end first in front; or those alone that were answered."""
    user = reader(request)
    answered = request.GET.get("show") == "answered"
    page = Paginator(selectors.holds_outside_cases(answered=answered), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "rows": _rows(list(page), user.pk),
        "answered": answered,
        "may_release": permissions.may_investigate(None, user),
    }
    return render(request, "fraud/holds.html", context)


@never_cache
@require_POST
def holds_release(request: HttpRequest) -> HttpResponse:
    """What was ticked once more, with its number and sum; then all of it is released for one reason."""
    user = reader(request)
    if not permissions.may_investigate(None, user):
        raise PermissionDenied
    chosen = _chosen(request)
    if not chosen:
        messages.info(request, _("Tick at least one hold."))
        return redirect("fraud_holds")
    confirmed = "confirm" in request.POST
    form = ReleaseForm(request.POST if confirmed else None)
    if confirmed:
        given = hand_in(
            request,
            form,
            lambda: hold_answers.release_many(
                actor=user, hold_ids=chosen, reason=form.cleaned_data["reason"]
            ),
        )
        if given.done and isinstance(given.result, Released):
            _tell(request, given.result)
            return redirect("fraud_holds")
        error, status = given.error, given.status
    else:
        error, status = "", 200
    found = list(selectors.holds_outside_cases().filter(pk__in=chosen))
    rows = [row for row in _rows(found, user.pk) if not row["own"]]
    context = {
        "form": form,
        "error": error,
        "rows": rows,
        "left_out": len(chosen) - len(rows),
        "kept_back": hold_answers.kept_back([row["hold"].pk for row in rows]),
    }
    return render(request, "fraud/holds_release.html", context, status=status)


@never_cache
@require_safe
def hold_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One hold: why, since when, what it rests on, what was answered, what may be done."""
    user = reader(request)
    hold = _hold(pk)
    placed = selectors.automatic_of([hold]).get(hold.pk)
    context: dict[str, Any] = {
        "hold": hold,
        "scope": words.HOLD_SCOPES[hold.scope],
        "why": hold_words.why(hold, placed),
        "placed": placed,
        "answers": selectors.answers_of([hold]).get(hold.pk, []),
        "decisions": [
            (each, fraud_words.HOLD_OUTCOMES[each.outcome])
            for each in hold.decisions.select_related("decided_by", "case").order_by("-pk")
        ],
        "kept_back": hold_answers.kept_back([hold.pk]),
        "steps": steps.open_to(hold, user),
        "own": hold.stands and user.pk in hold_answers.authors_of([hold.pk]).get(hold.pk, frozenset()),
        **_explained(placed),
    }
    return render(request, "fraud/hold.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def hold_step(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Lift it, prolong it, or open a case from it."""
    reader(request)
    hold = _hold(pk)
    title = _("Hold %(number)s") % {"number": hold.pk}
    return answer(request, hold, code, title=title, back=reverse("fraud_hold", args=[pk]))


@never_cache
@require_safe
def hold_document(request: HttpRequest, pk: int, public_id: uuid.UUID) -> HttpResponse:
    """A document that came with an answer, as it came."""
    reader(request)
    document = get_object_or_404(HoldDocument, public_id=public_id, answer__hold=pk)
    return kept_file(documents.read(document.sha256), media_type=document.content_type, name=document.name)


def _hold(pk: int) -> Hold:
    hold = selectors.hold_outside_cases(pk)
    if hold is None:
        raise Http404
    return hold


def _rows(found: list[Hold], user_id: int) -> list[dict[str, Any]]:
    """Each hold with its reason, its answer, and whether the reader's own thresholds placed it."""
    placed, answers = selectors.automatic_of(found), selectors.answers_of(found)
    authors = hold_answers.authors_of([each.pk for each in found])
    return [
        {
            "hold": each,
            "scope": words.HOLD_SCOPES[each.scope],
            "why": hold_words.why(each, placed.get(each.pk)),
            "answer": next(iter(answers.get(each.pk, [])), None),
            "own": user_id in authors.get(each.pk, frozenset()),
        }
        for each in found
    ]


def _explained(placed: AutomaticHold | None) -> dict[str, Any]:
    """Of a hold that detection placed: the detector, its values and its evidence, as they were."""
    if placed is None:
        return {}
    versions = ParameterVersion.objects.filter(detector=placed.detector)
    return {
        "rule": None if placed.rule is None else versions.filter(number=placed.rule).first(),
        "parameters": sorted(placed.parameters.items()),
        "tables": tables_of(subjects.rows_behind(placed.evidence, placed.placed_at.date())),
    }


def _chosen(request: HttpRequest) -> list[int]:
    """The ticked holds, each once; what is no number is nobody's."""
    given = request.POST.getlist("hold")[:PER_PAGE]
    if any(not (each.isascii() and each.isdigit() and len(each) < 19) for each in given):
        raise Http404
    return sorted({int(each) for each in given})


def _tell(request: HttpRequest, released: Released) -> None:
    if released.now:
        text = ngettext(
            "One hold is released: what waited goes on.",
            "%(number)d holds are released: what waited goes on.",
            released.now,
        )
        messages.success(request, text % {"number": released.now})
    if released.before:
        text = ngettext(
            "One of them had ended already.", "%(number)d of them had ended already.", released.before
        )
        messages.info(request, text % {"number": released.before})
