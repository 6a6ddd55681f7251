"""Forms around a consent: what it showed, and what the agency decides where it is disputed."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from funding.services.bookings.texts import Shown


class ShownText(forms.Form):
    """What a form of consent sends back of the text that it showed: its fingerprint, its language, and itself."""

    shown = forms.RegexField(r"^[0-9a-f]{64}$", required=False, widget=forms.HiddenInput)
    shown_in = forms.CharField(max_length=10, required=False, widget=forms.HiddenInput)
    shown_text = forms.CharField(max_length=20_000, required=False, strip=False, widget=forms.HiddenInput)

    @property
    def what_was_shown(self) -> Shown:
        """For the service, which compares it with what holds now; a form without it was shown nothing."""
        data = self.cleaned_data
        # Browsers send every line break as two characters.
        text = data.get("shown_text", "").replace("\r\n", "\n")
        language = data.get("shown_in", "")
        known = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        return Shown(data.get("shown", ""), known, text)


class DecisionForm(forms.Form):
    """What the agency decides of a dispute or an alarm: first to look at it once more, then for good."""

    step = forms.ChoiceField(
        choices=[("check", "check"), ("confirm", "confirm")], required=False, widget=forms.HiddenInput
    )
    outcome = forms.ChoiceField(
        label=_("What you found"),
        choices=[
            ("upheld", _("It was not the learner: everything goes back")),
            ("rejected", _("It was the learner: it goes on as it was")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what you found.")},
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Say why: the next person reads it.")},
    )

    @property
    def upheld(self) -> bool:
        """Whether the learner was right."""
        return self.is_valid() and self.cleaned_data["outcome"] == "upheld"
