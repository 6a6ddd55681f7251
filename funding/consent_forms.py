"""Forms around a consent: what it showed, who brought the learner, what the agency decides where it is disputed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from catalogue.models import ProviderDetail
from catalogue.provider_forms import clean_line
from funding.models.introductions import LONGEST_NAME, IntroducedBy
from funding.services.bookings.texts import Shown
from funding.services.introductions import Answer


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


# More than these are chosen from a list.
_MOST_BUTTONS = 12


class ConsentForm(ShownText):
    """A consent, and beside it a question that nobody has to answer. `key` makes a form sent twice count once.

    partners: the agents and subcontractors that the provider has declared.
    """

    key = forms.UUIDField(widget=forms.HiddenInput)
    brought_by = forms.ChoiceField(
        label=_("Did somebody bring you to this training, or help you sign up? (optional)"),
        help_text=_(
            "The provider does not see your answer. The agency uses this to find agents who sign people up without"
            " asking; it never changes your booking."
        ),
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Choose one of these answers, or none.")},
    )
    brought_name = forms.CharField(
        label=_("Name of that person or firm (optional)"),
        help_text=_("Only if it was somebody else."),
        required=False,
        max_length=LONGEST_NAME,
    )

    def __init__(
        self,
        data: Any = None,
        *,
        initial: Mapping[str, Any] | None = None,
        partners: Iterable[ProviderDetail] = (),
    ) -> None:
        super().__init__(data, initial=cast("Any", initial))
        self._rows = tuple(partners)
        self._partners = {str(each.pk): str(each.facts.get("name", "")) for each in self._rows}
        question = cast("forms.ChoiceField", self.fields["brought_by"])
        if len(self._partners) > _MOST_BUTTONS:
            question.widget = forms.Select()
        question.choices = [
            *([("", _("No answer"))] if len(self._partners) > _MOST_BUTTONS else []),
            (IntroducedBy.NOBODY.value, _("Nobody")),
            *self._partners.items(),
            (IntroducedBy.OTHER.value, _("Somebody else")),
        ]

    def clean_brought_name(self) -> str:
        """One line; what has no letters names nobody, and stops nobody from booking."""
        try:
            return clean_line(self.cleaned_data["brought_name"])
        except ValidationError:
            return ""

    @property
    def answer(self) -> Answer | None:
        """Who brought the learner, of a valid form; None where they did not say."""
        chosen, name = self.cleaned_data.get("brought_by", ""), self.cleaned_data.get("brought_name", "")
        if chosen in self._partners:
            return Answer(IntroducedBy.PARTNER, partner_id=int(chosen))
        if chosen == IntroducedBy.NOBODY:
            return Answer(IntroducedBy.NOBODY)
        if chosen == IntroducedBy.OTHER or name:
            return Answer(IntroducedBy.OTHER, name=name)
        return None

    @property
    def said(self) -> dict[str, str]:
        """What was entered beside the consent, for the form that takes this one's place."""
        return {name: self[name].value() or "" for name in ("brought_by", "brought_name")}

    def anew(self, initial: Mapping[str, Any]) -> Self:
        """The same form, not sent yet, with what was entered beside the consent."""
        return type(self)(initial={**self.said, **initial}, partners=self._rows)


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
