"""Forms of the agency's desk: claims, batches, appropriations, holds, suspensions, and roles limited to schemes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from funding import words
from funding.models import Budget, Rail, Scheme
from funding.scheme_choice import SchemeField

ONLY = [
    ("", _("All claims")),
    ("flagged", _("With flags")),
    ("held", _("On hold")),
    ("reviews", _("With open reviews")),
]
REASON_ERROR = {"required": _("Say why: the next person reads it.")}


class ClaimFilter(forms.Form):
    """Which claims are listed. What is submitted and waits comes first."""

    state = forms.ChoiceField(required=False, label=_("State"))
    scheme = forms.ChoiceField(required=False, label=_("Scheme"))
    q = forms.CharField(required=False, max_length=100, label=_("Provider or training"))
    only = forms.ChoiceField(required=False, label=_("Only"), choices=ONLY)

    def __init__(self, data: Any, *, schemes: QuerySet[Scheme]) -> None:
        # Without a question, what waits for a decision is shown.
        super().__init__({"state": "submitted", **data.dict()} if "state" not in data else data)
        states = [(code, label) for code, label in words.CLAIM_STATES.items() if code != "draft"]
        cast("forms.ChoiceField", self.fields["state"]).choices = [("", _("All states")), *states]
        cast("forms.ChoiceField", self.fields["scheme"]).choices = [
            ("", _("All schemes")),
            *((scheme.code, scheme.name) for scheme in schemes),
        ]

    def asked(self, name: str) -> str:
        """A value of the filter; what is none of the choices narrows nothing."""
        self.is_valid()
        return str(self.cleaned_data.get(name, ""))


class ReasonForm(forms.Form):
    """Why something is refused, released or ended."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages=REASON_ERROR,
    )


class BatchForm(forms.Form):
    """Which scheme's claims are paid, by which rail, and on which day the bank is to execute."""

    scheme = forms.ModelChoiceField(
        queryset=Scheme.objects.none(), label=_("Scheme"), to_field_name="code", empty_label=None
    )
    value_date = forms.DateField(
        required=False,
        label=_("Value date"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("A working day. Leave it empty for the first one on which the bank can execute."),
    )
    rail = forms.ChoiceField(
        required=False,
        label=_("Paid by"),
        choices=list(words.RAILS.items()),
        help_text=_(
            "Stripe pays at once the providers who chose an account there; the bank pays all others."
        ),
    )

    def __init__(self, data: Any, *, schemes: QuerySet[Scheme], with_stripe: bool = False) -> None:
        super().__init__(data)
        if not with_stripe:
            del self.fields["rail"]
        cast("forms.ModelChoiceField[Scheme]", self.fields["scheme"]).queryset = schemes

    @property
    def chosen_rail(self) -> str:
        """The rail that was chosen; the bank's where there is no other."""
        return str(self.cleaned_data.get("rail") or Rail.SEPA)


class AppropriationForm(forms.Form):
    """Money for a budget: how much, under which act, and why."""

    scheme = SchemeField(label=_("Scheme"), empty_label=None)
    budget = forms.CharField(
        label=_("Budget"),
        max_length=200,
        help_text=_("The name of a budget of this scheme; one that is not there yet is created."),
        error_messages={"required": _("Name the budget.")},
    )
    amount = forms.DecimalField(
        label=_("Amount"),
        min_value=Decimal("0.01"),
        max_digits=14,
        decimal_places=2,
        error_messages={"required": _("Enter the amount.")},
    )
    document = forms.CharField(
        label=_("Number of the document"),
        max_length=100,
        help_text=_("The act that grants the money, such as a decree or a decision of the board."),
        error_messages={"required": _("Enter the number of the act that grants the money.")},
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages=REASON_ERROR,
    )

    def __init__(
        self, data: Any, *, schemes: QuerySet[Scheme], initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        self.budgets = list(
            Budget.objects.filter(scheme__in=schemes)
            .values_list("name", flat=True)
            .distinct()
            .order_by("name")[:100]
        )
        cast("SchemeField", self.fields["scheme"]).offer(schemes)

    @property
    def amount_cents(self) -> int:
        """The amount in cents."""
        return int(self.cleaned_data["amount"] * 100)


class HoldForm(forms.Form):
    """What is stopped, why, and until when."""

    scope = forms.ChoiceField(
        label=_("What is stopped?"),
        widget=forms.RadioSelect,
        choices=[
            ("booking", _("One booking")),
            ("session", _("All bookings of a session")),
            ("provider", _("Everything of a provider")),
            ("iban", _("Payments to a bank account")),
        ],
        error_messages={"required": _("Choose what is stopped.")},
    )
    which = forms.CharField(
        label=_("Which one?"),
        max_length=64,
        help_text=_(
            "The booking's reference, the session's number, the provider's number (SIRET), or the IBAN."
        ),
        error_messages={"required": _("Say which one.")},
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The provider reads it, and so do colleagues; the learner does not."),
        error_messages=REASON_ERROR,
    )
    until = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The hold ends by itself after this day, and what waited goes on."),
        error_messages={"required": _("Say until when: a hold without an end is none.")},
    )


class AccountSearch(forms.Form):
    """The booking whose learner's account is looked at."""

    booking = forms.UUIDField(
        label=_("Reference of a booking"),
        help_text=_("It is on the booking's page. The account that paid for it is shown."),
        error_messages={
            "required": _("Enter the reference of a booking."),
            "invalid": _("This is no reference of a booking: look for a slip."),
        },
    )


class SuspensionForm(forms.Form):
    """By which rule an account is closed to new bookings, until when, and why."""

    rule = forms.ChoiceField(
        label=_("Rule"), widget=forms.RadioSelect, error_messages={"required": _("Choose the rule.")}
    )
    last_day = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": _("Say until when.")},
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages=REASON_ERROR,
    )

    def __init__(self, data: Any, *, limits: dict[str, tuple[date, date]], labels: dict[str, Any]) -> None:
        super().__init__(data)
        self._limits = limits
        cast("forms.ChoiceField", self.fields["rule"]).choices = [(rule, labels[rule]) for rule in limits]

    def clean(self) -> dict[str, Any]:
        """The last day lies within the rule's limits."""
        data: dict[str, Any] = super().clean() or {}
        rule, last = data.get("rule"), data.get("last_day")
        if rule and last and not self._limits[rule][0] <= last <= self._limits[rule][1]:
            self.add_error("last_day", _("This rule does not allow that day: look at its limits above."))
        return data


class LimitForm(forms.Form):
    """For which schemes somebody's role counts."""

    schemes = forms.ModelMultipleChoiceField(
        queryset=Scheme.objects.order_by("name"),
        to_field_name="code",
        required=False,
        label=_("Schemes"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Tick none for every scheme, those to come included."),
    )
    reason = forms.CharField(label=_("Why"), max_length=500, error_messages=REASON_ERROR)
