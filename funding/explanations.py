"""Why an amount is what it is, and why a scheme says no: the sentences a citizen reads, with the values used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding import words
from ila.core.money import format_cents

WHY: dict[str, Promise] = {
    "drawn_from_source": _("%(cents)s come from: %(source)s."),
    "usage_cap_applies": _("For this kind of training at most %(cap_cents)s of your rights may be used."),
    "share_applies": _("Public money pays a share of the price: %(cap_cents)s at most."),
    "hours_apply": _("Public money pays by planned hours: %(cap_cents)s at most."),
    "first_booking_applies": _("Public money pays at most %(cap_cents)s of your first booking."),
    "discount_from_budget": _("The scheme's discount is %(cents)s."),
    "participation_due": _("Your own participation is %(cents)s."),
    "participation_waived": _("You pay no participation, because %(reason)s."),
    "shortfall_paid_by_learner": _("%(cents)s are not covered, and are yours to pay."),
    "granted": _("You are granted %(cents)s."),
    "above_the_grant": _("%(cents)s are above the grant, and are yours to pay."),
    "paid_by_learner": _("You pay the whole price of %(cents)s."),
    "reimbursed_when_complete": _("You are given %(cents)s back once the training is complete."),
    "full_year_credit": _("You worked at least half-time: a full year brings %(credit_cents)s."),
    "credit_in_proportion": _(
        "You worked %(hours)s of %(full_year_hours)s hours: that brings %(credit_cents)s."
    ),
    "low_qualified_credit": _("The higher credit of %(full_credit_cents)s a year is yours."),
    "cap_reached": _("Your account reaches its ceiling of %(cap_cents)s."),
    "lifetime_reached": _("You reach the most of a lifetime, %(lifetime_cents)s."),
    "credit_of_the_scheme": _("The scheme gives you %(credit_cents)s."),
    "credited_once": _("The credit is given once, and you have had it."),
    "waiting": _("You used your credit up: it is given again from %(until)s on."),
    "no_yearly_credit": _("This year brings no credit in your situation."),
    "citizens_only": _("Only citizens of the country receive it."),
    "residents_only": _("Only residents of the country receive it."),
}
"""By the code of an explanation."""

REFUSED: dict[tuple[str, str], Promise] = {
    ("not_eligible", "too_young"): _("You are not old enough for this scheme yet."),
    ("not_eligible", "pension_age"): _("This scheme ends when you reach pension age."),
    ("not_eligible", "age_unknown"): _("Your date of birth is not known, and this scheme asks for your age."),
    ("not_eligible", "insured_months"): _("You were not insured for long enough in the last two years."),
    ("not_eligible", "student_finance"): _("Who receives student finance cannot use this scheme."),
    ("not_eligible", "citizens_only"): _("This scheme is for citizens of the country."),
    ("not_eligible", "residents_only"): _("This scheme is for residents of the country."),
    ("not_eligible", "income"): _("Your income is above the limit of this scheme, or is not known."),
    ("not_bookable", "hours_missing"): _("The provider does not say how many hours this training takes."),
    ("not_bookable", "too_few_hours"): _("This training is shorter than the scheme asks for."),
    ("not_bookable", "too_many_hours"): _("This training is longer than the scheme pays for."),
    ("not_bookable", "hours_per_day"): _("This session puts more hours into a day than the scheme allows."),
    ("not_bookable", "sunday"): _("This session is taught on a Sunday, which the scheme does not allow."),
    ("too_early", "not_your_turn"): _(
        "It is not your turn yet. Take a place in the waiting room, or wait for the turn of the one you have: "
        "nobody goes before their turn."
    ),
    ("not_allowed", "no_waiting_room"): _(
        "This window has no waiting room: apply at once, while it is open."
    ),
    ("not_allowed", "window_exists"): _("The scheme has a window of this name already. Choose another name."),
    ("not_allowed", "session_never_held"): _(
        "This session was never held: nothing of it can be declared, claimed or paid. The agency cancels the booking."
    ),
    ("insufficient_rights", "spent_meanwhile"): _(
        "The rights that were given back have been used for another training, so the payment can no longer be "
        "put down to them. The learner is not charged: uphold the dispute, or wait until that booking ends."
    ),
    ("not_allowed", "partly_recovered"): _(
        "The provider has paid back a part already, so the dispute can only be upheld."
    ),
    ("not_allowed", "no_windows"): _("This scheme gives no grants from windows."),
    ("not_allowed", "apply_in_a_window"): _(
        "Grants of this scheme are applied for in a window, while it is open."
    ),
}
"""More precise than a code: by code and reason."""

REFUSED_BY_RULE: dict[tuple[str, str], Promise] = {
    ("too_early", "N-03"): _("The window has not opened yet. Come back when it does."),
    ("window_closed", "N-03"): _("The window is closed. Wait for the next one."),
    ("budget_exhausted", "N-03"): _(
        "The budget of this window is used up. There is no waiting list; wait for the next window."
    ),
    ("already_granted", "N-01"): _("You have already been granted as often as the scheme allows."),
    ("bad_price", "N-04"): _("The price is above the one in the register. The provider has to correct it."),
    ("too_late", "N-05"): _("The training starts too soon after the application. Choose a later session."),
    ("too_early", "N-05"): _("The training starts too long after the window. Choose an earlier session."),
    ("too_early", "N-07"): _("It is too early to claim: a claim is possible shortly before the start."),
    ("incomplete", "N-08"): _(
        "Completion is not proved yet: enough attendance, a certificate, or an examination taken."
    ),
    ("grant_ceiling", "N-11"): _("This training has had its grants of the year. Choose another one."),
    ("too_early", "S-06"): _("Credit can be used only shortly before the start. Accept later."),
    ("too_late", "S-08"): _(
        "It is too late to withdraw for nothing. You may still cancel; the price is owed."
    ),
}
"""By code and rule, before the reasons."""


REFUSED_BECAUSE: dict[tuple[str, str], Promise] = {
    ("not_eligible", "too_young"): _("The scheme begins at %(least_years)s years."),
    ("not_eligible", "insured_months"): _("The scheme asks for %(least)s months."),
    ("not_eligible", "F-25"): _("It is open again after %(until)s."),
    ("already_granted", "N-01"): _("The year of your application is %(year)s."),
    ("too_late", "N-05"): _(
        "It starts on %(starts)s; there have to be %(least_days)s days between the application and the start."
    ),
    ("too_early", "N-05"): _("It starts on %(starts)s; the last day to start is %(latest)s."),
    ("too_early", "N-07"): _("The first day is %(first)s."),
    ("too_early", "S-06"): _("The first day is %(first_day)s."),
    ("too_early", "F-31"): _("The first day is %(due)s."),
    ("too_late", "F-22"): _("It starts on %(starts)s, and %(least_wd)s working days have to lie before it."),
    ("incomplete", "N-08"): _("Attended so far: %(percent)s percent."),
    ("grant_ceiling", "N-11"): _("There are %(ceiling)s grants for it in %(year)s."),
}
"""What the decision rested on, by code and by reason or rule: said where the refusal names all of its values."""


def because(code: str, keys: tuple[str, ...], params: Mapping[str, Any]) -> str:
    """The values that a refusal rests on, in words; nothing where it does not name them.

    keys: the refusal's reason and rule.
    """
    for key in keys:
        sentence = REFUSED_BECAUSE.get((code, key))
        if sentence is None:
            continue
        try:
            return str(sentence) % {name: _day_or_number(value) for name, value in params.items()}
        except KeyError:
            continue
    return ""


def explain(code: str, values: Mapping[str, Any], *, currency: str) -> str:
    """The sentence of an explanation with its values, amounts as the reader's language writes them.

    A code without a sentence is shown as it is, readable.
    """
    sentence = WHY.get(code)
    if sentence is None:
        return str(words.word({}, code))
    return str(sentence) % {name: _shown(name, value, currency) for name, value in values.items()}


def why(rows: list[dict[str, Any]], *, currency: str) -> list[str]:
    """The sentences of what is kept with an acceptance (`BookingLog.data["why"]`), each with its rule's id."""
    return [
        explain(row["code"], row["values"], currency=currency)
        + (f" ({_now('rule')} {row['rule']})" if row["rule"] else "")
        for row in rows
    ]


def _day_or_number(value: Any) -> str:
    """A day as the reader's language writes it; of a moment, its day."""
    if isinstance(value, str) and value[4:5] == "-":
        try:
            return date_format(datetime.fromisoformat(value), "j F Y")
        except ValueError:
            return value
    return str(value)


def _shown(name: str, value: Any, currency: str) -> str:
    if name.endswith("cents") and isinstance(value, int):
        return format_cents(value, currency, get_language() or "en")
    if name == "source":
        return str(words.word(words.SOURCES, str(value)))
    if name == "reason":
        return str(words.EXEMPTIONS.get(str(value), value))
    return str(value)
