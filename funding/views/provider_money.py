"""A provider's money: claims, what may be claimed, payments with their advice, and what is owed back."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from catalogue.exporting.cells import csv_lines
from funding import words
from funding.forms import StateFilter
from funding.models import Booking, Claim, ClaimKind, ClaimState, Payment, PaymentBatch
from funding.provider_forms import ChooseForm, name_of
from funding.selectors import provider_money as selected
from funding.selectors.provider_work import bookings_of, claimable_ids, desk_of
from funding.services import claims
from funding.services.bookings.at_once import MOST, Outcome, for_each
from funding.views.provider_desk import desk, own_session
from funding.views.provider_steps import said_to_provider
from ila.core import clock
from ila.core.lazy import lazy_module
from ila.core.money import format_cents

printing = lazy_module("funding.printing")

PER_PAGE = 25
# What a claim would be for, and what of it is gone for good.
ALIVE = tuple(state for state in ClaimState.values if state != ClaimState.REJECTED)


@never_cache
@require_safe
def money(request: HttpRequest) -> HttpResponse:
    """Claims by state with their sums, which add up to what was claimed."""
    mine = desk(request, managing=True)
    form = StateFilter(request.GET, states=dict(words.CLAIM_STATES))
    found = selected.claims_of(mine)
    sums = selected.sums_of(found)
    shown = found.filter(state=form.chosen) if form.chosen else found
    page = Paginator(shown.order_by("-created_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [_claim_row(each) for each in page],
        "sums": [
            {
                "currency": currency,
                "rows": [(one, words.word(words.CLAIM_STATES, one.state)) for one in rows],
                "count": sum(one.count for one in rows if one.state in ALIVE),
                "cents": sum(one.cents for one in rows if one.state in ALIVE),
            }
            for currency, rows in sums.items()
        ],
        "waiting": len(claimable_ids(mine)),
        "owed": selected.still_owed(mine),
    }
    return render(request, "funding/provider/money.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest) -> HttpResponse:
    """Everything that may be claimed now: chosen, confirmed with its sum, drafted and handed in."""
    mine = desk(request, managing=True)
    asked = request.GET.get("session", "")
    session = own_session(request, int(asked))[1] if asked.isdecimal() and len(asked) < 19 else None
    kinds = claimable_ids(mine, session_id=session.pk if session else None)
    able = list(
        bookings_of(mine, managed=True)
        .filter(pk__in=kinds)
        .select_related(
            "account__citizen__user", "account__scheme", "credential", "scheme_version", "provider"
        )
        .order_by("service_validated_at", "pk")[:MOST]
    )
    amounts = selected.claimable_cents(able, kinds)
    able = [each for each in able if amounts[each.pk]]
    facts = {each.pk: _facts(each, kinds[each.pk], amounts[each.pk]) for each in able}
    form = ChooseForm(request.POST if request.method == "POST" else None, bookings=able, facts=facts)
    context: dict[str, Any] = {"form": form, "able": able, "session": session, "left": len(kinds) - len(able)}
    status = 200
    if request.method == "POST" and able and form.is_valid():
        if "sure" not in request.POST:
            chosen = [(name_of(each), facts[each.pk]) for each in form.chosen]
            sums = _add_up(form.chosen, amounts)
            return render(
                request, "funding/provider/claim_sure.html", {**context, "chosen": chosen, "sums": sums}
            )
        user = cast("User", request.user)
        outcome = for_each(form.chosen, lambda booking: claim_now(user, booking, kinds[booking.pk]))
        _tell(request, outcome)
        return redirect("provider_money")
    if request.method == "POST":
        if not able:
            messages.info(request, _("There is nothing to claim any more."))
            return redirect("provider_money")
        status = 422
    context["sums"] = _add_up(able, amounts)
    return render(request, "funding/provider/claim.html", context, status=status)


def claim_now(actor: User, booking: Booking, kind: str) -> Claim:
    """Draft and hand in; a draft that is there already is handed in."""
    draft = booking.claims.filter(kind=kind, state=ClaimState.DRAFT).first()
    if draft is not None:
        return claims.submit_claim(actor=actor, claim_id=draft.pk)
    return claims.claim_booking(actor=actor, booking_id=booking.pk, kind=ClaimKind(kind))


@never_cache
@require_safe
def payments(request: HttpRequest) -> HttpResponse:
    """Batches with own payments: day, what was claimed, what was kept for debts, what was sent and came."""
    mine = desk(request, managing=True)
    page = Paginator(selected.remittances_of(mine), PER_PAGE).get_page(request.GET.get("page"))
    batches: list[Any] = list(page)
    rows = [(one, words.word(words.BATCH_STATES, one.state), one.own_cents + one.own_kept) for one in batches]
    return render(request, "funding/provider/payments.html", {"page": page, "rows": rows})


@never_cache
@require_safe
def remittance(request: HttpRequest, msg_id: str) -> HttpResponse:
    """The own payments of one batch: claimed, kept for which debt, paid; with their sums and numbered advices.

    404 for a batch without any.
    """
    batch, found = _remittance(request, msg_id)
    context = {
        "batch": batch,
        "rows": _advised(found),
        "gross": sum(each.gross_cents for each in found),
        "kept": sum(each.netted_cents for each in found),
        "total": sum(each.amount_cents for each in found),
        "came": sum(each.amount_cents for each in found if each.outcome == "executed"),
        "ending": found[0].iban[-4:],
        "zone": batch.scheme.timezone,
    }
    return render(request, "funding/provider/remittance.html", context)


COLUMNS = (
    "number",
    "reference",
    "booking",
    "learner",
    "training",
    "kind",
    "claimed",
    "kept",
    "amount",
    "currency",
    "value_date",
    "outcome",
    "executed",
    "reason",
)


@never_cache
@require_safe
def remittance_csv(request: HttpRequest, msg_id: str) -> HttpResponse:
    """The same as a table: one line for each payment."""
    batch, found = _remittance(request, msg_id)
    advices = selected.advices_of(found)
    lines = (
        (
            advices[each.pk].number if each.pk in advices else "",
            each.end_to_end_id,
            each.claim.booking.public_id,
            name_of(each.claim.booking),
            each.claim.booking.credential.title,
            each.claim.kind,
            _plain(each.gross_cents),
            _plain(each.netted_cents),
            _plain(each.amount_cents),
            batch.currency,
            batch.value_date.isoformat(),
            each.outcome,
            "" if each.executed_at is None else each.executed_at.date().isoformat(),
            each.reason_code,
        )
        for each in found
    )
    headers = {"Content-Disposition": f'attachment; filename="remittance-{batch.msg_id}.csv"'}
    text = "".join(csv_lines(COLUMNS, lines))
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@never_cache
@require_safe
def remittance_pdf(request: HttpRequest, msg_id: str) -> HttpResponse:
    """The same on paper."""
    batch, found = _remittance(request, msg_id)
    title = _("Remittance advice")
    paper = printing.Paper(title=title, foot=batch.msg_id, made_at=clock.now())
    paper.say(f"{found[0].creditor_name}\n{batch.scheme.name}", after=2)
    paper.say(
        _("Payments of the batch %(batch)s, value date %(day)s, to the account ending in %(ending)s")
        % {
            "batch": batch.msg_id,
            "day": date_format(batch.value_date, "j F Y"),
            "ending": found[0].iban[-4:],
        },
        after=3,
    )
    rows = [
        (each.end_to_end_id, name_of(each.claim.booking), str(_outcome(each)), *_amounts([each], batch))
        for each in found
    ]
    rows.append(("", "", _("Total"), *_amounts(found, batch)))
    heads = (_("Reference"), _("Learner"), _("Outcome"), _("Claimed"), _("Kept"), _("Paid"))
    paper.rows(heads, rows, (42, 32, 24, 24, 24, 24))
    answer = HttpResponse(paper.content(), content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="remittance-{batch.msg_id}.pdf"'
    return answer


@never_cache
@require_safe
def owed(request: HttpRequest) -> HttpResponse:
    """What is owed back, for which booking and why."""
    mine = desk(request, managing=True)
    page = Paginator(selected.owed_by(mine), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [
            (each, name_of(each.booking), words.word(words.RECEIVABLE_STATES, each.state), why(each.reason))
            for each in page
        ],
        "owed": selected.still_owed(mine),
    }
    return render(request, "funding/provider/owed.html", context)


def why(reason: str) -> str:
    """Why something is owed back; what a person wrote stands as it is."""
    known = {
        "paid beyond the realised share": _("More was paid than was done."),
        "session cancelled": _("The session did not take place."),
        "cancel_by_provider": _("You cancelled the place."),
        "cancel_by_funder": _("The agency cancelled the booking."),
    }
    return known.get(reason, reason)


def _remittance(request: HttpRequest, msg_id: str) -> tuple[PaymentBatch, list[Payment]]:
    # Who manages no provider is told as little as who has no payment in it.
    mine = desk_of(cast("User", request.user))
    batch = PaymentBatch.objects.select_related("scheme").filter(msg_id=msg_id).first()
    found = (
        []
        if batch is None
        else list(
            selected.payments_of(mine)
            .filter(batch=batch)
            .select_related("claim__booking__account__citizen", "claim__booking__credential")
            .order_by("end_to_end_id")
        )
    )
    if batch is None or not found:
        raise Http404
    return batch, found


def _outcome(payment: Payment) -> Any:
    return words.word(words.OUTCOMES, payment.outcome)


def _amounts(found: list[Payment], batch: PaymentBatch) -> list[str]:
    """What these payments were claimed for, what of it is kept, and what is paid."""
    gross, net = (sum(each.gross_cents for each in found), sum(each.amount_cents for each in found))
    language = get_language() or "en"
    return [format_cents(cents, batch.currency, language) for cents in (gross, net - gross, net)]


def _plain(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _advised(found: list[Payment]) -> list[dict[str, Any]]:
    kept, advices = selected.kept_by(found), selected.advices_of(found)
    return [
        {
            "payment": each,
            "name": name_of(each.claim.booking),
            "outcome": _outcome(each),
            "kept": kept.get(each.pk, []),
            "advice": advices.get(each.pk),
        }
        for each in found
    ]


def _claim_row(each: Claim) -> dict[str, Any]:
    return {
        "claim": each,
        "name": name_of(each.booking),
        "kind": words.word(words.CLAIM_KINDS, each.kind),
        "state": words.word(words.CLAIM_STATES, each.state),
    }


def _facts(booking: Booking, kind: str, cents: int) -> dict[str, Any]:
    return {
        "kind": words.word(words.CLAIM_KINDS, kind),
        "state": words.word(words.BOOKING_STATES, booking.state),
        "percent": booking.realised_percent,
        "price_cents": booking.price_cents,
        "cents": cents,
        "currency": booking.currency,
        "title": booking.credential.title,
    }


def _add_up(chosen: list[Booking], amounts: dict[int, int]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for each in chosen:
        sums[each.currency] = sums.get(each.currency, 0) + amounts[each.pk]
    return sorted(sums.items())


def _tell(request: HttpRequest, outcome: Outcome) -> None:
    if outcome.done:
        done = len(outcome.done)
        messages.success(
            request, ngettext("%(n)d claim is handed in.", "%(n)d claims are handed in.", done) % {"n": done}
        )
    for booking, refused in outcome.refused:
        messages.error(request, f"{name_of(booking)}: {said_to_provider(refused, booking)}")
