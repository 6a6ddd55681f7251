"""Forms of an application for accreditation, of its review, and of audits."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

import pycountry
from django import forms
from django.utils.translation import gettext_lazy as _

from catalogue import provider_words as words
from catalogue import regimes
from catalogue.classifications import checked_link
from catalogue.importing.values import folded
from catalogue.models.applications import MAX_CENTS
from ila.core.countries import country_name
from ila.core.errors import DomainError

EUROPEAN_FIRST = ("FR", "BE", "DE", "IE", "LU", "MT", "NL", "CH", "ES", "IT", "PT", "AT")


def countries() -> list[tuple[str, str]]:
    """Countries by their names in the reader's language, some first."""
    named = {one.alpha_2: country_name(one.alpha_2) for one in pycountry.countries}
    rest = sorted(
        (code for code in named if code not in EUROPEAN_FIRST), key=lambda code: folded(named[code])
    )
    return [(code, named[code]) for code in (*EUROPEAN_FIRST, *rest)]


class DayField(forms.DateField):
    """A day, by the browser's own control where it has one."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("error_messages", {"invalid": _("Give a day that there is, as 2026-12-31.")})
        super().__init__(
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            input_formats=["%Y-%m-%d", "%d/%m/%Y"],
            **kwargs,
        )


class CentsField(forms.DecimalField):
    """An amount as people write it, kept in cents."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 0)
        super().__init__(decimal_places=2, max_digits=15, localize=False, **kwargs)
        self.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = value.replace("\u202f", "").replace("\xa0", "").replace(" ", "").replace(",", ".")
        return super().to_python(value)

    def clean(self, value: Any) -> Any:
        amount = super().clean(value)
        return None if amount is None else int(amount * 100)

    def prepare_value(self, value: Any) -> Any:
        return f"{Decimal(value) / 100:.2f}" if isinstance(value, int) else value


