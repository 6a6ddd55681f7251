"""Forms of people and their sign-in: the sign-in library's own, in our words."""

from __future__ import annotations

from typing import Any, cast

from allauth.account import forms as library
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts import factors

_PASSWORD_HINT = _(
    "At least 12 characters. Four words that have nothing to do with each other are easy to keep."
)


def _name_address(field: forms.Field) -> None:
    field.label = _("E-mail address")
    field.error_messages["required"] = _("Enter your e-mail address.")
    field.error_messages["invalid"] = _("Enter an e-mail address in the usual form, like name@example.org.")


def _name_password(field: forms.Field, label: Any, *, new: bool = False) -> None:
    field.label = label
    field.help_text = _PASSWORD_HINT if new else ""
    field.error_messages["required"] = _("Enter a password.") if new else _("Enter your password.")


class SignInForm(library.LoginForm):  # type: ignore[misc]
    """E-mail address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_address(self.fields["login"])
        _name_password(self.fields["password"], _("Password"))


class SignUpForm(library.SignupForm):  # type: ignore[misc]
    """An address, confirmed by mail, and a password: an ordinary sign-in, not yet anybody's learning account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_address(self.fields["email"])
        _name_password(self.fields["password1"], _("Password"), new=True)

    def try_save(self, request: HttpRequest) -> tuple[Any, HttpResponse | None]:
        if self.account_already_exists:
            # As long as a new account takes: how long the answer took tells nothing.
            make_password(self.cleaned_data["password1"])
        return cast("tuple[Any, HttpResponse | None]", super().try_save(request))


class NewAddressForm(library.AddEmailForm):  # type: ignore[misc]
    """The address that is to take the present one's place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_address(self.fields["email"])
        self.fields["email"].label = _("New e-mail address")


class ChangePasswordForm(library.ChangePasswordForm):  # type: ignore[misc]
    """The present password, and a new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        _name_password(self.fields["oldpassword"], _("Present password"))
        _name_password(self.fields["password1"], _("New password"), new=True)


class SetPasswordForm(library.SetPasswordForm):  # type: ignore[misc]
    """A first password, for whoever came with a national e-identity or a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        _name_password(self.fields["password1"], _("New password"), new=True)


class ForgottenPasswordForm(library.ResetPasswordForm):  # type: ignore[misc]
    """The address to which a link is sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_address(self.fields["email"])


class ReplacePasswordForm(library.ResetPasswordKeyForm):  # type: ignore[misc]
    """A new password, under a link from a mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        _name_password(self.fields["password1"], _("New password"), new=True)


class PasswordAgainForm(library.ReauthenticateForm):  # type: ignore[misc]
    """The password once more, before something that matters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_password(self.fields["password"], _("Your password"))


class PasswordForm(forms.Form):
    """The password once more, in place of an e-identity."""

    password = forms.CharField(
        label=_("Your password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter your password.")},
    )


# -- second factors ---------------------------------------------------------------------------------------------------


def _name_code(field: forms.Field, label: Any, hint: Any) -> None:
    field.label, field.help_text = label, hint
    field.error_messages["required"] = _("Enter a code.")
    field.widget.attrs.update(
        {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
    )


class OneTimeCode:
    """Refuses a code of an app for as long as it could count again: somebody may have looked on."""

    authenticator: Authenticator
    user: Any

    def clean_code(self) -> str:
        code = cast("str", super().clean_code())  # type: ignore[misc]
        app = self.authenticator.type == Authenticator.Type.TOTP
        if app and not factors.use_code(self.user, normalize_user_code(code)):
            raise get_adapter().validation_error("incorrect_code")
        return code


class FactorForm(OneTimeCode, AuthenticateForm):  # type: ignore[misc]
    """The app's code, or a recovery code, after the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_code(
            self.fields["code"], _("Code"), _("The six digits your app shows now, or a recovery code.")
        )


class FactorAgainForm(OneTimeCode, ReauthenticateForm):  # type: ignore[misc]
    """The same, before something that matters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_code(
            self.fields["code"], _("Code"), _("The six digits your app shows now, or a recovery code.")
        )


class AppForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new authenticator app: it proves that the app has the key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_code(self.fields["code"], _("Code"), _("The six digits your app shows for this account."))

    def clean_code(self) -> str:
        code = cast("str", super().clean_code())
        if not factors.use_code(self.user, normalize_user_code(code)):
            raise get_adapter().validation_error("incorrect_code")
        return code


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey. Each one asks its owner for a finger, a face or a PIN, so it is enough to sign in with."""

    passwordless = forms.BooleanField(initial=True, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["name"]
        name.label = _("Name of the passkey")
        name.help_text = _("By which you know it again: the device or the key it is kept on.")
        name.max_length = 60
        name.widget.attrs["maxlength"] = "60"

    def clean_name(self) -> str:
        return cast("str", super().clean_name())[:60]


class PasskeyNameForm(EditWebAuthnForm):  # type: ignore[misc]
    """Another name for a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["name"]
        name.label = _("Name of the passkey")
        name.error_messages["required"] = _("Enter a name.")
        name.widget.attrs["maxlength"] = "60"
        name.validators.append(forms.CharField(max_length=60).validators[0])


class EndSessionForm(forms.Form):
    """Which session is to end; none: all the others."""

    session = forms.IntegerField(required=False)
