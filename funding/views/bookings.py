"""A learner's bookings, the timeline of one, and the answer to a proposal."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import sessions
from accounts.models import User
from accounts.services import consents
from funding import permissions, words
from funding.cards.config import own_part_today
from funding.cards.port import CardsUnavailable
from funding.forms import AcceptForm, booking_filter
from funding.models import (
    Booking,
    BookingState,
    CardPayment,
    Claim,
    OwnTransfer,
    Payment,
    Receivable,
    version_on,
)
from funding.models.card_payments import WAITING
from funding.schemes.facts import SourcePlan
from funding.schemes.rules import SchemeRules
from funding.selectors import timelines
from funding.selectors.bookings import (
    SourceMoney,
    Viewer,
    money_of,
    standing_of,
    visible_bookings,
)
from funding.sentences import sentence
from funding.services import attendance_codes, bookings, card_payments, holds, own_transfers
from funding.services.bookings.acceptance import lots_of, own_cents_of, plan_for
from funding.services.bookings.conditions import Conditions, conditions_for, moved_since
from funding.services.bookings.context import calendar_of
from funding.services.bookings.not_held import may_find
from funding.services.bookings.texts import acceptance_text
from funding.services.learner_documents import reader_of
from funding.views import consent_forms
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 20
_RELATED = (
    "account__citizen__user",
    "account__scheme",
    "session",
    "credential",
    "provider",
    "consent__sign_in",
    "scheme_version",
)


@never_cache
@require_safe
def booking_list(request: HttpRequest) -> HttpResponse:
    """The bookings that the person may see, newest first."""
    standing = standing_of(cast("User", request.user))
    form = booking_filter(request.GET)
    found = visible_bookings(standing).select_related(
        "credential", "provider", "session", "account__citizen", "account__scheme"
    )
    if form.chosen:
        found = found.filter(state=form.chosen)
    page = Paginator(found.order_by("-requested_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    own = not standing.agency and not standing.provider_organisations
    waits = OwnTransfer.objects.filter(booking__in=[each.pk for each in page], state="opened") if own else []
    until = {each.booking_id: each.expires_at for each in waits}
    rows = [
        (booking, words.word(words.BOOKING_STATES, booking.state), until.get(booking.pk)) for booking in page
    ]
    context = {
        "page": page,
        "rows": rows,
        "form": form,
        "own": own,
    }
    return render(request, "funding/bookings.html", context)


@never_cache
@require_safe
def booking_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A booking's timeline with its money, as far as the person may see it; 404 for everybody else."""
    booking, viewer = _find(request, public_id)
    money = money_of(booking)
    zone = booking.account.scheme.timezone
    kept_payment = _kept_payment(booking) if viewer is Viewer.LEARNER else None
    awaited = _awaited(booking) if viewer is not Viewer.PROVIDER else None
    context = {
        "booking": booking,
        "viewer": viewer.value,
        "may_ask_documents": viewer is not Viewer.LEARNER
        and reader_of(cast("User", request.user), booking) is not None,
        "zone": zone,
        "state": words.word(words.BOOKING_STATES, booking.state),
        "flags": [words.word(words.FLAGS, flag) for flag in booking.flags],
        "events": timelines.timeline_of(booking, viewer),
        "money": money,
        "sources": [_source_row(one, [place for place, _cents in money.places]) for one in money.sources],
        "bar": _bar(money.places, money.amount_cents),
        "places": [
            (place, words.BOOKING_PLACES[place], words.BUCKET_MEANINGS[place], cents)
            for place, cents in money.places
        ],
        "movements": timelines.movements_of(booking) if viewer is not Viewer.PROVIDER else [],
        "claims": [
            (claim, words.word(words.CLAIM_KINDS, claim.kind), words.word(words.CLAIM_STATES, claim.state))
            for claim in Claim.objects.filter(booking=booking).order_by("pk")
        ],
        "payments": [
            (payment, words.word(words.OUTCOMES, payment.outcome))
            for payment in Payment.objects.filter(claim__booking=booking)
            .select_related("batch", "claim")
            .order_by("pk")
        ],
        "receivables": [
            (one, words.word(words.RECEIVABLE_STATES, one.state))
            for one in Receivable.objects.filter(booking=booking).order_by("pk")
        ],
        "holds": list(holds.holds_on(booking)),
        "reviews": [
            (review, words.word(words.REVIEW_REASONS, review.reason))
            for review in booking.reviews.filter(closed_at__isnull=True).order_by("pk")
        ]
        if viewer is Viewer.AGENCY
        else [],
        "consent_state": words.word(words.CONSENT_STATES, booking.consent.state) if booking.consent else "",
        "may_hold": viewer is Viewer.AGENCY and permissions.may_hold(request.user, booking),
        "may_find": viewer is Viewer.AGENCY and may_find(cast("User", request.user)),
        "may_reduce": viewer is Viewer.AGENCY
        and booking.state in (BookingState.SERVICE_VALIDATED, BookingState.SETTLED)
        and permissions.may_end_dispute(booking, request.user),
        "may_take_back": viewer is Viewer.AGENCY
        and dict(money.places).get("paid", 0) > 0
        and permissions.may_pay(booking, request.user),
        "may_suspend": viewer is Viewer.AGENCY and permissions.may_suspend(booking, request.user),
        "batches_open": viewer is Viewer.AGENCY and permissions.may_see_batches(cast("User", request.user)),
        # A proposal is refused where it is read; an application that is kept has no such page.
        "leavable": viewer is Viewer.LEARNER
        and (booking.state in (BookingState.REQUESTED, BookingState.ACCEPTED) or kept_payment is not None),
        "attending": viewer is Viewer.LEARNER and attendance_codes.is_held_today(booking),
        "moved": viewer is Viewer.LEARNER and _moved(booking),
        "answerable": viewer is Viewer.LEARNER and booking.state == BookingState.PROPOSED,
        "awaited": awaited,
        "kept_payment": kept_payment,
    }
    return render(request, "funding/booking.html", context)


