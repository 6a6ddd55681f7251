"""Forms of what a provider changes after its accreditation, and of the agency's look at it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalogue import provider_forms
from catalogue.models import DetailKind, Offer
from catalogue.provider_forms import DayField, ReasonForm


class AccountChangeForm(provider_forms.AccountForm):
    reason = forms.CharField(max_length=500, required=False, label=_("Reason"))
    accept_close = forms.BooleanField(
        required=False, label=_("The name is written otherwise, and the account is ours all the same.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.data.get("accept_close"):
            self.fields["accept_close"].widget = forms.HiddenInput()

    def offer_the_name(self) -> None:
        """The bank has told a similar name: ask whether it is the provider."""
        self.fields["accept_close"].widget = forms.CheckboxInput()


class NoteForm(forms.Form):
    note = forms.CharField(
        max_length=500,
        required=False,
        label=_("How it was checked"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CallBackForm(forms.Form):
    note = forms.CharField(
        max_length=500,
        label=_("Whom you called, at which number known before, and what was said"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class FromForm(forms.Form):
    """The day from which something holds, asked beside what it is."""

    valid_from = DayField(label=_("In force from"))


class EndForm(forms.Form):
    last_day = DayField(label=_("Last day"))


DETAIL_FORMS: dict[str, type[forms.Form]] = {
    DetailKind.CONTACT: provider_forms.ContactForm,
    DetailKind.ESTABLISHMENT: provider_forms.EstablishmentForm,
    DetailKind.PERSON: provider_forms.PersonForm,
    DetailKind.PARTNER: provider_forms.PartnerForm,
    DetailKind.TRAINER: provider_forms.TrainerForm,
}


def facts_of(form: forms.Form) -> dict[str, Any]:
    """What a valid form of a detail tells."""
    return form.values() if isinstance(form, provider_forms.PartnerForm) else dict(form.cleaned_data)


class PlaceForm(forms.Form):
    street = forms.CharField(required=False, max_length=300, label=_("Street and number"))
    postcode = forms.CharField(max_length=20, label=_("Postcode"))
    city = forms.CharField(max_length=100, label=_("Town"))


class VersionForm(ReasonForm):
    stamp = forms.CharField(widget=forms.HiddenInput(), max_length=40)


def place_choices(offers: list[Offer]) -> list[tuple[str, str]]:
    """The places of an entry as a list offers them."""
    return [
        (str(one.pk), " ".join(part for part in (one.street, one.postcode, one.city) if part) or one.mode)
        for one in offers
    ]
