"""A learner's own part by bank transfer: where to send it, with which reference, until when, and how to leave."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from funding import own_words
from funding.epc import svg_of, transfer_text
from funding.models import OwnTransfer, OwnTransferState
from funding.sentences import sentence
from funding.services import own_transfers
from funding.services.refund_accounts import account_of
from ila.core.errors import DomainError

EURO = "EUR"


@never_cache
@require_safe
def transfer_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """How to pay one's own part by transfer, and what became of it; 404 for everybody but its learner."""
    transfer = _own(request, public_id)
    context = {
        "transfer": transfer,
        "booking": transfer.booking,
        "zone": transfer.booking.account.scheme.timezone,
        "state": own_words.STATES[transfer.state],
        "colour": own_words.COLOURS[transfer.state],
        "refused": bool(transfer.finding),
        "open": transfer.state == OwnTransferState.OPENED,
        "asked_cents": transfer.missing_cents or transfer.amount_cents,
        "iban": settings.BANK_ACCOUNT_IBAN,
        "holder": settings.BANK_ACCOUNT_NAME,
        "bic": settings.BANK_ACCOUNT_BIC,
        "scannable": transfer.currency == EURO,
        "receipts": transfer.receipts.order_by("told_at", "pk"),
        "names_account": account_of(cast("User", request.user)) is not None,
    }
    return render(request, "funding/own_transfer.html", context)


@never_cache
@require_safe
def transfer_code(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The payment instruction as a code that banks' apps scan, for what is missing now."""
    transfer = _own(request, public_id)
    if not transfer.missing_cents or transfer.currency != EURO:
        raise Http404
    text = transfer_text(
        name=settings.BANK_ACCOUNT_NAME,
        iban=settings.BANK_ACCOUNT_IBAN,
        bic=settings.BANK_ACCOUNT_BIC,
        amount_cents=transfer.missing_cents,
        reference=transfer.reference,
    )
    return HttpResponse(svg_of(text), content_type="image/svg+xml")


@never_cache
@require_POST
def transfer_leave(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The learner has changed their mind: what was kept is free at once."""
    transfer = _own(request, public_id)
    try:
        own_transfers.leave(actor=cast("User", request.user), transfer_id=transfer.pk)
    except DomainError as refused:
        messages.error(request, sentence(refused))
    else:
        messages.success(
            request, _("You do not pay, and have not booked. What was kept for you is free again.")
        )
    return redirect("own_transfer", public_id)


def _own(request: HttpRequest, public_id: UUID) -> OwnTransfer:
    related = ("booking__account__scheme", "booking__credential", "booking__provider", "booking__session")
    return get_object_or_404(
        OwnTransfer.objects.select_related(*related), public_id=public_id, payer_id=request.user.pk
    )
