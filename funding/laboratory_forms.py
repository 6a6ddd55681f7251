"""The form that asks the laboratory: which scheme, what is changed, who is played, which years."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding.laboratory.engine import MOST_YEARS
from funding.laboratory.rulesets import MAX_FILE_BYTES, LaboratoryError, parse_changes
from funding.models import Scheme, SchemeVersion
from funding.schemes.presets import load_preset, preset_codes
from funding.services.laboratory import MOST_GENERATED
from ila.core import clock

STORED, GENERATED = "stored", "generated"


class RunForm(forms.Form):
    """What a run of the laboratory needs; the rules themselves are checked by the service."""

    title = forms.CharField(
        label=_("Name of the run"), max_length=120, error_messages={"required": _("Give the run a name.")}
    )
    scheme = forms.ChoiceField(label=_("Scheme"))
    version = forms.ChoiceField(
        label=_("Start from stored rules"),
        required=False,
        help_text=_(
            "The changed rules are then all those of that day; what you write or upload comes on top."
        ),
    )
    changes = forms.CharField(
        label=_("Changed parameters"),
        required=False,
        strip=False,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=_(
            "A name and a value on each line, amounts in cents: cap_cents = 400000 or "
            "usage_cap_cents = { rs = 100000 }. A JSON object is read too; there, null takes a rule away."
        ),
    )
    file = forms.FileField(
        label=_("Or a file of changed parameters"), required=False, help_text=_("JSON or TOML, at most 1 MB.")
    )
    population = forms.ChoiceField(
        label=_("Learners"),
        choices=[
            (STORED, _("Those of this platform, by their accounts and bookings")),
            (GENERATED, _("Imagined")),
        ],
    )
    number = forms.IntegerField(
        label=_("How many to imagine"), required=False, min_value=5, max_value=MOST_GENERATED, initial=20_000
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        required=False,
        min_value=0,
        max_value=2**53,
        initial=1,
        help_text=_("The same seed imagines the same learners."),
    )
    first_year = forms.IntegerField(label=_("First year"), min_value=1900, max_value=2999)
    last_year = forms.IntegerField(label=_("Last year"), min_value=1900, max_value=2999)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = {code: load_preset(code).name for code in preset_codes()}
        names |= dict(Scheme.objects.values_list("code", "name"))
        versions = SchemeVersion.objects.select_related("scheme").order_by("scheme__code", "valid_from")
        self._choices("scheme", sorted(names.items(), key=lambda each: each[1]))
        self._choices(
            "version",
            [("", _("No: only what I write")), *((str(each.pk), _version_name(each)) for each in versions)],
        )
        self._choices("population", self.fields["population"].choices)  # type: ignore[attr-defined]
        year = clock.now().year + 1
        self.fields["first_year"].initial = year
        self.fields["last_year"].initial = year + 4

    def clean(self) -> dict[str, Any]:
        """The changes from wherever they came, and the years as they follow one another."""
        values = super().clean() or self.cleaned_data
        first, last = values.get("first_year"), values.get("last_year")
        if first is not None and last is not None and not 0 <= last - first < MOST_YEARS:
            self.add_error("last_year", _now("From 1 to %(most)s years.") % {"most": MOST_YEARS})
        if (
            values.get("population") == GENERATED
            and values.get("number") is None
            and "number" not in self.errors
        ):
            self.add_error("number", _now("Say how many learners to imagine."))
        changes: dict[str, Any] = {}
        if version := values.get("version"):
            changes |= SchemeVersion.objects.get(pk=version).rules
        changes |= self._written(values.get("changes") or "")
        changes |= self._uploaded(values.get("file"))
        if not changes and not self.errors:
            self.add_error("changes", _now("Name at least one changed parameter."))
        values["rules"] = changes
        return values

    @property
    def years(self) -> tuple[int, ...]:
        """The years to play."""
        return tuple(range(self.cleaned_data["first_year"], self.cleaned_data["last_year"] + 1))

    @property
    def generated(self) -> int | None:
        """How many learners to imagine; None: the stored ones."""
        return self.cleaned_data["number"] if self.cleaned_data["population"] == GENERATED else None

    def _choices(self, name: str, choices: list[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def _written(self, text: str) -> dict[str, Any]:
        if not text.strip():
            return {}
        try:
            return parse_changes(text, toml=not text.lstrip().startswith("{"))
        except LaboratoryError as error:
            self._refuse("changes", error)
        return {}

    def _uploaded(self, file: UploadedFile[bytes] | None) -> dict[str, Any]:
        if file is None:
            return {}
        if (file.size or 0) > MAX_FILE_BYTES:
            self.add_error("file", _now("The file is larger than 1 MB."))
            return {}
        try:
            text = file.read().decode("utf-8")
        except UnicodeDecodeError:
            self.add_error("file", _now("The file is not in UTF-8."))
            return {}
        try:
            return parse_changes(text, toml=not text.lstrip().startswith("{"))
        except LaboratoryError as error:
            self._refuse("file", error)
        return {}

    def _refuse(self, name: str, error: LaboratoryError) -> None:
        for fault in error.faults:
            self.add_error(name, fault)


def _version_name(version: SchemeVersion) -> str:
    return f"{version.scheme.name}, {version.valid_from.isoformat()}"


def lines_of(changes: dict[str, Any]) -> str:
    """Changed parameters as one writes them into the form: as JSON, which says everything."""
    return json.dumps(changes, indent=1, ensure_ascii=False)
