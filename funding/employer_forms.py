"""Forms of employers, of who verifies them, and of what arrives from them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.services.employers import COUNTRIES
from catalogue import words as catalogue_words
from catalogue.models import CredentialState, MicroCredential
from funding import employer_words
from funding.models import Scheme, SchemeVersion
from funding.scheme_choice import SchemeField
from funding.schemes import earmarks

ROWS = 5


class RegisterForm(forms.Form):
    """What an organisation says of itself."""

    name = forms.CharField(max_length=300, label=_("Name of the organisation"))
    country = forms.ChoiceField(label=_("Country"), choices=[(each, each) for each in COUNTRIES])
    number = forms.CharField(
        max_length=30,
        label=_("National number"),
        help_text=_("In France the SIRET, 14 digits; elsewhere the VAT number."),
    )
    contact_name = forms.CharField(max_length=150, label=_("Who we may ask"))
    contact_email = forms.EmailField(label=_("Their e-mail address"))


class TermsForm(forms.Form):
    """What an order is under: scheme, why, what alone it may pay, until when."""

    scheme = SchemeField(label=_("Scheme"))
    kind = forms.ChoiceField(label=_("Kind"), choices=list(employer_words.KINDS.items()))
    field = forms.ChoiceField(
        required=False,
        label=_("Only for a field of study"),
        choices=[("", _("Any field")), *catalogue_words.FIELDS.items()],
    )
    entry = forms.IntegerField(
        required=False,
        min_value=1,
        label=_("Only for one training"),
        help_text=_("The number in the address of its page in the catalogue. Leave it empty for any."),
    )
    ends_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        label=_("Last day of use"),
        help_text=_("What is unspent after it is yours again. Leave it empty for no end."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scheme: Any = self.fields["scheme"]
        scheme.offer(schemes_with_top_ups())
        # Where there are several, none is ordered in because it comes first.
        scheme.empty_label = None if scheme.queryset.count() == 1 else _("Choose a scheme")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("field") and values.get("entry"):
            self.add_error("entry", _("Choose a field or one training, not both."))
        entry = values.get("entry")
        if entry and not MicroCredential.objects.filter(pk=entry, state=CredentialState.REGISTERED).exists():
            self.add_error("entry", _("There is no training with that number in the catalogue."))
        return values

    @property
    def earmark(self) -> str:
        """What the money may pay for alone; empty for anything."""
        if self.cleaned_data.get("field"):
            return earmarks.of_field(self.cleaned_data["field"])
        return earmarks.of_entry(self.cleaned_data["entry"]) if self.cleaned_data.get("entry") else ""


class RowsForm(TermsForm):
    """A few employees, typed in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(1, ROWS + 1):
            self.fields[f"reference_{number}"] = forms.CharField(
                required=False,
                max_length=30,
                label=_("Reference of employee %(number)s") % {"number": number},
            )
            self.fields[f"amount_{number}"] = forms.DecimalField(
                required=False,
                min_value=Decimal("0.01"),
                max_digits=9,
                decimal_places=2,
                label=_("Amount for employee %(number)s") % {"number": number},
            )

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """The rows' fields."""
        return [(self[f"reference_{n}"], self[f"amount_{n}"]) for n in range(1, ROWS + 1)]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """References and amounts that were filled in."""
        values = self.cleaned_data
        both = [(values.get(f"reference_{n}"), values.get(f"amount_{n}")) for n in range(1, ROWS + 1)]
        return [(reference or "", str(amount)) for reference, amount in both if reference or amount]

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        for number in range(1, ROWS + 1):
            reference, amount = values.get(f"reference_{number}"), values.get(f"amount_{number}")
            if reference and amount is None and f"amount_{number}" not in self.errors:
                self.add_error(f"amount_{number}", _("Enter an amount, like 300.00."))
            if amount is not None and not reference:
                self.add_error(f"reference_{number}", _("Enter the reference that the employee gave you."))
        if not self.rows and not any(each.errors for pair in self.pairs for each in pair):
            self.add_error("reference_1", _("Enter the reference that the employee gave you."))
        return values


class ListForm(TermsForm):
    """Many employees, in a file."""

    file = forms.FileField(
        label=_("List of employees (CSV or XLSX)"),
        help_text=_(
            "Columns reference and amount; or payroll_number, birth_date (as 1990-02-03) and amount. "
            "At most 200,000 rows and 20 MB."
        ),
        error_messages={"required": _("Choose a file.")},
    )


class RefundForm(forms.Form):
    """Where money goes back to."""

    iban = forms.CharField(max_length=42, label=_("IBAN of your organisation"))


class DecisionForm(forms.Form):
    """Why something was decided."""

    reason = forms.CharField(
        required=False,
        max_length=500,
        label=_("Reason"),
        help_text=_("Needed for a refusal and for closing; the employer reads it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SettleForm(forms.Form):
    """What becomes of a transfer that nobody could place."""

    reference = forms.CharField(
        required=False,
        max_length=40,
        label=_("Reference of the order, or of the learner's own part, that it is for"),
        help_text=_("Leave it empty when it is for neither and was dealt with otherwise."),
    )
    reason = forms.CharField(
        max_length=500, label=_("What you found out"), widget=forms.Textarea(attrs={"rows": 3})
    )


class RefundNoteForm(forms.Form):
    """The transfer by which a refund was paid outside of the platform."""

    bank_reference = forms.CharField(
        max_length=35,
        label=_("Reference of your transfer"),
        help_text=_("As it stands on the bank's statement. A colleague looks it up there and confirms."),
    )


class RefundReasonForm(forms.Form):
    """Why a refund is refused, or why a note of its transfer is dropped."""

    reason = forms.CharField(max_length=500, label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}))


def schemes_with_top_ups() -> Any:
    """Schemes some of whose rules draw employers' money."""
    drawing = [
        version.scheme_id
        for version in SchemeVersion.objects.all()
        if {"endowment", "corrective", "employer"} & {s for group in version.parsed.draw_order for s in group}
    ]
    return Scheme.objects.filter(pk__in=drawing).order_by("name")
