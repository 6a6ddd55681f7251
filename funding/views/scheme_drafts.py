"""Drafts of scheme rules: begun, edited, previewed, proposed, and put into force by another manager."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from catalogue.words import KINDS
from funding import permissions, words
from funding.models import DraftKind, DraftState, Scheme, SchemeDraft, SchemeVersion, version_on
from funding.scheme_forms import DraftForm
from funding.schemes import faults as fault_words
from funding.schemes import wording
from funding.schemes.drafting import HEAD, Checked, content_of
from funding.schemes.files import MAX_BYTES, read_file
from funding.schemes.presets import load_preset, preset_codes
from funding.schemes.samples import Outcome
from funding.selectors import schemes as selected
from funding.sentences import sentence
from funding.services import scheme_drafts
from ila.core import clock
from ila.core.errors import DomainError


class BeginForm(forms.Form):
    """What a draft begins with: rules that there are, or a file."""

    origin = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Begin with the rules of"),
        help_text=gettext_lazy("A file, if you choose one below, comes before this."),
    )
    code = forms.SlugField(
        required=False,
        max_length=40,
        label=gettext_lazy("Code of the scheme that they are for"),
        help_text=gettext_lazy(
            "Leave it empty to change that scheme itself. A code that is new makes a new scheme."
        ),
    )
    file = forms.FileField(
        required=False,
        label=gettext_lazy("Or a scheme file (TOML)"),
        help_text=gettext_lazy("Of several versions in it, the last one is taken."),
        allow_empty_file=True,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = [(f"scheme:{scheme.code}", scheme.name) for scheme in Scheme.objects.order_by("name")]
        shipped = [
            (f"preset:{code}", _("%(name)s, as shipped") % {"name": load_preset(code).name})
            for code in preset_codes()
        ]
        origin = cast("forms.ChoiceField", self.fields["origin"])
        origin.choices = [("", _("Choose one")), *stored, *shipped]


@dataclass(frozen=True, slots=True)
class Begun:
    """The content that a draft begins with, and what a file got wrong."""

    content: dict[str, Any]
    faults: list[str]


@never_cache
def new_draft(request: HttpRequest) -> HttpResponse:
    """A manager begins a draft from rules that there are, or from a file."""
    user = _require_author(request)
    form = BeginForm(request.POST, request.FILES) if request.method == "POST" else BeginForm()
    begun = None
    if request.method == "POST" and form.is_valid():
        begun = _begin(form)
        if begun is not None and begun.content:
            scheme = Scheme.objects.filter(code=begun.content["code"]).first()
            if not _may_begin(user, scheme):
                raise PermissionDenied
            draft = scheme_drafts.create_draft(actor=user, content=begun.content, scheme=scheme)
            messages.success(request, _("The draft is saved."))
            if begun.faults:
                messages.info(
                    request, _("The file has faults: %(faults)s") % {"faults": "; ".join(begun.faults)[:2000]}
                )
            return redirect("scheme_draft_edit", draft_id=draft.public_id)
        if begun is None:
            form.add_error("origin", _("Choose what to begin with, or a file."))
    status = 422 if request.method == "POST" else 200
    file_faults = begun.faults if begun else []
    return render(
        request, "funding/scheme_draft_new.html", {"form": form, "file_faults": file_faults}, status=status
    )


@never_cache
@require_POST
def draft_from_version(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """A manager begins a draft that takes the place of a version that has not begun."""
    user = _require_author(request)
    version = get_object_or_404(
        SchemeVersion.objects.select_related("scheme"), scheme__code=code, valid_from=_iso(day)
    )
    if not _may_begin(user, version.scheme):
        raise PermissionDenied
    head = {name: str(getattr(version.scheme, name)) for name in HEAD}
    draft = scheme_drafts.create_draft(
        actor=user,
        content=content_of(head, version.valid_from, version.parsed),
        scheme=version.scheme,
        replaces=version,
    )
    messages.success(request, _("The draft is saved. It takes the place of the rules that have not begun."))
    return redirect("scheme_draft_edit", draft_id=draft.public_id)


@never_cache
@require_safe
def draft_detail(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """What a draft changes, what it means, what is wrong with it, and what may be done."""
    user = _require_agency(request)
    return _detail(request, user, _draft(user, draft_id))


@never_cache
def edit_draft(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Its author changes a draft, parameter by parameter; what is faulty is kept and named."""
    user = _require_author(request)
    draft = _draft(user, draft_id)
    if not permissions.is_draft_author(draft, user):
        raise PermissionDenied
    if draft.state != DraftState.DRAFT or draft.kind != DraftKind.VERSION:
        return redirect("scheme_draft", draft_id=draft.public_id)
    form, error, status = DraftForm(draft), "", 200
    if request.method == "POST":
        form = DraftForm(draft, request.POST)
        try:
            draft = scheme_drafts.edit_draft(
                actor=user,
                draft_id=draft_id,
                content=form.content(draft.content),
                content_hash=request.POST.get("content_hash") or None,
            )
        except DomainError as refusal:
            error, status = sentence(refusal), 409
            draft = _draft(user, draft_id)
            form = DraftForm(draft, _as_saved(request, draft))
        else:
            checked = scheme_drafts.check_draft(draft)
            if checked.sound:
                messages.success(request, _("The draft is saved."))
                return redirect("scheme_draft", draft_id=draft.public_id)
            form, status = DraftForm(draft, _as_saved(request, draft)), 422
    checked = scheme_drafts.check_draft(draft)
    bound = form if form.is_bound else DraftForm(draft, _as_saved(request, draft))
    elsewhere = [] if error else bound.name_faults(checked.faults)
    context = {
        "draft": draft,
        "form": bound,
        "error": error,
        "saved": status == 422,
        "elsewhere": elsewhere,
        "unknown": any(fault.code == "unknown_parameter" for fault in checked.faults),
        "kinds": KINDS,
    }
    return render(request, "funding/scheme_draft_edit.html", context, status=status)


