"""What is known of a learner and from where, asking for a correction, and for the agency deciding on one."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Citizen, CitizenFact, Identity, OpenFact, User
from accounts.permissions import FACT_ROLES, may_decide_identities
from accounts.services import topics
from accounts.services.citizens import FACTS
from funding import fact_words
from funding.learner_forms import CorrectionForm, DecideCorrectionForm, LanguageForm
from funding.models import CorrectionRequest, CorrectionState
from funding.permissions import schemes_of
from funding.selectors.scope import of_people
from funding.sentences import sentence
from funding.services import corrections
from ila.core.errors import DomainError

PER_PAGE = 20
SHOWN = 20


@never_cache
@require_http_methods(["GET", "POST"])
def details(request: HttpRequest) -> HttpResponse:
    """Name and birth date as verified, the facts with their sources, mails; a POST keeps the choice of mails."""
    user = cast("User", request.user)
    citizen = get_object_or_404(Citizen, user=user)
    muted = topics.muted_topics(user)
    wanted = {topic: topic not in muted for topic in topics.TOPICS}
    form = LanguageForm(
        request.POST if request.method == "POST" else None,
        languages=settings.LANGUAGES,
        initial={"language": user.language, **wanted},
    )
    if request.method == "POST" and form.is_valid():
        chosen = [topic for topic in topics.TOPICS if form.cleaned_data[topic]]
        topics.choose_topics(actor=user, wanted=chosen)
        User.objects.filter(pk=user.pk).update(language=form.cleaned_data["language"])
        with translation.override(translation.get_language()):
            messages.success(request, _("Kept."))
        return redirect("details")
    latest: dict[str, CitizenFact] = {}
    for row in CitizenFact.objects.filter(citizen=citizen).order_by("pk"):
        latest[row.fact] = row
    unknown = set(OpenFact.objects.filter(citizen=citizen).values_list("fact", flat=True))
    asked = CorrectionRequest.objects.filter(citizen=citizen).select_related("document")
    context = {
        "citizen": citizen,
        "verified": Identity.objects.filter(user=user).exists(),
        "facts": [
            (
                fact,
                fact_words.NAMES[fact],
                _("not known yet") if fact in unknown else fact_words.said(fact, getattr(citizen, fact)),
                latest.get(fact),
            )
            for fact in FACTS
            if fact != "birth_date"
        ],
        "requests": [
            (one, fact_words.NAMES[one.fact], fact_words.STATES[one.state])
            for one in asked.order_by("-asked_at", "-pk")[:SHOWN]
        ],
        "form": form,
    }
    return render(request, "accounts/details.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def correction_ask(request: HttpRequest, fact: str) -> HttpResponse:
    """Say what is wrong, with a document. 404 for who is no citizen, and for what is no fact."""
    user = cast("User", request.user)
    citizen = get_object_or_404(Citizen, user=user)
    if fact not in FACTS:
        raise Http404
    sent = request.method == "POST"
    form = CorrectionForm(request.POST, request.FILES) if sent else CorrectionForm()
    if sent and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            corrections.ask_correction(
                actor=user,
                fact=fact,
                says=form.cleaned_data["says"],
                name=file.name if file else "",
                content=file.read() if file else b"",
            )
        except DomainError as refused:
            if refused.code == "already_waiting":
                form.add_error(None, _("You have asked for this already. Take that back first, or wait."))
            else:
                form.add_error("file", sentence(refused))
        else:
            messages.success(request, _("Asked. A case worker looks at it; you are told by e-mail."))
            return redirect("details")
    context = {
        "fact": fact,
        "name": fact_words.NAMES[fact],
        "now": fact_words.said(fact, getattr(citizen, fact)),
        "form": form,
    }
    return render(request, "accounts/correction_ask.html", context, status=422 if form.errors else 200)


@require_POST
def correction_take_back(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The learner does not want it any more."""
    try:
        corrections.take_back(actor=cast("User", request.user), public_id=public_id)
    except DomainError as refused:
        raise Http404 from refused
    messages.success(request, _("Taken back."))
    return redirect("details")


# -- the agency -------------------------------------------------------------------------------------------------------


@never_cache
@require_safe
def correction_list(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, the oldest first."""
    if not may_decide_identities(request.user):
        raise PermissionDenied
    waiting = _requests(cast("User", request.user)).filter(state=CorrectionState.ASKED)
    page = Paginator(waiting.order_by("asked_at", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    rows = [(one, fact_words.NAMES[one.fact]) for one in page]
    return render(request, "accounts/corrections.html", {"page": page, "rows": rows})


@never_cache
@require_http_methods(["GET", "POST"])
def correction_decide(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One request: what stands, what is said, the document; then the decision."""
    user = cast("User", request.user)
    if not may_decide_identities(user):
        raise PermissionDenied
    found = get_object_or_404(_requests(user).select_related("document"), public_id=public_id)
    waiting = found.state == CorrectionState.ASKED
    sent = request.POST if request.method == "POST" else None
    form = DecideCorrectionForm(sent, answers=fact_words.answers(found.fact))
    if request.method == "POST" and form.is_valid():
        correct = form.cleaned_data["outcome"] == "correct"
        try:
            corrections.decide(
                actor=user,
                public_id=public_id,
                value=form.cleaned_data["value"] if correct else None,
                answer=form.cleaned_data["answer"],
            )
        except DomainError as refused:
            form.add_error(*_fault(refused))
        else:
            messages.success(request, _("Decided. The person is told."))
            return redirect("corrections")
    context: dict[str, Any] = {
        "request_": found,
        "name": fact_words.NAMES[found.fact],
        "now": fact_words.said(found.fact, getattr(found.citizen, found.fact)),
        "hint": fact_words.HINTS.get(found.fact, ""),
        "state": fact_words.STATES[found.state],
        "waiting": waiting,
        "form": form,
    }
    return render(request, "accounts/correction.html", context, status=422 if form.errors else 200)


def _requests(user: User) -> QuerySet[CorrectionRequest]:
    """Requests of people who have an account in a scheme that this person works for."""
    found = CorrectionRequest.objects.select_related("citizen")
    return of_people(found, "citizen__user", schemes_of(user, *FACT_ROLES))


def _fault(refused: DomainError) -> tuple[str | None, str]:
    if refused.code == "invalid":
        return "value", _("This value is not possible. Write it as the hint says.")
    if refused.params.get("what") == "own_request":
        return None, _("This request is your own: somebody else has to decide it.")
    if refused.code == "already_answered":
        return None, _("This request was decided in the meantime.")
    return None, sentence(refused)
