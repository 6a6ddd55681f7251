"""What providers owe back, for the agency: by age, one by one, with every step; and for the provider its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from catalogue.exporting.cells import csv_lines
from funding import debt_papers, recovery_words, words
from funding.models import InstalmentPlan, Receivable, RecoveryReceipt, WriteOffRequest
from funding.models.receivables import UNSETTLED
from funding.permissions import (
    CLAIM_ROLES,
    PAYMENT_ROLES,
    acts_for_funder,
    has_agency_role,
    may_pay,
    schemes_of,
)
from funding.recovery_forms import DebtFilter, PlanForm, ReasonForm
from funding.selectors import recoveries as selected
from funding.selectors.scope import within
from funding.sentences import sentence
from funding.services.recoveries import demands, instalments, receipts, write_offs
from funding.views.provider_desk import desk
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 25


@never_cache
@require_safe
def receivable_list(request: HttpRequest) -> HttpResponse:
    """Debts and dues by age, then every debt, the oldest first."""
    user, schemes = _reader(request)
    form = DebtFilter(request.GET)
    known = selected.receivables_for(schemes)
    found = known.filter(state=form.chosen) if form.chosen else known.filter(state__in=UNSETTLED)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    today = clock.now().date()
    context = {
        "form": form,
        "page": page,
        "rows": [(each, words.word(words.RECEIVABLE_STATES, each.state)) for each in page],
        "bands": recovery_words.BANDS,
        "owed": selected.aged_receivables(today, schemes),
        "due": selected.aged_payables(today, schemes),
        "receipts": [
            (each, recovery_words.FINDINGS.get(each.finding, each.finding))
            for each in selected.waiting_receipts(schemes)[:PER_PAGE]
        ],
        "may_pay": may_pay(None, user),
    }
    return render(request, "funding/recoveries/list.html", context)


@never_cache
@require_safe
def aged_csv(request: HttpRequest) -> HttpResponse:
    """The two aged tables as a file; amounts in cents."""
    _user, schemes = _reader(request)
    today = clock.now().date()
    head = ("what", "provider", "currency", "not_due", "to_30", "to_60", "to_90", "over_90", "total")
    rows = [
        (what, row.name, row.currency, *row.cents, row.total)
        for what, table in (
            ("receivable", selected.aged_receivables(today, schemes)),
            ("payable", selected.aged_payables(today, schemes)),
        )
        for row in table
    ]
    return _csv(csv_lines(head, rows), f"aged-{today.isoformat()}.csv")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def receivable_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One debt: where it comes from, what came back and how, and what may be done now."""
    user, schemes = _reader(request)
    receivable = _debt(pk, schemes)
    error = ""
    reason = ReasonForm(request.POST if request.POST.get("act") in _REASONED else None)
    plan = PlanForm(request.POST if request.POST.get("act") == "propose" else None, auto_id="id_plan_%s")
    if request.method == "POST":
        try:
            done = _act(request, user, receivable, reason, plan)
        except DomainError as refusal:
            error = sentence(refusal)
        else:
            if done:
                messages.success(request, done)
                return redirect("agency_receivable", pk=pk)
    context = _about(receivable, user) | {"form": reason, "plan_form": plan, "error": error}
    faulty = bool(reason.errors or plan.errors)
    status = 409 if error else 422 if faulty else 200
    return render(request, "funding/recoveries/detail.html", context, status=status)


