"""Forms of e-identities and their claims."""

from django import forms
from django.utils.translation import gettext_lazy as _


class AddressForm(forms.Form):
    """Where one is written to."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("We send you a code, and later what happens on your account."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": _("Enter your e-mail address."),
            "invalid": _("Enter an e-mail address in the usual form, like name@example.org."),
        },
    )


class CodeForm(forms.Form):
    """Six digits out of a mail, with or without spaces."""

    code = forms.CharField(
        label=_("The code"),
        max_length=20,
        help_text=_("Six digits. It is valid for 15 minutes."),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        error_messages={"required": _("Enter the code.")},
    )

    def clean_code(self) -> str:
        """The digits alone."""
        return "".join(str(self.cleaned_data["code"]).split())


class AnswerForm(forms.Form):
    """What a person answers a clerk."""

    answer = forms.CharField(
        label=_("Your answer"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={
            "required": _("Write an answer."),
            "max_length": _("Write an answer of at most 2,000 characters."),
        },
    )


class DecisionForm(forms.Form):
    """What a clerk decides, on what grounds."""

    reason = forms.CharField(
        label=_("Reason or question"),
        help_text=_(
            "At most 500 characters. The person reads it where you ask or refuse: say nothing of other people."
        ),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={
            "required": _("Say why, in at most 500 characters."),
            "max_length": _("Say why, in at most 500 characters."),
        },
    )
    birth_date = forms.DateField(
        label=_("Birth date that was established"),
        help_text=_(
            "Only for a new account, when the identity service does not know the whole date: 1980-02-28."
        ),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Write the date as year-month-day, like 1980-02-28.")},
    )
