"""What rules of stacking and their refusals read like, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from catalogue.models import StackRule

DIRECTIONS = {
    "vertical": _("Leads to a higher level"),
    "horizontal": _("Broadens within the level"),
    "value_added": _("Adds a use of its own"),
}
SCHEMES = {
    "ects": _("ECTS credits"),
    "ecvet": _("ECVET points"),
    "hours": _("hours of learning"),
    "national": _("national credits"),
}
LEFT_OUT = {
    "prior_learning_not_allowed": _(
        "earned by recognition of prior learning, which this rule does not count"
    ),
    "out_of_order": _("earned before the ones that come first"),
    "workload_not_specified": _("its workload is not specified"),
    "other_scheme": _("its workload is counted in another scheme, and is never converted"),
    "never_stacked": _("it never counts toward anything else"),
}
REFUSALS = {
    "bad_rule": _("The rule cannot be read."),
    "unknown_member": _("These entries are not in the catalogue:"),
    "unknown_target": _("What it leads to is not an entry of yours in the catalogue:"),
    "unreachable": _("The members do not have that many credits in the threshold's own scheme."),
    "forbidden_member": _("A rule of yours says that these are never stacked, and another one stacks them:"),
    "cycle": _("These entries would lead to each other in a circle:"),
    "not_allowed": _("Only the awarding body and the agency enter its rules."),
}


def sentence(rule: StackRule, members: int) -> str:
    """What a rule asks for, in one sentence."""
    if rule.kind == "n_of":
        return _now("Any %(needed)s of these %(members)s") % {"needed": rule.needed, "members": members}
    if rule.kind == "credits":
        return _now("%(threshold)s %(scheme)s out of these") % {
            "threshold": number(rule.threshold),
            "scheme": SCHEMES[rule.threshold_scheme or "ects"],
        }
    if rule.kind == "ordered":
        return _now("All of these, in this order")
    if rule.kind == "forbidden":
        return _now("These never count toward anything else")
    return _now("All of these")


def number(value: Any) -> str:
    """A number without zeros at its end."""
    return number_format(value.normalize(), use_l10n=True) if value is not None else ""