def _kept_payment(booking: Booking) -> CardPayment | None:
    """The payment by which an application to a window is granted, while its grant is kept."""
    if booking.state != BookingState.PROPOSED or booking.scheme_version_id is None:
        return None
    return booking.card_payments.filter(reservation__window__isnull=False).order_by("-pk").first()


def _page_of_payment(booking: Booking) -> HttpResponse | None:
    """Whoever has consented already is led to where they pay."""
    if (kept := _kept_payment(booking)) is not None:
        return redirect("card_payment", public_id=kept.public_id)
    awaited = _awaited(booking)
    return None if awaited is None else redirect("own_transfer", public_id=awaited.public_id)


def _moved(booking: Booking) -> bool:
    """Whether the learner may leave for nothing until the start because the dates were changed."""
    starts_at = booking.session.starts_at
    waiting = booking.state == BookingState.ACCEPTED and starts_at is not None and clock.now() < starts_at
    return waiting and moved_since(booking) is not None


@dataclass(frozen=True, slots=True)
class Terms:
    """What accepting now would mean: who pays, until which day it can be undone, and the text that says all of it."""

    plan: SourcePlan | None
    refusal: str
    strong: bool
    conditions: Conditions
    text: str


@never_cache
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The learner reads what a proposed booking costs and confirms it."""
    booking, viewer = _find(request, public_id)
    if viewer is not Viewer.LEARNER:
        raise Http404
    if (page := _page_of_payment(booking)) is not None:
        return page
    form = consent_forms.form_for(request, AcceptForm, booking.provider)
    error, changes = "", consent_forms.NO_CHANGES
    if request.method == "POST" and form.is_valid():
        try:
            bookings.accept(
                actor=cast("User", request.user),
                booking_id=booking.pk,
                sign_in=sessions.sign_in_of(request),
                idempotency_key=f"web:{form.cleaned_data['key']}",
                shown=form.what_was_shown,
                own_part=own_part_today(),
            )
        except DomainError as refused:
            if refused.code == "payment_needed":
                return _go_and_pay(request, booking, form)
            if refused.code in consent_forms.PROVE_AGAIN:
                # An e-identity is proved, and then the form is here again as it was.
                return consent_forms.prove_and_return(request, form)
            error = sentence(refused, rules=_rules_today(booking))
            changes = consent_forms.changes_of(refused)
        else:
            consent_forms.keep_answer(request, form, booking.pk)
            messages.success(request, _("You have booked. The money is held and your seat is taken."))
            return redirect("booking", public_id=booking.public_id)
    if booking.state != BookingState.PROPOSED and not error:
        return redirect("booking", public_id=booking.public_id)
    terms = _terms(booking)
    form = consent_forms.tick_again_if_changed(form, terms.text)
    needs_identity = terms.strong and consents.needs_strong_sign_in(sessions.sign_in_of(request))
    context = {
        "booking": booking,
        "zone": booking.account.scheme.timezone,
        "form": form,
        "error": error,
        "changes": changes,
        "terms": terms,
        "going_back": terms.conditions,
        "consent": consent_forms.showing(terms.text),
        "shares": words.shares(terms.plan) if terms.plan else [],
        "exemption": words.EXEMPTIONS.get(terms.plan.exempt_reason or "", "") if terms.plan else "",
        "open": booking.state == BookingState.PROPOSED,
        "own_cents": own_cents_of(terms.plan, _rules_today(booking)) if terms.plan else 0,
        "by_card": own_part_today() == "first",
        "by_transfer": own_part_today() == "transfer",
        "waiting_payment": booking.card_payments.filter(state__in=WAITING).first(),
        "identity_url": consent_forms.identity_url(request) if needs_identity else "",
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/accept.html", context, status=status)


def _go_and_pay(request: HttpRequest, booking: Booking, form: AcceptForm) -> HttpResponse:
    """Own money comes first: seat and rights are kept while the learner pays."""
    if own_part_today() == "transfer":
        return _go_and_transfer(request, booking, form)
    try:
        payment = card_payments.start_for_booking(
            actor=cast("User", request.user),
            booking_id=booking.pk,
            sign_in=sessions.sign_in_of(request),
            shown=form.what_was_shown,
        )
        consent_forms.keep_answer(request, form, booking.pk)
        card_payments.open_at_stripe(payment_id=payment.pk)
    except DomainError as refused:
        messages.error(request, sentence(refused, rules=_rules_today(booking)))
        return redirect("booking_accept", public_id=booking.public_id)
    except CardsUnavailable:
        messages.error(request, _("Stripe does not answer at the moment. Try again in a few minutes."))
    return redirect("card_payment", public_id=payment.public_id)


def _go_and_transfer(request: HttpRequest, booking: Booking, form: AcceptForm) -> HttpResponse:
    try:
        transfer = own_transfers.start_for_booking(
            actor=cast("User", request.user),
            booking_id=booking.pk,
            sign_in=sessions.sign_in_of(request),
            shown=form.what_was_shown,
        )
    except DomainError as refused:
        messages.error(request, sentence(refused, rules=_rules_today(booking)))
        return redirect("booking_accept", public_id=booking.public_id)
    consent_forms.keep_answer(request, form, booking.pk)
    return redirect("own_transfer", public_id=transfer.public_id)


def _awaited(booking: Booking) -> OwnTransfer | None:
    """The bank transfer of their own part that the learner is waited for."""
    return booking.own_transfers.filter(state="opened").first()


@require_POST
def refuse(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The learner says no to a proposal."""
    booking, viewer = _find(request, public_id)
    if viewer is not Viewer.LEARNER:
        raise Http404
    try:
        bookings.refuse_by_learner(actor=cast("User", request.user), booking_id=booking.pk)
    except DomainError as refused:
        messages.error(request, sentence(refused, rules=_rules_today(booking)))
    else:
        messages.success(request, _("You have said no. Nothing was paid, and nothing is held."))
    return redirect("booking", public_id=booking.public_id)


