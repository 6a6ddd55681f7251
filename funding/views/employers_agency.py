"""Employers for the agency: who is to be verified, what arrived that nobody can place, what is to be given back."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Employer, EmployerState, Role, User
from accounts.permissions import may_see_employers, may_verify_employers
from accounts.services import employers as registrations
from funding import employer_words
from funding.banking.value_dates import first_value_date
from funding.employer_forms import DecisionForm, RefundNoteForm, RefundReasonForm, SettleForm
from funding.models import OwnTransfer, TopUpReceipt, TopUpRefund
from funding.permissions import (
    BATCH_ROLES,
    PAYMENT_ROLES,
    is_for_every_scheme,
    may_confirm_refund,
    may_note_refund,
    may_pay,
    may_see_batches,
    schemes_of,
)
from funding.selectors import employers as selected
from funding.selectors.agency_claims import schemes_for
from funding.selectors.scope import within
from funding.sentences import sentence
from funding.services import own_transfers, top_ups
from funding.services.top_ups import refund_batches
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 20


@never_cache
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Employers to be verified, then all others."""
    if not may_see_employers(request.user):
        raise PermissionDenied
    others = selected.employers_in([EmployerState.VERIFIED, EmployerState.REFUSED, EmployerState.CLOSED])
    page = Paginator(others, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "waiting": selected.waiting_employers(),
        "page": page,
        "rows": [
            (each, employer_words.EMPLOYER_STATES[each.state], employer_words.COLOURS.get(each.state, ""))
            for each in page
        ],
        "sees_receipts": may_see_batches(request.user),
    }
    return render(request, "funding/employer/agency_queue.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def employer_review(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One employer: what it says, what happened, and the decision."""
    user = cast("User", request.user)
    if not may_see_employers(user):
        raise PermissionDenied
    employer = get_object_or_404(
        Employer.objects.select_related("organisation"), organisation__public_id=public_id
    )
    may_decide = may_verify_employers(employer, user)
    schemes = schemes_of(user, *Role)
    form = DecisionForm(request.POST or None)
    error = ""
    if request.method == "POST":
        if not may_decide:
            raise PermissionDenied
        if form.is_valid():
            try:
                _decide(request, user, employer, form.cleaned_data["reason"])
            except DomainError as refusal:
                error = sentence(refusal)
            else:
                return redirect("agency_employer", public_id)
    context = {
        "employer": employer,
        "state": employer_words.EMPLOYER_STATES[employer.state],
        "colour": employer_words.COLOURS.get(employer.state, ""),
        "steps": [
            (each, employer_words.EMPLOYER_STATES[each.target])
            for each in employer.log.select_related("actor").order_by("pk")
        ],
        "money": selected.money_of(employer.organisation_id, schemes=schemes),
        "lists": [
            (
                each,
                employer_words.STAGES[each.stage],
                employer_words.COLOURS.get(each.stage, ""),
                employer_words.REFUSALS.get(each.refusal, each.refusal),
            )
            for each in selected.lists_of(employer.organisation_id, schemes=schemes)[:PER_PAGE]
        ],
        "form": form,
        "error": error,
        "error_target": "id_reason",
        "may_decide": may_decide,
    }
    status = 409 if error else 422 if form.is_bound and form.errors else 200
    return render(request, "funding/employer/agency_employer.html", context, status=status)


def _unmatched(user: User, *roles: Role) -> QuerySet[TopUpReceipt]:
    """Transfers without an order may be any scheme's: who works for some of them alone sees none."""
    found = selected.unmatched_receipts()
    return found if is_for_every_scheme(user, *roles) else found.none()


def _decide(request: HttpRequest, user: User, employer: Employer, reason: str) -> None:
    if "close" in request.POST:
        registrations.close_employer(actor=user, employer_id=employer.pk, reason=reason)
        messages.success(request, _("The employer is closed."))
        return
    verified = "verify" in request.POST
    registrations.decide_employer(actor=user, employer_id=employer.pk, verified=verified, reason=reason)
    messages.success(request, _("The employer is verified.") if verified else _("The employer is refused."))


@never_cache
@require_safe
def receipts(request: HttpRequest) -> HttpResponse:
    """Transfers that nobody could place, and refunds that employers ask for."""
    if not may_see_batches(request.user):
        raise PermissionDenied
    user = cast("User", request.user)
    page = Paginator(_unmatched(user, *BATCH_ROLES), PER_PAGE).get_page(request.GET.get("page"))
    awaited = within(OwnTransfer.objects.filter(state="opened"), "scheme", user, *BATCH_ROLES)
    context = {
        "awaited": awaited.select_related("booking").order_by("expires_at", "pk")[:PER_PAGE],
        "awaited_count": awaited.count(),
        "page": page,
        "rows": [(each, employer_words.FINDINGS.get(each.finding, each.finding)) for each in page],
        "refunds": within(selected.open_refunds(), "top_up__scheme", user, *BATCH_ROLES),
        "noted": within(selected.noted_refunds(), "top_up__scheme", user, *BATCH_ROLES),
        "limited": not is_for_every_scheme(user, *BATCH_ROLES),
        "may_pay": may_pay(None, request.user),
    }
    return render(request, "funding/employer/agency_receipts.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def receipt_settle(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """Say which order or which learner's part a transfer is for, or that it was dealt with otherwise."""
    user = cast("User", request.user)
    if not may_pay(None, user):
        raise PermissionDenied
    receipt = get_object_or_404(_unmatched(user, *PAYMENT_ROLES), pk=receipt_id)
    form = SettleForm(request.POST or None)
    error = ""
    if request.method == "POST" and form.is_valid():
        reference, reason = form.cleaned_data["reference"], form.cleaned_data["reason"]
        try:
            if reference:
                learners = own_transfers.is_asked_for(reference)
                assign = own_transfers.assign_receipt if learners else top_ups.assign_receipt
                assign(actor=user, receipt_id=receipt.pk, reference=reference, reason=reason)
            else:
                top_ups.put_receipt_aside(actor=user, receipt_id=receipt.pk, reason=reason)
        except DomainError as refusal:
            error = sentence(refusal)
        else:
            messages.success(request, _("The transfer is settled."))
            return redirect("agency_receipts")
    context = {
        "receipt": receipt,
        "finding": employer_words.FINDINGS.get(receipt.finding, receipt.finding),
        "form": form,
        "error": error,
        "error_target": "id_reference",
    }
    status = 409 if error else 422 if form.is_bound and form.errors else 200
    return render(request, "funding/employer/agency_receipt.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def refund_batch(request: HttpRequest) -> HttpResponse:
    """What a batch of refunds would hold, scheme by scheme; then for good, for a colleague to release."""
    user = cast("User", request.user)
    if not may_pay(None, user):
        raise PermissionDenied
    schemes = list(schemes_for(schemes_of(user, *PAYMENT_ROLES)))
    error = ""
    if request.method == "POST":
        scheme = next((each for each in schemes if each.code == request.POST.get("scheme")), None)
        if scheme is None:
            raise PermissionDenied
        try:
            batch = refund_batches.create_refund_batch(
                actor=user,
                scheme=scheme,
                seen=request.POST.get("seen", "")[:32] or "unseen",
                value_date=first_value_date(scheme, clock.now()),
            )
        except DomainError as refusal:
            error = sentence(refusal)
        else:
            messages.success(request, _("The batch is drawn up. A colleague has to release it."))
            return redirect("batch", batch.msg_id)
    wanted = set(selected.open_refunds().values_list("top_up__scheme", flat=True))
    plans = [(each, refund_batches.plan_refunds(each)) for each in schemes if each.pk in wanted]
    context = {"plans": plans, "error": error}
    return render(request, "funding/employer/agency_refund_batch.html", context, status=409 if error else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def refund_decide(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A refund: one person notes the transfer that was made, another confirms it; or why none is."""
    user = cast("User", request.user)
    if not may_pay(None, user):
        raise PermissionDenied
    known = TopUpRefund.objects.select_related("top_up__scheme", "organisation", "noted_by", "confirmed_by")
    refund = get_object_or_404(within(known, "top_up__scheme", user, *PAYMENT_ROLES), public_id=public_id)
    note = RefundNoteForm(request.POST if "transfer_made" in request.POST else None)
    reason = RefundReasonForm(request.POST if {"refuse", "drop"} & set(request.POST) else None)
    error = ""
    if request.method == "POST":
        try:
            done = _decide_refund(request, user, refund, note, reason)
        except DomainError as refusal:
            error = sentence(refusal)
        else:
            if done:
                messages.success(request, done)
                return redirect("agency_receipts")
    # Money goes back to where it came from: these are the accounts it came from.
    came_from = TopUpReceipt.objects.filter(top_up=refund.top_up).values_list("payer_name", "payer_iban")
    context = {
        "refund": refund,
        "state": employer_words.REFUND_STATES[refund.state],
        "came_from": sorted(set(came_from)),
        "known_account": refund.iban in {iban for _name, iban in came_from},
        "note": note,
        "form": reason if reason.is_bound else note,
        "reason_form": reason,
        "may_note": may_note_refund(refund, user),
        "may_confirm": may_confirm_refund(refund, user),
        "error": error,
    }
    status = 409 if error else 422 if note.errors or reason.errors else 200
    return render(request, "funding/employer/agency_refund.html", context, status=status)


def _decide_refund(
    request: HttpRequest, user: User, refund: TopUpRefund, note: RefundNoteForm, reason: RefundReasonForm
) -> str:
    """Do what was asked. Returns what to say, or nothing where a form has faults."""
    if "confirm" in request.POST:
        top_ups.confirm_refund(actor=user, refund_id=refund.pk)
        return _("The transfer is confirmed: the money is back with the employer.")
    if note.is_bound and note.is_valid():
        given = note.cleaned_data["bank_reference"]
        top_ups.note_refund(actor=user, refund_id=refund.pk, bank_reference=given)
        return _("The transfer is noted. A colleague has to confirm it.")
    if reason.is_bound and reason.is_valid():
        why = reason.cleaned_data["reason"]
        if "drop" in request.POST:
            top_ups.drop_refund_note(actor=user, refund_id=refund.pk, reason=why)
            return _("The note is dropped. The refund waits to be paid.")
        top_ups.refuse_refund(actor=user, refund_id=refund.pk, reason=why)
        return _("The refund is refused.")
    return ""
