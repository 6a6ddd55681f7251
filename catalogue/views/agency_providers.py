"""Pages of the authority: the queue of applications, one application, accreditations and their audits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from catalogue import permissions, provider_forms, regimes, screening
from catalogue import provider_words as words
from catalogue.models import Accreditation, AccreditationState, Application, Audit
from catalogue.selectors import applications as selected
from catalogue.selectors.bookability import today_at
from catalogue.services import application_reviews, audits, listing_claims
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 25
LISTED = ("submitted", "in_review", "accredited", "approved", "refused", "suspended", "expired", "withdrawn")


def may_look(request: HttpRequest) -> User:
    """The visitor, if they work in an agency and not only with its payments. Raises: PermissionDenied."""
    user = cast("User", request.user)
    if not permissions.may_see_providers(user):
        raise PermissionDenied
    return user


def may_act(request: HttpRequest) -> User:
    """The visitor, if they decide. Raises: PermissionDenied."""
    user = may_look(request)
    if not permissions.is_authority(None, user):
        raise PermissionDenied
    return user


@never_cache
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Applications that wait, the next due first; or those of one state."""
    user = may_look(request)
    state = request.GET.get("state", "")
    state = state if state in LISTED else ""
    page = Paginator(selected.queue(state=state), PER_PAGE).get_page(request.GET.get("page"))
    counts = selected.counts()
    context = {
        "page": page,
        "rows": [(row, words.word(words.STATES, row.application.state)) for row in selected.queue_rows(page)],
        "state": state,
        "states": [(code, words.STATES[code], counts.get(code, 0)) for code in LISTED if counts.get(code)],
        "overdue": selected.overdue(clock.now()).count(),
        "may_act": permissions.is_authority(None, user),
    }
    return render(request, "catalogue/agency/queue.html", context)


@never_cache
@require_GET
def application(request: HttpRequest, public_id: str) -> HttpResponse:
    """One application: all that was told, what is doubtful, the checklist, questions, the decision."""
    may_look(request)
    return _page(request, _found(public_id))


@never_cache
@require_POST
def act(request: HttpRequest, public_id: str, act: str) -> HttpResponse:
    """Do one thing with an application."""
    user = may_act(request)
    one = _found(public_id)
    if act not in ACTS:
        raise Http404
    make, run = ACTS[act]
    form = make(request.POST) if make is not None else None
    if form is not None and not form.is_valid():
        return _page(request, one, act=act, form=form)
    try:
        run(user, one, request, form.cleaned_data if form is not None else {})
    except DomainError as refusal:
        return _page(request, _found(public_id), act=act, form=form, error=words.sentence(refusal))
    messages.success(request, _("It is done."))
    return redirect("agency_application", one.public_id)


def _admit(user: User, one: Application, _request: HttpRequest, _data: dict[str, Any]) -> None:
    application_reviews.admit(actor=user, application_id=one.pk)


def _inadmissible(user: User, one: Application, _request: HttpRequest, data: dict[str, Any]) -> None:
    application_reviews.declare_inadmissible(actor=user, application_id=one.pk, reason=data["reason"])


def _ask(user: User, one: Application, _request: HttpRequest, data: dict[str, Any]) -> None:
    application_reviews.ask(actor=user, application_id=one.pk, text=data["text"])


def _check(user: User, one: Application, request: HttpRequest, _data: dict[str, Any]) -> None:
    """Every point that was marked in the form; those that are left open stay so."""
    before = {mark.point: (mark.outcome, mark.note) for mark in one.marks.all()}
    for point in selected.points(one):
        outcome = request.POST.get(f"outcome-{point}", "")
        note = request.POST.get(f"note-{point}", "")
        if outcome and before.get(point) != (outcome, note.strip()[:500]):
            application_reviews.mark_point(
                actor=user, application_id=one.pk, point=point, outcome=outcome, note=note
            )


def _recommend(user: User, one: Application, _request: HttpRequest, data: dict[str, Any]) -> None:
    application_reviews.recommend(
        actor=user,
        application_id=one.pk,
        recommendation=data["recommendation"],
        reason=data["reason"],
    )


def _accredit(user: User, one: Application, _request: HttpRequest, data: dict[str, Any]) -> None:
    application_reviews.accredit(actor=user, application_id=one.pk, **data)


def _approve(user: User, one: Application, _request: HttpRequest, data: dict[str, Any]) -> None:
    listing_claims.approve(actor=user, application_id=one.pk, reason=data["reason"])


def _refuse(user: User, one: Application, _request: HttpRequest, data: dict[str, Any]) -> None:
    application_reviews.refuse(actor=user, application_id=one.pk, reason=data["reason"])


