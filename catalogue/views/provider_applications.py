"""Pages on which an organisation applies for accreditation: saved step by step, on a phone too."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Organisation, OrganisationKind, User
from accounts.permissions import may_found
from accounts.services.organisations import found_organisation
from catalogue import permissions, provider_forms, regimes
from catalogue import provider_words as words
from catalogue.models import Application, Document, MicroCredential, Provider
from catalogue.selectors import applications as selected
from catalogue.services import application_reviews, applications, listing_claims
from ila.core.downloads import kept_file
from ila.core.errors import DomainError
from ila.core.lazy import lazy_module

documents = lazy_module("catalogue.documents")
FORMS: dict[str, type[Form]] = {
    "identity": provider_forms.IdentityForm,
    "contact": provider_forms.ContactForm,
    "establishments": provider_forms.EstablishmentForm,
    "persons": provider_forms.PersonForm,
    "account": provider_forms.AccountForm,
    "partners": provider_forms.PartnerForm,
    "trainers": provider_forms.TrainerForm,
    "documents": provider_forms.DocumentForm,
    "declaration": provider_forms.DeclarationForm,
}
LISTS = ("establishments", "persons", "partners", "trainers", "documents")
ENTRIES = 50


def organisations_of(request: HttpRequest) -> list[Organisation]:
    """The provider organisations that the visitor acts for. Raises: PermissionDenied for who acts for none."""
    user = cast("User", request.user)
    found = list(
        Organisation.objects.filter(
            kind=OrganisationKind.PROVIDER, memberships__user=user, memberships__ended_at__isnull=True
        )
        .distinct()
        .order_by("name", "pk")
    )
    if not found:
        raise PermissionDenied
    return found


@never_cache
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """An organisation that is not here yet: its name, then its application. Who acts for one is sent on to it."""
    user = cast("User", request.user)
    if not may_found(user):
        raise PermissionDenied
    if user.memberships.filter(organisation__kind=OrganisationKind.PROVIDER, ended_at=None).exists():
        return redirect("provider_home")
    form = provider_forms.JoinForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        found_organisation(actor=user, kind=OrganisationKind.PROVIDER, name=form.cleaned_data["name"])
        messages.success(request, _("Your organisation is here. Now apply for accreditation."))
        return redirect("provider_home")
    return render(request, "catalogue/provider/join.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What an organisation has here: applications, accreditations, entries."""
    organisations = organisations_of(request)
    mine = [one.pk for one in organisations]
    providers = list(
        Provider.objects.filter(organisation__in=mine).prefetch_related("accreditations").order_by("pk")
    )
    entries = MicroCredential.objects.filter(provider__organisation__in=mine)
    found = (
        Application.objects.filter(organisation__in=mine)
        .select_related("accreditation", "claim", "organisation")
        .order_by("-created_at", "-pk")
    )
    context = {
        "organisations": organisations,
        "applications": [(one, words.word(words.STATES, one.state)) for one in found[:20]],
        "providers": [
            (one, [(each, words.word(words.STATES, each.state)) for each in one.accreditations.all()])
            for one in providers
        ],
        "entries": [
            (one, words.word(words.ENTRY_STATES, one.state))
            for one in entries.select_related("provider").order_by("-updated_at", "-pk")[:ENTRIES]
        ],
    }
    return render(request, "catalogue/provider/home.html", context)


