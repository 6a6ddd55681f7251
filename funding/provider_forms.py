"""Forms in which a provider takes one step for many learners of a session at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding import words
from funding.models import Booking
from funding.services.attendance_sheets import HOURS_OF_A_DAY
from funding.services.bookings.at_once import MOST


def name_of(booking: Booking) -> str:
    """The learner's name, which a provider knows from the request on."""
    citizen = booking.account.citizen
    return f"{citizen.given_name} {citizen.family_name}".strip()


@dataclass(frozen=True, slots=True)
class RowFields:
    """A learner of a form's table, with the fields of their row."""

    booking: Booking
    name: str
    email: str
    facts: Any
    fields: tuple[forms.BoundField, ...]
    chosen: bool


class ChooseForm(forms.Form):
    """Whom a step is for. bookings: those who can be chosen; facts: what to know about each, by id."""

    row_fields: tuple[str, ...] = ()
    # Whether everybody is ticked at first: never where a slip would cost a learner something.
    all_ticked = True

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        bookings: Sequence[Booking],
        facts: dict[int, Any] | None = None,
    ) -> None:
        super().__init__(data, files)
        self._bookings = {str(each.public_id): each for each in bookings}
        self._facts = facts or {}
        for booking in bookings:
            self.add_row(booking)

    def add_row(self, booking: Booking) -> None:
        """Add the fields of one learner's row."""

    @property
    def wanted(self) -> set[str]:
        """The public ids that are ticked."""
        return set(self._sent_as("who")) if self.is_bound else set()

    @property
    def chosen(self) -> list[Booking]:
        """Who is ticked, of those who can be."""
        return [each for key, each in self._bookings.items() if key in self.wanted]

    @property
    def rows(self) -> list[RowFields]:
        """The table: everybody who can be chosen."""
        return [
            RowFields(
                booking=each,
                name=name_of(each),
                email=each.account.citizen.user.email if each.account.citizen.user else "",
                facts=self._facts.get(each.pk),
                fields=tuple(self[f"{name}_{each.pk}"] for name in self.row_fields),
                chosen=key in self.wanted if self.is_bound else self.all_ticked,
            )
            for key, each in self._bookings.items()
        ]

    @property
    def common(self) -> list[forms.BoundField]:
        """The fields that hold for all."""
        own = tuple(f"{name}_" for name in self.row_fields)
        return [field for field in self if not (own and field.name.startswith(own))]

    @property
    def sent(self) -> list[tuple[str, str]]:
        """What the confirmation page sends again, word for word."""
        kept = ("csrfmiddlewaretoken", "sure")
        return [(name, one) for name in self.data if name not in kept for one in self._sent_as(name)]

    def _sent_as(self, name: str) -> list[str]:
        return cast("QueryDict", self.data).getlist(name)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.chosen:
            self.add_error(None, _("Tick at least one learner."))
        elif len(self.chosen) > MOST:
            self.add_error(None, _now("Tick at most %(most)d learners at once.") % {"most": MOST})
        return data


