"""What a person may do with a hold outside of a case, and what each step asks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from catalogue.models import Provider
from fraud import permissions, words
from fraud.detection.detector import TYPOLOGIES
from fraud.forms import StepForm, WeightyForm, day_field, long_text
from fraud.models import AutomaticHold, HoldOutcome
from fraud.services import hold_answers
from fraud.services.letters import calendar_of
from fraud.step import Step
from funding.models import Hold
from funding.services import hold_notices
from ila.core import clock

# Whoever needs longer opens a case, in which there are terms and appeals.
MOST_DAYS = 60


class LiftForm(WeightyForm):
    """Why it ends."""

    reason = long_text(_("Why"), _("The provider reads it."))
    sure = forms.BooleanField(
        label=_("I have read what the provider answered, if it has, and this money may be paid."),
        error_messages={"required": _("Tick the box when you have read it.")},
    )
    field_order = ("reason", "sure")


class ProlongForm(StepForm):
    """Until when, and why."""

    until = day_field(
        _("New end"), _("The last day. It is at most 60 days from now; who needs longer opens a case.")
    )
    reason = long_text(_("Why"), _("The provider reads it, and can answer again."))

    @property
    def provider(self) -> Provider:
        """Whose days count."""
        return hold_notices.providers_of([self.subject.pk])[self.subject.pk][0]

    def clean_until(self) -> datetime:
        """Later than it ends now, and not for ever."""
        day = cast("date", self.cleaned_data["until"])
        calendar = calendar_of(self.provider)
        until = calendar.end_of_day(day)
        if until <= self.subject.expires_at:
            raise forms.ValidationError(_("Enter a later day than the one on which it ends now."))
        if until > calendar.end_of_day(calendar.local_date(clock.now()) + timedelta(days=MOST_DAYS)):
            raise forms.ValidationError(_("This is more than 60 days from now. Enter an earlier day."))
        return until


class LookForm(StepForm):
    """Which kind of case, whose, and why."""

    typology = forms.ChoiceField(label=_("Kind of case"), choices=list(words.TYPOLOGIES.items()))
    provider_id = forms.TypedChoiceField(label=_("Provider"), coerce=int)
    reason = long_text(
        _("Why"),
        _("It is the first note in the case's file. The provider is told that you look further, not why."),
    )

    def __init__(self, *args: Any, subject: Hold, **kwargs: Any) -> None:
        placed = AutomaticHold.objects.filter(hold=subject).first()
        speaks = [name for name, members in TYPOLOGIES.items() if placed and placed.detector in members]
        kwargs["initial"] = {"typology": speaks[0] if speaks else "", **(kwargs.get("initial") or {})}
        super().__init__(*args, subject=subject, **kwargs)
        concerned = hold_notices.providers_of([subject.pk]).get(subject.pk, [])
        field = cast("forms.TypedChoiceField", self.fields["provider_id"])
        field.choices = [(each.pk, str(each)) for each in concerned]


def _open(hold: Hold, actor: User) -> bool:
    """Whether this person may decide on it: it stands, and comes from no thresholds of their own."""
    if not hold.stands or not permissions.may_investigate(hold, actor):
        return False
    return actor.pk not in hold_answers.authors_of([hold.pk]).get(hold.pk, frozenset())


def _outside(hold: Hold, actor: User) -> bool:
    return _open(hold, actor) and not hold.decisions.filter(outcome=HoldOutcome.CASE).exists()


HOLD_STEPS = (
    Step(
        "lift",
        _("Lift the hold"),
        _("The money goes on as if it had not been held. The provider is told why."),
        LiftForm,
        hold_answers.lift_hold,
        _open,
        weighty=True,
    ),
    Step(
        "prolong",
        _("Prolong the hold"),
        _("It gets a later end. The provider is told why, and can answer again."),
        ProlongForm,
        hold_answers.prolong_hold,
        _open,
    ),
    Step(
        "look",
        _("Open a case from it"),
        _(
            "Its booking, and what the provider answered, become part of a case. The hold stands as it did until a"
            " measure of the case takes it on, and is lifted if the case is refuted."
        ),
        LookForm,
        hold_answers.open_case,
        _outside,
    ),
)
