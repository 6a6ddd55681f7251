"""Forms of a catalogue entry, step by step; what is left out is not specified, which is not the same as no."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalogue import classifications, provider_words, words
from catalogue.models import CredentialKind
from catalogue.provider_forms import CentsField, DayField, checked, clean_line

UNSPECIFIED = ("", _("not specified"))


def _three(label: Any, **kwargs: Any) -> forms.TypedChoiceField:
    """Yes, no, or not specified."""
    return forms.TypedChoiceField(
        required=False,
        label=label,
        choices=[UNSPECIFIED, ("True", _("yes")), ("False", _("no"))],
        coerce=lambda value: value == "True",
        empty_value=None,
        **kwargs,
    )


def _text(label: Any, *, rows: int = 0, most: int = 4000, **kwargs: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    return forms.CharField(
        required=False, label=label, max_length=most, empty_value=None, widget=widget, **kwargs
    )


class NewEntryForm(forms.Form):
    title = forms.CharField(max_length=300, label=_("Title"))
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[(code, words.word(words.KINDS, code)) for code in CredentialKind.values]
    )

    def clean_title(self) -> str:
        return clean_line(str(self.cleaned_data["title"]))


class BasicsForm(NewEntryForm):
    code = forms.CharField(
        required=False,
        max_length=30,
        label=_("Register code"),
        help_text=_("For example RNCP or RS with its number."),
    )


class OutcomesForm(forms.Form):
    goals_html = forms.CharField(
        required=False,
        max_length=20_000,
        label=_("Learning outcomes"),
        help_text=_("What a learner knows and can do afterwards."),
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    content_html = forms.CharField(
        required=False, max_length=20_000, label=_("Content"), widget=forms.Textarea(attrs={"rows": 6})
    )
    skills = _text(
        _("Skills (ESCO)"),
        rows=3,
        help_text=_("ESCO addresses, one a line, for example http://data.europa.eu/esco/skill/…"),
    )
    has_prerequisites = _three(_("Are there prerequisites?"))
    prerequisites = _text(_("Prerequisites"), rows=3)
    inherent_requirements = _text(
        _("Inherent requirements"),
        rows=3,
        help_text=_(
            "What everybody must be able to do to take part, for example lift 10 kg. Write “None” if there are none."
        ),
    )

    def clean_skills(self) -> Any:
        value = self.cleaned_data["skills"]
        return checked(classifications.checked_skills, value) if value else None


class LevelForm(forms.Form):
    workload = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_digits=8,
        decimal_places=2,
        label=_("Workload"),
        help_text=_("All the learner's effort. It is never converted from one count into another."),
    )
    workload_scheme = forms.ChoiceField(
        required=False, label=_("Counted in"), choices=[UNSPECIFIED, *provider_words.WORKLOAD_SCHEMES.items()]
    )
    hours = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_value=100_000,
        max_digits=8,
        decimal_places=2,
        label=_("Hours of teaching"),
        help_text=_("Not the workload: only the hours taught."),
    )
    eqf_level = forms.TypedChoiceField(
        required=False,
        label=_("EQF level"),
        choices=[UNSPECIFIED, *((number, str(number)) for number in range(1, 9))],
        coerce=int,
        empty_value=None,
    )
    national_level = _text(
        _("National level"), most=60, help_text=_("With its framework, for example NLQF 5.")
    )
    isced_field = forms.CharField(required=False, max_length=4, label=_("Field (ISCED-F 2013)"))
    formacodes = _text(_("FORMACODE"), most=300)
    cip_code = _text(_("CIP code"), most=7)

    def clean_workload_scheme(self) -> str | None:
        return self.cleaned_data["workload_scheme"] or None

    def clean_isced_field(self) -> str:
        value = str(self.cleaned_data["isced_field"])
        return checked(classifications.checked_isced, value) if value else ""

    def clean_formacodes(self) -> Any:
        value = self.cleaned_data["formacodes"]
        return checked(classifications.checked_formacodes, value) if value else None

    def clean_cip_code(self) -> Any:
        value = self.cleaned_data["cip_code"]
        return checked(classifications.checked_cip, value) if value else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if (data.get("workload") is None) != (not data.get("workload_scheme")) and not self.errors:
            self.add_error(
                "workload_scheme", _("A workload has a number and what it is counted in: give both or none.")
            )
        return data


class AssessmentForm(forms.Form):
    assessed = _three(_("Are learners assessed?"))
    assessment_type = _text(
        _("Type of assessment"), most=200, help_text=_("For example a practical test before a jury.")
    )
    certifies = forms.ChoiceField(
        required=False,
        label=_("What is certified"),
        choices=[UNSPECIFIED, *provider_words.CERTIFIES.items()],
        help_text=_("An attendance is never an assessed outcome."),
    )
    assessment_only = _three(_("Is it an assessment alone, without a course?"))
    assessment_supervised = _three(_("Is the assessment supervised?"))
    identity_checked = _three(_("Is identity checked at the assessment?"))
    graded = _three(_("Is a grade given?"))
    validity_months = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=600,
        label=_("Validity of the award, in months"),
        help_text=_("Leave it out if it never expires."),
    )
    quality_assurance = _text(_("Quality assurance"), most=300)
    awarding_body = _text(_("Awarding body"), most=300, help_text=_("Only if it is not you."))
    stackable = _three(_("Can it be combined into a larger credential?"))
    recognition = _text(_("Credit and recognition"), rows=3)

    def clean_certifies(self) -> str | None:
        return self.cleaned_data["certifies"] or None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("assessed") is False and data.get("certifies") == "outcomes":
            self.add_error("certifies", _("Without an assessment no learning outcome is demonstrated."))
        return data


class DeliveryForm(forms.Form):
    participation = forms.ChoiceField(
        required=False,
        label=_("How learners take part"),
        choices=[UNSPECIFIED, *provider_words.PARTICIPATION.items()],
    )
    language = forms.ChoiceField(
        required=False, label=_("Language"), choices=[UNSPECIFIED, *words.LANGUAGES.items()]
    )
    street = forms.CharField(required=False, max_length=300, label=_("Street and number"))
    postcode = forms.CharField(required=False, max_length=20, label=_("Postcode"))
    city = forms.CharField(required=False, max_length=100, label=_("Town"))
    price_cents = CentsField(
        required=False,
        min_value=Decimal("0.01"),
        max_value=Decimal("9999999.99"),
        label=_("Price"),
        help_text=_("All taxes included, in the currency of the register."),
    )
    financial_help = _text(
        _("Financial help"), rows=2, help_text=_("Beside learning accounts. Write “None” if there is none.")
    )
    accessibility = _text(_("Accessibility"), rows=2)
    more_information = _text(_("More information"), most=500, help_text=_("An address on the web."))

    def clean_participation(self) -> str | None:
        return self.cleaned_data["participation"] or None

    def clean_more_information(self) -> Any:
        value = self.cleaned_data["more_information"]
        return checked(classifications.checked_link, value) if value else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("participation") not in (None, "online") and not data.get("city"):
            self.add_error("city", _("Say in which town, or that it is online."))
        return data


FORMS: dict[str, type[forms.Form]] = {
    "basics": BasicsForm,
    "outcomes": OutcomesForm,
    "level": LevelForm,
    "assessment": AssessmentForm,
    "delivery": DeliveryForm,
}


class ClaimsForm(forms.Form):
    claims_reason = forms.CharField(
        required=False,
        max_length=2000,
        label=_("Why the marked words are no such claim"),
        help_text=_("Only if they mean something else. The agency reads it before it registers the entry."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class PriceForm(forms.Form):
    price_cents = CentsField(
        label=_("New price"),
        min_value=Decimal("0.01"),
        max_value=Decimal("9999999.99"),
        help_text=_("All taxes included."),
    )
    reason = forms.CharField(required=False, max_length=500, label=_("Reason"))


class DatesForm(forms.Form):
    """From which day to which a session is. today: where it is taught."""

    starts_on = DayField(label=_("First day"))
    ends_on = DayField(label=_("Last day"))

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._today = today

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("starts_on"), data.get("ends_on")
        if first and first <= self._today:
            self.add_error("starts_on", _("A session begins after today."))
        if first and last and last < first:
            self.add_error("ends_on", _("It would end before it begins."))
        if first and (first - self._today).days > 5 * 366:
            self.add_error("starts_on", _("That is more than five years ahead."))
        if first and last and (last - first).days > 5 * 366:
            self.add_error("ends_on", _("No session lasts more than five years."))
        return data


class MoveForm(DatesForm):
    """Other days for a session that learners may have booked."""

    reason = forms.CharField(
        max_length=300,
        label=_("Why it is held at another time"),
        help_text=_("The learners read it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SessionForm(DatesForm):
    seats = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=100_000,
        label=_("Seats"),
        help_text=_("Leave it out if there is no limit."),
    )

    place = forms.ChoiceField(required=False, label=_("Place"))

    def __init__(
        self, *args: Any, today: date, places: Sequence[tuple[str, str]] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, today=today, **kwargs)
        if len(places) > 1:
            self.fields["place"].choices = [*places]  # type: ignore[attr-defined]
            self.fields["place"].required = True
        else:
            del self.fields["place"]
