"""One step for many learners of a session: chosen in a table, confirmed on one page, taken for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from catalogue.models import Session
from funding import provider_forms as forms
from funding.models import Booking, BookingState, ExitReason
from funding.schemes import deadlines
from funding.schemes.rules import SchemeRules
from funding.selectors.provider_work import rules_of
from funding.sentences import SENTENCES, sentence
from funding.services import bookings, certificates
from funding.services.attendance_sheets import attended_of
from funding.services.bookings.at_once import MOST, Outcome, for_each
from funding.services.bookings.context import calendar_of
from funding.views.provider_desk import about, own_session
from ila.core import clock
from ila.core.errors import DomainError

S = BookingState


@dataclass(frozen=True, slots=True)
class Step:
    """A step: whom it can be for, what the pages say, and what it does."""

    title: Promise
    lead: Promise
    states: tuple[str, ...]
    button: Promise
    form: type[forms.ChooseForm]
    run: Callable[[User, Any, Booking], object]
    # What is asked before it is done; a step with files is done at once, for a browser sends them only once.
    sure: Promise | None = None
    warning: bool = False


def _absent(actor: User, form: Any, booking: Booking) -> object:
    return bookings.declare_no_show(
        actor=actor,
        booking_id=booking.pk,
        justified=form.cleaned_data["justified"] == "yes",
        reason=form.cleaned_data["reason"],
    )


STEPS: dict[str, Step] = {
    "acknowledge": Step(
        _("Acknowledge requests"),
        _("You say that the request has arrived. The answer itself comes later."),
        (S.REQUESTED,),
        _("Acknowledge them"),
        forms.ChooseForm,
        lambda actor, _form, booking: bookings.acknowledge_request(actor=actor, booking_id=booking.pk),
        _("The learners see that their requests have arrived."),
    ),
    "propose": Step(
        _("Propose places"),
        _("Each learner gets the proposal by e-mail and accepts it within the term, or it lapses."),
        (S.REQUESTED,),
        _("Propose the places"),
        forms.ProposeForm,
        lambda actor, form, booking: bookings.propose(
            actor=actor, booking_id=booking.pk, price_cents=form.price_cents
        ),
        _("Each learner is told of the proposal. You cannot change its price afterwards."),
    ),
    "refuse": Step(
        _("Refuse requests"),
        _("A refusal gives a reason, which the learner reads."),
        (S.REQUESTED,),
        _("Refuse them"),
        forms.ReasonForm,
        lambda actor, form, booking: bookings.refuse_by_provider(
            actor=actor, booking_id=booking.pk, reason=form.cleaned_data["reason"]
        ),
        _("The requests end. This cannot be undone."),
        warning=True,
    ),
    "entry": Step(
        _("Declare entries"),
        _("Who has begun. Who never came is declared absent instead."),
        (S.ACCEPTED,),
        _("Declare that they have begun"),
        forms.ChooseForm,
        lambda actor, _form, booking: bookings.declare_entry(actor=actor, booking_id=booking.pk),
        _("From now on they are in training."),
    ),
    "absence": Step(
        _("Declare absences"),
        _("Who never came. The learner is told, and can say that it is not so."),
        (S.ACCEPTED,),
        _("Declare them absent"),
        forms.AbsenceForm,
        _absent,
        _("Their bookings end. The learners are told, with a link to contradict. This cannot be undone."),
        warning=True,
    ),
    "exit": Step(
        _("Declare exits"),
        _("Who has left, and why. The payment follows the share that was done, whatever the reason."),
        (S.IN_TRAINING,),
        _("Declare that they have left"),
        forms.ExitForm,
        lambda actor, form, booking: bookings.declare_exit(
            actor=actor, booking_id=booking.pk, exit_reason=form.why(booking)
        ),
        _("Their training has ended. Attendance can still be recorded until the service is declared."),
    ),
    "service": Step(
        _("Declare services"),
        _("The share of the planned hours that was done. It is paid by that share; the rest goes back."),
        (S.LEFT,),
        _("Declare the services"),
        forms.ServiceForm,
        lambda actor, form, booking: bookings.declare_service(
            actor=actor, booking_id=booking.pk, percent=form.percent(booking)
        ),
        _("The learners are told the share, and can contradict until it is validated."),
    ),
    "proof": Step(
        _("Record certificates"),
        _("What proves that the training was completed, where the scheme asks for it."),
        (S.IN_TRAINING, S.LEFT, S.SERVICE_DECLARED, S.SERVICE_VALIDATED),
        _("Record them"),
        forms.ProofForm,
        lambda actor, form, booking: certificates.record_with_file(
            actor=actor,
            booking_id=booking.pk,
            kind=form.cleaned_data["kind"],
            upload=form.cleaned_data[f"file_{booking.pk}"],
        ),
    ),
    "release": Step(
        _("Cancel places"),
        _("You cannot teach these learners after all. Everything goes back, and the learners are told."),
        (S.REQUESTED, S.PROPOSED, S.ACCEPTED, S.IN_TRAINING),
        _("Cancel their places"),
        forms.ReasonForm,
        lambda actor, form, booking: bookings.cancel_by_provider(
            actor=actor, booking_id=booking.pk, reason=form.cleaned_data["reason"]
        ),
        _("Their bookings end, and all money goes back to where it came from. This cannot be undone."),
        warning=True,
    ),
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, session_id: int, step: str) -> HttpResponse:
    """Choose, confirm, done. 404 for a session that is not one's own."""
    _desk, session = own_session(request, session_id)
    what = STEPS.get(step)
    if what is None:
        raise Http404
    able, unable, facts = _who(session, step, what)
    bound = (request.POST, request.FILES) if request.method == "POST" else ()
    form = _form(what, session, *bound, able=able, facts=facts)
    status, error = 200, ""
    context = {**about(session), "step": step, "what": what, "form": form, "unable": unable, "most": MOST}
    if request.method == "POST":
        if not able:
            messages.info(request, _now("This has been done already, or the bookings have moved on."))
            return redirect("provider_session", session.pk)
        if not form.is_valid():
            status = 422
        elif what.sure is not None and "sure" not in request.POST:
            return render(request, "funding/provider/step_sure.html", {**context, **_before(form)})
        else:
            user = cast("User", request.user)
            outcome = for_each(form.chosen, lambda booking: what.run(user, form, booking))
            _tell(request, outcome)
            return redirect("provider_session", session.pk)
    return render(request, "funding/provider/step.html", {**context, "error": error}, status=status)


