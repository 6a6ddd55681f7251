"""Forms of people and their sign-in."""

from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.utils.translation import gettext_lazy as _


class SignInForm(LoginForm):  # type: ignore[misc]
    """E-mail address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login, password = self.fields["login"], self.fields["password"]
        login.label, password.label = _("E-mail address"), _("Password")
        login.error_messages["required"] = _("Enter your e-mail address.")
        login.error_messages["invalid"] = _(
            "Enter an e-mail address in the usual form, like name@example.org."
        )
        password.error_messages["required"] = _("Enter your password.")
        password.help_text = ""


class PasswordForm(forms.Form):
    """The password once more."""

    password = forms.CharField(
        label=_("Your password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter your password.")},
    )
