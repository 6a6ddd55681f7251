"""Payment batches, and the bank's messages as they came."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from catalogue.connect import connect_is_offered
from funding import permissions, tasks, words
from funding.agency_forms import BatchForm, ReasonForm
from funding.banking.value_dates import cut_off, first_value_date, is_value_date
from funding.forms import StateFilter
from funding.models import (
    BankLine,
    BatchState,
    Claim,
    PayeeCheck,
    Payment,
    PaymentBatch,
    PaymentFile,
    Rail,
    Scheme,
)
from funding.rails import rail_is_configured
from funding.selectors import agency_batches as selected
from funding.selectors.agency_claims import schemes_for
from funding.selectors.batches import messages_about
from funding.selectors.payees import accepted_payments
from funding.sentences import sentence
from funding.services import batch_orders, gates, payee_checks
from funding.services import batches as services
from funding.services.batches import SENT_STATES, LeftOut
from ila.core import clock, jobs
from ila.core.errors import DomainError

PER_PAGE = 25
SHOWN = 100


@never_cache
@require_safe
def batch_list(request: HttpRequest) -> HttpResponse:
    """All payment batches, newest first."""
    schemes = _schemes(request)
    form = StateFilter(request.GET, states=dict(words.BATCH_STATES))
    found = selected.batches_for(schemes)
    if form.chosen:
        found = found.filter(state=form.chosen)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(batch, words.word(words.BATCH_STATES, batch.state)) for batch in page]
    context = {
        "page": page,
        "rows": rows,
        "form": form,
        "refused": selected.messages_for(schemes).filter(state="refused").count(),
        "may_pay": permissions.may_pay(None, request.user),
    }
    return render(request, "funding/batches.html", context)


@never_cache
@require_safe
def batch_detail(request: HttpRequest, msg_id: str) -> HttpResponse:
    """A batch with its payments, its history and the bank's messages about it."""
    batch = _batch(request, msg_id)
    user = cast("User", request.user)
    sending = selected.sending_of(batch) if _may_wait(batch) else ""
    payments = batch.payments.select_related("claim__booking").order_by("pk")
    page = Paginator(payments, PER_PAGE).get_page(request.GET.get("page"))
    lines = _lines_of([payment.pk for payment in page])
    again = selected.reissued(list(page))
    accepted = accepted_payments(list(page))
    stays_open = batch.state in (BatchState.DRAFT, BatchState.APPROVED)
    waiting = selected.waiting_for_payees(batch.scheme) if stays_open else []
    refund_page = Paginator(batch.refunds.order_by("pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "batch": batch,
        "zone": batch.scheme.timezone,
        "refund_page": refund_page,
        "refunds": [(each, words.word(words.OUTCOMES, each.outcome)) for each in refund_page],
        "state": words.word(words.BATCH_STATES, batch.state),
        "page": page,
        "rows": [
            (
                payment,
                words.word(words.OUTCOMES, payment.outcome),
                _entries(payment, lines.get(payment.pk, [])),
                again.get(payment.claim_id),
                accepted.get(payment.pk),
            )
            for payment in page
        ],
        "events": [
            (row, words.word(words.BATCH_EVENTS, row.transition))
            for row in batch.log.select_related("actor").order_by("at", "pk")
        ],
        "messages_about": [
            (message, words.word(words.MESSAGE_STATES, message.state)) for message in messages_about(batch)
        ],
        "has_file": PaymentFile.objects.filter(batch=batch).exists(),
        "sending": sending,
        "screening": gates.screening_of(batch_id=batch.pk) if stays_open or sending == "failed" else "",
        "refresh": 3 if sending in ("todo", "doing") else 0,
        "left_out": [_told(each) for each in waiting[:SHOWN]],
        "left_out_count": len(waiting),
        "shown": SHOWN,
        "may_pay": permissions.may_pay(batch, user),
        "may_approve": _may_approve(batch, user),
        "may_drop": batch.state == BatchState.DRAFT and permissions.may_pay(batch, user),
        "why_not": _why_not(batch, user),
        "may_send": _may_send(batch, user) and sending not in ("todo", "doing"),
        "has_bank": rail_is_configured(batch.rail),
        "rail": words.word(words.RAILS, batch.rail),
    }
    return render(request, "funding/batch.html", context)


@never_cache
@require_safe
def batch_file(request: HttpRequest, msg_id: str) -> HttpResponse:
    """The payment file as it was sent, to keep: never shown as a page."""
    batch = _batch(request, msg_id)
    file = get_object_or_404(PaymentFile.objects.select_related("batch"), batch=batch)
    kind = "transfers" if file.batch.rail == Rail.STRIPE else "pain.001"
    return _attachment(bytes(file.content), f"{file.batch.msg_id}-{kind}.txt")


@never_cache
@require_safe
def message_list(request: HttpRequest) -> HttpResponse:
    """Every message of the bank, newest first, the refused ones among them."""
    known = selected.messages_for(_schemes(request))
    form = StateFilter(request.GET, states=dict(words.MESSAGE_STATES))
    found = known.select_related("batch__scheme").defer("content").order_by("-received_at", "-pk")
    if form.chosen:
        found = found.filter(state=form.chosen)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(message, words.word(words.MESSAGE_STATES, message.state)) for message in page]
    return render(request, "funding/bank_messages.html", {"page": page, "rows": rows, "form": form})


