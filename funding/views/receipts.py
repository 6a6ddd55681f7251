"""The receipt of a consent: what the learner agreed to, word for word, and how it is known that it was them."""

from __future__ import annotations

import uuid
from typing import cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Consent, User
from accounts.services import devices
from funding import papers, words
from funding.models import Booking
from funding.selectors.bookings import Viewer, standing_of, visible_bookings


@never_cache
@require_safe
def receipt(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The receipt as a page to print; a provider sees that there is a consent, and not this."""
    booking, consent = _find(request, public_id)
    context = {
        "booking": booking,
        "consent": consent,
        "zone": booking.account.scheme.timezone,
        "state": words.word(words.CONSENT_STATES, consent.state),
        "how": papers.how(consent),
        "device": devices.said(consent.sign_in.device_name) if consent.sign_in else "",
    }
    return render(request, "funding/receipt.html", context)


@never_cache
@require_safe
def receipt_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The receipt as a file."""
    booking, _consent = _find(request, public_id)
    answer = HttpResponse(papers.receipt(booking), content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="receipt-{booking.public_id}.pdf"'
    return answer


def _find(request: HttpRequest, public_id: uuid.UUID) -> tuple[Booking, Consent]:
    standing = standing_of(cast("User", request.user))
    found = visible_bookings(standing).select_related(
        "account__citizen", "account__scheme", "provider", "credential", "consent__sign_in"
    )
    booking = found.filter(public_id=public_id).first()
    viewer = standing.sees_as(booking) if booking is not None else None
    if booking is None or viewer is None or viewer is Viewer.PROVIDER:
        raise Http404
    if booking.consent is None or booking.consent.sign_in_id is None:
        raise Http404
    return booking, booking.consent
