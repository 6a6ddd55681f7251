"""The search form of the catalogue: each field is a parameter of the address, and a wrong one is left out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalogue import words

PRICES = (50_000, 100_000, 150_000, 300_000)
MONTHS = (1, 3, 6, 12)


class SearchForm(forms.Form):
    """What to search for."""

    q = forms.CharField(required=False, max_length=200, label=_("What do you want to learn?"))
    kind = forms.ChoiceField(
        required=False, label=_("Kind"), choices=[("", _("All kinds")), *words.KINDS.items()]
    )
    mode = forms.ChoiceField(
        required=False, label=_("How it is taught"), choices=[("", _("Any way")), *words.MODES.items()]
    )
    place = forms.CharField(required=False, max_length=100, label=_("Town"))
    price = forms.TypedChoiceField(
        required=False,
        label=_("Price"),
        coerce=int,
        empty_value=None,
        choices=[("", ""), *((n, n) for n in PRICES)],
    )
    within = forms.TypedChoiceField(
        required=False,
        label=_("Starts"),
        coerce=int,
        empty_value=None,
        choices=[("", ""), *((n, n) for n in MONTHS)],
    )
    bookable = forms.BooleanField(required=False, label=_("Only what can be booked now"))
    sort = forms.ChoiceField(
        required=False,
        label=_("Sort by"),
        choices=[("", _("Best match")), ("price", _("Price")), ("start", _("Next start"))],
    )

    def asked(self) -> dict[str, Any]:
        """The values that were given and make sense, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None, False)}