@never_cache
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Begin an application, or go on with the draft that there is."""
    wanted = request.POST.get("organisation", "")
    mine = organisations_of(request)
    organisation = next((one for one in mine if str(one.public_id) == wanted), None)
    if organisation is None:
        if wanted or len(mine) > 1:
            raise Http404
        organisation = mine[0]
    kind = "claim" if request.POST.get("kind") == "claim" else "accreditation"
    draft = applications.start_application(
        actor=cast("User", request.user), organisation=organisation, kind=kind
    )
    return redirect("provider_application", draft.public_id)


@never_cache
@require_GET
def application(request: HttpRequest, public_id: str) -> HttpResponse:
    """One application: its steps while it is a draft, then where it stands, with questions and answers."""
    one = _mine(request, public_id)
    return render(request, "catalogue/provider/application.html", _context(one))


@never_cache
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, public_id: str, step: str) -> HttpResponse:
    """One step: filled in, kept, and on to the next."""
    one = _mine(request, public_id)
    if step not in applications.steps_of(one):
        raise Http404
    if not one.is_draft:
        return redirect("provider_application", one.public_id)
    form = _form(request, one, step)
    status = 200
    if request.method == "POST" and "finish" in request.POST:
        try:
            _finish(request, one, step)
        except DomainError as refusal:
            form.errors.clear()
            return _step_page(
                request, one, step, form=_blank(step), error=words.sentence(refusal), status=422
            )
        return _next(one, step)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return _kept(request, one, step, form)
            except DomainError as refusal:
                where = "file" if refusal.code == "bad_file" else refusal.params.get("what")
                form.add_error(where if where in form.fields else None, words.sentence(refusal))
    return _step_page(request, one, step, form=form, error="", status=status)


@never_cache
@require_POST
def remove(request: HttpRequest, public_id: str, step: str, row: int) -> HttpResponse:
    """Take one row of a list back."""
    one = _mine(request, public_id)
    if step not in LISTS or step not in applications.steps_of(one):
        raise Http404
    actor = cast("User", request.user)
    try:
        if step == "documents":
            applications.remove_document(actor=actor, application_id=one.pk, document_id=row)
        else:
            applications.remove_row(actor=actor, application_id=one.pk, step=step, row_id=row)
    except DomainError as refusal:
        if refusal.code == "not_found":
            raise Http404 from refusal
        messages.info(request, words.sentence(refusal))
        return redirect("provider_application", one.public_id)
    messages.success(request, _("It is taken back."))
    return redirect("provider_step", one.public_id, step)


@never_cache
@require_POST
def submit(request: HttpRequest, public_id: str) -> HttpResponse:
    """Hand the application in."""
    one = _mine(request, public_id)
    try:
        hand_in = listing_claims.hand_in if one.is_claim else applications.hand_in
        hand_in(actor=cast("User", request.user), application_id=one.pk)
    except DomainError as refusal:
        context = _context(one) | {"error": words.sentence(refusal), "error_target": "submit"}
        return render(request, "catalogue/provider/application.html", context, status=422)
    messages.success(request, _("Your application is handed in. We have sent you a mail."))
    return redirect("provider_application", one.public_id)


@never_cache
@require_POST
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a claim back."""
    one = _mine(request, public_id)
    try:
        listing_claims.withdraw(actor=cast("User", request.user), application_id=one.pk)
    except DomainError as refusal:
        if refusal.code == "not_found":
            raise Http404 from refusal
        messages.info(request, words.sentence(refusal))
    else:
        messages.success(request, _("It is taken back."))
    return redirect("provider_application", one.public_id)


@never_cache
@require_POST
def answer(request: HttpRequest, public_id: str, question: int) -> HttpResponse:
    """Answer a question of the agency, with a document if one is asked for."""
    one = _mine(request, public_id)
    asked = one.questions.filter(pk=question).first()
    if asked is None:
        raise Http404
    form = provider_forms.AnswerForm(request.POST)
    actor = cast("User", request.user)
    error = ""
    try:
        if form.is_valid():
            upload = request.FILES.get("file")
            if upload is not None:
                content = upload.read(documents.MAX_BYTES + 1)
                applications.add_document(
                    actor=actor, application_id=one.pk, kind="other", name=upload.name or "", content=content
                )
            application_reviews.answer(actor=actor, question_id=asked.pk, text=form.cleaned_data["answer"])
            messages.success(request, _("Your answer is sent."))
            return redirect("provider_application", one.public_id)
    except DomainError as refusal:
        error = words.sentence(refusal)
    context = _context(one) | {
        "form": form,
        "answering": asked.pk,
        "error": error,
        "error_target": "id_answer",
    }
    return render(request, "catalogue/provider/application.html", context, status=422)