class ProposeForm(ChooseForm):
    """Places at a price within the published one."""

    price = forms.DecimalField(label=_("Price for each of them"), min_value=Decimal("0.01"), decimal_places=2)

    def __init__(self, *args: Any, ceiling_cents: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ceiling = ceiling_cents
        self.fields["price"].initial = f"{Decimal(ceiling_cents).scaleb(-2):.2f}"

    @property
    def price_cents(self) -> int:
        """The price of a valid form, in cents."""
        return int(self.cleaned_data["price"] * 100)

    def clean_price(self) -> Decimal:
        """At most what is published."""
        price: Decimal = self.cleaned_data["price"]
        if price * 100 > self._ceiling:
            raise forms.ValidationError(_("The price is above the published one."))
        return price


class ReasonForm(ChooseForm):
    """A reason that the learners read."""

    all_ticked = False
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The learners read it."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AbsenceForm(ChooseForm):
    """Who never came, and whether they had a reason."""

    all_ticked = False
    justified = forms.ChoiceField(
        label=_("Did they have a good reason?"),
        widget=forms.RadioSelect,
        choices=[
            ("yes", _("Yes, a justified absence: all money goes back")),
            ("no", _("No, or none that is known: the full price is owed")),
        ],
    )
    reason = forms.CharField(
        label=_("What you know about it"),
        help_text=_("Say nothing about anybody's health."),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ExitForm(ChooseForm):
    """Why each of them left (F-29)."""

    row_fields = ("why",)

    def __init__(self, *args: Any, reasons: Sequence[str], **kwargs: Any) -> None:
        self._reasons = [(code, words.word(words.EXIT_REASONS, code)) for code in reasons]
        super().__init__(*args, **kwargs)

    def add_row(self, booking: Booking) -> None:
        """Why this learner left; most have stayed to the end."""
        label = _now("Why %(name)s left") % {"name": name_of(booking)}
        self.fields[f"why_{booking.pk}"] = forms.ChoiceField(
            label=label, choices=self._reasons, required=False, initial="complete"
        )

    def why(self, booking: Booking) -> str:
        """The reason of a valid form."""
        return str(self.cleaned_data[f"why_{booking.pk}"] or "complete")


class ServiceForm(ChooseForm):
    """The share that was done, of each: by attendance, unless the provider says otherwise (F-28)."""

    row_fields = ("percent",)

    def add_row(self, booking: Booking) -> None:
        """Another percentage than that of attendance."""
        label = _now("Another percentage for %(name)s") % {"name": name_of(booking)}
        self.fields[f"percent_{booking.pk}"] = forms.IntegerField(
            label=label, required=False, min_value=0, max_value=100
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        for booking in self.chosen:
            name, known = f"percent_{booking.pk}", self._facts.get(booking.pk)
            if name in data and data[name] is None and known is not None and known.percent is None:
                self.add_error(
                    name, _("The planned hours are not known, so attendance gives none: enter it.")
                )
        return data

    def percent(self, booking: Booking) -> int | None:
        """What was entered; None for that of attendance."""
        return cast("int | None", self.cleaned_data[f"percent_{booking.pk}"])


class ProofForm(ChooseForm):
    """Certificates, each with its file."""

    row_fields = ("file",)
    all_ticked = False
    kind = forms.ChoiceField(
        label=_("What they have got"),
        choices=[("certificate", _("A certificate")), ("exam", _("An examination taken"))],
    )

    def add_row(self, booking: Booking) -> None:
        """The file, if there is one."""
        label = _now("File for %(name)s (PDF, PNG or JPEG)") % {"name": name_of(booking)}
        self.fields[f"file_{booking.pk}"] = forms.FileField(label=label, required=False)


class DayForm(forms.Form):
    """The attendance sheet of a day: present, absent or not yet said, with the hours of who was there."""

    hours = forms.DecimalField(
        label=_("Hours of this day"),
        help_text=_("For everybody who was there and has none of their own below."),
        required=False,
        min_value=Decimal(0),
        max_value=HOURS_OF_A_DAY,
        decimal_places=2,
        localize=True,
    )

    def __init__(
        self,
        data: Any = None,
        *,
        bookings: Sequence[Booking],
        known: dict[int, dict[date, Decimal]],
        day: date,
        usual: Decimal | None,
        confirmed: dict[int, Any],
    ) -> None:
        super().__init__(data)
        self._bookings, self._confirmed = list(bookings), confirmed
        self.fields["hours"].initial = usual
        for booking in self._bookings:
            said = known.get(booking.pk, {}).get(day)
            mark = "absent" if said == 0 else "present" if said is not None else ""
            if not mark and booking.pk in confirmed:
                mark = "present"
            name = {"name": name_of(booking)}
            self.fields[f"mark_{booking.pk}"] = forms.ChoiceField(
                label=_now("%(name)s was") % name,
                required=False,
                initial=mark,
                choices=[("", _("not yet said")), ("present", _("present")), ("absent", _("absent"))],
            )
            own = said if said and said != usual else None
            self.fields[f"hours_{booking.pk}"] = forms.DecimalField(
                label=_now("Own hours of %(name)s") % name,
                required=False,
                initial=own,
                min_value=Decimal(0),
                max_value=HOURS_OF_A_DAY,
                decimal_places=2,
                localize=True,
            )

    @property
    def rows(self) -> list[tuple[Booking, str, Any, forms.BoundField, forms.BoundField]]:
        """Each learner with their name, how their presence was proved, and their two fields."""
        return [
            (
                each,
                name_of(each),
                self._confirmed.get(each.pk),
                self[f"mark_{each.pk}"],
                self[f"hours_{each.pk}"],
            )
            for each in self._bookings
        ]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        for booking in self._bookings:
            own = data.get(f"hours_{booking.pk}")
            there = data.get(f"mark_{booking.pk}") == "present"
            if there and not own and not data.get("hours") and "hours" not in self.errors:
                self.add_error("hours", _("Enter the hours of this day."))
                break
        return data

    @property
    def marked(self) -> dict[int, Decimal]:
        """Hours by booking of a valid form, of those about whom something was said."""
        made = {}
        for booking in self._bookings:
            mark = self.cleaned_data[f"mark_{booking.pk}"]
            own = self.cleaned_data[f"hours_{booking.pk}"]
            if mark == "absent":
                made[booking.pk] = Decimal(0)
            elif mark == "present":
                made[booking.pk] = own or self.cleaned_data["hours"]
        return made
