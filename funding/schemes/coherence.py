"""What cannot hold at the same time in one rule set, each contradiction named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ila.core.calendars import calendar_for

if TYPE_CHECKING:
    from funding.schemes.rules import SchemeRules


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
            if not getattr(rules, name):
                yield RuleFault((name, "accrual"), "missing", "a yearly credit by hours needs it")
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
        if name not in rules.model_fields_set:
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
