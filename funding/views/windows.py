"""Windows for everybody: the list, one window, its grants; and for a learner the waiting room and the application."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import astuple, fields
from datetime import timedelta
from io import StringIO
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import sessions
from accounts.models import User
from accounts.services import consents
from catalogue.models import Session
from funding import explanations, permissions, words
from funding.cards.config import cards_are_taken, own_part_of_grants
from funding.cards.port import CardsUnavailable
from funding.models import Application, Booking, CardPayment, LearningAccount, Window, version_on
from funding.schemes import windows as rules_of_windows
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import LEARNER
from funding.selectors import waiting, window_lists
from funding.selectors.windows import PublishedGrant, grants_of, published
from funding.sentences import sentence
from funding.services import card_payments, windows
from funding.services.bookings.conditions import conditions_for
from funding.services.bookings.context import calendar_of
from funding.services.bookings.texts import acceptance_text
from funding.views import consent_forms
from funding.window_forms import ApplyForm, SessionSearch
from ila.core import clock
from ila.core.errors import DomainError

PAST = 12
PER_PAGE = 20
GRANTS_PER_PAGE = 50
SOONEST, LATEST = 5, 120
"""Seconds between two looks at the waiting room: a tenth of what is left to wait, between these."""


@login_not_required
@never_cache
@require_safe
def window_list(request: HttpRequest) -> HttpResponse:
    """Windows that are open, that are coming, and the latest that are over."""
    found = window_lists.window_lists(past=PAST)
    context = {
        "open": found.open,
        "coming": found.coming,
        "past": found.past,
        "agency": _is_agency(request),
    }
    return render(request, "funding/windows.html", context)


@login_not_required
@never_cache
@require_safe
def window_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One window: whether it is open, how long until it is, what is left, and the rules in plain words."""
    window = _window(pk)
    rules = _rules(window)
    account = _account(request, window)
    budget = waiting.budgeted(window)
    first, last = window_lists.first_and_last_start(window, rules)
    now = clock.now()
    granted = None if account is None else _granted(window, account)
    state = _state(window)
    context = {
        "window": window,
        "zone": window.scheme.timezone,
        "state": state,
        "until": _lasting(window.opens_at - now) if state == "coming" else "",
        "refresh": _refresh(window.opens_at - now) if state == "coming" else None,
        "seconds": max(0, int((window.opens_at - now).total_seconds())),
        "budget": budget,
        "rules": rules,
        "first": first,
        "last": last,
        "account": account,
        "granted": granted,
        "payment": None if account is None or granted else _kept(request, window),
        "kept_cents": waiting.kept_cents(window) if budget.gone else 0,
        "place": None if account is None else waiting.standing_in(window, account),
        "agency": _is_agency(request),
    }
    return render(request, "funding/window.html", context)


