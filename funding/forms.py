"""Forms of bookings and of the lists of the agency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from funding import words
from funding.consent_forms import ConsentForm
from funding.selectors.asking import Way
from funding.selectors.leaving import Leaving


class AcceptForm(ConsentForm):
    """The learner's consent to a booking."""

    consent = forms.BooleanField(
        label=_("I have read what this costs me, and I want this training paid as shown above."),
        error_messages={"required": _("Tick the box if you want to book; nothing is booked without it.")},
    )


class AskForm(forms.Form):
    """Which account is asked with; one that is the only one is chosen already."""

    account = forms.ChoiceField(
        label=_("Which account?"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose the account to ask with."),
            "invalid_choice": _("Choose an account."),
        },
    )

    def __init__(self, data: Any, *, ways: Sequence[Way]) -> None:
        super().__init__(data)
        self._ways = {str(way.account.public_id): way for way in ways}
        cast("forms.ChoiceField", self.fields["account"]).choices = [
            (key, way.account.scheme.name) for key, way in self._ways.items()
        ]

    @property
    def chosen(self) -> Way:
        """The account of a valid form."""
        return self._ways[self.cleaned_data["account"]]


class LeaveForm(forms.Form):
    """Leaving a booking: what the person had before their eyes, and why they leave where it costs something."""

    outcome = forms.CharField(widget=forms.HiddenInput, max_length=20)
    why = forms.ChoiceField(
        label=_("Why are you leaving?"),
        required=False,
        widget=forms.RadioSelect,
        choices=[
            ("other", _("I have changed my mind, or another reason")),
            ("kept_away", _("Something beyond my control keeps me away, such as illness or a death")),
        ],
    )
    what = forms.CharField(
        label=_("What keeps you away?"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("A person at the agency reads it and may ask for proof. Say no more than is needed."),
    )
    agreed = forms.BooleanField(label=_("I owe the full price."), required=False)

    def __init__(self, data: Any, *, leaving: Leaving) -> None:
        super().__init__(data, initial={"outcome": leaving.outcome})
        self._leaving = leaving

    @property
    def kept_away(self) -> bool:
        """Whether the learner says that something beyond their control keeps them away."""
        return self._leaving.kept_away and self.cleaned_data.get("why") == "kept_away"

    @property
    def agreed_to_owe(self) -> bool:
        """Whether they saw that the price is owed, and agreed."""
        return bool(self.cleaned_data.get("agreed"))

    def clean(self) -> dict[str, Any]:
        """Where it costs something: agreed, or told what keeps one away."""
        data: dict[str, Any] = super().clean() or {}
        if not self._leaving.costs:
            return data
        if data.get("outcome") != self._leaving.outcome:
            self.add_error(
                None, _("What leaving costs has changed since you opened this page. Read it again.")
            )
        elif self._leaving.kept_away and not data.get("why"):
            self.add_error("why", _("Choose why you are leaving."))
        elif self.kept_away and not data.get("what"):
            self.add_error("what", _("Say in a few words what keeps you away."))
        elif not self.kept_away and not data.get("agreed"):
            self.add_error("agreed", _("Tick the box if you want to cancel although you owe the price."))
        return data


class StateFilter(forms.Form):
    """Which states a list shows; what is not a state shows all."""

    state = forms.ChoiceField(required=False, label=_("Show"))

    def __init__(self, data: object, *, states: Mapping[str, object]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.fields["state"].choices = [("", _("All states")), *states.items()]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> str:
        """The state asked for, or nothing."""
        return str(self.cleaned_data.get("state", "")) if self.is_valid() else ""


def booking_filter(data: object) -> StateFilter:
    """Which bookings to list."""
    return StateFilter(data, states=dict(words.BOOKING_STATES))
