"""Pages on which a provider describes its micro-credentials, prices them and plans their sessions."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from catalogue import change_forms, described, entry_forms, permissions
from catalogue import provider_words as words
from catalogue.models import EntryDescription, EntryVersion, MicroCredential, Provider, Session
from catalogue.registers import last_second_of_day, start_of_day
from catalogue.selectors import bookability
from catalogue.selectors import completeness as selected
from catalogue.services import entry_drafts, entry_places, entry_versions, sessions
from ila.core.errors import DomainError

SESSIONS = 25
# What ends bookings is asked first, on the session's own page: it says how many learners lose their place.
ACTS = {"guarantee": sessions.guarantee_session}
ASKED_FIRST = "cancel"
LISTS = ("skills", "formacodes")


@never_cache
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, provider: int) -> HttpResponse:
    """Begin an entry."""
    owner = Provider.objects.filter(pk=provider).first()
    user = cast("User", request.user)
    if (
        owner is None
        or owner.organisation is None
        or not permissions.acts_for_organisation(owner.organisation, user)
    ):
        raise Http404
    form = entry_forms.NewEntryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        entry = entry_drafts.create_entry(actor=user, provider=owner, title=data["title"], kind=data["kind"])
        return redirect("provider_entry_step", entry.pk, "outcomes")
    context = {"form": form, "provider": owner}
    return render(request, "catalogue/provider/new_entry.html", context, status=422 if form.errors else 200)


@never_cache
@require_GET
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One entry: its steps, how complete it is, what may not be said, its price and sessions."""
    return _page(request, _mine(request, pk))