@never_cache
@require_POST
def act_on_draft(request: HttpRequest, draft_id: UUID, act: str) -> HttpResponse:
    """One step of a draft: proposed, taken back, put into force, rejected, taken up again, or given up."""
    user = _require_author(request)
    draft = _draft(user, draft_id)
    given: dict[str, Any] = {"actor": user, "draft_id": draft_id}
    if act == "approve":
        given |= {name: request.POST.get(name, "") for name in ("content_hash", "timeline_hash")}
    elif act == "reject":
        given["reason"] = request.POST.get("reason", "")
    elif act not in _ACTS:
        raise Http404
    service, done = _ACTS[act]
    try:
        service(**given)
    except DomainError as refusal:
        status = refusal.status if refusal.status in (403, 404) else 409
        return _detail(request, user, _draft(user, draft_id), error=sentence(refusal), status=status)
    messages.success(request, str(done))
    if act == "revise":
        return redirect("scheme_draft_edit", draft_id=draft.public_id)
    return redirect("scheme_draft", draft_id=draft.public_id)


_ACTS: dict[str, tuple[Callable[..., SchemeDraft], Any]] = {
    "propose": (
        scheme_drafts.propose_draft,
        gettext_lazy("The draft is proposed. Another manager can now put it into force."),
    ),
    "take_back": (scheme_drafts.take_back_draft, gettext_lazy("The proposal is taken back.")),
    "approve": (scheme_drafts.approve_draft, gettext_lazy("It is approved.")),
    "reject": (scheme_drafts.reject_draft, gettext_lazy("The proposal is rejected. Its author reads why.")),
    "revise": (scheme_drafts.revise_draft, gettext_lazy("You can change the draft again.")),
    "discard": (scheme_drafts.discard_draft, gettext_lazy("The draft is given up.")),
}


def _detail(
    request: HttpRequest, user: User, draft: SchemeDraft, *, error: str = "", status: int = 200
) -> HttpResponse:
    checked = scheme_drafts.check_draft(draft) if draft.kind == DraftKind.VERSION else Checked(None, None, ())
    author = permissions.is_draft_author(draft, user)
    preview = selected.preview_of(draft, checked)
    context = {
        "draft": draft,
        "state": words.word(words.DRAFT_STATES, draft.state),
        "withdrawal": draft.kind == DraftKind.WITHDRAWAL,
        "faults": [(fault, fault_words.sentence(fault)) for fault in checked.faults],
        "preview": preview,
        "samples": [] if preview is None else _samples(preview),
        "seen": selected.seen(draft),
        "events": [
            (row, words.word(words.DRAFT_EVENTS, row.transition))
            for row in draft.log.select_related("actor").order_by("at", "pk")
        ],
        "acts": _possible(draft, checked, author=author, decides=permissions.may_decide_draft(draft, user)),
        "author": author,
        "reason": request.POST.get("reason", ""),
        "error": error,
    }
    return render(request, "funding/scheme_draft.html", context, status=status)