@never_cache
@require_safe
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    """The demand as a file."""
    _user, schemes = _reader(request)
    return _letter(_debt(pk, schemes))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def receipt_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what became of a transfer that was more than is owed."""
    user = cast("User", request.user)
    if not may_pay(None, user):
        raise PermissionDenied
    found = RecoveryReceipt.objects.exclude(finding="")
    receipt = get_object_or_404(
        within(found, "receivable__booking__account__scheme", user, *PAYMENT_ROLES), pk=pk
    )
    form = ReasonForm(request.POST or None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            receipts.settle_receipt(actor=user, receipt_id=pk, reason=form.cleaned_data["reason"])
        except DomainError as refusal:
            error = sentence(refusal)
        else:
            messages.success(request, _("The transfer is settled."))
            return redirect("agency_receivables")
    finding = recovery_words.FINDINGS.get(receipt.finding, receipt.finding)
    context = {"receipt": receipt, "finding": finding, "form": form, "error": error}
    status = 409 if error else 422 if form.is_bound and form.errors else 200
    return render(request, "funding/recoveries/receipt.html", context, status=status)


@never_cache
@require_safe
def provider_debt(request: HttpRequest, pk: int) -> HttpResponse:
    """What a provider owes for one booking, and how to pay it."""
    receivable = _own(request, pk)
    context = _about(receivable, None) | {
        "iban": settings.BANK_ACCOUNT_IBAN,
        "holder": settings.BANK_ACCOUNT_NAME,
    }
    return render(request, "funding/recoveries/provider_debt.html", context)


@never_cache
@require_safe
def provider_letter(request: HttpRequest, pk: int) -> HttpResponse:
    """The demand as a file, for who is to pay."""
    return _letter(_own(request, pk))


def _own(request: HttpRequest, pk: int) -> Receivable:
    mine = desk(request, managing=True)
    found = selected.receivables().select_related("booking__scheme_version", "booking__credential")
    return get_object_or_404(found.filter(provider__organisation__in=mine.managed), pk=pk)


def _letter(receivable: Receivable) -> HttpResponse:
    answer = HttpResponse(debt_papers.demand_letter(receivable), content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="demand-{receivable.reference}.pdf"'
    return answer


def _about(receivable: Receivable, user: User | None) -> dict[str, Any]:
    plan = receivable.plans.order_by("-pk").first()
    parts = [] if plan is None else list(plan.instalments.order_by("number"))
    asked = receivable.write_off_requests.filter(agreed__isnull=True).select_related("asked_by").first()
    interest = demands.interest_of(receivable)
    return {
        "receivable": receivable,
        "zone": receivable.booking.account.scheme.timezone,
        "state": words.word(words.RECEIVABLE_STATES, receivable.state),
        "reason": recovery_words.reason(receivable.reason),
        "interest": interest,
        "to_pay": receivable.free_cents + interest,
        "steps": [
            (row, words.word(words.RECEIVABLE_STATES, row.target), recovery_words.reason(row.reason))
            for row in receivable.log.select_related("actor").order_by("pk")
        ],
        "nettings": [
            (one, recovery_words.NETTING_OUTCOMES[one.outcome])
            for one in receivable.nettings.select_related("payment").order_by("pk")
        ],
        "receipts": receivable.receipts.order_by("pk"),
        "plan": plan,
        "plan_state": "" if plan is None else recovery_words.plan_state(plan, parts),
        "parts": parts,
        "asked": asked,
        "open": receivable.state in UNSETTLED,
        "may_pay": user is not None and may_pay(receivable.booking, user),
        "may_demand": user is not None and acts_for_funder(receivable.booking, user),
        "proposed_by_me": user is not None and plan is not None and plan.proposed_by_id == user.pk,
        "asked_by_me": user is not None and asked is not None and asked.asked_by_id == user.pk,
    }


_REASONED = ("refer", "write_off")


def _act(request: HttpRequest, user: User, receivable: Receivable, reason: ReasonForm, plan: PlanForm) -> str:
    """Do what was asked. Returns what to say, or nothing where a form has faults."""
    act = request.POST.get("act", "")
    simple: dict[str, Callable[[], str]] = {
        "demand": lambda: _demand(user, receivable),
        "agree": lambda: _decide_plan(user, receivable, agreed=True),
        "refuse": lambda: _decide_plan(user, receivable, agreed=False),
        "write_off_agree": lambda: _decide_write_off(user, receivable, agreed=True),
        "write_off_refuse": lambda: _decide_write_off(user, receivable, agreed=False),
    }
    if act in simple:
        return simple[act]()
    if act == "propose" and plan.is_valid():
        values = plan.cleaned_data
        parts = instalments.split_evenly(receivable.free_cents, parts=values["parts"], first=values["first"])
        instalments.propose_plan(
            actor=user, receivable_id=receivable.pk, parts=parts, reason=values["reason"]
        )
        return _("The instalments are proposed. Another person agrees to them.")
    if act in _REASONED and reason.is_valid():
        text = reason.cleaned_data["reason"]
        if act == "refer":
            demands.refer_receivable(actor=user, receivable_id=receivable.pk, reason=text)
            return _("The debt is handed over for collection.")
        write_offs.ask_write_off(actor=user, receivable_id=receivable.pk, reason=text)
        return _("Another person decides whether the debt is given up.")
    return ""


def _demand(user: User, receivable: Receivable) -> str:
    demands.demand_receivable(actor=user, receivable_id=receivable.pk)
    return _("The demand is sent.")


def _decide_plan(user: User, receivable: Receivable, *, agreed: bool) -> str:
    plan = InstalmentPlan.objects.filter(receivable=receivable).order_by("-pk").first()
    instalments.decide_plan(actor=user, plan_id=0 if plan is None else plan.pk, agreed=agreed)
    return _("The instalments are agreed.") if agreed else _("The instalments are refused.")


def _decide_write_off(user: User, receivable: Receivable, *, agreed: bool) -> str:
    asked = WriteOffRequest.objects.filter(receivable=receivable, agreed__isnull=True).first()
    write_offs.decide_write_off(actor=user, request_id=0 if asked is None else asked.pk, agreed=agreed)
    return _("The debt is given up.") if agreed else _("The debt is not given up.")


def _csv(lines: Any, name: str) -> HttpResponse:
    answer = HttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _debt(pk: int, schemes: frozenset[int] | None) -> Receivable:
    found = selected.receivables_for(schemes).select_related("booking__scheme_version", "booking__credential")
    return get_object_or_404(found, pk=pk)


def _reader(request: HttpRequest) -> tuple[User, frozenset[int] | None]:
    """Who reads, and for which schemes; None: for every one."""
    user = cast("User", request.user)
    if not has_agency_role(user, *CLAIM_ROLES):
        raise PermissionDenied
    return user, schemes_of(user, *CLAIM_ROLES)