@never_cache
@require_GET
def document(request: HttpRequest, public_id: str) -> HttpResponse:
    """A file that was handed in, as an attachment: for who handed it in, and the agency's people who review it."""
    found = Document.objects.select_related("application__organisation").filter(public_id=public_id).first()
    user = cast("User", request.user)
    if found is None:
        raise Http404
    mine = permissions.acts_for_organisation(found.application.organisation, user)
    theirs = not found.application.is_draft and permissions.may_see_providers(user)
    if not (mine or theirs):
        raise Http404
    try:
        content = documents.read(found.sha256)
    except DomainError as error:
        raise Http404 from error
    return kept_file(content, media_type=found.media_type, name=found.name)


def _mine(request: HttpRequest, public_id: str) -> Application:
    """The application, if the visitor acts for its organisation. Raises: Http404 for everybody else."""
    one = (
        Application.objects.select_related("organisation", "accreditation", "claim", "provider")
        .filter(public_id=public_id)
        .first()
    )
    if one is None or not permissions.acts_for_organisation(one.organisation, cast("User", request.user)):
        raise Http404
    return one


def _context(one: Application) -> dict[str, Any]:
    missing = selected.missing(one) if one.is_draft else []
    lacking = {where for where, _code in missing}
    regime = regimes.REGIMES.get(one.register)
    steps = applications.steps_of(one)
    questions = list(one.questions.select_related("asked_by").order_by("asked_at", "pk"))
    return {
        "application": one,
        "case": one.case,
        "open": one.state in selected.OPEN_STATES,
        "state": one.state,
        "state_label": words.word(words.STATES, one.state),
        "steps": [
            {
                "name": name,
                "label": words.STEPS[name],
                "done": name in one.steps_done and name not in lacking,
                "begun": name in one.steps_done,
            }
            for name in steps
        ],
        "done": sum(name in one.steps_done and name not in lacking for name in steps),
        # What was never begun says so beside its step already.
        "missing": [
            (where, words.MISSING.get(code, code)) for where, code in missing if where in one.steps_done
        ],
        "ready": not missing,
        "regime": regime,
        "regime_label": words.REGIMES[regime.kind] if regime else "",
        "questions": questions,
        "open_questions": sum(each.answered_at is None for each in questions),
        "documents": [
            (each, words.word(words.DOCUMENT_KINDS, each.kind))
            for each in one.documents.order_by("kind", "pk")
        ],
        "form": provider_forms.AnswerForm(),
        "answering": next((each.pk for each in questions if each.answered_at is None), 0),
        "zone": one.provider.time_zone if one.provider else "UTC",
    }


def _form(request: HttpRequest, one: Application, step: str) -> Form:
    given = request.method == "POST" and "finish" not in request.POST
    if given and step == "partners" and "subcontracts" in request.POST:
        return provider_forms.PartnersForm(request.POST)
    if given:
        return FORMS[step](request.POST, request.FILES or None)
    return FORMS[step](initial=_initial(one, step))


def _blank(step: str) -> Form:
    return FORMS[step]()


def _initial(one: Application, step: str) -> dict[str, Any]:
    if step == "account":
        return {"holder": one.account_holder or one.legal_name, "iban": one.iban}
    made = {name: getattr(one, name) for name in applications.FIELDS.get(step, ())}
    if step == "declaration" and one.declared_at is not None:
        made = {"true": True, "conduct": True}
    if step == "identity" and not made["register"]:
        made |= {"register": "siret", "country": "FR"}
    return made