@require_POST
def place_take(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a place in the waiting room; who has one comes back to it."""
    window = _window(pk)
    if _account(request, window) is None:
        raise Http404
    try:
        windows.take_place(actor=cast("User", request.user), window_id=window.pk)
    except DomainError as refused:
        messages.error(request, sentence(refused, rules=_rules(window)))
        return redirect("window", pk=pk)
    return redirect("waiting_room", pk=pk)


@require_POST
def place_leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Give one's place back."""
    window = _window(pk)
    if _account(request, window) is None:
        raise Http404
    try:
        windows.leave_place(actor=cast("User", request.user), window_id=window.pk)
    except DomainError as refused:
        messages.error(request, sentence(refused, rules=_rules(window)))
    else:
        messages.success(request, _("You have given your place back. If you come again, you come last."))
    return redirect("window", pk=pk)


@never_cache
@require_safe
def waiting_room(request: HttpRequest, pk: int) -> HttpResponse:
    """Where one stands: number, people before, when the turn comes, and whether there will be money."""
    try:
        arrival, standing = waiting.look(cast("User", request.user), pk)
    except DomainError as refused:
        raise Http404 from refused
    window = arrival.window
    state = _state(window)
    if standing is None or arrival.applied:
        return redirect("window", pk=pk)
    # What is kept for people who pay may yet come back.
    kept_cents = waiting.kept_cents(window) if standing.budget.gone else 0
    over = state == "past" or (standing.budget.gone and not kept_cents)
    context = {
        "window": window,
        "zone": window.scheme.timezone,
        "state": state,
        "standing": standing,
        "over": over,
        "kept_cents": kept_cents,
        "wait": _lasting(standing.wait),
        "turn_time": f"{standing.turn_at.astimezone(calendar_of(window.scheme).zone):%H:%M:%S}",
        "refresh": None if over or standing.is_turn else _refresh(standing.wait),
        "seconds": int(standing.wait.total_seconds()) + bool(standing.wait.microseconds),
    }
    return render(request, "funding/window_waiting.html", context)


@login_not_required
@never_cache
@require_safe
def session_choice(request: HttpRequest, pk: int) -> HttpResponse:
    """Sessions that one may apply for in this window; anybody may look while they wait."""
    window = _window(pk)
    rules = _rules(window)
    form = SessionSearch(request.GET)
    found = window_lists.fitting_sessions(window, rules, form.asked)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    first, last = window_lists.first_and_last_start(window, rules)
    context = {
        "window": window,
        "zone": window.scheme.timezone,
        "form": form,
        "asked": form.asked,
        "page": page,
        "rows": [(session, *_split(rules, session)) for session in page],
        "first": first,
        "last": last,
        "state": _state(window),
    }
    return render(request, "funding/window_sessions.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def application(request: HttpRequest, pk: int, session_id: int) -> HttpResponse:
    """What the grant would pay and what the learner pays; with the consent it is granted at once."""
    window = _window(pk)
    account = _account(request, window)
    session = (
        Session.objects.select_related("micro_credential__provider", "offer").filter(pk=session_id).first()
    )
    # A session without a price is in no list of these pages.
    if account is None or session is None or session.price_cents <= 0:
        raise Http404
    form = consent_forms.form_for(request, ApplyForm, session.micro_credential.provider)
    error, changes = "", consent_forms.NO_CHANGES
    sign_in = sessions.sign_in_of(request)
    if request.method == "POST" and form.is_valid():
        try:
            booking = windows.apply(
                actor=cast("User", request.user),
                account_id=account.pk,
                session_id=session.pk,
                window_id=window.pk,
                sign_in=sign_in,
                idempotency_key=f"web:{form.cleaned_data['key']}",
                shown=form.what_was_shown,
                own_part=own_part_of_grants(),
            )
        except DomainError as refused:
            if refused.code == "payment_needed":
                return _go_and_pay(request, window, account, session, form)
            if refused.code in consent_forms.PROVE_AGAIN:
                return consent_forms.prove_and_return(request, form)
            error = _why_not(refused, window)
            changes = consent_forms.changes_of(refused)
        else:
            consent_forms.keep_answer(request, form, booking.pk)
            return redirect("window_result", pk=pk)
    if not error and _granted(window, account) is not None:
        return redirect("window_result", pk=pk)
    if not error and (kept := _kept(request, window)) is not None:
        return redirect("card_payment", kept.public_id)
    rules = _rules(window)
    standing = waiting.standing_in(window, account)
    needs_identity = rules.strong_identity_required and consents.needs_strong_sign_in(sign_in)
    grant, own = _split(rules, session)
    text = _consent_text(rules, account, session)
    form = consent_forms.tick_again_if_changed(form, text)
    context = {
        "window": window,
        "zone": window.scheme.timezone,
        "session": session,
        "entry": session.micro_credential,
        "form": form,
        "error": error,
        "grant_cents": grant,
        "own_cents": own,
        "by_card": cards_are_taken(),
        "minutes": int(card_payments.BOOKING_TIME.total_seconds() // 60),
        "rules": rules,
        "state": _state(window),
        "standing": standing,
        "turn": window.admissions_per_s is None or (standing is not None and standing.is_turn),
        "changes": changes,
        "consent": consent_forms.showing(text),
        "identity_url": consent_forms.identity_url(request) if needs_identity else "",
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/window_apply.html", context, status=status)


def _go_and_pay(
    request: HttpRequest, window: Window, account: LearningAccount, session: Session, form: ApplyForm
) -> HttpResponse:
    """What is above the grant comes first: seat, count and grant are kept while the learner pays."""
    try:
        payment = card_payments.start_for_application(
            actor=cast("User", request.user),
            account_id=account.pk,
            session_id=session.pk,
            window_id=window.pk,
            sign_in=sessions.sign_in_of(request),
            shown=form.what_was_shown,
        )
        if payment.booking_id is not None:
            consent_forms.keep_answer(request, form, payment.booking_id)
        card_payments.open_at_stripe(payment_id=payment.pk)
    except DomainError as refused:
        messages.error(request, _why_not(refused, window))
        return redirect("window_apply", pk=window.pk, session_id=session.pk)
    except CardsUnavailable:
        messages.error(request, _("Stripe does not answer at the moment. Try again in a few minutes."))
    return redirect("card_payment", payment.public_id)


def _why_not(refused: DomainError, window: Window) -> str:
    """The refusal in words, and what to do where money is only kept for somebody else."""
    if refused.code == "budget_exhausted" and waiting.kept_cents(window):
        return _(
            "What is left of the budget is kept for people who are paying their own part. What they do not pay for"
            " within half an hour can be applied for again: try again then."
        )
    return sentence(refused, rules=_rules(window))


def _kept(request: HttpRequest, window: Window) -> CardPayment | None:
    """The payment that the person may still make for a grant of the window."""
    if not request.user.is_authenticated:
        return None
    return windows.waiting_payments(request.user, window.pk).first()


@never_cache
@require_safe
def result(request: HttpRequest, pk: int) -> HttpResponse:
    """What was granted to the learner from this window, and what comes next."""
    window = _window(pk)
    account = _account(request, window)
    granted = None if account is None else _granted(window, account)
    if granted is None:
        raise Http404
    booking = granted.booking
    why = booking.log.get(transition="grant").data.get("why", [])
    context = {
        "window": window,
        "zone": window.scheme.timezone,
        "granted": granted,
        "booking": booking,
        "own_cents": booking.price_cents - granted.grant_cents,
        "direct": booking.allocations.filter(direct=True).exists(),
        "why": explanations.why(why, currency=booking.currency),
    }
    return render(request, "funding/window_result.html", context)


@login_not_required
@require_safe
def grants(request: HttpRequest, pk: int) -> HttpResponse:
    """The published register of a window's grants (N-17)."""
    window = _window(pk)
    page = Paginator(grants_of(window), GRANTS_PER_PAGE).get_page(request.GET.get("page"))
    rows = [(row, words.word(words.STATUSES, row.status)) for row in map(published, page)]
    context = {"window": window, "page": page, "rows": rows}
    return render(request, "funding/window_grants.html", context)


@login_not_required
@require_safe
def grants_csv(_request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The same as a file: UTF-8, commas, amounts in cents, one line for each grant."""
    window = _window(pk)
    answer = StreamingHttpResponse(_lines(window), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="grants-of-window-{window.pk}.csv"'
    return answer


def _lines(window: Window) -> Iterator[str]:
    yield _line([*(each.name for each in fields(PublishedGrant)), "currency"])
    for row in grants_of(window).iterator(chunk_size=1000):
        yield _line([*map(_plain, astuple(published(row))), window.scheme.currency])


def _line(values: list[Any]) -> str:
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(values)
    return buffer.getvalue()


def _plain(value: Any) -> Any:
    """A spreadsheet takes text that begins like this for a formula: a quote in front makes it text again."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _window(pk: int) -> Window:
    return get_object_or_404(window_lists.windows_with_money(), pk=pk)


def _rules(window: Window) -> SchemeRules:
    """The rules of today, or of the day on which it opens."""
    day = calendar_of(window.scheme).local_date(max(clock.now(), window.opens_at))
    return version_on(window.scheme, day).parsed


def _account(request: HttpRequest, window: Window) -> LearningAccount | None:
    if not request.user.is_authenticated:
        return None
    return (
        LearningAccount.objects.select_related("citizen__user", "scheme")
        .filter(citizen__user_id=request.user.pk, scheme=window.scheme_id)
        .first()
    )


def _granted(window: Window, account: LearningAccount) -> Application | None:
    related = ("booking__credential", "booking__provider", "booking__session")
    return Application.objects.select_related(*related).filter(window=window, account=account).first()


def _is_agency(request: HttpRequest) -> bool:
    return request.user.is_authenticated and permissions.may_see_windows(request.user)


def _consent_text(rules: SchemeRules, account: LearningAccount, session: Session) -> str:
    """What a learner who applies for the session now consents to."""
    credential = session.micro_credential
    asked = Booking(
        account=account,
        session=session,
        credential=credential,
        provider=credential.provider,
        price_cents=session.price_cents,
        currency=session.currency,
    )
    going_back = conditions_for(
        rules, calendar_of(account.scheme), accepted_at=clock.now(), starts_at=session.starts_at
    )
    return acceptance_text(asked, rules, rules_of_windows.plan_grant(rules, session.price_cents), going_back)


def _state(window: Window) -> str:
    """coming, open, or past."""
    now = clock.now()
    if now < window.opens_at:
        return "coming"
    return "open" if now < window.closes_at else "past"


def _split(rules: SchemeRules, session: Session) -> tuple[int, int]:
    """What a grant pays of a session, and what the learner pays, in cents."""
    shares = rules_of_windows.plan_grant(rules, session.price_cents).by_source()
    return shares.get(rules_of_windows.GRANT, 0), shares.get(LEARNER, 0)


def _refresh(wait: timedelta) -> int:
    """Seconds until the page is asked for again: seldom while it takes long, on time when it is near."""
    seconds = wait.total_seconds()
    return max(1, min(int(min(max(seconds / 10, SOONEST), LATEST)), int(seconds) + 1))


def _lasting(span: timedelta) -> str:
    """About how long, in words: seconds below a minute and a half, then minutes, hours, days."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 90:
        return ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}
    if seconds < 90 * 60:
        return _("%(n)s minutes") % {"n": round(seconds / 60)}
    if seconds < 36 * 3600:
        return _("%(n)s hours") % {"n": round(seconds / 3600)}
    return _("%(n)s days") % {"n": round(seconds / 86400)}
