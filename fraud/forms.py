"""What people enter when they work on alerts, cases and measures. Field names are those of the services."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, OrganisationKind, User
from catalogue.models import Provider
from fraud import words
from fraud.models import Case, CaseBooking, Measure, MeasureKind
from fraud.models.cases import OUTCOMES
from fraud.permissions import INVESTIGATOR_ROLES
from fraud.services.letters import calendar_of
from funding.models import Allocation, Source

SAY_WHY = {"required": _("Say why: the next person reads it.")}
LONG = 4_000


def long_text(label: Any, help_text: Any = "", *, required: bool = True) -> forms.CharField:
    """A text of several lines that stays in the file."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=LONG,
        required=required,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages=SAY_WHY,
    )


def day_field(label: Any, help_text: Any = "", *, required: bool = True) -> forms.DateField:
    """A day, chosen or typed."""
    return forms.DateField(
        label=label,
        help_text=help_text,
        required=required,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": _("Enter the day.")},
    )


class StepForm(forms.Form):
    """A step on something; `subject` is what it is taken on."""

    def __init__(self, *args: Any, subject: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subject, self.actor = subject, actor

    @property
    def values(self) -> dict[str, Any]:
        """What the service is called with."""
        return {name: value for name, value in self.cleaned_data.items() if name != "sure"}

    def end_of(self, day: date) -> datetime:
        """The end of a day where the provider is."""
        return calendar_of(self.provider).end_of_day(day)

    @property
    def provider(self) -> Provider:
        """Whom the subject is about."""
        case = self.subject.case if isinstance(self.subject, Measure) else self.subject
        return cast("Provider", case.provider)


class SureForm(StepForm):
    """Nothing is to be entered: the button says it all."""


class ReasonForm(StepForm):
    """Why."""

    reason = long_text(_("Why"))


class WeightyForm(ReasonForm):
    """Why, and that the file was read: money or a provider's living hangs on it."""

    sure = forms.BooleanField(
        label=_("I have read the file, and this is what shall happen."),
        error_messages={"required": _("Tick the box when you have read the file.")},
    )


class DecideForm(WeightyForm):
    """A decision, on the outcome that was shown."""

    shown = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, subject: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"shown": subject.proposed_outcome, **(kwargs.get("initial") or {})}
        super().__init__(*args, subject=subject, **kwargs)


class SnoozeForm(ReasonForm):
    """Until when a detector need not ask again, and of whom."""

    until = day_field(_("Until"), _("The last day on which it is quiet."))
    of_provider = forms.BooleanField(
        required=False, label=_("For all that this detector says of this provider")
    )

    @property
    def values(self) -> dict[str, Any]:
        """The day as its end."""
        return {**super().values, "until": self.end_of(self.cleaned_data["until"])}


class OpenForm(StepForm):
    """A case for an alert."""

    typology = forms.ChoiceField(label=_("Kind of case"), choices=list(words.TYPOLOGIES.items()))

    def __init__(self, *args: Any, subject: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"typology": subject.typology, **(kwargs.get("initial") or {})}
        super().__init__(*args, subject=subject, **kwargs)


class GiveForm(StepForm):
    """Who investigates."""

    investigator = forms.ModelChoiceField(
        label=_("Investigator"), queryset=User.objects.none(), empty_label=_("Choose")
    )

    def __init__(self, *args: Any, subject: Any, **kwargs: Any) -> None:
        super().__init__(*args, subject=subject, **kwargs)
        members = Membership.objects.filter(
            organisation__kind=OrganisationKind.AGENCY, role__in=INVESTIGATOR_ROLES, ended_at__isnull=True
        )
        cast("forms.ModelChoiceField[User]", self.fields["investigator"]).queryset = (
            User.objects.filter(pk__in=members.values("user"), is_active=True)
            .exclude(pk__in=subject.rule_author_ids)
            .order_by("display_name", "pk")
        )


class NoteForm(StepForm):
    """A note in the file."""

    text = long_text(_("Note"), _("It stays in the file as it is: nobody can change it."))