def _kept(request: HttpRequest, one: Application, step: str, form: Form) -> HttpResponse:
    """Keep what a valid form says, and go on. Raises: DomainError."""
    told: dict[str, Any] = {"actor": cast("User", request.user), "application_id": one.pk}
    data = form.cleaned_data
    if step == "documents":
        upload = data["file"]
        content = upload.read(documents.MAX_BYTES + 1)
        applications.add_document(**told, kind=data["kind"], name=upload.name or "", content=content)
    elif step == "account":
        kept = applications.save_account(**told, iban=data["iban"], holder=data["holder"])
        answered = kept.payee_answer == "match"
        tell = messages.success if answered else messages.info
        tell(request, str(words.PAYEE_ANSWERS[kept.payee_answer]))
        return _next(one, step) if answered else redirect("provider_step", one.public_id, step)
    elif isinstance(form, provider_forms.PartnersForm):
        kept = applications.save_step(**told, step=step, values=data)
        if kept.subcontracts or kept.partners.exists():
            return redirect("provider_step", one.public_id, step)
        return _next(one, step)
    elif step in LISTS:
        values = form.values() if isinstance(form, provider_forms.PartnerForm) else data
        applications.add_row(**told, step=step, values=values)
    else:
        applications.save_step(**told, step=step, values=data)
        return _next(one, step)
    messages.success(request, _("It is kept."))
    return redirect("provider_step", one.public_id, step)


def _finish(request: HttpRequest, one: Application, step: str) -> None:
    applications.finish_step(actor=cast("User", request.user), application_id=one.pk, step=step)


def _next(one: Application, step: str) -> HttpResponse:
    """The step after this one that is not done yet; the list of steps after the last."""
    done = Application.objects.values_list("steps_done", flat=True).get(pk=one.pk)
    steps = applications.steps_of(one)
    after = steps[steps.index(step) + 1 :]
    following = next((name for name in after if name not in done), None)
    if following is None:
        return redirect("provider_application", one.public_id)
    return redirect("provider_step", one.public_id, following)


def _step_page(
    request: HttpRequest, one: Application, step: str, *, form: Form, error: str, status: int
) -> HttpResponse:
    steps = applications.steps_of(one)
    saying = isinstance(form, provider_forms.PartnersForm)
    context = {
        "application": one,
        "step": step,
        "title": words.STEPS[step],
        "number": steps.index(step) + 1,
        "of": len(steps),
        "papers": [words.DOCUMENT_KINDS[kind] for kind in selected.papers(one)],
        "form": form,
        "error": error,
        "rows": _rows(one, step),
        "is_list": step in LISTS,
        "saying": form
        if saying
        else provider_forms.PartnersForm(
            initial={"subcontracts": {True: "yes", False: "no"}.get(cast("bool", one.subcontracts))}
        ),
        "adding": provider_forms.PartnerForm() if saying else form,
        "asks_first": step == "partners",
        "regime": regimes.REGIMES.get(one.register),
        "payee": words.PAYEE_ANSWERS.get(one.payee_answer, ""),
    }
    return render(request, "catalogue/provider/step.html", context, status=status)


def _rows(one: Application, step: str) -> list[dict[str, Any]]:
    if step == "establishments":
        return [
            {"pk": each.pk, "main": each.name or each.city, "sub": f"{each.street}, {each}"}
            for each in one.establishments.order_by("pk")
        ]
    if step == "persons":
        return [
            {
                "pk": each.pk,
                "main": each.full_name,
                "sub": words.PERSON_ROLES[each.role],
                "day": each.birth_date,
                "share": each.share_percent,
            }
            for each in one.persons.order_by("pk")
        ]
    if step == "partners":
        return [
            {
                "pk": each.pk,
                "main": each.name,
                "sub": words.PARTNER_KINDS[each.kind],
                "cents": each.amount_cents,
                "currency": one.currency or "EUR",
            }
            for each in one.partners.order_by("pk")
        ]
    if step == "trainers":
        return [
            {
                "pk": each.pk,
                "main": each.full_name,
                "sub": f"{each.subject}, {each.qualification}",
                "certified": each.certified,
            }
            for each in one.trainers.order_by("pk")
        ]
    if step == "documents":
        return [
            {
                "pk": each.pk,
                "main": each.name,
                "sub": words.DOCUMENT_KINDS[each.kind],
                "document": each.public_id,
            }
            for each in one.documents.order_by("kind", "pk")
        ]
    return []
