"""National e-identity: proving who one is, signing in by it, and the stand-in for it in demonstrations."""

from __future__ import annotations

from typing import cast

import structlog
from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter as get_identity_adapter
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from accounts import sessions
from accounts.forms import PasswordForm
from accounts.identity import pending, tokens, words
from accounts.identity.configuration import ProviderConfig, providers
from accounts.identity.errors import IdentityError
from accounts.identity.facts import Proved
from accounts.identity.forms import AddressForm, CodeForm
from accounts.identity.provider import IdentityClient, IdentityProvider
from accounts.identity.sign_in import keep_id_token, leaving_address, record, sign_in
from accounts.models import Citizen, IdentityClaim, User
from accounts.models.consents import Assurance
from accounts.models.identities import OPEN_STATES, STRONG_LEVELS, Level
from accounts.services import identities, sign_ins
from ila.core import clock
from ila.core.errors import DomainError

log = structlog.get_logger(__name__)

# What a provider says when the person stopped there.
_REFUSED = frozenset({"access_denied", "login_required", "consent_required", "interaction_required"})


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def confirm_identity(request: HttpRequest) -> HttpResponse:
    """Prove once more who one is: the session then counts as a strong sign-in. 404 where nothing can prove it."""
    known = providers()
    if not known and not settings.STAND_IN_IDENTITY:
        raise Http404
    target = _safe_target(request)
    form = PasswordForm(request.POST or None) if settings.STAND_IN_IDENTITY else None
    if form is not None and request.method == "POST" and form.is_valid():
        user = cast("User", request.user)
        adapter = get_adapter(request)
        try:
            proved = adapter.authenticate(request, email=user.email, password=form.cleaned_data["password"])
        except ValidationError as error:
            form.add_error("password", error)
        else:
            if proved is not None and proved.pk == user.pk:
                request.session.cycle_key()
                stand_in = sign_ins.record_sign_in(
                    user=user,
                    method="stand-in e-identity",
                    assurance=Assurance.STRONG,
                    address=adapter.get_client_ip(request),
                    device=adapter.get_http_user_agent(request),
                )
                sessions.remember(request, stand_in)
                return HttpResponseRedirect(target)
            form.add_error("password", _("This is not your password. Try again."))
    status = 200 if form is None or not form.errors else 422
    context = {
        "form": form,
        "next": target,
        "parameters": urlencode({"next": target}),
        "providers": list(known.values()),
    }
    return render(request, "account/identity.html", context, status=status)


@login_not_required
@never_cache
@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """Sign in by national e-identity: which one. Whoever is signed in proves themselves on the other page."""
    target = _safe_target(request)
    if request.user.is_authenticated:
        return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': target})}")
    known = list(providers().values())
    strong = {"strong": "1"} if request.GET.get("strong") else {}
    context = {"providers": known, "parameters": urlencode({"next": target} | strong)}
    return render(request, "account/identity_choose.html", context)


@login_not_required
@never_cache
@require_GET
def begin(request: HttpRequest, provider: str) -> HttpResponse:
    """Send the person to the provider. A link, not a form: the browser would not let a form lead away from here."""
    config = _config(provider)
    target = _safe_target(request)
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        # Nobody is sent to a sign-in by another site: it is a choice made here.
        return redirect(f"{reverse('identity_choose')}?{urlencode({'next': target})}")
    step_up = request.user.is_authenticated
    least = Level.SUBSTANTIAL if step_up or request.GET.get("strong") else Level.WEAK
    try:
        return _provider(request, provider).begin(
            request, purpose="step_up" if step_up else "sign_in", target=target, least=least
        )
    except IdentityError as error:
        return _failed(request, error, config=config, target=target)


