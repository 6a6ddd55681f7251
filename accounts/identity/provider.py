"""The sign-in library's OpenID Connect client, with what it leaves out: nonce, assurance, signed userinfo."""

from __future__ import annotations

import secrets
from typing import Any, cast

import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from allauth.utils import build_absolute_uri
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from accounts.identity import facts, tokens
from accounts.identity.configuration import ProviderConfig, providers
from accounts.identity.errors import IdentityError
from accounts.identity.facts import Proved
from accounts.identity.fetching import ProviderSession
from accounts.models.identities import Level
from ila.core import clock

ENGINE = "openid_connect"


class IdentityAccounts(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Providers come from the configuration alone, and are spoken to within limits. Nobody is signed up by this way."""

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> IdentityProvider:
        return IdentityProvider(request, app=self.get_app(request, provider, client_id))

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:  # noqa: ARG002
        config = providers().get(provider)
        if config is None:
            raise SocialApp.DoesNotExist
        return _app(config)

    def list_apps(
        self,
        request: HttpRequest,  # noqa: ARG002
        provider: Any = None,
        client_id: Any = None,  # noqa: ARG002
    ) -> list[SocialApp]:
        return [_app(config) for name, config in providers().items() if provider in (None, name)]

    def list_providers(self, request: HttpRequest) -> list[Any]:
        return [IdentityProvider(request, app=app) for app in self.list_apps(request)]

    def get_requests_session(self) -> requests.Session:
        return ProviderSession()

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002
        return False


def _app(config: ProviderConfig) -> SocialApp:
    """The provider as the library knows it, never stored."""
    return SocialApp(
        provider=ENGINE,
        provider_id=config.id,
        name=config.name,
        client_id=config.client_id,
        secret=config.secret,
        settings={
            "server_url": config.discovery_address,
            "oauth_pkce_enabled": True,
            "token_auth_method": config.token_auth_method,
            "scope": list(config.scope),
        },
    )


class IdentityClient(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One exchange with a provider, whose answer is believed only as far as it is signed."""

    @property
    def config(self) -> ProviderConfig:
        return providers()[self.provider_id]

    @property
    def openid_config(self) -> dict[str, Any]:
        return tokens.discovery(self.config)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:  # noqa: ARG002
        # Each provider has an address of its own: the answer of one can never pass for that of another.
        return cast(
            "str",
            build_absolute_uri(request, reverse("identity_callback", kwargs={"provider": self.provider_id})),
        )

    def exchange(self, code: str, *, verifier: str, asked: tokens.Asked) -> tuple[Proved, str]:
        """What the code stands for, and the id token it came in.

        Raises: IdentityError.
        """
        app = self.get_provider().app
        client = self.get_client(self.request, app)
        try:
            answer = client.get_access_token(code, pkce_code_verifier=verifier)
            token: SocialToken = self.parse_token(answer)
        except (OAuth2Error, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            # A code that was used before, or is not ours: the provider will not have it.
            raise IdentityError("not_believed", detail="code refused") from error
        id_token = answer.get("id_token")
        claims = tokens.verify_id_token(id_token, config=self.config, asked=asked)
        return self._proved(claims, access_token=token.token), str(id_token)

    def _proved(self, claims: dict[str, Any], *, access_token: str) -> Proved:
        config, told = self.config, dict(claims)
        if config.userinfo and "userinfo_endpoint" in self.openid_config:
            headers = {
                "Authorization": f"Bearer {access_token}",
                "Accept": "application/json, application/jwt",
            }
            with ProviderSession() as session:
                answer = session.get(self.profile_url, headers=headers)
            told |= tokens.verify_userinfo(answer, config=config, subject=claims["sub"])
        email = told.get(config.claims.email)
        return Proved(
            provider=config.id,
            issuer=config.issuer,
            subject=claims["sub"],
            acr=claims["acr"],
            level=config.levels[claims["acr"]],
            at=float(claims.get("auth_time") or claims["iat"]),
            person=facts.person_of(told, config=config),
            email=email.strip()[:254] if isinstance(email, str) else "",
            email_verified=facts.email_is_proved(told, config),
        )


class IdentityProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """A provider of the configuration."""

    oauth2_adapter_class = IdentityClient
    pkce_enabled_default = True

    def begin(self, request: HttpRequest, *, purpose: str, target: str, least: Level) -> HttpResponseRedirect:
        """Send the person to the provider, to sign in there anew.

        purpose: `step_up` or `sign_in`. target: where they go on to here. least: the level that is asked.
        Raises: IdentityError.
        """
        config, nonce = self.config, secrets.token_urlsafe(32)
        acrs = config.acr_values(least)
        if not acrs:
            raise IdentityError("too_weak", detail="none configured")
        parameters = {"nonce": nonce, "acr_values": " ".join(acrs), "prompt": "login"}
        if config.freshness == "auth_time":
            parameters["max_age"] = "0"
        return cast(
            "HttpResponseRedirect",
            self.redirect(
                request,
                process=purpose,
                next_url=target,
                auth_params=parameters,
                nonce=nonce,
                acrs=acrs,
                at=clock.now().timestamp(),
                user=request.user.pk,
            ),
        )

    @property
    def config(self) -> ProviderConfig:
        return providers()[self.app.provider_id]
