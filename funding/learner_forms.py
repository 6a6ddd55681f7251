"""Forms of a learner's own pages, and of those whom a learner lets look."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Part
from accounts.services.counselling import MAX_MONTHS
from catalogue.models import MicroCredential, Session
from catalogue.models.micro_credentials import CredentialState
from funding.services.suggestions import MAX_NOTE

PARTS = {
    Part.BALANCES: _("What is in my accounts, by source and last day"),
    Part.BOOKINGS: _("My bookings and how they stand"),
    Part.PATHWAY: _("What my awards add up to"),
}
MONTHS = (1, 3, 6, MAX_MONTHS)
_ENTRY = re.compile(r"^\s*(?:\S*/catalogue/)?([0-9]{1,18})/?(?:[?#]\S*)?\s*$")


class InviteForm(forms.Form):
    """Whom to let look, at what, for how long. A person of a counselling organisation, or anybody's address."""

    person = forms.ChoiceField(
        label=_("A counsellor of an organisation"),
        required=False,
        help_text=_("Choose a person here, or enter an address below."),
    )
    email = forms.EmailField(
        label=_("Or their e-mail address"),
        required=False,
        help_text=_("They sign in with this address to look. Check it letter by letter."),
        error_messages={"invalid": _("Enter an e-mail address in the usual form, like name@example.org.")},
    )
    balances = forms.BooleanField(label=PARTS[Part.BALANCES], required=False)
    bookings = forms.BooleanField(label=PARTS[Part.BOOKINGS], required=False)
    pathway = forms.BooleanField(label=PARTS[Part.PATHWAY], required=False)
    months = forms.TypedChoiceField(
        label=_("For how long?"),
        coerce=int,
        widget=forms.RadioSelect,
        choices=[
            (1, _("1 month")),
            (3, _("3 months")),
            (6, _("6 months")),
            (12, _("12 months, the longest there is")),
        ],
        error_messages={"required": _("Choose for how long they may look.")},
    )

    def __init__(self, data: Any, *, counsellors: Iterable[Membership]) -> None:
        super().__init__(data)
        self._addresses = {str(one.pk): one.user.email for one in counsellors}
        choices: list[tuple[str, Any]] = [("", _("Nobody of these"))]
        choices += [
            (str(one.pk), f"{one.organisation.name}: {one.user.display_name or one.organisation.name}")
            for one in counsellors
        ]
        cast("forms.ChoiceField", self.fields["person"]).choices = choices
        if not self._addresses:
            del self.fields["person"]
            self.fields["email"].label = _("Their e-mail address")

    @property
    def address(self) -> str:
        """The address of the person chosen, or the one entered."""
        return self._addresses.get(self.cleaned_data.get("person", "")) or self.cleaned_data["email"]

    @property
    def parts(self) -> list[str]:
        """What was ticked."""
        return [part for part in Part.values if self.cleaned_data.get(part)]

    def clean(self) -> dict[str, Any]:
        """One person and at least one part."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("person") and data.get("email"):
            self.add_error("email", _("Choose a person or enter an address, not both."))
        elif not data.get("person") and not data.get("email") and "email" not in self.errors:
            self.add_error("email", _("Say who may look: enter an e-mail address."))
        if not any(data.get(part) for part in Part.values):
            self.add_error(Part.BALANCES, _("Tick at least one thing that they may see."))
        return data


class SuggestForm(forms.Form):
    """A training of the catalogue, one of its sessions if wanted, and a few words."""

    entry = forms.CharField(
        label=_("Training"),
        max_length=500,
        help_text=_("The address of its page in the catalogue, or the number in it."),
        error_messages={"required": _("Enter the address of the training's page.")},
    )
    session = forms.ChoiceField(label=_("Which session?"), required=False, widget=forms.RadioSelect)
    note = forms.CharField(
        label=_("Why it fits"),
        required=False,
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The learner reads it. At most 500 characters."),
    )

    def clean_entry(self) -> MicroCredential:
        """The listed training that the address names."""
        named = _ENTRY.match(self.cleaned_data["entry"])
        found = named and MicroCredential.objects.filter(
            pk=int(named[1]), state=CredentialState.REGISTERED
        ).select_related("provider")
        entry = found.first() if found else None
        if entry is None:
            raise forms.ValidationError(_("There is no training in the catalogue at this address."))
        return entry

    def offer(self, sessions: Iterable[tuple[Session, Any]]) -> None:
        """Let one of these sessions be chosen."""
        rows = [("", _("No particular one")), *((str(one.pk), words) for one, words in sessions)]
        cast("forms.ChoiceField", self.fields["session"]).choices = rows


class DocumentForm(forms.Form):
    """A file that was asked for."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("PDF, PNG or JPEG, at most 10 MB, without a password."),
        allow_empty_file=True,
        error_messages={"required": _("Choose the file to hand in.")},
    )