@login_not_required
@never_cache
@sensitive_variables()
@require_GET
def callback(request: HttpRequest, provider: str) -> HttpResponse:
    """What the provider answers: used once, by the browser that asked, for whoever was signed in when it asked."""
    config = _config(provider)
    state_id = request.GET.get("state", "")
    # Taken away first: an answer that comes a second time finds nothing.
    state = statekit.unstash_state(request, provider_id=provider, state_id=state_id)
    if state is None:
        # Some providers forget the state where somebody refuses: nothing was done, and nothing is.
        code = "cancelled" if request.GET.get("error") in _REFUSED else "expired"
        return _failed(request, IdentityError(code), config=config, target=reverse("start"))
    target = state.get("next") or reverse("start")
    try:
        _check_answer(request, state, config)
        asked = tokens.Asked(nonce=state["nonce"], at=state["at"], acrs=tuple(state["acrs"]))
        client = IdentityClient(request, provider)
        proved, id_token = client.exchange(
            request.GET["code"], verifier=state["pkce_code_verifier"], asked=asked
        )
        if state["process"] == "step_up":
            return _step_up(request, proved, id_token, target)
        return _sign_in(request, proved, id_token, target)
    except IdentityError as error:
        return _failed(request, error, config=config, target=target)
    except DomainError as refusal:
        strong = refusal.code == "weak_identity"
        return _failed(request, IdentityError(refusal.code), config=config, target=target, strong=strong)


def _check_answer(request: HttpRequest, state: dict[str, object], config: ProviderConfig) -> None:
    """The answer is this provider's, for the person who is signed in, and no refusal."""
    issuer = request.GET.get("iss")
    promised = tokens.discovery(config).get("authorization_response_iss_parameter_supported") is True
    if (issuer is None and promised) or (issuer is not None and issuer != config.issuer):
        # Two providers were mixed up: the code is for another one.
        raise IdentityError("not_believed", detail="iss parameter")
    if state.get("user") != request.user.pk:
        raise IdentityError("session_changed")
    if "error" in request.GET or "code" not in request.GET:
        refused = request.GET.get("error") in _REFUSED
        raise IdentityError("cancelled" if refused else "no_answer", detail="error at the provider")


def _step_up(request: HttpRequest, proved: Proved, id_token: str, target: str) -> HttpResponse:
    user = cast("User", request.user)
    identity = identities.step_up(user=user, proved=proved)
    request.session.cycle_key()
    record(request, identity=identity, proved=proved)
    keep_id_token(request, proved.provider, id_token)
    waits = IdentityClaim.objects.filter(user=user, state__in=OPEN_STATES).exists()
    return redirect(reverse("identity_account") if waits else target)


