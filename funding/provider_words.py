"""What a provider's work reads like: kinds of steps, what they are for and what happens when a term passes."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

KINDS: dict[str, Promise] = {
    "acknowledge": _("Acknowledge requests"),
    "answer": _("Answer requests"),
    "entry": _("Declare entries"),
    "exit": _("Declare exits"),
    "service": _("Declare services"),
    "proof": _("Record certificates"),
    "advance": _("Claim advances"),
    "claim": _("Claim what is owed"),
}
COUNTED = {
    "acknowledge": ngettext_lazy(
        "%(count)d request to acknowledge", "%(count)d requests to acknowledge", "count"
    ),
    "answer": ngettext_lazy("%(count)d request to answer", "%(count)d requests to answer", "count"),
    "entry": ngettext_lazy(
        "Entry or absence of %(count)d learner", "Entry or absence of %(count)d learners", "count"
    ),
    "exit": ngettext_lazy("Exit of %(count)d learner", "Exit of %(count)d learners", "count"),
    "service": ngettext_lazy("Service for %(count)d learner", "Service for %(count)d learners", "count"),
    "proof": ngettext_lazy("Certificate of %(count)d learner", "Certificates of %(count)d learners", "count"),
    "advance": ngettext_lazy("Advance for %(count)d learner", "Advances for %(count)d learners", "count"),
    "claim": ngettext_lazy("Claim for %(count)d learner", "Claims for %(count)d learners", "count"),
}
# What happens when the term passes, or while nothing is done where there is none.
AFTER: dict[str, Promise] = {
    "acknowledge": _("After that it is recorded as late."),
    "answer": _("After that your answer is recorded as late, and the learner may look elsewhere."),
    "entry": _("After that the entry is recorded as late."),
    "exit": _("After that the exit is recorded as late."),
    "service": _("Nothing is paid before you declare it."),
    "proof": _("Nothing is paid without it; after the term it is recorded as late."),
    "advance": _("Nothing is paid before you claim it."),
    "claim": _("Nothing is paid before you claim it; the term of payment begins with the claim."),
}
LAST_PROPOSAL = _("After that the session starts too soon: no place in it can be proposed any more.")
SESSION_ACTS: dict[str, Promise] = {
    "open": _("Open it to bookings"),
    "guarantee": _("Guarantee it"),
    "start": _("It has begun"),
    "end": _("It was held"),
    "cancel": _("Cancel it"),
}
MOVE_REFUSALS: dict[str, Promise] = {
    "invalid": _("The session has these dates already."),
    "too_late": _("The session has begun. Its dates are not changed any more."),
    "too_early": _(
        "Learners have a place in it: an earlier start is at least seven days from now, so that they hear of it."
    ),
}
SESSION_MEANS: dict[str, Promise] = {
    "open": _("Learners may book it from now on."),
    "guarantee": _("You promise to hold it however few come. A promise is not taken back."),
    "start": _("Teaching has begun. After this the session cannot be cancelled any more."),
    "end": _("Teaching has ended as it should."),
    "cancel": _(
        "It does not take place. Every open booking ends, and all money goes back to where it came from."
    ),
}
