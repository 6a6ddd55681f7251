"""A person's own sign-in: how they sign in, where they are signed in, and the second factor that some must use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.account.views import LoginView
from allauth.mfa.adapter import get_adapter as get_factor_adapter
from allauth.mfa.base.views import AuthenticateView, ReauthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from allauth.usersessions.internal.flows import sessions as library_sessions
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import factors
from accounts.forms import EndSessionForm
from accounts.identity.configuration import providers
from accounts.models import User
from accounts.services import devices


@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Address, password, passkeys, app, recovery codes and sessions, with what can be done about each."""
    user = cast("User", request.user)
    kept = list(Authenticator.objects.filter(user_id=user.pk).order_by("pk"))
    addresses = list(EmailAddress.objects.filter(user_id=user.pk))
    codes = next((each for each in kept if each.type == Authenticator.Type.RECOVERY_CODES), None)
    shown = {
        "address": next((each.email for each in addresses if each.primary), user.email),
        "pending": next((each.email for each in addresses if not each.verified), None),
        "has_password": user.has_usable_password(),
        "app": next((each for each in kept if each.type == Authenticator.Type.TOTP), None),
        "passkeys": sum(each.type == Authenticator.Type.WEBAUTHN for each in kept),
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else None,
        # The present one may not be noted yet.
        "sessions": max(1, len(_sessions_of(user))),
        "must_use_factor": factors.must_use_factor(user),
    }
    return render(request, "account/overview.html", shown)


@never_cache
@require_safe
def second_factor(request: HttpRequest) -> HttpResponse:
    """What somebody of an agency sees until the session has proved a second factor: how to set one up or use it."""
    target = request.GET.get("next") or ""
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = reverse("start")
    if factors.opened_with_factor(request) or not factors.must_use_factor(request.user):
        return redirect(target)
    kinds = {each.type for each in factors.factors_of(request.user)}
    return render(request, "account/second_factor.html", {"kinds": kinds, "next": target})


class SignInView(LoginView):  # type: ignore[misc]
    """The sign-in, with the way to a national e-identity where one is connected."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = cast("dict[str, Any]", super().get_context_data(**kwargs))
        return {**context, "has_identity": bool(providers())}


# -- using, setting up and taking away ----------------------------------------------------------------


class ShownCode:
    """Knows which factors there are; shows the present code where a demonstration stands in for telephones."""

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = cast("dict[str, Any]", super().get_context_data(**kwargs))  # type: ignore[misc]
        stage = getattr(self.request, "_login_stage", None)
        user = stage.login.user if stage is not None else self.request.user
        kinds = {each.type for each in factors.factors_of(user)}
        context["has_passkey"] = Authenticator.Type.WEBAUTHN in kinds
        if settings.STAND_IN_IDENTITY:
            context["shown_code"] = factors.present_code(user)
        return context


class UseFactorView(ShownCode, AuthenticateView):  # type: ignore[misc]
    """Asks for the second factor after the password."""


class UseFactorAgainView(ShownCode, ReauthenticateView):  # type: ignore[misc]
    """Asks for it once more, before something that matters."""

    def form_valid(self, form: Any) -> HttpResponse:
        # The session may do more from now on: whoever knew its key before knows it no more.
        self.request.session.cycle_key()
        return cast("HttpResponse", super().form_valid(form))


class UsePasskeyAgainView(ReauthenticateWebAuthnView):  # type: ignore[misc]
    """The same with a passkey."""

    def form_valid(self, form: Any) -> HttpResponse:
        self.request.session.cycle_key()
        return cast("HttpResponse", super().form_valid(form))


class ActivateAppView(ActivateTOTPView):  # type: ignore[misc]
    """Sets up an authenticator app; its first code proves the session's second factor as well."""

    def form_valid(self, form: Any) -> HttpResponse:
        response = cast("HttpResponse", super().form_valid(form))
        self.request.session.cycle_key()
        app = Authenticator.objects.get(user_id=self.request.user.pk, type=Authenticator.Type.TOTP)
        record_authentication(self.request, self.request.user, "mfa", id=app.pk, type=app.type)
        return response


class AddPasskeyView(AddWebAuthnView):  # type: ignore[misc]
    """Adds a passkey, which proves the session's second factor as well: its owner has just used it."""

    def form_valid(self, form: Any) -> HttpResponse:
        response = cast("HttpResponse", super().form_valid(form))
        self.request.session.cycle_key()
        newest = factors.factors_of(self.request.user)[-1]
        record_authentication(self.request, self.request.user, "mfa", id=newest.pk, type=newest.type)
        return response


class RemovePasskeyView(RemoveWebAuthnView):  # type: ignore[misc]
    """Takes a passkey away, unless it is the last factor of somebody who must have one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        can = get_factor_adapter().can_delete_authenticator(self.object)
        return {**super().get_context_data(**kwargs), "can_delete": can, "name": self.object.wrap().name}

    def form_valid(self, form: Any) -> HttpResponse:
        adapter = get_factor_adapter()
        if not adapter.can_delete_authenticator(self.object):
            form.add_error(
                None, cast("ValidationError", adapter.validation_error("cannot_delete_authenticator"))
            )
            return cast("HttpResponse", self.render_to_response(self.get_context_data(form=form), status=409))
        return cast("HttpResponse", super().form_valid(form))


# -- sessions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A session in words."""

    session: UserSession
    device: str
    current: bool


@never_cache
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator] # the library has no types
def sessions(request: HttpRequest) -> HttpResponse:
    """Where somebody is signed in; a POST ends one of the sessions, or all but the present one."""
    user = cast("User", request.user)
    rows = _sessions_of(user)
    if not any(_is_current(request, each) for each in rows):
        UserSession.objects.create_from_request(request)
        rows = _sessions_of(user)
    form = EndSessionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not form.is_valid():
            raise Http404
        chosen = form.cleaned_data["session"]
        ended = [each for each in rows if not _is_current(request, each) and chosen in (None, each.pk)]
        if chosen is not None and not ended:
            raise Http404
        library_sessions.end_sessions(request, ended)
        messages.success(request, _("You are signed out there."))
        return redirect("usersessions_list")
    shown = [
        Row(
            session=each,
            device=devices.said(devices.in_words(each.user_agent)),
            current=_is_current(request, each),
        )
        for each in rows
    ]
    shown.sort(key=lambda row: (not row.current, -row.session.last_seen_at.timestamp()))
    return render(request, "usersessions/list.html", {"rows": shown})


def _is_current(request: HttpRequest, session: UserSession) -> bool:
    return bool(session.session_key == request.session.session_key)


def _sessions_of(user: User) -> list[UserSession]:
    """Those that are still open: the list of sessions is the library's, whether one is open is Django's."""
    open_ones = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return list(UserSession.objects.filter(user_id=user.pk, session_key__in=open_ones).order_by("pk"))