def _samples(preview: selected.Preview) -> list[dict[str, Any]]:
    """The sample bookings and credits in words, before and after."""
    currency = preview.after.currency
    before_currency = preview.before.parsed.currency if preview.before else currency
    rows: list[dict[str, Any]] = [
        {
            "title": one.title,
            "before": "" if one.before is None else _outcome(one.before, before_currency),
            "after": _outcome(one.after, currency),
            "differs": one.differs,
        }
        for one in preview.bookings
    ]
    return rows + [
        {
            "title": one.title,
            "before": "" if one.before_cents is None else wording.cents(one.before_cents, before_currency),
            "after": wording.cents(one.after_cents, currency),
            "differs": one.differs,
        }
        for one in preview.credits
    ]


def _outcome(outcome: Outcome, currency: str) -> str:
    if outcome.plan is None:
        assert outcome.refusal is not None
        return sentence(outcome.refusal)
    parts = [_("the learner pays %(cents)s") % {"cents": wording.cents(outcome.plan.own_cents, currency)}]
    parts += [
        f"{wording.sources([source])} {wording.cents(part, currency)}"
        for source, part in outcome.shares.items()
    ]
    if outcome.plan.reimbursement_cents:
        back = wording.cents(outcome.plan.reimbursement_cents, currency)
        parts.append(_("given back afterwards: %(cents)s") % {"cents": back})
    return "; ".join(parts)


def _possible(draft: SchemeDraft, checked: Checked, *, author: bool, decides: bool) -> set[str]:
    """What this person may do with the draft now."""
    acts: set[str] = set()
    if author:
        acts = {
            DraftState.DRAFT: {"edit", "propose", "discard"},
            DraftState.PROPOSED: {"take_back"},
            DraftState.REJECTED: {"revise", "discard"},
        }.get(DraftState(draft.state), set())
    elif decides and draft.state == DraftState.PROPOSED:
        acts = {"approve", "reject"}
    withdrawal = draft.kind == DraftKind.WITHDRAWAL
    if not checked.sound and not withdrawal:
        acts = acts - {"propose", "approve"}
    return acts - {"edit"} if withdrawal else acts


def _begin(form: BeginForm) -> Begun | None:
    """What the form asks to begin with; None where it asks for nothing."""
    code, day = form.cleaned_data["code"], _first_of_next_month().isoformat()
    file: UploadedFile[Any] | None = form.cleaned_data["file"]
    if file is not None:
        # One byte more than is read tells a file that is too large, however large it is.
        found = read_file(file.read(MAX_BYTES + 1))
        faults = [str(fault) for fault in found.faults]
        if not found.versions:
            return Begun({}, faults)
        first, values = found.versions[-1]
        head = {**found.head, **({"code": code} if code else {})}
        return Begun(content_of(head, first or day, values), faults)
    kind, _colon, origin = form.cleaned_data["origin"].partition(":")
    if kind == "preset":
        preset = load_preset(origin)
        head = {name: getattr(preset, name) for name in HEAD}
        rules = preset.versions[-1][1]
    elif kind == "scheme":
        scheme = get_object_or_404(Scheme, code=origin)
        head = {name: getattr(scheme, name) for name in HEAD}
        version = scheme.versions.order_by("-valid_from").first()
        if version is None:
            return Begun(content_of(head, day, {}), [])
        rules = _rules_today(scheme, version)
    else:
        return None
    return Begun(content_of({**head, **({"code": code} if code else {})}, day, rules), [])


def _rules_today(scheme: Scheme, latest: SchemeVersion) -> Any:
    try:
        return version_on(scheme, selected.today(scheme)).parsed
    except DomainError:
        return latest.parsed


def _first_of_next_month() -> date:
    today = clock.now().date()
    year, month = divmod(today.year * 12 + today.month, 12)
    return today.replace(year=year, month=month + 1, day=1)


def _as_saved(request: HttpRequest, draft: SchemeDraft) -> Any:
    """The form's data for a draft as it is stored: what was typed is what was saved."""
    if request.method == "POST":
        data = request.POST.copy()
        data["content_hash"] = draft.content_hash
        return data
    return DraftForm(draft).as_data()


def _draft(user: User, draft_id: UUID) -> SchemeDraft:
    """A draft of the schemes that the visitor's roles count for. Raises: Http404 for every other."""
    return get_object_or_404(selected.drafts(permissions.drafts_for(user)), public_id=draft_id)


def _may_begin(user: User, scheme: Scheme | None) -> bool:
    if scheme is None:
        return permissions.may_draft_new_schemes(user)
    return permissions.may_draft_schemes(user, scheme)


def _iso(day: str) -> str:
    try:
        return str(date.fromisoformat(day))
    except ValueError as error:
        raise Http404 from error


def _require_agency(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_see_schemes(user):
        raise PermissionDenied
    return user


def _require_author(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_draft_schemes(user):
        raise PermissionDenied
    return user
