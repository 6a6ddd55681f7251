"""What the codes of a laboratory's results read like, in the reader's language."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from funding.laboratory.compare import CARRIED_OVER, UNEXPLAINED

FLOWS: Final = {
    "credited": _("Credited to accounts"),
    "granted": _("Granted from the budget directly"),
    "support": _("Public money drawn by bookings"),
    "paid": _("Public money paid out"),
    "third_party": _("Employers' money paid out"),
    "own": _("Learners' own money"),
    "expired": _("Expired"),
    "outstanding": _("Outstanding at the year's end"),
    "bookings": _("Bookings"),
    "refused": _("Bookings refused"),
}
MEASURES: Final = {
    "rights": _("Rights received"),
    "support": _("Public money for their trainings"),
    "own": _("Own money paid (less is a gain)"),
}
KINDS: Final = {
    "all": _("Everybody"),
    "status": _("Status"),
    "age": _("Age as the first year begins"),
    "qualification": _("Level of qualification"),
    "hours": _("Hours worked"),
}
GROUPS: Final = {
    "all": {"all": _("Everybody")},
    "status": {
        "employed": _("Employed"),
        "job_seeker": _("Job-seekers"),
        "self_employed": _("Self-employed"),
        "student": _("Students"),
        "retired": _("Retired"),
        "inactive": _("Not working"),
    },
    "age": {
        "under_25": _("Under 25"),
        "25_34": _("25 to 34"),
        "35_44": _("35 to 44"),
        "45_54": _("45 to 54"),
        "55_64": _("55 to 64"),
        "65_or_more": _("65 or older"),
        "unknown": _("Age not known"),
    },
    "qualification": {
        "below_3": _("Below level 3"),
        "3_4": _("Level 3 or 4"),
        "5_or_more": _("Level 5 or higher"),
        "unknown": _("Level not known"),
    },
    "hours": {
        "none": _("No hours worked"),
        "below_half": _("Below half-time"),
        "half_or_more": _("Half-time or more"),
        "full": _("Full-time"),
    },
}
RULES: Final = {
    CARRIED_OVER: _("Carried over: more or less on the account"),
    UNEXPLAINED: _("Not explained by one rule"),
    "own_part_too_high": _("The learner's own part is more than they would pay"),
    "insufficient_rights": _("No usable money on the account"),
    "not_bookable": _("May not be booked"),
    "not_eligible": _("Not eligible"),
    "usage_cap": _("Above the limit for one booking"),
    "no_rules": _("The scheme has no rules on that day"),
    "already_granted": _("Granted before"),
    "too_early": _("Too early"),
    "too_late": _("Too late"),
    "bad_price": _("Price not accepted"),
    "credit_of_the_scheme": _("Credit of the scheme"),
    "lifetime_reached": _("The most of a lifetime reached"),
    "credited_once": _("Credited once"),
    "waiting": _("Years of waiting"),
    "share_applies": _("Public share of the price"),
    "first_booking_applies": _("Limit of a first booking"),
    "hours_apply": _("Amount for each hour"),
    "discount_from_budget": _("Discount from the budget"),
    "reimbursed_when_complete": _("Reimbursement"),
    "residents_only": _("Residents only"),
}


def label(words: dict[str, Any], code: str) -> str:
    """The words for a code; a rule's id, or a code without words, as it is."""
    return str(words.get(code) or (code if "-" in code else code.replace("_", " ").capitalize()))