Run = Callable[[User, Application, HttpRequest, dict[str, Any]], None]
ACTS: dict[str, tuple[type[Form] | None, Run]] = {
    "admit": (None, _admit),
    "inadmissible": (provider_forms.ReasonForm, _inadmissible),
    "ask": (provider_forms.QuestionForm, _ask),
    "check": (None, _check),
    "recommend": (provider_forms.RecommendForm, _recommend),
    "accredit": (provider_forms.AccreditForm, _accredit),
    "approve": (provider_forms.ReasonForm, _approve),
    "refuse": (provider_forms.ReasonForm, _refuse),
}


@never_cache
@require_GET
def accreditations(request: HttpRequest) -> HttpResponse:
    """All accreditations, by state and by name."""
    may_look(request)
    state, asked = request.GET.get("state", ""), request.GET.get("q", "").strip()[:100]
    found = Accreditation.objects.select_related("provider", "micro_credential__provider")
    if state in AccreditationState.values:
        found = found.filter(state=state)
    if asked:
        found = found.filter(
            Q(provider__name__icontains=asked)
            | Q(provider__external_id=asked)
            | Q(micro_credential__title__icontains=asked)
            | Q(reference=asked)
        )
    page = Paginator(found.order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    coming = (
        Audit.objects.filter(held_on__isnull=True)
        .select_related("accreditation__provider", "accreditation__micro_credential")
        .order_by("planned_on", "pk")[:10]
    )
    context = {
        "page": page,
        "rows": [(one, words.word(words.STATES, one.state)) for one in page],
        "coming": [(one, words.AUDIT_KINDS[one.kind]) for one in coming],
        "today": clock.now().date(),
        "asked": asked,
        "state": state,
        "states": words.STATES.items(),
    }
    return render(request, "catalogue/agency/accreditations.html", context)


@never_cache
@require_GET
def accreditation(request: HttpRequest, pk: int) -> HttpResponse:
    """One accreditation: its days, conditions, history, audits; suspension and withdrawal."""
    may_look(request)
    return _accreditation_page(request, _accreditation(pk))


@never_cache
@require_POST
def accreditation_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Suspend, resume or withdraw it, plan an audit or record one."""
    user = may_act(request)
    one = _accreditation(pk)
    if act not in OVERSEEING:
        raise Http404
    make, run = OVERSEEING[act]
    form = make(request.POST)
    if not form.is_valid():
        return _accreditation_page(request, one, act=act, form=form)
    try:
        run(user, one, request, form.cleaned_data)
    except DomainError as refusal:
        if refusal.code == "not_found":
            raise Http404 from refusal
        return _accreditation_page(
            request, _accreditation(pk), act=act, form=form, error=words.sentence(refusal)
        )
    messages.success(request, _("It is done."))
    return redirect("agency_accreditation", one.pk)


def _suspend(user: User, one: Accreditation, _request: HttpRequest, data: dict[str, Any]) -> None:
    audits.suspend(actor=user, accreditation_id=one.pk, reason=data["reason"])


def _resume(user: User, one: Accreditation, _request: HttpRequest, data: dict[str, Any]) -> None:
    audits.resume(actor=user, accreditation_id=one.pk, reason=data["reason"])


def _withdraw(user: User, one: Accreditation, _request: HttpRequest, data: dict[str, Any]) -> None:
    audits.withdraw(actor=user, accreditation_id=one.pk, reason=data["reason"])


def _plan(user: User, one: Accreditation, _request: HttpRequest, data: dict[str, Any]) -> None:
    audits.plan_audit(actor=user, accreditation_id=one.pk, **data)


def _record(user: User, one: Accreditation, request: HttpRequest, data: dict[str, Any]) -> None:
    number = request.POST.get("audit", "")
    found = one.audits.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None
    if found is None:
        raise DomainError("not_found", status=404, kind="audit")
    audits.record_audit(actor=user, audit_id=found.pk, **data)


Oversee = Callable[[User, Accreditation, HttpRequest, dict[str, Any]], None]
OVERSEEING: dict[str, tuple[type[Form], Oversee]] = {
    "suspend": (provider_forms.ReasonForm, _suspend),
    "resume": (provider_forms.ReasonForm, _resume),
    "withdraw": (provider_forms.ReasonForm, _withdraw),
    "plan": (provider_forms.PlanAuditForm, _plan),
    "record": (provider_forms.RecordAuditForm, _record),
}


def _found(public_id: str) -> Application:
    """An application that was handed in: drafts are their organisation's own. Raises: Http404."""
    one = (
        Application.objects.select_related(
            *("organisation", "accreditation", "claim", "provider__organisation"),
            *("recommended_by", "declared_by"),
        )
        .filter(public_id=public_id)
        .first()
    )
    if one is None or one.is_draft:
        raise Http404
    return one


def _accreditation(pk: int) -> Accreditation:
    one = Accreditation.objects.select_related("provider", "micro_credential__provider").filter(pk=pk).first()
    if one is None:
        raise Http404
    return one


def _page(
    request: HttpRequest, one: Application, *, act: str = "", form: Form | None = None, error: str = ""
) -> HttpResponse:
    user = cast("User", request.user)
    regime = regimes.regime_of(one.register)
    marks = {mark.point: mark for mark in one.marks.select_related("marked_by")}
    (row,) = selected.queue_rows([one])
    case = one.case
    assert case is not None
    assert one.provider is not None
    today = today_at(one.provider)
    grants = {"valid_from": today, "valid_until": regimes.last_day(regime, today)}
    forms: dict[str, Form] = {
        "inadmissible": provider_forms.ReasonForm(auto_id="inadmissible_%s"),
        "ask": provider_forms.QuestionForm(auto_id="ask_%s"),
        "recommend": provider_forms.RecommendForm(auto_id="recommend_%s"),
        "accredit": provider_forms.AccreditForm(auto_id="accredit_%s", initial=grants),
        "approve": provider_forms.ReasonForm(auto_id="approve_%s"),
        "refuse": provider_forms.ReasonForm(auto_id="refuse_%s"),
    }
    if form is not None:
        form.auto_id = f"{act}_%s"
        forms[act] = form
    if one.is_claim:
        forms["recommend"].fields["recommendation"].choices = [*words.CLAIM_RECOMMENDATIONS.items()]  # type: ignore[attr-defined]
    if not regime.graded:
        forms["accredit"].fields.pop("grade", None)
    partners = list(one.partners.order_by("pk"))
    subcontracted = sum(each.amount_cents for each in partners if each.kind == "subcontractor")
    context = {
        "application": one,
        "row": row,
        "regime": regime,
        "regime_label": words.REGIMES[regime.kind],
        "state": one.state,
        "state_label": words.word(words.STATES, one.state),
        "flags": [
            (words.word(words.FLAGS, each["code"]), each["detail"])
            for each in [*selected.disputes(one), *one.flags]
        ]
        + screening.to_look_at(one.provider),
        "establishments": one.establishments.order_by("pk"),
        "persons": [(each, words.PERSON_ROLES[each.role]) for each in one.persons.order_by("pk")],
        "partners": [(each, words.PARTNER_KINDS[each.kind]) for each in partners],
        "partner_percent": subcontracted * 100 // one.turnover_cents if one.turnover_cents else None,
        "trainers": one.trainers.order_by("pk"),
        "documents": [
            (each, words.DOCUMENT_KINDS[each.kind]) for each in one.documents.order_by("kind", "pk")
        ],
        "payee": words.PAYEE_ANSWERS.get(one.payee_answer, ""),
        "questions": one.questions.select_related("asked_by", "answered_by").order_by("asked_at", "pk"),
        "points": [(point, words.POINTS[point], marks.get(point)) for point in selected.points(one)],
        "outcomes": words.OUTCOMES.items(),
        "marked": len(marks),
        "recommendation": (words.CLAIM_RECOMMENDATIONS if one.is_claim else words.RECOMMENDATIONS).get(
            one.recommendation, ""
        ),
        "log": words.steps_of(case.log.select_related("actor").order_by("pk")),
        "may_act": permissions.is_authority(None, user),
        "is_other": one.recommended_by_id != user.pk,
        "forms": forms,
        "form": form,
        "act": act,
        "error": error,
        "error_target": act,
        "zone": one.provider.time_zone,
    }
    status = 422 if error or (form is not None and form.errors) else 200
    return render(request, "catalogue/agency/application.html", context, status=status)


def _accreditation_page(
    request: HttpRequest, one: Accreditation, *, act: str = "", form: Form | None = None, error: str = ""
) -> HttpResponse:
    forms: dict[str, Form] = {
        "suspend": provider_forms.ReasonForm(auto_id="suspend_%s"),
        "resume": provider_forms.ReasonForm(auto_id="resume_%s"),
        "withdraw": provider_forms.ReasonForm(auto_id="withdraw_%s"),
        "plan": provider_forms.PlanAuditForm(auto_id="plan_%s"),
        "record": provider_forms.RecordAuditForm(auto_id="record_%s", initial={"held_on": audits.today(one)}),
    }
    if form is not None:
        form.auto_id = f"{act}_%s"
        forms[act] = form
    held = list(one.audits.select_related("recorded_by").order_by("planned_on", "pk"))
    context = {
        "accreditation": one,
        "provider": permissions.provider_of(one),
        "application": Application.objects.filter(accreditation=one).first(),
        "state_label": words.word(words.STATES, one.state),
        "audits": [
            (each, words.AUDIT_KINDS[each.kind], words.AUDIT_OUTCOMES.get(each.outcome, "")) for each in held
        ],
        "to_record": [(each, words.AUDIT_KINDS[each.kind]) for each in held if each.held_on is None],
        "log": words.steps_of(one.log.select_related("actor").order_by("pk")),
        "today": audits.today(one),
        "may_act": permissions.is_authority(None, cast("User", request.user)),
        "forms": forms,
        "form": form,
        "act": act,
        "error": error,
        "error_target": act,
    }
    status = 422 if error or (form is not None and form.errors) else 200
    return render(request, "catalogue/agency/accreditation.html", context, status=status)