class DocumentForm(StepForm):
    """A file for the case."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("A PDF, PNG or JPEG."),
        error_messages={
            "required": _("Choose a file."),
            "empty": _("This file is empty. Choose another one."),
        },
    )

    @property
    def values(self) -> dict[str, Any]:
        """Its name and bytes."""
        file = self.cleaned_data["file"]
        return {"name": file.name, "content": file.read()}


class QuestionForm(StepForm):
    """What the provider is asked."""

    text = long_text(_("Question"), _("The provider reads it as you write it."))
    days = forms.IntegerField(label=_("Days to answer"), min_value=1, max_value=90, initial=10)


class WaitForm(ReasonForm):
    """Until when, and for what."""

    until = day_field(_("Until"))

    @property
    def values(self) -> dict[str, Any]:
        """The day as its end."""
        return {**super().values, "until": self.end_of(self.cleaned_data["until"])}


class FindingForm(StepForm):
    """What the evidence comes to for one booking."""

    booking_id = forms.TypedChoiceField(label=_("Booking"), coerce=int)
    found = forms.ChoiceField(
        label=_("What was found"), choices=[(key, label) for key, label in words.FOUND.items() if key]
    )
    why = long_text(_("Why"))

    def __init__(self, *args: Any, subject: Case, **kwargs: Any) -> None:
        super().__init__(*args, subject=subject, **kwargs)
        rows = subject.bookings.filter(restored_at__isnull=True).select_related("booking__credential")
        cast("forms.TypedChoiceField", self.fields["booking_id"]).choices = [
            (row.booking_id, booking_label(row)) for row in rows.order_by("pk")
        ]


class ProposalForm(StepForm):
    """What the investigation comes to."""

    outcome = forms.ChoiceField(
        label=_("Outcome"),
        choices=[(key, words.CASE_STATES[key]) for key in OUTCOMES],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose an outcome.")},
    )
    reasons = long_text(_("Reasons"), _("From the evidence in the file. Another person decides on them."))


class MeasureForm(ReasonForm):
    """One measure, on whom it is, for how long, and on which bookings."""

    kind = forms.ChoiceField(label=_("Measure"), choices=list(words.MEASURES.items()))
    expires_at = day_field(
        _("Ends on"), _("A hold and an entry on the blacklist have an end."), required=False
    )
    bookings = forms.TypedMultipleChoiceField(
        label=_("Bookings"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What is held or taken back. Without one, a hold is on the whole provider."),
    )
    percent = forms.DecimalField(
        label=_("Share that is taken back, in percent"),
        required=False,
        min_value=Decimal(1),
        max_value=Decimal(100),
        decimal_places=2,
        help_text=_("Of the public money of each booking."),
    )
    person_name = forms.CharField(label=_("Name of the person"), max_length=300, required=False)
    birth_date = day_field(_("Birth date of the person"), required=False)
    entity_name = forms.CharField(label=_("Name of the firm"), max_length=300, required=False)
    related_provider = forms.ModelChoiceField(
        label=_("Related firm"),
        queryset=Provider.objects.none(),
        required=False,
        empty_label=_("None"),
    )
    link = forms.CharField(
        label=_("How it is connected"),
        max_length=500,
        required=False,
        help_text=_("Such as a common director, owner or account, with the record that shows it."),
    )
    authority = forms.CharField(label=_("Handed to"), max_length=200, required=False)

    field_order = (
        "kind",
        "reason",
        "expires_at",
        "bookings",
        "percent",
        "person_name",
        "birth_date",
        "entity_name",
        "related_provider",
        "link",
        "authority",
    )

    def __init__(self, *args: Any, subject: Case, **kwargs: Any) -> None:
        super().__init__(*args, subject=subject, **kwargs)
        rows = subject.bookings.select_related("booking__credential").order_by("pk")
        cast("forms.TypedMultipleChoiceField", self.fields["bookings"]).choices = [
            (row.booking_id, booking_label(row)) for row in rows
        ]
        field = cast("forms.ModelChoiceField[Provider]", self.fields["related_provider"])
        field.queryset = Provider.objects.exclude(pk=subject.provider_id).order_by("name", "pk")

    @property
    def values(self) -> dict[str, Any]:
        """As the service takes it: amounts by booking, the day as its end."""
        given = super().values
        chosen, percent = given.pop("bookings"), given.pop("percent")
        given["amounts"] = self._amounts(chosen, percent) or None
        given["link"] = {"said": given["link"]} if given["link"] else None
        if given["kind"] == MeasureKind.HOLD:
            given["scope"] = "booking" if chosen else "provider"
        if given["expires_at"] is not None:
            given["expires_at"] = self.end_of(given["expires_at"])
        return given

    def _amounts(self, chosen: list[int], percent: Decimal | None) -> dict[int, int | None]:
        """Of a clawback the share of each booking's public money, in whole cents and never more; else no amount."""
        if self.cleaned_data["kind"] != MeasureKind.CLAWBACK:
            return dict.fromkeys(chosen)
        public = (
            Allocation.objects.filter(booking__in=chosen, reimburses=False)
            .exclude(source=Source.LEARNER)
            .values_list("booking")
            .annotate(cents=Sum("amount_cents"))
        )
        return {pk: int(cents * (percent or Decimal(100)) / 100) for pk, cents in public}