def _form(
    what: Step, session: Session, *bound: Any, able: list[Booking], facts: dict[int, Any]
) -> forms.ChooseForm:
    more: dict[str, Any] = {}
    if what.form is forms.ProposeForm:
        registered = session.micro_credential.register_price_cents
        price = session.price_cents
        more["ceiling_cents"] = price if registered is None else min(price, registered)
    if what.form is forms.ExitForm:
        allowed = [set(each.scheme_version.parsed.exit_reasons) for each in able if each.scheme_version]
        more["reasons"] = [code for code in ExitReason.values if all(code in one for one in allowed)]
    return what.form(*bound, bookings=able, facts=facts, **more)


def _before(form: forms.ChooseForm) -> dict[str, Any]:
    """What the confirmation page says of each of those chosen."""
    rows = []
    for row in form.rows:
        if row.chosen:
            said = row.facts
            if isinstance(form, forms.ExitForm):
                said = dict(form.fields[f"why_{row.booking.pk}"].choices)[form.why(row.booking)]  # type: ignore[attr-defined]
            elif isinstance(form, forms.ServiceForm):
                entered = form.percent(row.booking)
                said = entered if entered is not None else row.facts.percent
                said = f"{said} %"
            elif isinstance(form, forms.ProposeForm):
                said = None
            rows.append((row.name, said))
    return {
        "chosen": rows,
        "price_cents": form.price_cents if isinstance(form, forms.ProposeForm) else None,
        "owed": isinstance(form, forms.AbsenceForm) and form.cleaned_data["justified"] == "no",
    }


def _who(
    session: Session, step: str, what: Step
) -> tuple[list[Booking], list[tuple[str, Any]], dict[int, Any]]:
    """Who can be chosen, who cannot and why, and what to know about each."""
    found = list(
        Booking.objects.filter(session=session, state__in=what.states)
        .select_related(
            "account__citizen__user", "account__scheme", "credential", "scheme_version", "provider"
        )
        .order_by("requested_at", "pk")[: MOST + 1]
    )[:MOST]
    unable: list[tuple[str, Any]] = []
    facts: dict[int, Any] = {}
    rules = rules_of((each.account.scheme_id, each.scheme_version_id) for each in found)
    if step == "acknowledge":
        known = set(
            Booking.objects.filter(
                pk__in=[each.pk for each in found], log__transition="acknowledge"
            ).values_list("pk", flat=True)
        )
        found = [each for each in found if each.pk not in known]
    if step == "propose":
        late = [each for each in found if not _in_time(each, session, rules)]
        unable = [(forms.name_of(each), _earliest(each, rules)) for each in late]
        found = [each for each in found if each not in late]
    if step == "service":
        facts = dict(attended_of(found))
    return found, unable, facts


def _in_time(booking: Booking, session: Session, rules: dict[Any, SchemeRules]) -> bool:
    known = rules.get((booking.account.scheme_id, booking.scheme_version_id))
    if known is None or session.starts_at is None:
        return False
    return deadlines.earliest_start_ok(
        known, calendar_of(booking.account.scheme), clock.now(), session.starts_at
    )


def _earliest(booking: Booking, rules: dict[Any, SchemeRules]) -> Any:
    """The first day on which a training proposed today may start (F-22)."""
    known = rules.get((booking.account.scheme_id, booking.scheme_version_id))
    if known is None:
        return None
    return deadlines.earliest_start(known, calendar_of(booking.account.scheme), clock.now())


def _tell(request: HttpRequest, outcome: Outcome) -> None:
    if outcome.done:
        done = len(outcome.done)
        messages.success(
            request, ngettext("Done for %(n)d learner.", "Done for %(n)d learners.", done) % {"n": done}
        )
    for booking, refused in outcome.refused:
        messages.error(request, f"{forms.name_of(booking)}: {said_to_provider(refused, booking)}")


SAID: dict[str, Promise] = {
    "not_allowed": _("The booking has moved on in the meantime."),
    "too_late": _("The session starts too soon for a proposal. Offer a later session."),
    "too_early": _("It is too early for this."),
    "bad_price": _("The price is above the published one."),
    "not_bookable": _("The session does not take bookings now."),
    "not_accredited": _("You, or the training, are not accredited at the moment."),
    "incomplete": _("Something is missing: the planned hours, or the proof of completion."),
    "bad_file": _("The file is not taken: only PDF, PNG and JPEG without scripts or a password are."),
    "on_hold": _("This is stopped while something is being checked."),
    "too_many_hours": SENTENCES["too_many_hours"],
}


def said_to_provider(refused: DomainError, booking: Booking) -> str:
    """A refusal in words for a provider: the sentences of bookings speak to learners."""
    rules = booking.scheme_version.parsed if booking.scheme_version is not None else None
    return str(SAID.get(refused.code) or sentence(refused, rules=rules))