@never_cache
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, pk: int, step: str) -> HttpResponse:
    """One step of an entry: kept, and on to the next."""
    one = _mine(request, pk)
    if step not in entry_forms.FORMS:
        raise Http404
    if one.state not in ("draft", "registered"):
        return redirect("provider_entry", one.pk)
    description = selected.description_of(one)
    listed = one.state == "registered"
    settled = {"price_cents"} if listed else set()
    initial = _initial(one, description, step)
    form = entry_forms.FORMS[step](request.POST or None, initial=initial)
    for name in settled & set(form.fields):
        form.fields[name].disabled = True
    if request.method == "POST" and form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name not in settled}
        try:
            entry_drafts.save_entry(actor=cast("User", request.user), entry_id=one.pk, values=values)
        except DomainError as refusal:
            form.add_error(None, words.sentence(refusal))
        else:
            if listed and set(values) & entry_versions.SETTLED and _version(one) is not None:
                messages.info(request, _("The agency looks at it first. Until then it is listed as it was."))
            return _next(one, step)
    names = list(entry_forms.FORMS)
    context = {
        "entry": one,
        "form": form,
        "step": step,
        "title": words.ENTRY_STEPS[step],
        "number": names.index(step) + 1,
        "of": len(names),
        "settled": bool(settled & set(form.fields)),
        "versioned": [
            words.ELEMENTS[name] for name in form.fields if listed and name in entry_versions.SETTLED
        ],
    }
    return render(request, "catalogue/provider/entry_step.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
def submit(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the registration of an entry."""
    one = _mine(request, pk)
    actor = cast("User", request.user)
    form = entry_forms.ClaimsForm(request.POST)
    try:
        if form.is_valid() and "claims_reason" in request.POST:
            entry_drafts.save_entry(actor=actor, entry_id=one.pk, values=form.cleaned_data)
        entry_drafts.submit_entry(actor=actor, entry_id=one.pk)
    except DomainError as refusal:
        target = "claims" if refusal.code == "forbidden_claim" else "submit"
        return _page(request, _mine(request, pk), error=words.sentence(refusal), target=target)
    messages.success(request, _("It is submitted. The agency registers it, or tells you what to change."))
    return redirect("provider_entry", one.pk)


@never_cache
@require_POST
def price(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask another price of those who book from now on."""
    one = _mine(request, pk)
    form = entry_forms.PriceForm(request.POST)
    if not form.is_valid():
        return _page(request, one, price_form=form)
    data = form.cleaned_data
    try:
        change = entry_drafts.change_price(
            actor=cast("User", request.user),
            entry_id=one.pk,
            price_cents=data["price_cents"],
            reason=data["reason"],
        )
    except DomainError as refusal:
        form.add_error("price_cents", words.sentence(refusal))
        return _page(request, _mine(request, pk), price_form=form)
    if change.waits:
        messages.info(request, _("The price rises by more than the limit: the agency looks at it first."))
    else:
        messages.success(request, _("The price holds for whoever books from now on."))
    return redirect("provider_entry", one.pk)


@never_cache
@require_POST
def add_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan a session of a registered entry, open to bookings at once."""
    one = _mine(request, pk)
    if one.state != "registered" or one.price_cents is None:
        raise Http404
    form = _session_form(one, request.POST)
    if not form.is_valid():
        return _page(request, one, session_form=form)
    data = form.cleaned_data
    zone = one.provider.time_zone
    starts: date = data["starts_on"]
    sessions.create_session(
        actor=cast("User", request.user),
        micro_credential=one,
        external_id=entry_drafts.next_session_id(one),
        price_cents=one.price_cents,
        currency=one.currency,
        starts_at=start_of_day(starts, zone),
        ends_at=last_second_of_day(data["ends_on"], zone),
        seats=data["seats"],
        offer=selected.offers_of(one).filter(pk=data["place"]).first()
        if data.get("place")
        else selected.offer_of(one),
    )
    messages.success(request, _("The session is open to bookings."))
    return redirect("provider_entry", one.pk)


@never_cache
@require_POST
def add_place(request: HttpRequest, pk: int) -> HttpResponse:
    """Teach it at one more place."""
    one = _mine(request, pk)
    form = change_forms.PlaceForm(request.POST, auto_id="place_%s")
    if not form.is_valid():
        return _page(request, one, place_form=form)
    try:
        entry_places.add_place(actor=cast("User", request.user), entry_id=one.pk, **form.cleaned_data)
    except DomainError as refusal:
        form.add_error(None, words.sentence(refusal))
        return _page(request, one, place_form=form)
    messages.success(request, _("The place is added."))
    return redirect("provider_entry", one.pk)


@never_cache
@require_POST
def remove_place(request: HttpRequest, pk: int, offer: int) -> HttpResponse:
    """Teach it there no longer."""
    one = _mine(request, pk)
    try:
        entry_places.remove_place(actor=cast("User", request.user), entry_id=one.pk, offer_id=offer)
    except DomainError as refusal:
        if refusal.code == "not_found":
            raise Http404 from refusal
        messages.info(request, words.sentence(refusal))
    else:
        messages.success(request, _("It is taken back."))
    return redirect("provider_entry", one.pk)


@never_cache
@require_POST
def withdraw_version(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what waits for the agency."""
    one = _mine(request, pk)
    try:
        entry_versions.take_back_version(actor=cast("User", request.user), entry_id=one.pk)
    except DomainError as refusal:
        messages.info(request, words.sentence(refusal))
    else:
        messages.success(request, _("It is taken back."))
    return redirect("provider_entry", one.pk)


@never_cache
@require_POST
def session_act(request: HttpRequest, pk: int, session: int, act: str) -> HttpResponse:
    """Guarantee a session. Cancelling one changes nothing here: it leads to the page that asks first."""
    one = _mine(request, pk)
    found = Session.objects.filter(micro_credential=one, pk=session).first()
    if found is None or act not in (*ACTS, ASKED_FIRST):
        raise Http404
    if act == ASKED_FIRST:
        return redirect("provider_session_move", found.pk, act)
    try:
        ACTS[act](actor=cast("User", request.user), session_id=found.pk)
    except DomainError as refusal:
        messages.info(request, words.sentence(refusal))
    else:
        messages.success(request, _("It is done."))
    return redirect("provider_entry", one.pk)


def _mine(request: HttpRequest, pk: int) -> MicroCredential:
    """The entry, if the visitor acts for its provider. Raises: Http404 for everybody else."""
    one = (
        MicroCredential.objects.select_related("provider__organisation", "description").filter(pk=pk).first()
    )
    if (
        one is None
        or one.provider.organisation is None
        or not permissions.acts_for_organisation(one.provider.organisation, cast("User", request.user))
    ):
        raise Http404
    return one


def _version(one: MicroCredential) -> EntryVersion | None:
    """What waits for the agency, if anything does."""
    return one.versions.filter(applied_at__isnull=True, ended_at__isnull=True).first()


def _session_form(one: MicroCredential, data: Any = None) -> entry_forms.SessionForm:
    places = change_forms.place_choices(list(selected.offers_of(one)))
    return entry_forms.SessionForm(data, today=bookability.today_at(one.provider), places=places)


def _next(one: MicroCredential, step: str) -> HttpResponse:
    names = list(entry_forms.FORMS)
    place = names.index(step) + 1
    if one.state == "registered" or place == len(names):
        return redirect("provider_entry", one.pk)
    return redirect("provider_entry_step", one.pk, names[place])


def _initial(one: MicroCredential, description: EntryDescription, step: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    offer = selected.offer_of(one)
    waiting = _version(one)
    versioned = waiting.values if waiting is not None else {}
    for name in entry_forms.FORMS[step]().fields:
        if name in entry_drafts.PLACE:
            made[name] = getattr(offer, name) if offer is not None else ""
            continue
        value = versioned[name] if name in versioned else selected.value_of(one, description, name)
        if name in LISTS and value:
            value = ("\n" if name == "skills" else ", ").join(value)
        made[name] = "" if value is None else str(value) if isinstance(value, bool) else value
    return made


def _page(
    request: HttpRequest,
    one: MicroCredential,
    *,
    error: str = "",
    target: str = "",
    price_form: Form | None = None,
    session_form: Form | None = None,
    place_form: Form | None = None,
) -> HttpResponse:
    description = selected.description_of(one)
    told = selected.completeness(one, description)
    claims = selected.claims_of(one, description)
    version = _version(one)
    listed = (
        Session.objects.filter(micro_credential=one)
        .select_related("seats", "offer")
        .order_by("-starts_at", "-pk")
    )
    page = Paginator(listed, SESSIONS).get_page(request.GET.get("page"))
    context = {
        "entry": one,
        "description": description,
        "state_label": words.word(words.ENTRY_STATES, one.state),
        "told": told,
        "steps": [
            {"name": name, "label": label, "told": told.of_step(name)}
            for name, label in words.ENTRY_STEPS.items()
        ],
        "missing": [(each.step, words.ELEMENTS[each.name]) for each in told.missing],
        "untold": [(each.step, words.ELEMENTS[each.name]) for each in told.untold],
        "claims": [(words.ELEMENTS[name], claim, words.CLAIMS[claim.name]) for name, claim in claims],
        "claims_form": entry_forms.ClaimsForm(initial={"claims_reason": description.claims_reason}),
        "prices": list(one.price_changes.select_related("asked_by").order_by("-asked_at", "-pk")[:20]),
        "price_form": price_form or entry_forms.PriceForm(),
        "session_form": session_form or _session_form(one),
        "places": list(selected.offers_of(one)),
        "place_form": place_form or change_forms.PlaceForm(auto_id="place_%s"),
        "version": version,
        "changes": described.changes_of(one, version) if version is not None else [],
        "page": page,
        "sessions": [(each, words.word(words.SESSION_STATES, each.state)) for each in page],
        "zone": one.provider.time_zone,
        "error": error,
        "error_target": target,
        "form": session_form or price_form or place_form,
    }
    wrong = bool(error or price_form or session_form or place_form)
    return render(request, "catalogue/provider/entry.html", context, status=422 if wrong else 200)
