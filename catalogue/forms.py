"""The search form of the catalogue: each field is a parameter of the address, and a wrong one is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from catalogue import words
from catalogue.selectors.places import DISTANCES
from catalogue.selectors.traits import PRICES

MONTHS = (1, 3, 6, 12)
OWN = (0, 15_000, 50_000)
"""What a learner would pay of their own at most, in cents: the choices offered. Any other amount can be asked for."""
DAYS = ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"]
MAX_TEXT = 200
MAX_OWN_CENTS = 10_000_000

SORTS = [
    ("", _("Best match")),
    ("price", _("Price")),
    ("start", _("Next start")),
    ("distance", _("Distance")),
]
_NOTHING = [("", "")]


class _Words(forms.CharField):
    """Text that is never wrong: what cannot be searched for is taken out, what is too long is cut."""

    def to_python(self, value: Any) -> str:
        text: str = super().to_python(str(value or "").replace("\x00", " ")) or ""
        return " ".join(text[:MAX_TEXT].split())


class SearchForm(forms.Form):
    """What to search for."""

    q = _Words(required=False, label=_("What do you want to learn?"))
    kind = forms.ChoiceField(
        required=False, label=_("Kind"), choices=[("", _("All kinds")), *words.KINDS.items()]
    )
    mode = forms.ChoiceField(
        required=False, label=_("How it is taught"), choices=[("", _("Any way")), *words.MODES.items()]
    )
    field = forms.ChoiceField(required=False, label=_("Field"), choices=[*_NOTHING, *words.FIELDS.items()])
    length = forms.ChoiceField(required=False, label=_("Length"), choices=[*_NOTHING, *words.LENGTHS.items()])
    level = forms.ChoiceField(required=False, label=_("Level"), choices=[*_NOTHING, *words.LEVELS.items()])
    language = forms.ChoiceField(
        required=False, label=_("Language"), choices=[*_NOTHING, *words.LANGUAGES.items()]
    )
    grade = forms.ChoiceField(
        required=False, label=_("Provider's grade"), choices=[*_NOTHING, *words.GRADES.items()]
    )
    place = _Words(required=False, label=_("Town or postcode"))
    km = forms.TypedChoiceField(
        required=False,
        label=_("Distance"),
        coerce=int,
        empty_value=None,
        choices=[*_NOTHING, *((n, n) for n in DISTANCES)],
    )
    price = forms.TypedChoiceField(
        required=False,
        label=_("Price"),
        coerce=int,
        empty_value=None,
        choices=[*_NOTHING, *((n, n) for n in PRICES)],
    )
    own = forms.IntegerField(
        required=False, label=_("Costs you at most"), min_value=0, max_value=MAX_OWN_CENTS
    )
    within = forms.TypedChoiceField(
        required=False,
        label=_("Starts"),
        coerce=int,
        empty_value=None,
        choices=[*_NOTHING, *((n, n) for n in MONTHS)],
    )
    after = forms.DateField(required=False, label=_("Starts from"), input_formats=DAYS)
    before = forms.DateField(required=False, label=_("Starts until"), input_formats=DAYS)
    guaranteed = forms.BooleanField(required=False, label=_("Only guaranteed sessions"))
    bookable = forms.BooleanField(required=False, label=_("Only what can be booked now"))
    sort = forms.ChoiceField(required=False, label=_("Sort by"), choices=SORTS)

    @classmethod
    def read(cls, given: QueryDict | Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """The values that were given and make sense, by name; and the names of those that make none.

        Each field reads its own parameter, as a bound form would let it, without a form made for each search.
        """
        asked: dict[str, Any] = {}
        senseless: list[str] = []
        for name, field in cls.base_fields.items():
            if name not in given:
                continue
            try:
                value = field.clean(field.widget.value_from_datadict(given, {}, name))
            except forms.ValidationError:
                senseless.append(name)
                continue
            if value is not None and value is not False and value != "":
                asked[name] = value
        return asked, senseless

    @classmethod
    def query_of(cls, given: QueryDict) -> str:
        """An address's query in one way of writing it: only filters that make sense, in the form's order."""
        asked, _senseless = cls.read(given)
        made = QueryDict(mutable=True)
        for name, value in asked.items():
            if name != "sort":
                made.appendlist(name, as_parameter(value))
        return made.urlencode()

    @classmethod
    def label(cls, name: str) -> Any:
        """What a field is called."""
        return cls.base_fields[name].label


def as_parameter(value: Any) -> str:
    """A value of the form as it stands in an address."""
    return "on" if value is True else str(value)