class LineField(forms.CharField):
    """A name: one line of letters one sees."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return clean_line(text) if text else text


def clean_line(text: str) -> str:
    """One line, without characters that nobody sees. Raises: ValidationError for one without letters."""
    seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
    shown = " ".join("".join(char if char.isprintable() else " " for char in seen).split())
    if not any(char.isalpha() for char in shown):
        raise forms.ValidationError(_("Write it with letters."))
    return shown


class JoinForm(forms.Form):
    """Who wants to become a provider."""

    name = forms.CharField(
        label=_("Name of the organisation"),
        help_text=_("As it stands in the register of companies."),
        max_length=300,
        error_messages={"required": _("Enter the name of the organisation.")},
    )
    speaks = forms.BooleanField(
        label=_("I may speak for this organisation. The application will ask for proof."),
        error_messages={"required": _("Tick the box if you may speak for the organisation.")},
    )


class IdentityForm(forms.Form):
    register = forms.ChoiceField(label=_("Register that you apply for"))
    country = forms.ChoiceField(
        label=_("Country"), help_text=_("Counts where the register is this platform's own.")
    )
    number = forms.CharField(
        max_length=60,
        label=_("Registration number"),
        help_text=_(
            "In France the SIRET, 14 digits. Elsewhere the VAT number with its two letters, or another number."
        ),
    )
    legal_name = LineField(max_length=300, label=_("Legal name"))
    trade_name = LineField(
        max_length=300,
        required=False,
        label=_("Trade name"),
        help_text=_("Only if learners know you by another."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(one.code, f"{one.name}: {one.authority}") for one in regimes.registers()]
        self.fields["register"].choices = choices  # type: ignore[attr-defined]
        self.fields["country"].choices = countries()  # type: ignore[attr-defined]


class ContactForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address"))
    phone = forms.CharField(max_length=40, required=False, label=_("Telephone"))
    website = forms.CharField(max_length=500, required=False, label=_("Website"))
    turnover_cents = CentsField(
        label=_("Turnover of the last year"),
        max_value=MAX_CENTS // 100,
        help_text=_("All activities together. A new organisation gives 0."),
    )
    currency = forms.ChoiceField(
        label=_("Currency"), choices=[(code, code) for code in ("EUR", "USD", "CHF", "SGD")]
    )

    def clean_website(self) -> str:
        link = str(self.cleaned_data["website"])
        return checked(checked_link, link) if link else ""


class EstablishmentForm(forms.Form):
    name = LineField(max_length=200, required=False, label=_("Name of the place"))
    street = forms.CharField(max_length=300, label=_("Street and number"))
    postcode = forms.CharField(max_length=20, label=_("Postcode"))
    city = forms.CharField(max_length=100, label=_("Town"))
    country = forms.ChoiceField(label=_("Country"), initial="FR")
    accessible = forms.TypedChoiceField(
        required=False,
        label=_("Accessible for disabled people"),
        choices=[("", _("not specified")), ("yes", _("yes")), ("no", _("no"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = countries()  # type: ignore[attr-defined]


class PersonForm(forms.Form):
    role = forms.ChoiceField(label=_("Part"), choices=list(words.PERSON_ROLES.items()))
    full_name = LineField(max_length=200, label=_("Full name"))
    birth_date = DayField(label=_("Birth date"))
    share_percent = forms.DecimalField(
        required=False,
        max_digits=5,
        decimal_places=2,
        min_value=Decimal("0.01"),
        max_value=100,
        label=_("Share of the capital, in percent"),
        help_text=_("Needed of owners."),
    )

    def clean_birth_date(self) -> date:
        day: date = self.cleaned_data["birth_date"]
        if not date(1900, 1, 1) <= day <= date.today():  # noqa: DTZ011 - a birth date is not an instant
            raise forms.ValidationError(_("Nobody is born on that day who could direct an organisation."))
        return day

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if (
            data.get("role") == "owner"
            and data.get("share_percent") is None
            and "share_percent" not in self.errors
        ):
            self.add_error("share_percent", _("Say what share the owner holds."))
        return data


class AccountForm(forms.Form):
    holder = LineField(
        max_length=140,
        label=_("Name of the account's holder"),
        help_text=_("As the bank knows it. We ask the bank whether it is the same."),
    )
    iban = forms.CharField(max_length=42, label=_("IBAN"))


class PartnersForm(forms.Form):
    subcontracts = forms.TypedChoiceField(
        label=_("Do you work with agents or subcontractors?"),
        choices=[("yes", _("yes")), ("no", _("no"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
    )


class PartnerForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=list(words.PARTNER_KINDS.items()))
    name = LineField(max_length=300, label=_("Name"))
    number = forms.CharField(max_length=60, label=_("Registration number"))
    task = forms.CharField(max_length=500, label=_("What it does for you"))
    contract_signed_on = DayField(label=_("Written contract, signed on"))
    amount_cents = CentsField(label=_("Amount in a year"), max_value=MAX_CENTS // 100)
    passes_on = forms.TypedChoiceField(
        label=_("Does it pass the work on to others?"),
        choices=[("no", _("no")), ("yes", _("yes"))],
        coerce=lambda value: value == "yes",
    )

    def clean_number(self) -> str:
        return "".join(str(self.cleaned_data["number"]).split()).upper()

    def clean_passes_on(self) -> bool:
        if self.cleaned_data["passes_on"]:
            raise forms.ValidationError(_("A subcontractor may not pass the work on (F-35)."))
        return False

    def clean_contract_signed_on(self) -> date:
        day: date = self.cleaned_data["contract_signed_on"]
        if not date(1950, 1, 1) <= day <= date.today():  # noqa: DTZ011 - the day on a paper is not an instant
            raise forms.ValidationError(_("The contract must be signed already."))
        return day

    def values(self) -> dict[str, Any]:
        """What is kept: that nothing is passed on is a condition, not a fact."""
        return {name: value for name, value in self.cleaned_data.items() if name != "passes_on"}


class TrainerForm(forms.Form):
    full_name = LineField(max_length=200, label=_("Full name"))
    subject = forms.CharField(max_length=200, label=_("What they teach"))
    qualification = forms.CharField(max_length=300, label=_("Qualification"))
    certified = forms.BooleanField(required=False, label=_("Holds the certificate for training adults"))


class DocumentForm(forms.Form):
    kind = forms.ChoiceField(label=_("What it is"), choices=list(words.DOCUMENT_KINDS.items()))
    file = forms.FileField(
        label=_("File"),
        help_text=_("PDF, PNG or JPEG, at most 10 MB, without a password."),
        allow_empty_file=True,
    )


class DeclarationForm(forms.Form):
    true = forms.BooleanField(label=_("What I have told here is true and complete."))
    conduct = forms.BooleanField(
        label=_(
            "We never call people or write to them to sell a training, never call one free or paid by the "
            "government, give no gifts or rewards for it, and never ask for a login (F-33, S-12, S-13)."
        )
    )


class AnswerForm(forms.Form):
    answer = forms.CharField(
        max_length=5000, label=_("Your answer"), widget=forms.Textarea(attrs={"rows": 5})
    )


# -- the authority ----------------------------------------------------------------


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=2000, label=_("Reason"), widget=forms.Textarea(attrs={"rows": 4}))


class EntryActForm(ReasonForm):
    suspended_until = DayField(
        required=False,
        label=_("Last day of the suspension"),
        help_text=_("Only to suspend it. Left empty, the suspension lasts until somebody ends it."),
    )


class QuestionForm(forms.Form):
    text = forms.CharField(
        max_length=2000,
        label=_("Question to the applicant"),
        help_text=_("It is sent by mail. The term of the decision stands still until it is answered."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class RecommendForm(ReasonForm):
    recommendation = forms.ChoiceField(label=_("Recommendation"), choices=list(words.RECOMMENDATIONS.items()))
    field_order = ("recommendation", "reason")


class AccreditForm(ReasonForm):
    valid_from = DayField(label=_("Valid from"))
    valid_until = DayField(label=_("Valid until"), required=False)
    reference = forms.CharField(max_length=200, required=False, label=_("Reference"))
    conditions = forms.CharField(
        max_length=2000, required=False, label=_("Conditions"), widget=forms.Textarea(attrs={"rows": 3})
    )
    grade = forms.TypedChoiceField(
        required=False,
        label=_("Grade"),
        choices=[("", "–"), (1, "1"), (2, "2"), (3, "3")],
        coerce=int,
        empty_value=None,
    )
    field_order = ("reason", "valid_from", "valid_until", "reference", "conditions", "grade")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("valid_from"), data.get("valid_until")
        if first and last and last < first:
            self.add_error("valid_until", _("It would end before it begins."))
        return data


class PlanAuditForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=list(words.AUDIT_KINDS.items()))
    planned_on = DayField(label=_("Day"))


class RecordAuditForm(forms.Form):
    held_on = DayField(label=_("Held on"))
    outcome = forms.ChoiceField(label=_("Outcome"), choices=list(words.AUDIT_OUTCOMES.items()))
    findings = forms.CharField(
        max_length=5000, required=False, label=_("What was found"), widget=forms.Textarea(attrs={"rows": 4})
    )


def checked(check: Any, value: str) -> Any:
    """The value that the check makes of a text; its refusal becomes the field's error."""
    try:
        return check(value)
    except DomainError as error:
        raise forms.ValidationError(words.sentence(error)) from error