@never_cache
@require_safe
def message_raw(request: HttpRequest, sha256: str) -> HttpResponse:
    """A message of the bank byte for byte, to keep: never shown as a page."""
    message = get_object_or_404(selected.messages_for(_schemes(request)), sha256=sha256)
    return _attachment(bytes(message.content), f"{message.kind or 'message'}-{message.sha256[:12]}.txt")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def batch_new(request: HttpRequest) -> HttpResponse:
    """Draw up a batch: which claims would go in and which not, then for good."""
    user = cast("User", request.user)
    if not permissions.may_pay(None, user):
        raise PermissionDenied
    schemes = schemes_for(permissions.schemes_of(user, *permissions.PAYMENT_ROLES))
    data = request.POST if request.method == "POST" else request.GET
    with_stripe = connect_is_offered() or selected.anybody_at_stripe()
    form = BatchForm(data if "scheme" in data else None, schemes=schemes, with_stripe=with_stripe)
    error, plan, first = "", None, None
    if form.is_bound and form.is_valid():
        scheme, value_date = form.cleaned_data["scheme"], form.cleaned_data["value_date"]
        first = first_value_date(scheme, clock.now())
        if value_date is not None and not is_value_date(scheme, value_date, clock.now()):
            form.add_error(
                "value_date", _("The bank cannot execute on this day. Choose a later working day.")
            )
        elif request.method == "POST" and "ask" in request.POST:
            _ask(request, user, scheme)
            return redirect(f"{reverse('batch_new')}?{urlencode(_chosen(request))}")
        elif request.method == "POST":
            try:
                batch = batch_orders.create_planned_batch(
                    actor=user,
                    scheme=scheme,
                    value_date=value_date,
                    seen=request.POST.get("seen", ""),
                    rail=form.chosen_rail,
                )
            except DomainError as refused:
                error = sentence(refused)
            else:
                messages.success(request, _("The batch is drawn up. A colleague has to release it."))
                return redirect("batch", batch.msg_id)
        if not form.errors:
            plan = selected.plan_batch(scheme, actor=user, rail=form.chosen_rail)
    context = {
        "form": form,
        "error": error,
        "plan": plan,
        "first": first,
        "cut_off": cut_off(),
        "left_out": [_told(each) for each in plan.left_out[:SHOWN]] if plan else [],
        "to_ask": plan is not None and any(each.code.startswith("payee_") for each in plan.left_out),
        "shown": SHOWN,
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/agency/batch_new.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def batch_approve(request: HttpRequest, msg_id: str) -> HttpResponse:
    """Release a batch that somebody else drew up: the totals once more, then for good."""
    return _step(request, msg_id, "approve")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def batch_send(request: HttpRequest, msg_id: str) -> HttpResponse:
    """Have the file written and sent: a job does it, and the batch's page shows how far it is."""
    return _step(request, msg_id, "send")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def batch_drop(request: HttpRequest, msg_id: str) -> HttpResponse:
    """Drop a batch that nobody has released: what it holds, why, then for good."""
    batch = _batch(request, msg_id)
    user = cast("User", request.user)
    if not permissions.may_pay(batch, user):
        raise PermissionDenied
    if batch.state != BatchState.DRAFT:
        messages.info(request, _("Only a draft can be dropped; this batch has moved on."))
        return redirect("batch", batch.msg_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            services.drop_batch(actor=user, batch_id=batch.pk, reason=form.cleaned_data["reason"])
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(request, _("The batch is dropped. Its claims wait for another batch."))
            return redirect("batch", batch.msg_id)
    context = {"batch": batch, "form": form, "error": error, "error_target": "id_reason"}
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/agency/batch_drop.html", context, status=status)


def _told(left: LeftOut) -> tuple[Claim, str, PayeeCheck | None]:
    return left.claim, words.word(words.LEFT_OUT, left.code), left.check


def _chosen(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in ("scheme", "value_date", "rail")}


def _ask(request: HttpRequest, user: User, scheme: Scheme) -> None:
    """The bank is asked about accounts now, outside of transactions."""
    done = payee_checks.ask_payees(actor=user, scheme=scheme)
    told = ngettext(
        "The bank was asked about %(number)d account.",
        "The bank was asked about %(number)d accounts.",
        done.asked,
    ) % {"number": done.asked}
    if done.left:
        left = ngettext(
            "%(number)d more is still to be asked about.",
            "%(number)d more are still to be asked about.",
            done.left,
        )
        told = f"{told} {left % {'number': done.left}}"
    if not done.asked:
        told = _("The bank was asked a short time ago. It can be asked again after an hour.")
    messages.info(request, told)


def _step(request: HttpRequest, msg_id: str, step: str) -> HttpResponse:
    batch = _batch(request, msg_id)
    user = cast("User", request.user)
    if not permissions.may_pay(batch, user):
        raise PermissionDenied
    error = _why_not(batch, user) if step == "approve" else ""
    if request.method == "POST" and not error:
        try:
            if step == "approve":
                services.approve_batch(actor=user, batch_id=batch.pk)
                messages.success(request, _("The batch is released. It can be sent to the bank now."))
            else:
                batch_orders.check_sendable(actor=user, batch=batch)
                jobs.defer(
                    tasks.send_batch,
                    once=f"funding.send_batch:{batch.pk}",
                    batch_id=batch.pk,
                    actor_id=user.pk,
                )
        except DomainError as refused:
            error = sentence(refused)
        else:
            return redirect("batch", batch.msg_id)
    rows = [
        (row["creditor_name"], batch.currency, row["number"], row["cents"])
        for transfers in (batch.payments.all(), batch.refunds.all())
        for row in transfers.order_by()
        .values("creditor_name")
        .annotate(number=Count("pk"), cents=Sum("amount_cents"))
        .order_by("creditor_name")[:SHOWN]
    ]
    context = {
        "batch": batch,
        "step": step,
        "error": error,
        "totals": [*rows, ("", batch.currency, batch.payment_count, batch.total_cents)],  # type: ignore[attr-defined]
        "has_bank": rail_is_configured(batch.rail),
        "rail": words.word(words.RAILS, batch.rail),
    }
    return render(request, "funding/agency/batch_step.html", context, status=409 if error else 200)


def _lines_of(payment_ids: list[int]) -> dict[int, list[BankLine]]:
    """What the bank booked for these payments, by payment, without the messages' content. One query."""
    found: dict[int, list[BankLine]] = {}
    lines = (
        BankLine.objects.filter(payment__in=payment_ids).select_related("message").defer("message__content")
    )
    for line in lines.order_by("pk"):
        found.setdefault(cast("int", line.payment_id), []).append(line)
    return found


def _entries(payment: Payment, lines: list[BankLine]) -> list[tuple[BankLine, bool]]:
    """Each line, and whether its amount has to be told: it is not simply the payment leaving our account."""
    return [(line, line.amount_cents != -payment.amount_cents) for line in lines]


def _attachment(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _schemes(request: HttpRequest) -> frozenset[int] | None:
    """The schemes whose batches this person sees; None: every scheme's."""
    user = cast("User", request.user)
    if not permissions.may_see_batches(user):
        raise PermissionDenied
    return permissions.schemes_of(user, *permissions.BATCH_ROLES)


def _batch(request: HttpRequest, msg_id: str) -> PaymentBatch:
    found = selected.batches_for(_schemes(request))
    return get_object_or_404(found.select_related("scheme", "author", "approver", "file"), msg_id=msg_id)


def _may_wait(batch: PaymentBatch) -> bool:
    """Whether its way to the bank may be under way, or have failed."""
    return batch.state == BatchState.APPROVED or (batch.state in SENT_STATES and batch.sent_at is None)


def _may_approve(batch: PaymentBatch, user: User) -> bool:
    return batch.state == BatchState.DRAFT and permissions.may_pay(batch, user) and not _why_not(batch, user)


def _why_not(batch: PaymentBatch, user: User) -> str:
    """Why this person may not release the batch, although others of their role may (invariant 7)."""
    if batch.state != BatchState.DRAFT or not permissions.may_pay(batch, user):
        return ""
    if batch.author_id == user.pk:
        return _("You drew this batch up: a colleague releases it.")
    theirs = Claim.objects.filter(payments__batch=batch).filter(Q(author=user) | Q(approver=user))
    if theirs.exists():
        return _("You wrote or approved a claim in this batch: a colleague releases it.")
    return ""


def _may_send(batch: PaymentBatch, user: User) -> bool:
    try:
        batch_orders.check_sendable(actor=user, batch=batch)
    except DomainError:
        return False
    return True