class AskDocumentForm(forms.Form):
    """What a learner is asked for."""

    asked = forms.CharField(
        label=_("Which document do you need, and what for?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The learner reads this. Ask for no more than you need."),
        error_messages={"required": _("Say which document you need.")},
    )


class RefundAccountForm(forms.Form):
    """The learner's own bank account."""

    holder = forms.CharField(
        label=_("Name of the account's holder"),
        max_length=70,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Enter the name on the account.")},
    )
    iban = forms.CharField(
        label=_("IBAN"),
        max_length=42,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Your own account, as on your bank card or statement."),
        error_messages={"required": _("Enter the IBAN of your account.")},
    )


class CorrectionForm(forms.Form):
    """What is wrong, what it should be, and a document that shows it."""

    says = forms.CharField(
        label=_("What should it be?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say what it should be.")},
    )
    file = forms.FileField(
        label=_("A document that shows it"),
        required=False,
        allow_empty_file=True,
        help_text=_("PDF, PNG or JPEG, at most 10 MB, without a password. Only the agency reads it."),
    )


class DecideCorrectionForm(forms.Form):
    """What a case worker found."""

    outcome = forms.ChoiceField(
        label=_("What did you find?"),
        widget=forms.RadioSelect,
        choices=[
            ("correct", _("It is wrong: correct it")),
            ("refuse", _("It is right, or not shown to be wrong")),
        ],
        error_messages={"required": _("Say what you found.")},
    )
    value = forms.CharField(label=_("The correct value"), required=False, max_length=200)
    answer = forms.CharField(
        label=_("On what evidence, or why not"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The person reads it, and it is kept for good."),
        error_messages={"required": _("Say on what evidence, or why not.")},
    )

    def __init__(self, data: Any, *, answers: Sequence[tuple[str, Promise]], **kwargs: Any) -> None:
        """answers: the values that the fact may have, where they are to be chosen from."""
        super().__init__(data, **kwargs)
        if answers:
            label = self.fields["value"].label
            choices = [("", _("Choose")), *answers]
            self.fields["value"] = forms.ChoiceField(label=label, required=False, choices=choices)


class LanguageForm(forms.Form):
    """In which language mails are written, and which mails are wanted."""

    language = forms.ChoiceField(label=_("Language of your mails"))
    suggestions = forms.BooleanField(label=_("A counsellor suggests a training"), required=False)
    surveys = forms.BooleanField(label=_("Questions after a training"), required=False)

    def __init__(self, data: Any, *, languages: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        cast("forms.ChoiceField", self.fields["language"]).choices = list(languages)


class PayrollForm(forms.Form):
    """The employer, and the number by which its payroll knows the learner."""

    employer_number = forms.CharField(
        max_length=30,
        label=_("Your employer's number in the national register"),
        help_text=_("In France the SIRET: 14 digits on your pay slip."),
        error_messages={"required": _("Enter the number of your employer. It is on your pay slip.")},
    )
    number = forms.CharField(
        max_length=40,
        label=_("Your number at that employer"),
        help_text=_("The staff or payroll number on your pay slip."),
        error_messages={"required": _("Enter the number that your pay slip shows for you.")},
    )
