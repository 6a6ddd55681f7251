"""Forms of bookings and of the lists of the agency."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from funding import words
from funding.consent_forms import ShownText


class AcceptForm(ShownText):
    """The learner's consent. `key` makes a form sent twice count once."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    consent = forms.BooleanField(
        label=_("I have read what this costs me, and I want this training paid as shown above."),
        error_messages={"required": _("Tick the box if you want to book; nothing is booked without it.")},
    )


class StateFilter(forms.Form):
    """Which states a list shows; what is not a state shows all."""

    state = forms.ChoiceField(required=False, label=_("Show"))

    def __init__(self, data: object, *, states: dict[str, object]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.fields["state"].choices = [("", _("All states")), *states.items()]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> str:
        """The state asked for, or nothing."""
        return str(self.cleaned_data.get("state", "")) if self.is_valid() else ""


def booking_filter(data: object) -> StateFilter:
    """Which bookings to list."""
    return StateFilter(data, states=dict(words.BOOKING_STATES))