def _find(request: HttpRequest, public_id: uuid.UUID) -> tuple[Booking, Viewer]:
    standing = standing_of(cast("User", request.user))
    booking = visible_bookings(standing).select_related(*_RELATED).filter(public_id=public_id).first()
    viewer = standing.sees_as(booking) if booking is not None else None
    if booking is None or viewer is None:
        raise Http404
    return booking, viewer


def _rules_today(booking: Booking) -> SchemeRules:
    scheme = booking.account.scheme
    return version_on(scheme, calendar_of(scheme).local_date(clock.now())).parsed


def _terms(booking: Booking) -> Terms:
    """What accepting now would mean, under the rules of today."""
    now = clock.now()
    rules = _rules_today(booking)
    plan, refusal, text = None, "", ""
    conditions = conditions_for(
        rules, calendar_of(booking.account.scheme), accepted_at=now, starts_at=booking.session.starts_at
    )
    try:
        plan = plan_for(booking, rules, lots_of(booking.account), now)
    except DomainError as error:
        refusal = sentence(error, rules=rules)
    else:
        text = acceptance_text(booking, rules, plan, conditions)
    return Terms(plan, refusal, rules.strong_identity_required, conditions, text)


def _source_row(one: SourceMoney, places: list[str]) -> dict[str, Any]:
    return {
        "label": _("Learner's own money, to the provider")
        if one.direct
        else words.word(words.SOURCES, one.source),
        "amount_cents": one.amount_cents,
        "places": [(words.BOOKING_PLACES[place], getattr(one, f"{place}_cents")) for place in places],
    }


def _bar(places: list[tuple[str, int]], total: int) -> list[tuple[str, float, float]]:
    """The money bar: place, where it begins and how wide it is, in percent of the price."""
    parts, at = [], 0.0
    for place, cents in places:
        if cents > 0 and total > 0:
            width = round(cents * 100 / total, 3)
            parts.append((place, at, width))
            at += width
    return parts
