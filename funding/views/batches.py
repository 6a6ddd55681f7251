"""Payment batches, and the bank's messages as they came."""

from __future__ import annotations

from typing import cast

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from funding import permissions, words
from funding.forms import StateFilter
from funding.models import BankLine, BankMessage, Payment, PaymentFile
from funding.selectors.batches import batches, messages_about

PER_PAGE = 25


@never_cache
@require_safe
def batch_list(request: HttpRequest) -> HttpResponse:
    """All payment batches, newest first."""
    _require_batches(request)
    form = StateFilter(request.GET, states=dict(words.BATCH_STATES))
    found = batches()
    if form.chosen:
        found = found.filter(state=form.chosen)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(batch, words.word(words.BATCH_STATES, batch.state)) for batch in page]
    refused = BankMessage.objects.filter(state="refused").count()
    return render(
        request, "funding/batches.html", {"page": page, "rows": rows, "form": form, "refused": refused}
    )


@never_cache
@require_safe
def batch_detail(request: HttpRequest, msg_id: str) -> HttpResponse:
    """A batch with its payments, its history and the bank's messages about it."""
    _require_batches(request)
    batch = get_object_or_404(batches().select_related("scheme", "author", "approver", "file"), msg_id=msg_id)
    payments = batch.payments.select_related("claim__booking").order_by("pk")
    page = Paginator(payments, PER_PAGE).get_page(request.GET.get("page"))
    lines = _lines_of([payment.pk for payment in page])
    context = {
        "batch": batch,
        "zone": batch.scheme.timezone,
        "state": words.word(words.BATCH_STATES, batch.state),
        "page": page,
        "rows": [
            (
                payment,
                words.word(words.OUTCOMES, payment.outcome),
                _entries(payment, lines.get(payment.pk, [])),
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
    }
    return render(request, "funding/batch.html", context)


@never_cache
@require_safe
def batch_file(request: HttpRequest, msg_id: str) -> HttpResponse:
    """The payment file as it was sent, to keep: never shown as a page."""
    _require_batches(request)
    file = get_object_or_404(PaymentFile.objects.select_related("batch"), batch__msg_id=msg_id)
    return _attachment(bytes(file.content), f"{file.batch.msg_id}-pain.001.txt")


@never_cache
@require_safe
def message_list(request: HttpRequest) -> HttpResponse:
    """Every message of the bank, newest first, the refused ones among them."""
    _require_batches(request)
    form = StateFilter(request.GET, states=dict(words.MESSAGE_STATES))
    found = (
        BankMessage.objects.select_related("batch__scheme").defer("content").order_by("-received_at", "-pk")
    )
    if form.chosen:
        found = found.filter(state=form.chosen)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(message, words.word(words.MESSAGE_STATES, message.state)) for message in page]
    return render(request, "funding/bank_messages.html", {"page": page, "rows": rows, "form": form})


@never_cache
@require_safe
def message_raw(request: HttpRequest, sha256: str) -> HttpResponse:
    """A message of the bank byte for byte, to keep: never shown as a page."""
    _require_batches(request)
    message = get_object_or_404(BankMessage, sha256=sha256)
    return _attachment(bytes(message.content), f"{message.kind or 'message'}-{message.sha256[:12]}.txt")


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


def _require_batches(request: HttpRequest) -> None:
    if not permissions.may_see_batches(cast("User", request.user)):
        raise PermissionDenied