def _sign_in(request: HttpRequest, proved: Proved, id_token: str, target: str) -> HttpResponse:
    identity = identities.find_identity(proved)
    if identity is not None:
        return sign_in(request, identity=identity, proved=proved, id_token=id_token, target=target)
    if proved.level not in STRONG_LEVELS:
        raise DomainError("weak_identity", status=403, rule="F-32")
    if proved.person is None:
        raise DomainError("incomplete", status=422, what="person")
    enrolment = pending.keep_enrolment(request, proved=proved, id_token=id_token, target=target)
    if proved.email and proved.email_verified and not identities.is_taken(proved.email):
        return _enrol(request, enrolment, proved.email)
    return redirect("identity_address")


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def address(request: HttpRequest) -> HttpResponse:
    """The e-mail address of somebody who was proved and has no sign-in yet: a code is sent to it."""
    enrolment = pending.enrolment_of(request)
    if enrolment is None:
        return redirect("identity_choose")
    form = AddressForm(request.POST or None, initial={"email": enrolment.said.email})
    if request.method == "POST" and form.is_valid():
        if enrolment.mails >= pending.MAX_MAILS:
            pending.forget_enrolment(request)
            return redirect("identity_choose")
        email = form.cleaned_data["email"]
        code = pending.new_code(enrolment, email)
        taken = identities.is_taken(email)
        if taken:
            # The same page follows: whether somebody has this address is told to its owner alone.
            enrolment.code_hash = ""
        pending.save(request, enrolment)
        template = "account/email/identity_address_taken" if taken else "account/email/identity_code"
        try:
            get_adapter(request).send_mail(template, email, {"code": code})
        except ImmediateHttpResponse as no_mail:
            return cast("HttpResponse", no_mail.response)
        return redirect("identity_code")
    status = 422 if form.errors else 200
    return render(request, "account/identity_address.html", {"form": form}, status=status)


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The code that was sent: whoever has it reads the mails of that address."""
    enrolment = pending.enrolment_of(request)
    if enrolment is None or not enrolment.email:
        return redirect("identity_choose")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        right = bool(enrolment.code_hash) and pending.fits(enrolment, form.cleaned_data["code"])
        if not enrolment.code_hash:
            enrolment.tries += 1
        pending.save(request, enrolment)
        if right:
            try:
                return _enrol(request, enrolment, enrolment.email)
            except DomainError as refusal:
                return _failed(request, IdentityError(refusal.code), config=None, target=reverse("start"))
        if enrolment.tries >= pending.MAX_TRIES:
            form.add_error("code", _("Too many wrong codes. Ask for a new one."))
        else:
            form.add_error("code", _("This code is wrong or too old. Check it, or ask for a new one."))
    status = 422 if form.errors else 200
    context = {"form": form, "email": enrolment.email}
    return render(request, "account/identity_code.html", context, status=status)


def _enrol(request: HttpRequest, enrolment: pending.Enrolment, email: str) -> HttpResponse:
    proved = enrolment.said
    try:
        identity, _settled = identities.enrol(
            proved=proved, email=email, language=get_language() or settings.LANGUAGE_CODE
        )
    except DomainError as refusal:
        if refusal.code != "address_taken":
            raise
        return redirect("identity_address")
    target = reverse("identity_account")
    return sign_in(request, identity=identity, proved=proved, id_token=enrolment.id_token, target=target)


@login_not_required
@never_cache
@require_GET
def left(request: HttpRequest) -> HttpResponse:
    """Signed out here; the session at the provider is ended from here, or has been."""
    kept = request.session.get(pending.ENDED)
    ended = kept is not None and request.GET.get("state") == kept["state"]
    if ended:
        del request.session[pending.ENDED]
    config = providers().get(kept["provider"]) if kept is not None else None
    context = {"ended": ended, "name": config.name if config else ""}
    return render(request, "account/identity_left.html", context)


@login_not_required
@never_cache
@require_GET
def leave(request: HttpRequest) -> HttpResponse:
    """On to the provider, to end the session there."""
    kept = request.session.get(pending.ENDED)
    where = leaving_address(request, kept) if kept is not None else None
    return redirect(where) if where is not None else redirect("identity_left")


@never_cache
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """How it stands with one's learning account: there, looked at by a clerk, asked about, refused, or not begun."""
    user = cast("User", request.user)
    context = {
        "citizen": Citizen.objects.filter(user=user).prefetch_related("open_facts").first(),
        "claim": IdentityClaim.objects.filter(user=user).order_by("-pk").first(),
        "can_prove": bool(providers()),
    }
    return render(request, "account/identity_account.html", context)


# -- what they share --------------------------------------------------------------------------------------------------


def _failed(
    request: HttpRequest,
    error: IdentityError,
    *,
    config: ProviderConfig | None,
    target: str,
    strong: bool = False,
) -> HttpResponse:
    """A page that says what happened, and that nothing was changed."""
    title, text, status = words.ERRORS[error.code]
    provider = config.id if config else ""
    log.warning("identity_not_proved", provider=provider, code=error.code, detail=error.detail)
    again = "confirm_identity" if request.user.is_authenticated else "identity_choose"
    parameters = {"next": target} | ({"strong": "1"} if strong else {})
    context = {
        "title": title,
        "text": text,
        "config": config,
        "strong": strong,
        "again": f"{reverse(again)}?{urlencode(parameters)}",
        "next": target,
        "at": clock.now(),
    }
    return render(request, "account/identity_failed.html", context, status=status)


def _config(provider: str) -> ProviderConfig:
    config = providers().get(provider)
    if config is None:
        raise Http404
    return config


def _provider(request: HttpRequest, name: str) -> IdentityProvider:
    try:
        found: IdentityProvider = get_identity_adapter(request).get_provider(request, name)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return found


def _safe_target(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return reverse("start")
