"""Stacks of micro-credentials: what adds up to what, how far one is, and entering a rule."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Citizen, Membership, User
from catalogue import stack_words
from catalogue.models import MicroCredential, Provider, StackKind, StackRule
from catalogue.permissions import is_authority
from catalogue.selectors import stacks as selectors
from catalogue.services import stacks as services
from catalogue.stacking import drawing, engine
from catalogue.stacking.files import EXAMPLE, MAX_CHARACTERS, read_rule
from ila.core.errors import DomainError

PER_PAGE = 20
ROWS = 18


class RuleForm(forms.Form):
    """A rule as text, of one awarding body."""

    provider = forms.ModelChoiceField(label=_("Awarding body"), queryset=Provider.objects.none())
    text = forms.CharField(
        label=_("Rule (TOML)"),
        max_length=MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": ROWS, "spellcheck": "false"}),
        help_text=_(
            "Members are named as in the register: the provider's number, a slash, the entry's number."
        ),
    )


@login_not_required
@require_safe
def stacks(request: HttpRequest) -> HttpResponse:
    """All rules in force."""
    page = Paginator(selectors.rules_in_force(), PER_PAGE).get_page(request.GET.get("page"))
    rows = [_row(one) for one in selectors.with_members(page)]
    return render(
        request, "catalogue/stacks.html", {"page": page, "rows": rows, "may_enter": _may_enter(request)}
    )


@login_not_required
@require_safe
def stack(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One rule: what it asks for, a picture of it and the same as a list; how far the reader is."""
    rule = get_object_or_404(
        StackRule.objects.select_related("provider", "leads_to__provider"), public_id=public_id
    )
    [found] = selectors.with_members([rule])
    citizen = _citizen(request)
    progress = selectors.progress_of(found, selectors.earned_by(citizen)) if citizen is not None else None
    context = {
        **_row(found),
        "progress": _told(found, progress) if progress is not None else None,
        "picture": _picture(found, progress),
        "may_retire": _signed_in(request) and services.may_write(cast("User", request.user), rule.provider),
    }
    return render(request, "catalogue/stack.html", context)


@never_cache
@require_safe
def pathway(request: HttpRequest) -> HttpResponse:
    """A learner's way: every stack that something of theirs counts toward, the furthest first."""
    citizen = _citizen(request)
    rows, has_awards = ([], False) if citizen is None else way_of(citizen)
    return render(request, "catalogue/pathway.html", {"rows": rows, "has_awards": has_awards})


def way_of(citizen: Citizen) -> tuple[list[dict[str, Any]], bool]:
    """Every stack that something of a learner's counts toward, the furthest first; and whether there is anything."""
    earned = selectors.earned_by(citizen)
    keys = {one.key for one in earned}
    about = selectors.rules_in_force().filter(members__micro_credential__in=keys).distinct()
    rows = []
    for one in selectors.with_members(about):
        progress = selectors.progress_of(one, earned)
        rows.append({**_row(one), "progress": _told(one, progress), "sort": -progress.percent})
    rows.sort(key=lambda row: row["sort"])
    return rows, bool(earned)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stack_new(request: HttpRequest) -> HttpResponse:
    """Enter a rule, as text or from a file's content."""
    actor = cast("User", request.user)
    bodies = _bodies(actor)
    if not is_authority(None, actor) and not bodies.exists():
        raise PermissionDenied
    form = RuleForm(request.POST or None, initial={"text": EXAMPLE})
    cast("forms.ModelChoiceField[Provider]", form.fields["provider"]).queryset = bodies
    faults: list[str] = []
    if request.method == "POST" and form.is_valid():
        try:
            told = read_rule(form.cleaned_data["text"])
            rule = services.enter_rule(actor=actor, provider_id=form.cleaned_data["provider"].pk, told=told)
        except DomainError as refusal:
            form.add_error("text", stack_words.REFUSALS.get(refusal.code, refusal.code))
            faults = [*refusal.params.get("faults", []), *refusal.params.get("entries", [])]
        else:
            return redirect("stack", rule.public_id)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "catalogue/stack_new.html", {"form": form, "faults": faults}, status=status)


@require_POST
def stack_retire(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take a rule out of force."""
    try:
        services.retire_rule(actor=cast("User", request.user), public_id=public_id)
    except DomainError as refusal:
        if refusal.status == 404:
            raise Http404 from refusal
        raise PermissionDenied from refusal
    return redirect("stack", public_id)


def _row(found: selectors.Stack) -> dict[str, Any]:
    rule = found.rule
    return {
        "rule": rule,
        "members": found.members,
        "direction": stack_words.DIRECTIONS[rule.direction],
        "asks": stack_words.sentence(rule, len(found.members)),
        "forbidden": rule.kind == StackKind.FORBIDDEN,
    }


def _told(found: selectors.Stack, progress: engine.Progress) -> dict[str, Any]:
    by_key = {one.pk: one for one in found.members}
    unit = stack_words.SCHEMES.get(found.rule.threshold_scheme or "", "")
    return {
        "percent": progress.percent,
        "done": stack_words.number(progress.done),
        "needed": stack_words.number(progress.needed),
        "unit": unit,
        "complete": progress.complete,
        "examination_missing": progress.examination_missing,
        "counted": [by_key[key] for key in progress.counted],
        "missing": [by_key[key] for key in progress.missing],
        "left_out": [(by_key[key], stack_words.LEFT_OUT[reason]) for key, reason in progress.left_out],
    }


def _picture(found: selectors.Stack, progress: engine.Progress | None) -> drawing.Picture | None:
    if found.rule.kind == StackKind.FORBIDDEN:
        return None
    goal = found.rule.leads_to.title if found.rule.leads_to else found.rule.title
    return drawing.draw(
        [(one.pk, one.title) for one in found.members],
        goal,
        ordered=found.rule.kind == StackKind.ORDERED,
        held=progress.counted if progress is not None else (),
    )


def _signed_in(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated)


def _citizen(request: HttpRequest) -> Citizen | None:
    if not _signed_in(request):
        return None
    return Citizen.objects.filter(user=cast("User", request.user)).first()


def _bodies(actor: User) -> Any:
    """The awarding bodies that a person may write rules of."""
    if is_authority(None, actor):
        listing = Exists(MicroCredential.objects.filter(provider=OuterRef("pk")))
        return Provider.objects.filter(listing).order_by("name", "pk")
    own = Membership.objects.filter(user=actor, ended_at__isnull=True).values("organisation")
    return Provider.objects.filter(organisation__in=own).order_by("name", "pk")


def _may_enter(request: HttpRequest) -> bool:
    if not _signed_in(request):
        return False
    actor = cast("User", request.user)
    return is_authority(None, actor) or _bodies(actor).exists()
