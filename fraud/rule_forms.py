"""What people enter when they change thresholds. The ranges are the detector's own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from fraud import rule_words
from fraud.detection.detector import Detector
from fraud.forms import ReasonForm, StepForm, long_text
from fraud.models import ParameterVersion
from fraud.services import back_tests, rules
from ila.core.errors import DomainError


class ProposeForm(forms.Form):
    """All parameters of a detector, as they are in force until somebody changes them, and why."""

    def __init__(self, *args: Any, detector: Detector, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.detector = detector
        for name, value in detector.parameters.model_dump().items():
            self.fields[name] = _field(detector, name, value)
        self.fields["reason"] = long_text(_("Why"))

    def clean(self) -> dict[str, Any]:
        """Each value within the detector's range, or said where."""
        super().clean()
        if not self.errors:
            try:
                rules.read_parameters(self.detector, self.values)
            except DomainError as refused:
                for name in refused.params["names"]:
                    self.add_error(name, self._fault(name, below=name in refused.params["below"]))
        return self.cleaned_data

    def _fault(self, name: str, *, below: bool) -> str:
        """What is wrong with a value: out of its range, or less than another one."""
        if not below:
            return _now("This is not within the range: %(range)s.") % {"range": _limits(self.detector, name)}
        others = type(self.detector.parameters).floors()[name]
        above = [other for other in others if self.values[name] < self.values[other]]
        return _now("This is less than “%(other)s”, which is %(value)s.") % {
            "other": rule_words.parameter(above[0]),
            "value": rule_words.value(self.values[above[0]]),
        }

    @property
    def values(self) -> dict[str, Any]:
        """The parameters by name."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


def _field(detector: Detector, name: str, value: Any) -> forms.Field:
    given: dict[str, Any] = {
        "label": rule_words.parameter(name),
        "initial": value,
        "help_text": _range(detector, name),
        "error_messages": {"required": _("Enter a value."), "invalid": _("Enter a number.")},
    }
    if isinstance(value, list):
        return forms.MultipleChoiceField(
            choices=list(rule_words.PLACES.items()), widget=forms.CheckboxSelectMultiple, **given
        )
    if isinstance(value, str):
        return forms.CharField(max_length=500, **given)
    if isinstance(value, int):
        return forms.IntegerField(widget=forms.TextInput(attrs={"inputmode": "numeric"}), **given)
    return forms.FloatField(localize=True, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **given)


def _range(detector: Detector, name: str) -> str:
    """From what to what a parameter may go, and beside which others, in words."""
    others = type(detector.parameters).floors().get(name, ())
    if not others:
        return _limits(detector, name)
    return _now("%(range)s, and not less than “%(others)s”") % {
        "range": _limits(detector, name),
        "others": "”, “".join(str(rule_words.parameter(each)) for each in others),
    }


def _limits(detector: Detector, name: str) -> str:
    """From what to what a parameter may go, in words."""
    limits: dict[str, Any] = {}
    for each in type(detector.parameters).model_fields[name].metadata:
        for side in ("ge", "gt", "le"):
            found = getattr(each, side, None)
            if found is not None:
                limits[side] = found
    low = limits.get("ge", limits.get("gt"))
    if low is None or "le" not in limits:
        return (
            _now("at least one")
            if isinstance(getattr(detector.parameters, name), list)
            else _now("words, separated by |")
        )
    return _now("%(low)s to %(high)s") % {"low": low, "high": limits["le"]}


class TryForm(StepForm):
    """How far back."""

    weeks = forms.IntegerField(
        label=_("Weeks"),
        initial=12,
        min_value=1,
        max_value=back_tests.MOST_WEEKS,
        help_text=_("A day of each week is looked at, as it was known on that day."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )


class InForceForm(ReasonForm):
    """Why, on which back-test, and that it was read."""

    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    sure = forms.BooleanField(
        label=_("I have read the back-test, and these values shall be in force."),
        error_messages={"required": _("Tick the box when you have read the back-test.")},
    )

    def __init__(self, *args: Any, subject: ParameterVersion, actor: User, **kwargs: Any) -> None:
        latest = rules.latest_back_test(subject)
        shown = {"shown": str(latest.public_id) if latest is not None else ""}
        kwargs["initial"] = {**shown, **(kwargs.get("initial") or {})}
        super().__init__(*args, subject=subject, actor=actor, **kwargs)
