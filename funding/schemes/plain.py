"""A scheme in plain words: sentences for every parameter, in the order in which a learner asks.

Each sentence carries the id of the rule behind it and the parameters that it says. What no learner needs to be
told is in INTERNAL, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from funding.schemes import wording as w
from funding.schemes.plain_course import after, cancel, providers, refund, terms
from funding.schemes.rules import SchemeRules
from funding.schemes.saying import Sentence, say
from funding.schemes.vocabulary import KINDS

INTERNAL: dict[str, str] = {
    "currency": "shown with every amount",
    "rulebook": "decides whether rule ids are shown, which are then beside the sentences",
}
"""Parameters that no sentence says, and why."""


@dataclass(frozen=True, slots=True)
class Section:
    """One question of a learner's, and the sentences that answer it."""

    key: str
    title: Promise
    sentences: tuple[Sentence, ...]


def describe(rules: SchemeRules) -> tuple[Section, ...]:
    """All that a version says, in the reader's language; no section is empty."""
    return tuple(Section(key, title, tuple(write(rules))) for key, title, write in _SECTIONS)


def cites(rules: SchemeRules, rule: str) -> bool:
    """Whether the scheme numbers its rules this way: those of another rulebook are not cited."""
    return bool(rule) and rule[:1] == rules.rulebook


def _gets(rules: SchemeRules) -> Iterator[Sentence]:
    currency = rules.currency
    if rules.funding == "window":
        yield say(
            _("You apply for a grant of at most %(cents)s while a window is open; first come, first served."),
            "N-03",
            "funding",
            "grant_cents",
            "draw_order",
            cents=w.cents(rules.grant_cents or 0, currency),
        )
        return
    if rules.funding == "reimbursement":
        yield say(
            _("You pay for the training, and are given back %(share)s of the price once it is complete."),
            "",
            "funding",
            "reimbursement_percent",
            "draw_order",
            share=w.percent(rules.reimbursement_percent or 0),
        )
        if rules.reimbursement_cap_cents is not None:
            yield say(
                _("You are given back %(cents)s at most."),
                "",
                "reimbursement_cap_cents",
                cents=w.cents(rules.reimbursement_cap_cents, currency),
            )
        return
    yield from _accrued(rules)
    for credit in rules.age_credits:
        yield say(w.credit(credit, currency), "S-01", "age_credits")
    if rules.accrual == "none" and not rules.age_credits:
        yield say(
            _("Nothing is credited by itself: the agency, an employer or you put money on your account.")
        )
    if rules.endowment_least_cents:
        yield say(
            _("Your employer, or the State, may add money. It is at least: %(least)s."),
            "F-05",
            "endowment_least_cents",
            least=w.shown("endowment_least_cents", rules.endowment_least_cents, currency),
        )


