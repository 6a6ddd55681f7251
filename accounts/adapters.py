"""How the sign-in library behaves here."""

from __future__ import annotations

from typing import Any, cast

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.mail import EmailMultiAlternatives
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from qrcode.image.svg import SvgPathImage
from qrcode.main import QRCode

from accounts import factors, sessions
from accounts.identity.sign_in import LeavingMixin, recorded
from accounts.models import User
from accounts.models.consents import Assurance
from accounts.services import devices, sign_ins

log = structlog.get_logger(__name__)

# The next page shows it anyway.
_UNSAID = {
    "account/messages/logged_in.txt",
    "account/messages/logged_out.txt",
    "mfa/messages/recovery_codes_generated.txt",
}


class AccountAdapter(LeavingMixin, DefaultAccountAdapter):  # type: ignore[misc]
    """Services never sign in, each sign-in is recorded, and mails are ours, in the reader's language."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _(
            "This e-mail address and this password do not belong together. Check both."
        ),
        "too_many_login_attempts": _(
            "Too many failed attempts to sign in. Wait a few minutes, then try again."
        ),
        "enter_current_password": _("This is not your password. Try again."),
        "incorrect_password": _("This is not your password. Try again."),
        "duplicate_email": _("This is your address already."),
        "rate_limited": _("Too many attempts. Wait a few minutes, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - the library's signature
        return True

    def is_safe_url(self, url: str | None) -> bool:
        # This host and no other, whatever other names the installation answers to.
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: BaseForm, commit: bool = True
    ) -> AbstractBaseUser:
        # A sign-in alone: which citizen it belongs to is for an e-identity or a clerk to say.
        cast("User", user).language = translation.get_language() or settings.LANGUAGE_CODE
        return cast("AbstractBaseUser", super().save_user(request, user, form, commit))

    def pre_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse | None:
        if cast("User", user).is_service:
            return cast("HttpResponse", self.respond_user_inactive(request, user))
        return cast("HttpResponse | None", super().pre_login(request, user, **kwargs))

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        # A national e-identity says itself how surely it proved the person.
        if recorded(request, cast("User", user)) is not None:
            return cast("HttpResponse", super().post_login(request, user, **kwargs))
        # Passwords, passkeys and apps prove that somebody has them, not which citizen it is: ordinary (F-32).
        sign_in = sign_ins.record_sign_in(
            user=cast("User", user),
            method=factors.method_of(request, user),
            assurance=Assurance.WEAK,
            address=self.get_client_ip(request),
            device=self.get_http_user_agent(request),
        )
        sessions.remember(request, sign_in)
        return cast("HttpResponse", super().post_login(request, user, **kwargs))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002
        return reverse("mfa_index")

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        if self.request.user.is_authenticated:
            return reverse("mfa_index")
        return cast("str", super().get_email_verification_redirect_url(email_address))

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Say what was done, unless the next page shows it."""
        anonymous = not request.user.is_authenticated
        if message_template in _UNSAID or (
            anonymous and message_template == "account/messages/email_confirmation_sent.txt"
        ):
            return
        super().add_message(request, level, message_template, message_context, extra_tags, message)

    # -- mails -----------------------------------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one of our mails about an account, in the reader's language. A 503 when no mail can be sent now."""
        user = context.get("user")
        language = user.language if isinstance(user, User) else translation.get_language()
        with translation.override(language):
            mail = self.render_mail(template_prefix, email, {**context, "email": email})
        try:
            mail.send()
        except OSError as error:
            log.warning("account_mail_not_sent", mail=template_prefix, error=type(error).__name__)
            raise ImmediateHttpResponse(render(self.request, "account/no_mail.html", status=503)) from error

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        """Text and HTML of one template, whose first line is the subject."""
        to = [email] if isinstance(email, str) else email
        whole = render_to_string(f"{template_prefix}.txt", {**context, "site": settings.SITE_ADDRESS})
        subject, _newline, body = whole.partition("\n")
        subject, body = subject.strip(), body.strip()
        mail = EmailMultiAlternatives(subject, f"{body}\n", self.get_from_email(), to, headers=headers)
        html = render_to_string("email/frame.html", {**context, "subject": subject, "body": body})
        mail.attach_alternative(html, "text/html")
        return mail

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell somebody what was done to their account. What is done stays done when no mail can be sent."""
        try:
            super().send_notification_mail(template_prefix, user, {**(context or {}), "user": user}, email)
        except ImmediateHttpResponse:
            log.warning("account_notice_not_sent", mail=template_prefix, user=user.pk)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:  # noqa: ARG002
        return settings.SITE_ADDRESS + reverse("account_confirm_email", args=[emailconfirmation.key])

    def get_reset_password_from_key_url(self, key: str) -> str:
        # The library gives user and key as one; the address is the one configured, whatever host was asked.
        uid, _dash, rest = key.partition("-")
        return settings.SITE_ADDRESS + reverse(
            "account_reset_password_from_key", kwargs={"uidb36": uid, "key": rest}
        )


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors: their secrets are encrypted, and whoever must have one cannot take the last away."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This code is wrong, too old or used already. Wait for the next one."),
        "cannot_delete_authenticator": _(
            "Your work for the agency needs a second factor. Set up another one before you take this one away."
        ),
        "unverified_email": _(
            "Confirm your e-mail address first: a message with a link is on its way to it."
        ),
        "cannot_generate_recovery_codes": _(
            "Set up an app or a passkey first: recovery codes stand in for them."
        ),
    }

    def encrypt(self, text: str) -> str:
        return factors.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return factors.unseal(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = [each for each in factors.factors_of(authenticator.user) if each.pk != authenticator.pk]
        return bool(others) or not factors.must_use_factor(authenticator.user)

    def build_totp_svg(self, url: str) -> SafeString:
        """The QR code as a picture that stands in the page: without colours of its own, without a declaration."""
        code = QRCode(image_factory=SvgPathImage, border=2)
        code.add_data(url)
        picture: str = code.make_image().to_string(encoding="unicode")
        return mark_safe(picture)  # noqa: S308 - drawn here, of squares only

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002, ARG002
        return devices.said(devices.in_words(context.request.headers.get("User-Agent", "")))
