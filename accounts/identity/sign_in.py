"""From a proved e-identity to a session here, and out again."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.app_settings import EmailVerificationMethod
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from accounts import sessions
from accounts.identity import pending, tokens
from accounts.identity.configuration import providers
from accounts.identity.errors import IdentityError
from accounts.identity.facts import Proved
from accounts.models import Identity, SignIn, User
from accounts.models.identities import Level
from accounts.services import identities


def sign_in(
    request: HttpRequest, *, identity: Identity, proved: Proved, id_token: str, target: str
) -> HttpResponse:
    """Open a session for the e-identity's person, as every sign-in does: a second factor of theirs is asked for."""
    user = identity.user
    pending.forget_enrolment(request)
    pending.keep_proof(request, identity=identity.pk, user=user.pk, proved=proved)
    keep_id_token(request, proved.provider, id_token)
    record_authentication(request, user, method="socialaccount", provider=proved.provider)
    login = Login(user=user, email_verification=EmailVerificationMethod.NONE, redirect_url=target)
    answer: HttpResponse = perform_login(request, login)
    return answer


def recorded(request: HttpRequest, user: User) -> SignIn | None:
    """The sign-in that a proof of this session leads to, written down; None when it was opened in another way."""
    proof = pending.take_proof(request, user.pk)
    if proof is None:
        return None
    identity = Identity.objects.filter(pk=proof.identity, user=user).first()
    if identity is None:
        return None
    said = Proved(
        provider=identity.provider,
        issuer=identity.issuer,
        subject="",
        acr=proof.acr,
        level=Level(proof.level),
        at=proof.at,
        person=None,
        email="",
        email_verified=False,
    )
    return record(request, identity=identity, proved=said)


def record(request: HttpRequest, *, identity: Identity, proved: Proved) -> SignIn:
    """Write down that this session is proved by the e-identity from now on."""
    adapter = get_adapter(request)
    proof = identities.record_proof(
        user=identity.user,
        identity=identity,
        proof=proved,
        address=adapter.get_client_ip(request),
        device=adapter.get_http_user_agent(request),
    )
    sessions.remember(request, proof.sign_in)
    return proof.sign_in


# -- signing out ------------------------------------------------------------------------------------------------------


def keep_id_token(request: HttpRequest, provider: str, id_token: str) -> None:
    """The provider asks for it when the person signs out there too."""
    request.session[pending.ID_TOKEN] = {"provider": provider, "token": id_token}


class LeavingMixin:
    """For the account adapter: whoever came by an e-identity is told how to end the session there too."""

    def logout(self, request: HttpRequest) -> None:
        """End the session, and keep in the next one only what ends that of the provider."""
        kept = request.session.get(pending.ID_TOKEN)
        super().logout(request)  # type: ignore[misc]
        if kept is not None:
            request.session[pending.ENDED] = {**kept, "state": secrets.token_urlsafe(16)}

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """The page that says so."""
        if pending.ID_TOKEN in request.session:
            return reverse("identity_left")
        return str(super().get_logout_redirect_url(request))  # type: ignore[misc]


def leaving_address(request: HttpRequest, kept: dict[str, Any]) -> str | None:
    """Where the session at the provider is ended, or None where it offers no such thing, or does not answer."""
    config = providers().get(kept["provider"])
    if config is None:
        return None
    try:
        address = tokens.discovery(config).get("end_session_endpoint")
    except IdentityError:
        return None
    if not address:
        return None
    parameters = {
        "id_token_hint": kept["token"],
        "client_id": config.client_id,
        "post_logout_redirect_uri": request.build_absolute_uri(reverse("identity_left")),
        "state": kept["state"],
    }
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"