class UrgencyForm(WeightyForm):
    """Why it cannot wait, said by one person and signed by another."""

    urgent_by = forms.ModelChoiceField(
        label=_("Who says that it is urgent"), queryset=User.objects.none(), empty_label=_("Choose")
    )
    field_order = ("urgent_by", "reason", "sure")

    def __init__(self, *args: Any, subject: Measure, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, subject=subject, actor=actor, **kwargs)
        self.fields["reason"].label = _("Why it cannot wait")
        cast("forms.ModelChoiceField[User]", self.fields["urgent_by"]).queryset = User.objects.filter(
            pk__in=[subject.proposed_by_id, subject.case.investigator_id]
        ).exclude(pk=actor.pk)

    @property
    def values(self) -> dict[str, Any]:
        """The reason is the urgency."""
        given = super().values
        return {"urgency": given["reason"], "urgent_by": given["urgent_by"]}


class HearingForm(StepForm):
    """What was said, and whether it stays."""

    minutes = long_text(_("What was said"))
    keep = forms.TypedChoiceField(
        label=_("The measure"),
        choices=[("yes", _("stays")), ("no", _("is lifted"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": _("Say whether it stays.")},
    )


class ReviewForm(ReasonForm):
    """That a hold was looked at, and whether it lasts longer."""

    until = day_field(_("New end"), _("Leave it empty: it ends as it was to."), required=False)

    @property
    def values(self) -> dict[str, Any]:
        """The day as its end."""
        day = self.cleaned_data["until"]
        return {**super().values, "until": None if day is None else self.end_of(day)}


class AnswerForm(StepForm):
    """What the provider says."""

    answer = long_text(_("Answer"))


class AppealForm(StepForm):
    """Why the provider thinks that a measure is wrong."""

    appeal = long_text(_("Why it is wrong"))


class VaryForm(WeightyForm):
    """Which effects of a measure are undone."""

    undone = forms.TypedMultipleChoiceField(
        label=_("What is undone"),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose what is undone.")},
    )
    field_order = ("undone", "reason", "sure")

    def __init__(self, *args: Any, subject: Measure, **kwargs: Any) -> None:
        super().__init__(*args, subject=subject, **kwargs)
        cast("forms.TypedMultipleChoiceField", self.fields["undone"]).choices = [
            (effect.pk, f"{words.EFFECTS[effect.kind]} {effect.said}".strip())
            for effect in subject.effects.filter(undoes__isnull=True, undone_by__isnull=True).order_by("pk")
        ]


class SurveyForm(forms.Form):
    """What a learner says of a booking."""

    answer = forms.ChoiceField(
        label=_("What is true?"),
        choices=list(words.SURVEY_ANSWERS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what is true.")},
    )
    said = forms.CharField(
        label=_("Anything else (optional)"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


def booking_label(row: CaseBooking) -> str:
    """A booking of a case as one line: what, when, no name."""
    booking = row.booking
    return f"{booking.credential.title}, {booking.requested_at:%Y-%m-%d}, {str(booking.public_id)[:8]}"
