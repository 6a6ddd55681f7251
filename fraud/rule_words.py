"""What people read for changed thresholds: states, parameters by name, what became of what was named."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

RULE_STATES = {
    "proposed": _("Proposed"),
    "shadow": _("In shadow"),
    "in_force": _("In force"),
    "replaced": _("Replaced"),
    "refused": _("Refused"),
    "withdrawn": _("Taken back"),
}
RULE_EVENTS = {
    "create": _("Proposed"),
    "observe": _("In shadow"),
    "rest": _("Out of the shadow"),
    "put_in_force": _("Put into force"),
    "refuse": _("Refused"),
    "withdraw": _("Taken back"),
    "replace": _("Replaced"),
}
BACK_TESTS = {
    "waiting": _("Waits for a worker"),
    "running": _("Under way"),
    "done": _("Done"),
    "failed": _("Failed"),
}
BECAME = {
    "confirmed": _("Confirmed"),
    "refuted": _("Refuted"),
    "dismissed": _("Dismissed"),
    "undecided": _("Not decided yet"),
    "never": _("Never an alert"),
    "": _("Nothing decided"),
}
WHICH = {"new": _("Only the proposed"), "gone": _("Only those in force"), "both": _("Both")}
SUBJECTS = {
    "booking": _("Booking"),
    "learner": _("Learner"),
    "provider": _("Provider"),
    "session": _("Session"),
    "person": _("Person"),
    "agent": _("Agent"),
    "device": _("Device"),
    "account": _("Bank account"),
}
# What has drifted, and which way: (what, up or down).
DRIFTED = {
    ("alerts", 1): _("More alerts than its past explains"),
    ("alerts", -1): _("Fewer alerts than its past explains"),
    ("providers", 1): _("It names a larger share of the providers than before"),
    ("providers", -1): _("It names a smaller share of the providers than before"),
    ("confirmed", 1): _("More of what it finds is confirmed than before"),
    ("confirmed", -1): _("Less of what it finds is confirmed than before"),
    ("dismissed", 1): _("More of what it finds is dismissed than before"),
    ("dismissed", -1): _("Less of what it finds is dismissed than before"),
    ("silent", -1): _("On some days it failed or did not run at all: what it would have found is not known"),
}
PARAMETERS = {
    "balance_bookings": _("Bookings at the learner's whole balance, at least"),
    "balance_share_percent": _("Share of bookings at the learner's whole balance (percent)"),
    "band_percent": _("Width of the band below the limit (percent)"),
    "by_chance": _("How often a name may be alike by chance"),
    "certain_from": _("Overlaps from which it is certain"),
    "check_in_days": _("Days until somebody must have checked in"),
    "clockwork_seconds": _("Seconds between signatures like clockwork"),
    "closed_slots": _("Slots outside of the hours of the venue"),
    "clump_people": _("Signatures in one clump, at least"),
    "clump_seconds": _("Seconds in which a clump is signed"),
    "completion_of_peers": _("Completion, as a share of everybody's"),
    "contradicted": _("Learners who contradict, at least"),
    "days": _("Days that are looked at"),
    "deviation": _("Deviation from the usual digits"),
    "device_percent": _("Share of signatures from one device (percent)"),
    "director_days": _("Days for which a common director must have been declared"),
    "dormant_days": _("Days without a booking"),
    "edit_hours": _("Hours before the claim in which an edit counts"),
    "entities": _("Firms behind one person, device or account, at least"),
    "entropy_quantile": _("Share of providers whose signatures are the most alike"),
    "entry_days": _("Days in which an assessment may be entered"),
    "firm_name_alike": _("What a firm's name counts when it is only alike"),
    "firm_name_alone": _("What a firm's name counts by itself"),
    "firm_score": _("Likeness of a firm's name, at least"),
    "gift_words": _("Words in complaints that tell of gifts, separated by |"),
    "grace_minutes": _("Minutes of grace"),
    "hard_hours": _("Hours in a day that cannot be"),
    "high_percentile": _("Rank that is not yet the top (0 to 1)"),
    "hold_days": _("Days from or for which money is held"),
    "hours": _("Hours after the opening of the account"),
    "idle_days": _("Days for which an account was open and never used"),
    "idle_z": _("Accounts never used: standard deviations beyond the others' share"),
    "jaccard": _("Likeness of two rosters (0 to 1)"),
    "jump_percent": _("Rise of the price (percent)"),
    "jumped_bookings": _("Bookings at the risen price, at least"),
    "known_days": _("Days of facts without a booking, at least"),
    "km_per_hour": _("Fastest travel (kilometres an hour)"),
    "late_days": _("Days after which an entry is late"),
    "learners": _("Learners, at least"),
    "learners_of_a_day": _("Learners in a day, at least"),
    "least": _("Cases, at least"),
    "least_bookings": _("Bookings, at least"),
    "least_cents": _("Claims, at least (cents)"),
    "least_courses": _("Courses, at least"),
    "least_idle": _("Accounts never used, at least"),
    "least_km": _("Distance, at least (kilometres)"),
    "least_rate": _("Share that is always expected (0 to 1)"),
    "least_signatures": _("Signatures, at least"),
    "long_hours": _("Hours in a day that are many"),
    "mass": _("Entries at once, at least"),
    "minutes": _("Minutes"),
    "most_learners": _("Learners above which a contact is nobody's own"),
    "most_sessions": _("Sessions above which somebody is no member of a roster"),
    "most_sharing": _("Learners above which sharing says nothing"),
    "named_days": _("Days for which a firm is named"),
    "name_score": _("Likeness of a person's name, at least"),
    "note_score": _("Score of what is only noted"),
    "old_days": _("Days after which a firm is old"),
    "one_course_percent": _("Share of one course (percent)"),
    "one_in": _("One of so many bookings is drawn"),
    "over_capacity": _("Persons for each seat of the room"),
    "own_hands": _("Consents of a month on the device of the firm or agent, at least"),
    "past_weeks": _("Weeks of the past"),
    "per_hop": _("What each step between firms leaves of the score"),
    "percent": _("Share (percent)"),
    "percent_at_one_provider": _("Share at one provider (percent)"),
    "percent_of_agent": _("Share of the agent's learners (percent)"),
    "percent_of_provider": _("Share of the provider's learners (percent)"),
    "percentile": _("Rank that is the top (0 to 1)"),
    "person_score": _("Score where a person shares the account"),
    "private_payers": _("Private payers, at most"),
    "provider_score": _("Score where a provider shares the account"),
    "quiet_days": _("Days without a booking before a firm changed hands"),
    "review_days": _("Days from which it is reviewed"),
    "score": _("Score"),
    "settled_days": _("Days after which attendance is settled"),
    "share_percent": _("Share of the bookings (percent)"),
    "shared_places": _("Places where people rightly share things"),
    "sitting_days": _("Days in which one sitting is looked for"),
    "sitting_learners": _("Learners of one sitting, at least"),
    "sitting_minutes": _("Minutes between two bookings of one sitting"),
    "sitting_z": _("One sitting: standard deviations beyond the others' share"),
    "slack_cents": _("Difference that does not count (cents)"),
    "slack_percent": _("Difference that does not count (percent)"),
    "slots": _("Slots, at least"),
    "span": _("Largest amount, as a multiple of the smallest"),
    "spent_percent": _("Share that is spent (percent)"),
    "taken_over_score": _("Score where somebody else may have booked"),
    "times": _("How many times what is expected"),
    "times_peers": _("How many times the others' rate"),
    "turn_days": _("Days in which a firm changes hands"),
    "turn_signs": _("Signs of a change of hands, at least"),
    "two_kinds": _("What a second kind of sharing adds"),
    "unassessed_score": _("Score where the assessment is missing"),
    "unconfirmed_score": _("Score where nobody confirmed"),
    "usual_name": _("What a usual name counts"),
    "usual_percent": _("Share of providers from which it is a habit (percent)"),
    "usual_share": _("Share of such consents that is usual (0 to 1)"),
    "weeks": _("Weeks that are looked at"),
    "window_days": _("Days that are added up"),
    "young_days": _("Days since the accreditation"),
    "z": _("Standard deviations beyond what is expected"),
}
PLACES = {
    "library": _("Library"),
    "employer": _("Employer"),
    "prison": _("Prison"),
    "training_centre": _("Training centre"),
}


def parameter(name: str) -> str:
    """A parameter in words; one that has none yet, by its name."""
    return str(PARAMETERS.get(name, name))


def value(given: Any) -> str:
    """A parameter's value in words."""
    if isinstance(given, list):
        return ", ".join(str(PLACES.get(each, each)) for each in given) or _now("none")
    return str(given)
