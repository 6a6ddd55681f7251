"""What cannot hold at the same time in one rule set, each contradiction named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ila.core.calendars import calendar_for

if TYPE_CHECKING:
    from funding.schemes.rules import SchemeRules


HIGHEST_PRICE_CENTS = 10**9
"""No price of a catalogue reaches ten million."""


@dataclass(frozen=True, slots=True)
class RuleFault:
    """One thing wrong with a rule set: the parameters concerned, a code, and a sentence."""

    parameters: tuple[str, ...]
    code: str
    message: str

    def __str__(self) -> str:
        return f"{', '.join(self.parameters)}: {self.message}"


def contradictions(rules: SchemeRules) -> Iterator[RuleFault]:
    """What cannot hold at the same time, one fault per pair of parameters."""
    yield from _place_faults(rules)
    yield from _accrual_faults(rules)
    yield from _source_faults(rules)
    yield from _term_faults(rules)
    yield from _booking_faults(rules)
    yield from _funding_faults(rules)


def _place_faults(rules: SchemeRules) -> Iterator[RuleFault]:
    try:
        calendar_for(rules.country, rules.timezone)
    except ValueError as error:
        name = "timezone" if "time zone" in str(error) else "country"
        yield RuleFault((name,), "missing_calendar", str(error))


def _accrual_faults(rules: SchemeRules) -> Iterator[RuleFault]:
    for credit, cap in (
        ("yearly_credit_cents", "cap_cents"),
        ("yearly_credit_low_qualified_cents", "cap_low_qualified_cents"),
    ):
        yearly, most = getattr(rules, credit), getattr(rules, cap)
        if yearly is not None and most is not None and most < yearly:
            yield RuleFault(
                (cap, credit), "cap_below_credit", f"the cap {most} is below the yearly credit {yearly}"
            )
    if rules.accrual == "yearly_by_hours":
        for name in ("yearly_credit_cents", "full_year_hours", "accrual_statuses"):
            value = getattr(rules, name)
            # A credit of nothing is a choice; none said is a gap.
            if not value and (value is None or name != "yearly_credit_cents"):
                yield RuleFault((name, "accrual"), "missing", "a yearly credit by hours needs it")
    elif rules.accrual != "none" and rules.yearly_credit_cents is None:
        yield RuleFault(("yearly_credit_cents", "accrual"), "missing", "a credit needs its amount")
    lifetime, yearly = rules.lifetime_credit_cents, rules.yearly_credit_cents
    if lifetime is not None and yearly is not None and lifetime < yearly:
        yield RuleFault(
            ("lifetime_credit_cents", "yearly_credit_cents"),
            "cap_below_credit",
            f"the most of a lifetime, {lifetime}, is below the yearly credit {yearly}",
        )
    if rules.wait_years_when_used is not None and rules.accrual != "once":
        yield RuleFault(
            ("wait_years_when_used", "accrual"),
            "never_applies",
            "only a credit that is given once is waited for",
        )
    yield from _age_faults(rules)
    if (
        rules.yearly_credit_low_qualified_cents is not None
        and rules.low_qualified_below_level is None
        and not rules.low_qualified_if_disabled
    ):
        yield RuleFault(
            ("yearly_credit_low_qualified_cents", "low_qualified_below_level"),
            "nobody_concerned",
            "no level and no disability says who is low-qualified",
        )


def _source_faults(rules: SchemeRules) -> Iterator[RuleFault]:
    drawn = [source for one_class in rules.draw_order for source in one_class]
    for source in sorted({source for source in drawn if drawn.count(source) > 1}):
        yield RuleFault(("draw_order",), "source_twice", f"{source} is drawn in two places")
    if not all(rules.draw_order):
        yield RuleFault(("draw_order",), "empty_class", "a class of sources is empty")
    for name in (
        "cap_sources",
        "usage_cap_sources",
        "participation_exempt_sources",
        "light_licence_cofunding_sources",
        "source_kinds",
    ):
        # The defaults name the source `rights`; a scheme without it has nothing that they could limit.
        if getattr(rules, name) == type(rules).model_fields[name].get_default(call_default_factory=True):
            continue
        for source in getattr(rules, name):
            if source not in drawn:
                yield RuleFault(
                    (name, "draw_order"), "source_never_drawn", f"{source} is not in the draw order"
                )
    if rules.participation_cents and rules.participation_mode is None:
        yield RuleFault(
            ("participation_cents", "participation_mode"),
            "missing",
            "a participation needs a mode: max or sum",
        )
    if rules.light_licence_conditional and not (
        rules.light_licence_statuses or rules.light_licence_cofunding_sources
    ):
        yield RuleFault(
            ("light_licence_conditional", "light_licence_statuses", "light_licence_cofunding_sources"),
            "nobody_concerned",
            "nobody could book a light licence",
        )


def _term_faults(rules: SchemeRules) -> Iterator[RuleFault]:
    for needing, needed in (
        ("prerequisites_ack_wd", "prerequisites_decision_days"),
        ("prerequisites_decision_days", "prerequisites_ack_wd"),
        ("advance_percent", "advance_min_months"),
        ("advance_percent", "advance_after_days"),
        ("no_show_suspension_min_days", "no_show_suspension_max_days"),
        ("no_show_suspension_max_days", "no_show_suspension_min_days"),
    ):
        if getattr(rules, needing) is not None and getattr(rules, needed) is None:
            yield RuleFault((needed, needing), "missing", f"{needing} needs it")
    for least, most, per_unit in (
        ("no_show_suspension_min_days", "no_show_suspension_max_days", 1),
        ("start_min_days", "start_max_months", 31),
    ):
        low, high = getattr(rules, least), getattr(rules, most)
        if low is not None and high is not None and low > high * per_unit:
            yield RuleFault((least, most), "least_above_most", "the least is more than the most")


def _age_faults(rules: SchemeRules) -> Iterator[RuleFault]:
    drawn = {source for one_class in rules.draw_order for source in one_class}
    names = [credit.name for credit in rules.age_credits]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield RuleFault(("age_credits",), "credit_twice", f"{name} is there twice")
    for credit in rules.age_credits:
        if credit.source not in drawn:
            yield RuleFault(
                ("age_credits", "draw_order"),
                "source_never_drawn",
                f"{credit.source} is not in the draw order",
            )
        if credit.first_day and credit.last_day and credit.last_day < credit.first_day:
            yield RuleFault(
                ("age_credits",), "ends_before_it_begins", f"{credit.name}: last day before the first"
            )
        last = credit.last_day or credit.first_day
        if credit.expires and last and credit.expires < last:
            yield RuleFault(
                ("age_credits",), "expired_when_given", f"{credit.name} expires before it is given"
            )


def _booking_faults(rules: SchemeRules) -> Iterator[RuleFault]:
    for least, most in (("min_hours", "max_hours"),):
        low, high = getattr(rules, least), getattr(rules, most)
        if low is not None and high is not None and low > high:
            yield RuleFault((least, most), "least_above_most", "the least is more than the most")
    for year, months in rules.max_age_months.items():
        if rules.min_age_years is not None and months <= 12 * rules.min_age_years:
            yield RuleFault(
                ("max_age_months", "min_age_years"), "least_above_most", f"nobody is of that age in {year}"
            )
    if (rules.deregistered_grade is None) != (rules.reapply_months is None):
        yield RuleFault(
            ("deregistered_grade", "reapply_months"),
            "missing",
            "a grade and the months until a new application",
        )


def _funding_faults(rules: SchemeRules) -> Iterator[RuleFault]:
    window, reimbursement = rules.funding == "window", rules.funding == "reimbursement"
    drawn = {source for one_class in rules.draw_order for source in one_class}
    if window and not rules.grant_cents:
        yield RuleFault(("grant_cents", "funding"), "missing", "a window needs the amount of its grants")
    if window != ("grant" in drawn):
        yield RuleFault(("draw_order", "funding"), "grant_without_window", "grants come from windows alone")
    if window and drawn != {"grant"}:
        yield RuleFault(("draw_order", "funding"), "source_never_drawn", "a window pays by grants alone")
    if reimbursement and not rules.reimbursement_percent:
        yield RuleFault(("reimbursement_percent", "funding"), "missing", "a reimbursement needs its share")
    if not reimbursement:
        for name in ("reimbursement_percent", "reimbursement_cap_cents"):
            if getattr(rules, name) is not None:
                yield RuleFault((name, "funding"), "never_applies", "nothing is reimbursed in this scheme")
    if (window or reimbursement) and (rules.accrual != "none" or rules.age_credits):
        yield RuleFault(("accrual", "funding"), "never_applies", "what is credited could never be used")
    if rules.claim_lead_days is not None and reimbursement:
        yield RuleFault(("claim_lead_days", "funding"), "never_applies", "no provider claims in this scheme")
    if rules.later_share_by_kind and rules.later_share_percent is None:
        yield RuleFault(
            ("later_share_percent", "later_share_by_kind"), "missing", "the share of all other kinds"
        )
    if rules.later_share_from_budget and rules.later_share_percent is None:
        yield RuleFault(
            ("later_share_percent", "later_share_from_budget"), "missing", "there is no later share"
        )
    yield from _limit_faults(rules)


def _limit_faults(rules: SchemeRules) -> Iterator[RuleFault]:
    """What leaves public money nothing to pay, or lets nobody ever book."""
    if rules.public_share_percent == 0 or rules.public_cents_per_hour == 0 or rules.first_booking_cents == 0:
        name = next(
            each
            for each in ("public_share_percent", "public_cents_per_hour", "first_booking_cents")
            if getattr(rules, each) == 0
        )
        yield RuleFault((name,), "nobody_concerned", "public money would never pay anything")
    if not rules.shortfall_to_learner and (rules.public_share_percent or 100) < 100:
        yield RuleFault(
            ("shortfall_to_learner", "public_share_percent"),
            "never_applies",
            "public money pays a part only, and nobody may pay the rest",
        )
    drawn = {source for one_class in rules.draw_order for source in one_class}
    for kind, most in rules.usage_cap_cents.items():
        # Where every source is capped and nobody may pay the rest, no price is above the cap.
        capped = drawn <= set(rules.usage_cap_sources) and not rules.shortfall_to_learner
        if capped and rules.participation_cents >= most:
            yield RuleFault(
                ("participation_cents", "usage_cap_cents", "shortfall_to_learner"),
                "participation_above_price",
                f"the participation {rules.participation_cents} is not below {most}, the highest price for {kind}",
            )
    if rules.participation_cents >= HIGHEST_PRICE_CENTS:
        yield RuleFault(
            ("participation_cents",),
            "participation_above_price",
            f"the participation {rules.participation_cents} is above every price that a catalogue may name",
        )
