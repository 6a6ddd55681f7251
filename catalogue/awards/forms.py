"""Forms of awards: verifying, sharing, taking back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from catalogue import words
from catalogue.awards import baking, tokens
from catalogue.models import Award
from catalogue.services.awards.shares import DAYS, MAX_AWARDS


class VerifyForm(forms.Form):
    """A credential to verify: pasted, or as a file."""

    credential = forms.CharField(
        required=False,
        strip=True,
        max_length=tokens.MAX_BYTES * 2,
        label=_("Paste the credential"),
        help_text=_("The text of the file that ends in .jwt. It begins with eyJ."),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
        error_messages={"max_length": _("This is far too long to be a credential.")},
    )
    file = forms.FileField(
        required=False,
        label=_("Or choose the file"),
        help_text=_("The badge as a picture (PNG or SVG), or the file that ends in .jwt or .json."),
        error_messages={"empty": _("The file is empty. Choose the file that you were given.")},
    )

    def clean(self) -> dict[str, Any]:
        """One of the two is needed; a file is read no further than a credential can be long."""
        given = super().clean() or {}
        upload = given.get("file")
        if not given.get("credential") and not upload and not self.errors:
            self.add_error("credential", _("Paste a credential, or choose its file."))
        return given

    def upload(self) -> bytes | None:
        """The chosen file, read no further than tells that it is too large; None where text was pasted."""
        upload: UploadedFile[bytes] | None = self.cleaned_data.get("file")
        if self.text() or upload is None:
            return None
        return bytes(upload.read(baking.MAX_FILE + 1))

    def text(self) -> str:
        """What was pasted."""
        return str(self.cleaned_data.get("credential") or "")


class ShareForm(forms.Form):
    """Which awards to show, for how long, and to whom (for the learner's own memory)."""

    awards = forms.TypedMultipleChoiceField(
        label=_("What to show"),
        coerce=str,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )
    days = forms.TypedChoiceField(
        label=_("How long the link works"),
        coerce=int,
        initial=30,
        choices=[(days, words.SHARE_DAYS[days]) for days in DAYS],
    )
    label = forms.CharField(
        required=False,
        max_length=100,
        label=_("For whom"),
        help_text=_("For your own memory, such as the name of an employer. Nobody else sees it."),
    )

    def __init__(self, *args: Any, awards: list[Award], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(award.public_id), award.micro_credential.title) for award in awards]
        field = self.fields["awards"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = choices

    def clean_awards(self) -> list[str]:
        """No more than a link may show."""
        chosen: list[str] = self.cleaned_data["awards"]
        if len(chosen) > MAX_AWARDS:
            raise forms.ValidationError(_("Choose fewer: a link shows 50 at most."))
        return chosen


class RevokeForm(forms.Form):
    """Why an award is taken back."""

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[("", _("Choose a reason")), *words.REVOCATION_CHOICES.items()],
        error_messages={"required": _("Choose a reason."), "invalid_choice": _("Choose a reason.")},
    )
    note = forms.CharField(
        required=False,
        max_length=500,
        label=_("In your own words"),
        help_text=_("Kept in the register. The learner is told the reason above, not these words."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
