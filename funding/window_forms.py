"""Forms of windows: searching a session, consenting to an application, opening a window."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding.consent_forms import ConsentForm
from funding.models import Scheme
from funding.scheme_choice import SchemeField
from funding.services.windows.opening import FASTEST_PER_S, MOST_SLICES


class SessionSearch(forms.Form):
    """Which sessions to show."""

    q = forms.CharField(required=False, max_length=100, label=_("Title, provider or number"))

    @property
    def asked(self) -> str:
        """The words asked for."""
        return str(self.cleaned_data["q"]).strip() if self.is_valid() else ""


class ApplyForm(ConsentForm):
    """The learner's consent to an application."""

    consent = forms.BooleanField(
        label=_("I have read what the grant pays and what I pay myself, and I apply for it."),
        error_messages={"required": _("Tick the box if you want to apply; nothing is granted without it.")},
    )


class _LocalTime(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%S", attrs={"step": "1"})


class WindowForm(forms.Form):
    """A window as the agency writes it down. Times are those of the scheme's place; amounts in whole units."""

    scheme = SchemeField(label=_("Scheme"))
    name = forms.CharField(
        max_length=100, label=_("Name"), help_text=_("As everybody reads it, for example May 2027.")
    )
    opens = forms.DateTimeField(
        widget=_LocalTime, label=_("Opens"), help_text=_("On the second, where the scheme is.")
    )
    closes = forms.DateTimeField(
        widget=_LocalTime,
        label=_("Closes"),
        help_text=_("The first moment at which nobody may apply any more."),
    )
    budget = forms.DecimalField(
        min_value=0,
        max_digits=12,
        decimal_places=2,
        label=_("Budget"),
        help_text=_("In the scheme's currency."),
    )
    admissions_per_s = forms.DecimalField(
        required=False,
        min_value=Decimal("0.001"),
        max_value=FASTEST_PER_S,
        max_digits=7,
        decimal_places=3,
        label=_("People let through a second"),
        help_text=_("Leave it empty for a window without a waiting room: then everybody may apply at once."),
    )
    slices = forms.IntegerField(
        min_value=1,
        max_value=MOST_SLICES,
        initial=1,
        label=_("Parts of the budget"),
        help_text=_(
            "1 for fewer than 500 applications a second. More parts let more be written side by side."
        ),
    )

    def __init__(self, data: Any = None, *, schemes: Any, **options: Any) -> None:
        super().__init__(data, **options)
        cast("SchemeField", self.fields["scheme"]).offer(schemes)

    @property
    def budget_cents(self) -> int:
        """The budget in cents."""
        return int(self.cleaned_data["budget"] * 100)

    def clean(self) -> dict[str, Any]:
        """Times as they are where the scheme is, in order."""
        cleaned = super().clean() or self.cleaned_data
        scheme: Scheme | None = cleaned.get("scheme")
        if scheme is not None:
            for name in ("opens", "closes"):
                moment: datetime | None = cleaned.get(name)
                if moment is not None:
                    cleaned[name] = moment.replace(tzinfo=ZoneInfo(scheme.timezone))
        opens, closes = cleaned.get("opens"), cleaned.get("closes")
        if opens is not None and closes is not None and closes <= opens:
            self.add_error("closes", _now("The window closes before it opens. Choose a later end."))
        return cleaned