def _accrued(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.accrual == "none":
        return
    amount = w.cents(rules.yearly_credit_cents or 0, rules.currency)
    if rules.accrual == "yearly_by_hours":
        yield say(
            _("You receive %(cents)s for each year in which you worked at least %(share)s of full time."),
            "F-01",
            "accrual",
            "yearly_credit_cents",
            "full_credit_percent",
            cents=amount,
            share=w.percent(rules.full_credit_percent),
        )
        yield say(
            _(
                "If you worked less, you receive a part: a full year is %(hours)s. It is rounded up to the cent."
            ),
            "F-02",
            "full_year_hours",
            hours=w.hours(rules.full_year_hours or 0),
        )
    elif rules.accrual == "yearly":
        yield say(
            _("You receive %(cents)s each year."), "F-01", "accrual", "yearly_credit_cents", cents=amount
        )
    else:
        yield say(_("You receive %(cents)s once."), "F-01", "accrual", "yearly_credit_cents", cents=amount)
    yield from _low_qualified(rules)
    if rules.cap_cents is not None:
        yield say(
            _("Once your account holds %(cents)s, no more is credited. Counted are: %(sources)s."),
            "F-01",
            "cap_cents",
            "cap_sources",
            cents=w.cents(rules.cap_cents, rules.currency),
            sources=w.sources(rules.cap_sources),
        )
    if rules.accrual_statuses:
        yield say(
            _("Who receives it: %(statuses)s."),
            "F-01",
            "accrual_statuses",
            statuses=w.statuses(rules.accrual_statuses),
        )
    if rules.lifetime_credit_cents is not None:
        yield say(
            _("Over your whole life you receive %(cents)s at most."),
            "",
            "lifetime_credit_cents",
            cents=w.cents(rules.lifetime_credit_cents, rules.currency),
        )
    if rules.wait_years_when_used is not None:
        yield say(
            _("When you have used all of it, you receive it again after %(years)s."),
            "",
            "wait_years_when_used",
            years=w.years(rules.wait_years_when_used),
        )


def _low_qualified(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.yearly_credit_low_qualified_cents is None:
        return
    if rules.low_qualified_below_level is None:
        who, names = _("If you are a disabled worker"), ["low_qualified_if_disabled"]
    elif rules.low_qualified_if_disabled:
        who, names = (
            _("If your qualification is below level %(level)s, or you are a disabled worker"),
            ["low_qualified_below_level", "low_qualified_if_disabled"],
        )
    else:
        who, names = _("If your qualification is below level %(level)s"), ["low_qualified_below_level"]
    who = who % {"level": rules.low_qualified_below_level} if "%" in who else who
    amount = w.cents(rules.yearly_credit_low_qualified_cents, rules.currency)
    names.append("yearly_credit_low_qualified_cents")
    if rules.cap_low_qualified_cents is None:
        yield say(_("%(who)s, you receive %(cents)s instead."), "F-03", *names, who=who, cents=amount)
        return
    yield say(
        _("%(who)s, you receive %(cents)s instead, until your account holds %(cap)s."),
        "F-03",
        *names,
        "cap_low_qualified_cents",
        who=who,
        cents=amount,
        cap=w.cents(rules.cap_low_qualified_cents, rules.currency),
    )


def _expires(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.funding == "window":
        yield say(_("A grant is for the training that you applied for. Nothing is kept for later."))
    elif rules.funding == "reimbursement":
        yield say(_("Nothing lies on an account, so nothing can expire."))
    elif rules.validity_months is not None:
        yield say(
            _("Each credit can be used for %(months)s; what is left then expires. You are told in time."),
            "",
            "validity_months",
            months=w.months(rules.validity_months),
        )
    else:
        yield say(_("What is on your account does not expire, unless a last day is named here."))
    for credit in rules.age_credits:
        if credit.expires is not None:
            yield say(
                _("What you received at the age of %(years)s (%(source)s) can be used until %(day)s."),
                "S-02",
                "age_credits",
                years=credit.years,
                source=w.sources([credit.source]),
                day=w.day(credit.expires),
            )


def _pays(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.funding == "window":
        yield say(_("What the price is above the grant is yours to pay."), "N-01", "grant_cents")
    elif rules.funding == "reimbursement":
        yield say(_("You pay the whole price first."), "", "funding")
    else:
        yield from _participation(rules)
        yield from _shares(rules)
        if rules.shortfall_to_learner:
            yield say(_("What your account does not cover is yours to pay."), "F-12", "shortfall_to_learner")
        else:
            yield say(
                _("You may not pay the rest yourself: a price that your account does not cover is refused."),
                "F-13",
                "shortfall_to_learner",
            )
        yield say(
            _("Money is used in this order: %(order)s."),
            "F-07",
            "draw_order",
            order=w.shown("draw_order", rules.draw_order, rules.currency),
        )
    if rules.source_kinds:
        yield say(
            _("Some money pays for some training only: %(sources)s."),
            "S-04",
            "source_kinds",
            sources=w.shown("source_kinds", rules.source_kinds, rules.currency),
        )


def _participation(rules: SchemeRules) -> Iterator[Sentence]:
    if not rules.participation_cents or rules.participation_mode is None:
        yield say(_("As long as your account covers the price, you pay nothing yourself."))
        return
    amount = w.cents(rules.participation_cents, rules.currency)
    text = {
        "max": _("You pay %(cents)s of your own for each booking, or what is not covered if that is more."),
        "sum": _("You pay %(cents)s of your own for each booking, and what is not covered on top of it."),
    }[rules.participation_mode]
    if rules.later_share_percent is not None:
        text += " " + _("This is for your first booking.")
    yield say(text, "F-08", "participation_cents", "participation_mode", cents=amount)
    exempt = [
        (
            rules.participation_exempt_statuses,
            "participation_exempt_statuses",
            _("You do not pay it if you are: %(who)s."),
            w.statuses(rules.participation_exempt_statuses),
        ),
        (
            rules.participation_exempt_sources,
            "participation_exempt_sources",
            _("You do not pay it when one of these pays a part: %(who)s."),
            w.sources(rules.participation_exempt_sources),
        ),
        (
            rules.participation_exempt_prevention_account,
            "participation_exempt_prevention_account",
            _("You do not pay it if you hold a prevention account."),
            "",
        ),
        (
            rules.participation_exempt_incapacity_percent is not None,
            "participation_exempt_incapacity_percent",
            _("You do not pay it if a work accident left you with an incapacity of %(who)s or more."),
            w.percent(rules.participation_exempt_incapacity_percent or 0),
        ),
    ]
    for applies, name, sentence, who in exempt:
        if applies:
            yield say(sentence, "F-10", name, who=who)


def _shares(rules: SchemeRules) -> Iterator[Sentence]:
    currency = rules.currency
    if rules.usage_cap_cents:
        yield say(
            _("In one booking at most so much comes from %(sources)s: %(caps)s."),
            "F-13",
            "usage_cap_cents",
            "usage_cap_sources",
            sources=w.sources(rules.usage_cap_sources),
            caps=w.shown("usage_cap_cents", rules.usage_cap_cents, currency),
        )
    if rules.usage_cap_exempt_codes:
        yield say(
            _("This limit does not concern: %(codes)s."),
            "F-13",
            "usage_cap_exempt_codes",
            codes=w.listed(rules.usage_cap_exempt_codes),
        )
    if rules.public_share_percent is not None:
        text = _("Public money pays at most %(share)s of the price.")
        yield say(text, "", "public_share_percent", share=w.percent(rules.public_share_percent))
    if rules.first_booking_cents is not None:
        yield say(
            _("Public money pays at most %(cents)s of your first booking."),
            "",
            "first_booking_cents",
            cents=w.cents(rules.first_booking_cents, currency),
        )
    if rules.later_share_percent is not None:
        yield say(
            _("From your second booking on, public money pays at most %(share)s of the price."),
            "",
            "later_share_percent",
            share=w.percent(rules.later_share_percent),
        )
    if rules.later_share_by_kind:
        yield say(
            _("For some training this share is another: %(shares)s."),
            "",
            "later_share_by_kind",
            shares=w.shown("later_share_by_kind", rules.later_share_by_kind, currency),
        )
    if rules.later_share_from_budget:
        yield say(
            _("Where your account lacks this share, the scheme's budget pays it."),
            "",
            "later_share_from_budget",
        )
    if rules.public_cents_per_hour is not None:
        yield say(
            _("Public money pays at most %(cents)s for each planned hour."),
            "",
            "public_cents_per_hour",
            cents=w.cents(rules.public_cents_per_hour, currency),
        )


def _covers(rules: SchemeRules) -> Iterator[Sentence]:
    if set(rules.bookable_kinds) == set(KINDS):
        yield say(_("It pays for every kind of training in the catalogue."), "F-17", "bookable_kinds")
    else:
        yield say(_("It pays for: %(kinds)s."), "F-17", "bookable_kinds", kinds=w.kinds(rules.bookable_kinds))
    accredited = {
        "provider": _("The provider must be accredited."),
        "programme": _("The training itself must be on the register."),
        "both": _("Both the provider and the training must be accredited."),
        "supervisory": _("The provider must be accredited by the supervising authority."),
    }[rules.accreditation]
    yield say(accredited, "F-17", "accreditation")
    if rules.min_hours is not None:
        yield say(
            _("The training takes at least %(hours)s."), "", "min_hours", hours=w.hours(rules.min_hours)
        )
    if rules.max_hours is not None:
        yield say(_("The training takes at most %(hours)s."), "", "max_hours", hours=w.hours(rules.max_hours))
    if rules.max_hours_per_day is not None:
        yield say(
            _("On one day it takes at most %(hours)s."),
            "",
            "max_hours_per_day",
            hours=w.hours(rules.max_hours_per_day),
        )
    if rules.no_sundays:
        yield say(_("It is not taught on Sundays."), "", "no_sundays")
    yield from _light_licence(rules)
    if rules.grant_ceiling is not None:
        yield say(
            ngettext(
                "For one training of one provider, %(n)s grant is given in a calendar year.",
                "For one training of one provider, at most %(n)s grants are given in a calendar year.",
                rules.grant_ceiling,
            ),
            "N-11",
            "grant_ceiling",
            n=rules.grant_ceiling,
        )
    if rules.keeps_struck_off:
        yield say(
            _("If the training is struck off the register after your grant, it is paid all the same."),
            "N-14",
            "keeps_struck_off",
        )


def _light_licence(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.light_licence_refused_holding:
        yield say(
            _("No light driving licence for who holds one of these already: %(classes)s."),
            "F-15",
            "light_licence_refused_holding",
            classes=w.listed(rules.light_licence_refused_holding),
        )
    if rules.light_licence_statuses:
        yield say(
            _("A light driving licence is paid if you are: %(who)s."),
            "F-14",
            "light_licence_conditional",
            "light_licence_statuses",
            who=w.statuses(rules.light_licence_statuses),
        )
    if rules.light_licence_cofunding_sources:
        yield say(
            _("A light driving licence is paid when one of these pays a part: %(sources)s."),
            "F-14",
            "light_licence_conditional",
            "light_licence_cofunding_sources",
            sources=w.sources(rules.light_licence_cofunding_sources),
        )


def _who(rules: SchemeRules) -> Iterator[Sentence]:
    found = list(_conditions(rules))
    if not found:
        yield say(_("Everybody who holds an account in this scheme can use it."))
    yield from found
    if rules.strong_identity_required:
        yield say(
            _(
                "You book yourself, and prove who you are with a strong electronic identity; nobody books for you."
            ),
            "F-32",
            "strong_identity_required",
        )
    else:
        yield say(_("You book yourself; nobody books for you."), "F-32", "strong_identity_required")
    if rules.suspended_for_false_information:
        yield say(_("False information suspends your account."), "S-10", "suspended_for_false_information")
    if rules.exclusion_max_months is not None:
        yield say(
            _("Whoever is at fault for a breach of the rules is excluded for up to %(months)s."),
            "N-09",
            "exclusion_max_months",
            months=w.months(rules.exclusion_max_months),
        )


def _conditions(rules: SchemeRules) -> Iterator[Sentence]:
    if rules.min_age_years is not None:
        yield say(
            _("You are at least %(years)s old."), "N-02", "min_age_years", years=w.years(rules.min_age_years)
        )
    if rules.max_age_months:
        yield say(
            _("You have not reached pension age: %(ages)s."),
            "N-02",
            "max_age_months",
            ages=w.shown("max_age_months", rules.max_age_months, rules.currency),
        )
    if rules.min_insured_months is not None:
        yield say(
            _("You were insured for at least %(months)s in the last two years."),
            "N-02",
            "min_insured_months",
            months=w.months(rules.min_insured_months),
        )
    if rules.student_finance_excludes:
        yield say(_("You receive no student finance."), "N-02", "student_finance_excludes")
    if rules.citizens_only:
        yield say(_("You are a citizen of the country."), "S-01", "citizens_only")
    if rules.residents_only:
        yield say(_("You live in the country."), "", "residents_only")
    if rules.income_limit_cents is not None:
        yield say(
            _("Your yearly income is not above %(cents)s."),
            "",
            "income_limit_cents",
            cents=w.cents(rules.income_limit_cents, rules.currency),
        )
    if rules.once is not None:
        often = {
            "per_year": _("You can be granted this once in a calendar year."),
            "ever": _("You can be granted this once in your life."),
        }[rules.once]
        yield say(often, "N-01", "once")
        if rules.withdrawn_grant_counts:
            text = _("A grant counts even if you withdraw and all the money goes back.")
        else:
            text = _("A grant whose money all went back does not count.")
        yield say(text, "N-01", "withdrawn_grant_counts")


_SECTIONS: tuple[tuple[str, Promise, Callable[[SchemeRules], Iterator[Sentence]]], ...] = (
    ("gets", gettext_lazy("What you get"), _gets),
    ("expires", gettext_lazy("When it expires"), _expires),
    ("pays", gettext_lazy("What you pay"), _pays),
    ("covers", gettext_lazy("What it pays for"), _covers),
    ("who", gettext_lazy("Who can use it"), _who),
    ("terms", gettext_lazy("From asking to the start"), terms),
    ("cancel", gettext_lazy("Until when you can cancel"), cancel),
    ("refund", gettext_lazy("How a refund works"), refund),
    ("after", gettext_lazy("When the training is over"), after),
    ("providers", gettext_lazy("What is asked of providers and others"), providers),
)
