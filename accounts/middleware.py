"""What stands between a request and its page: sign-in, second factor, and forms that must not be lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.usersessions.models import UserSession
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts import factors, kept_forms, sessions
from accounts.models import Identity
from accounts.services import consents
from ila.core import clock

GetResponse = Callable[[HttpRequest], HttpResponse]
View = Callable[..., HttpResponseBase]

# When a session was seen is written down this seldom: it is a hint for its owner, not a log.
SEEN_SECONDS = 300
SEEN_KEY = "seen_at"


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Sends guests to the sign-in; a form that was sent after its session had ended is kept for its sender."""

    def handle_no_permission(self, request: HttpRequest, view_func: View) -> HttpResponseRedirect:
        page = kept_forms.keep_of_expired_session(request)
        if page is not None:
            response = redirect(f"{reverse('account_login')}?{urlencode({'next': page})}")
            kept_forms.hand_over_key(request, response)
            return response
        return super().handle_no_permission(request, view_func)


class SecondFactorMiddleware:
    """Whoever works for an agency gets nowhere before the session has proved a second factor.

    Without a factor they may set one up, with one they may use it, and in both cases sign out.
    """

    SET_UP = frozenset({"mfa_activate_totp", "mfa_add_webauthn", "account_reauthenticate"})
    USE = frozenset({"mfa_reauthenticate", "mfa_reauthenticate_webauthn"})
    ALWAYS = frozenset({"second_factor", "account_logout", "set_language", "health"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: View, _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Answer instead of the view where a second factor is missing."""
        user = request.user
        # In this order: whoever has proved a factor, and every guest, costs no query.
        if not user.is_authenticated or factors.opened_with_factor(request):
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        if name in self.ALWAYS or not factors.must_use_factor(user):
            return None
        if name in (self.USE if factors.factors_of(user) else self.SET_UP):
            return None
        wanted = request.get_full_path() if request.method == "GET" else reverse("start")
        return redirect(f"{reverse('second_factor')}?{urlencode({'next': wanted})}")


class IdentityAgainMiddleware:
    """What decides over an account asks those who have an e-identity alone to prove it once more.

    The library asks again for a password or a factor; of whoever has neither it asks nothing. They go to their
    e-identity and come back. What they had typed is not sent on: the page is asked for before it is filled in.
    """

    PAGES = frozenset(
        {
            "account_email",
            "account_set_password",
            "mfa_activate_totp",
            "mfa_add_webauthn",
            "mfa_generate_recovery_codes",
            "provider_account",
            "provider_account_act",
        }
    )
    # Looked at by everybody; what it does is a POST.
    ACTS = frozenset({"usersessions_list", "mfa_edit_webauthn", "mfa_remove_webauthn"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: View, _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Answer instead of the view where the proof is too old."""
        name = request.resolver_match.url_name if request.resolver_match else None
        if name not in self.PAGES and (name not in self.ACTS or request.method != "POST"):
            return None
        user = request.user
        if not user.is_authenticated or get_reauthentication_flows(user):
            return None
        if not Identity.objects.filter(user_id=user.pk).exists():
            return None
        sign_in = sessions.sign_in_of(request)
        if sign_in is not None and consents.is_fresh(sign_in, clock.now()):
            return None
        wanted = request.path if name != "provider_account_act" else reverse("start")
        return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': wanted})}")


class SessionSeenMiddleware:
    """Notes every few minutes that a session is in use, for the list of where somebody is signed in."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(time.time())
            key, at = request.session.get(SEEN_KEY, ("", 0))
            # A new key is a new session to the library: it is noted at once.
            if now - at >= SEEN_SECONDS or key not in ("", request.session.session_key):
                UserSession.objects.create_from_request(request)
                request.session[SEEN_KEY] = (request.session.session_key, now)
        return self.get_response(request)


class KeptFormMiddleware:
    """Gives a form that was kept back, filled in, on the page it was on, to the person who filled it in."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        kept_forms.mark_person(request, response)
        return kept_forms.give_back(request, response)
