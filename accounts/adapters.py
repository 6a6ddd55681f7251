"""How the sign-in library behaves here."""

from __future__ import annotations

from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts import sessions
from accounts.models import User
from accounts.models.consents import Assurance
from accounts.services import sign_ins


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody opens an account for themselves yet, services never sign in, and each sign-in is recorded."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _(
            "This e-mail address and this password do not belong together. Check both."
        ),
        "too_many_login_attempts": _(
            "Too many failed attempts to sign in. Wait a few minutes, then try again."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - the library's signature
        return False

    def pre_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse | None:
        if cast("User", user).is_service:
            return cast("HttpResponse", self.respond_user_inactive(request, user))
        return cast("HttpResponse | None", super().pre_login(request, user, **kwargs))

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        # A password proves no more than that somebody knows it: an ordinary sign-in (F-32).
        sign_in = sign_ins.record_sign_in(
            user=cast("User", user),
            method="password",
            assurance=Assurance.WEAK,
            address=self.get_client_ip(request),
            device=self.get_http_user_agent(request),
        )
        sessions.remember(request, sign_in)
        return cast("HttpResponse", super().post_login(request, user, **kwargs))

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing of signing in and out: the next page shows it."""
