"""Employers: registered, ordering top-ups one by one, paying them, and what was used of them in totals."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from stdnum import iso11649

from accounts.models import Employer, EmployerState, User
from accounts.permissions import manages_organisation
from accounts.services import employers as registrations
from catalogue import words as catalogue_words
from funding import card_words, employer_words, epc
from funding.cards.config import cards_are_taken
from funding.employer_forms import RefundForm, RegisterForm, RowsForm
from funding.models import TopUp, TopUpDraft, TopUpLine
from funding.models.top_ups import OPEN_REFUNDS
from funding.selectors import employers as selected
from funding.sentences import sentence
from funding.services import top_ups
from funding.services.top_ups.lists import as_csv
from ila.core.errors import DomainError

PER_PAGE = 20
LATEST = 5


def own_employer(request: HttpRequest, public_id: UUID) -> Employer:
    """The employer, if the person acts for it; to everybody else there is none (404)."""
    found = selected.employers_of(cast("User", request.user))
    return get_object_or_404(found, organisation__public_id=public_id)


def own_order(request: HttpRequest, public_id: UUID) -> TopUp:
    """The order, if it is of an employer that the person acts for; to everybody else there is none (404)."""
    own = selected.employers_of(cast("User", request.user)).values("organisation")
    orders = TopUp.objects.select_related("scheme", "organisation__employer", "ordered_by")
    return get_object_or_404(orders, public_id=public_id, organisation__in=own)


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The employers that one acts for, with their money; without any, how to begin."""
    employers = list(selected.employers_of(cast("User", request.user)))
    rows = [
        {
            "employer": each,
            "state": employer_words.EMPLOYER_STATES[each.state],
            "colour": employer_words.COLOURS.get(each.state, ""),
            "money": selected.money_of(each.organisation_id),
        }
        for each in employers
    ]
    return render(request, "funding/employer/home.html", {"rows": rows})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Say who one's organisation is; the agency verifies it."""
    form = RegisterForm(request.POST or None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            employer = registrations.register_employer(actor=cast("User", request.user), **form.cleaned_data)
        except DomainError as refusal:
            error = sentence(refusal)
        else:
            messages.success(request, _("Registered. The agency looks at it, and you get a message."))
            return redirect("employer", employer.organisation.public_id)
    context = {"form": form, "error": error, "error_target": "id_number"}
    return render(request, "funding/employer/register.html", context, status=_status(form, error))


@never_cache
@require_safe
def employer_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One employer: how it stands, its orders and lists."""
    employer = own_employer(request, public_id)
    page = Paginator(selected.orders_of(employer.organisation_id), PER_PAGE).get_page(request.GET.get("page"))
    drafts = (
        TopUpDraft.objects.filter(organisation=employer.organisation_id)
        .exclude(stage="ordered")
        .defer("content", "faults")
        .order_by("-requested_at", "-pk")[:LATEST]
    )
    context = {
        "employer": employer,
        "state": employer_words.EMPLOYER_STATES[employer.state],
        "colour": employer_words.COLOURS.get(employer.state, ""),
        "verified": employer.state == EmployerState.VERIFIED,
        "may_apply_again": employer.state == EmployerState.REFUSED
        and manages_organisation(employer, request.user),
        "money": selected.money_of(employer.organisation_id),
        "page": page,
        "rows": [_row(order) for order in page],
        "drafts": [
            (draft, employer_words.STAGES[draft.stage], employer_words.COLOURS.get(draft.stage, ""))
            for draft in drafts
        ],
    }
    return render(request, "funding/employer/employer.html", context)


@never_cache
@require_POST
def apply_again(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A refused employer asks once more."""
    employer = own_employer(request, public_id)
    try:
        registrations.apply_again(actor=cast("User", request.user), employer_id=employer.pk)
    except DomainError as refusal:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, _("The agency looks at it again."))
    return redirect("employer", public_id)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_top_up(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A few employees, typed in: tried at once, shown, then ordered."""
    employer = own_employer(request, public_id)
    form = RowsForm(request.POST or None)
    error = ""
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            draft = top_ups.request_draft(
                actor=cast("User", request.user),
                organisation=employer.organisation,
                scheme=values["scheme"],
                kind=values["kind"],
                earmark=form.earmark,
                ends_on=values["ends_on"],
                name=_("Typed in"),
                content=as_csv(form.rows),
            )
        except DomainError as refusal:
            error = sentence(refusal)
        else:
            top_ups.check_draft(draft_id=draft.pk)
            return redirect("employer_draft", draft.public_id)
    context = {"form": form, "employer": employer, "error": error, "error_target": "id_scheme"}
    return render(request, "funding/employer/top_up_new.html", context, status=_status(form, error))


@never_cache
@require_safe
def top_up_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One order: how to pay it, what came, what is on accounts, what goes back."""
    return _order_page(request, own_order(request, public_id), RefundForm())


@never_cache
@require_safe
def top_up_code(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What banks' apps scan to pay the rest of an order."""
    order = own_order(request, public_id)
    if order.currency != "EUR" or not order.missing_cents:
        raise Http404
    text = epc.transfer_text(
        name=settings.BANK_ACCOUNT_NAME,
        iban=settings.BANK_ACCOUNT_IBAN,
        bic=settings.BANK_ACCOUNT_BIC,
        amount_cents=order.missing_cents,
        reference=order.reference,
    )
    return HttpResponse(epc.svg_of(text), content_type="image/svg+xml")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def top_up_cancel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take a pledge back, after asking."""
    order = own_order(request, public_id)
    if not manages_organisation(order, request.user):
        raise Http404
    if request.method == "POST":
        try:
            top_ups.cancel_top_up(actor=cast("User", request.user), top_up_id=order.pk)
        except DomainError as refusal:
            messages.error(request, sentence(refusal))
        else:
            messages.success(request, _("The order is cancelled."))
        return redirect("employer_top_up", public_id)
    context = {"order": order, "reference": iso11649.format(order.reference)}
    return render(request, "funding/employer/top_up_cancel.html", context)


@never_cache
@require_POST
def top_up_refund(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask for what an order has too much to be given back."""
    order = own_order(request, public_id)
    form = RefundForm(request.POST)
    if not form.is_valid():
        return _order_page(request, order, form, status=422)
    try:
        top_ups.request_refund(
            actor=cast("User", request.user), top_up_id=order.pk, iban=form.cleaned_data["iban"]
        )
    except DomainError as refusal:
        form.add_error("iban", sentence(refusal))
        return _order_page(request, order, form, status=refusal.status)
    messages.success(request, _("Asked for. A payment officer of the agency makes the transfer."))
    return redirect("employer_top_up", public_id)


@never_cache
@require_safe
def totals(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What was used, in totals of at least five people."""
    employer = own_employer(request, public_id)
    in_all, by_field, left_out = selected.use_of(employer.organisation_id)
    context = {
        "employer": employer,
        "money": selected.money_of(employer.organisation_id),
        "in_all": in_all,
        "by_field": [
            (each, catalogue_words.FIELDS.get(each.label, _("Field not specified"))) for each in by_field
        ],
        "left_out": left_out,
        "least": selected.LEAST_PEOPLE,
    }
    return render(request, "funding/employer/totals.html", context)


@never_cache
@require_safe
def members(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Who acts for an employer is on the page of its team."""
    own_employer(request, public_id)
    return redirect("team", public_id)


def _order_page(request: HttpRequest, order: TopUp, form: RefundForm, *, status: int = 200) -> HttpResponse:
    refunds = [
        (each, employer_words.REFUND_STATES[each.state], employer_words.COLOURS.get(each.state, ""))
        for each in order.refunds.order_by("-requested_at", "-pk")
    ]
    card_payments = list(order.card_payments.select_related("debt").order_by("-opened_at", "-pk"))
    context = {
        "order": order,
        "row": _row(order),
        "reference": iso11649.format(order.reference),
        "iban": settings.BANK_ACCOUNT_IBAN,
        "account_name": settings.BANK_ACCOUNT_NAME,
        "bic": settings.BANK_ACCOUNT_BIC,
        "cards": cards_are_taken(),
        "card_payments": [
            (each, card_words.STATES[each.state], card_words.COLOURS.get(each.state, ""))
            for each in card_payments
        ],
        "owed": [each.debt for each in card_payments if hasattr(each, "debt") and each.debt.owed_cents],
        "card_returnable": cards_are_taken() and any(each.returnable_cents for each in card_payments),
        "receipts": order.receipts.order_by("told_at", "pk"),
        "refunds": refunds,
        "waits_for_refund": any(each.state in OPEN_REFUNDS for each, _label, _colour in refunds),
        "allocated_lines": TopUpLine.objects.filter(top_up=order, lot__isnull=False).count()
        if order.state == "paid"
        else 0,
        "may_manage": manages_organisation(order, request.user),
        # What came back of few people would tell what one of them spent.
        "shows_end": order.line_count >= selected.LEAST_PEOPLE,
        "steps": [
            (each, employer_words.TOP_UP_STATES[each.target])
            for each in order.log.select_related("actor").order_by("pk")
        ],
        "form": form,
    }
    return render(request, "funding/employer/top_up.html", context, status=status)


def _row(order: TopUp) -> dict[str, Any]:
    return {
        "order": order,
        "state": employer_words.TOP_UP_STATES[order.state],
        "colour": employer_words.COLOURS.get(order.state, ""),
        "kind": employer_words.KINDS[order.kind],
        "earmark": earmark_words(order.earmark),
    }


def earmark_words(earmark: str) -> str:
    """What money is kept for, in words."""
    kind, _sep, value = earmark.partition(":")
    if not earmark:
        return _("Any training")
    if kind == "isced":
        return str(catalogue_words.FIELDS.get(value[:2], value))
    return (
        _("Training number %(number)s of the catalogue") % {"number": value} if kind == "entry" else earmark
    )


def _status(form: Any, error: str) -> int:
    return 409 if error else 422 if form.is_bound and form.errors else 200
