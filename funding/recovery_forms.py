"""Forms of debts and of days on which bank and books differ."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from funding import words
from funding.services.recoveries.instalments import MAX_INSTALMENTS
from ila.core import clock

PERIOD_DAYS = 31


class ReasonForm(forms.Form):
    """Why something is done, in a person's words."""

    reason = forms.CharField(max_length=500, label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}))


class FindingForm(ReasonForm):
    """That a session did not take place, said on purpose."""

    sure = forms.BooleanField(
        label=_("I have looked at what this undoes; it cannot be taken back."),
        error_messages={"required": _("Tick the box: this cannot be taken back.")},
    )


class ShareForm(FindingForm):
    """The share of a training that was taught, in whole percent."""

    percent = forms.IntegerField(min_value=0, max_value=99, label=_("What was taught, in percent"))
    field_order = ("percent", "reason", "sure")

    @property
    def values(self) -> dict[str, Any]:
        """What a valid form says."""
        return {name: self.cleaned_data[name] for name in ("percent", "reason")}


class TakeBackForm(FindingForm):
    """How much is taken back."""

    amount = forms.DecimalField(
        min_value=Decimal("0.01"), max_digits=12, decimal_places=2, label=_("How much is taken back")
    )
    field_order = ("amount", "reason", "sure")

    @property
    def values(self) -> dict[str, Any]:
        """What a valid form says, in cents."""
        return {
            "amount_cents": int(self.cleaned_data["amount"] * 100),
            "reason": self.cleaned_data["reason"],
        }


class PlanForm(forms.Form):
    """How many monthly parts, from which day."""

    parts = forms.IntegerField(min_value=1, max_value=MAX_INSTALMENTS, label=_("Number of monthly parts"))
    first = forms.DateField(
        label=_("Day of the first part"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reason = forms.CharField(max_length=500, label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}))


class DebtFilter(forms.Form):
    """Which debts a list shows; nothing chosen: all that are open."""

    state = forms.ChoiceField(
        required=False,
        label=_("State"),
        choices=[("", _("All that are open")), *words.RECEIVABLE_STATES.items()],
    )

    @property
    def chosen(self) -> str:
        """The state, or nothing."""
        return str(self.cleaned_data.get("state", "")) if self.is_valid() else ""


class PeriodForm(forms.Form):
    """From a day to a day."""

    first = forms.DateField(
        label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last = forms.DateField(
        label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        first, last = values.get("first"), values.get("last")
        if first and last and not 0 <= (last - first).days <= 400:
            raise forms.ValidationError(_("Choose a last day after the first, within 400 days."))
        return values


def period_of(data: QueryDict) -> tuple[PeriodForm, date, date]:
    """The period an address asks for, both days included; the last month where it asks for none, or in vain."""
    today = clock.now().date()
    before = today - timedelta(days=PERIOD_DAYS)
    form = PeriodForm(data if "first" in data else None, initial={"first": before, "last": today})
    if form.is_bound and form.is_valid():
        return form, form.cleaned_data["first"], form.cleaned_data["last"]
    return form, before, today


class NoteForm(forms.Form):
    """What is known of a day's difference, and who looks after it."""

    owner = forms.ModelChoiceField(queryset=User.objects.none(), label=_("Who looks after it"))
    note = forms.CharField(
        max_length=500, label=_("What you found out"), widget=forms.Textarea(attrs={"rows": 3})
    )
    explained = forms.BooleanField(required=False, label=_("This explains the whole difference"))

    def __init__(self, *args: Any, owners: list[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["owner"]
        field.queryset = User.objects.filter(pk__in=[each.pk for each in owners]).order_by("pk")
