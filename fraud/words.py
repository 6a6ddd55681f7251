"""What people read for the states and kinds of alerts, cases and measures."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

ALERT_STATES = {
    "open": _("Open"),
    "merged": _("In a case"),
    "dismissed": _("Dismissed"),
    "snoozed": _("Snoozed"),
}
PLACE_KINDS = {
    "library": _("Library"),
    "employer": _("Employer's site"),
    "prison": _("Prison"),
    "training_centre": _("Training centre"),
}
PLACE_STATES = {
    "proposed": _("Waits for a second person"),
    "in_force": _("In force"),
    "refused": _("Refused"),
    "taken_back": _("Taken back"),
    "ended": _("Ended"),
}
PLACE_STEPS = {
    "create": _("Proposed"),
    "put_in_force": _("Agreed"),
    "refuse": _("Refused"),
    "take_back": _("Taken back"),
    "end": _("Ended"),
}
ACTIONS = {"N": _("Note"), "R": _("Review"), "H": _("Hold"), "B": _("Reject at entry")}
CASE_STATES = {
    "draft": _("Gathered"),
    "triage": _("To be assigned"),
    "assigned": _("Assigned"),
    "investigating": _("Being investigated"),
    "waiting_evidence": _("Waiting for evidence"),
    "decision_proposed": _("Decision proposed"),
    "confirmed_fraud": _("Fraud confirmed"),
    "irregularity": _("Irregularity"),
    "refuted": _("Refuted"),
    "inconclusive": _("Inconclusive"),
    "enforcement": _("Being carried out"),
    "closed": _("Closed"),
    "reopen_pending": _("To be opened again"),
}
TYPOLOGIES = {
    "enrolment_without_consent": _("Enrolment without consent"),
    "account_takeover": _("Account takeover"),
    "ghost_learners": _("Ghost learners"),
    "non_delivery": _("Training not given, money not returned"),
    "shell_network": _("Network of shell companies"),
    "record_padding": _("Padded records"),
    "price_abuse": _("Price abuse"),
    "kickback_ring": _("Kickbacks"),
    "control": _("Random control"),
}
MEASURES = {
    "hold": _("Payments are held"),
    "suspension": _("Accreditation is suspended"),
    "restitution": _("What learners got back is demanded"),
    "clawback": _("Public money is taken back"),
    "termination": _("Accreditation is withdrawn"),
    "blacklist_entity": _("The firm is put on the blacklist"),
    "blacklist_person": _("A person is put on the blacklist"),
    "blacklist_related": _("A related firm is put on the blacklist"),
    "referral": _("The case is handed to the prosecution"),
}
MEASURE_STATES = {
    "proposed": _("Proposed"),
    "notified": _("Announced, time to answer"),
    "rebuttal": _("Heard, to be decided"),
    "in_force": _("In force"),
    "lifted": _("Lifted"),
    "expired": _("Expired"),
    "under_appeal": _("Under appeal"),
    "upheld": _("Upheld on appeal"),
    "varied": _("Changed on appeal"),
    "overturned": _("Overturned on appeal"),
}
ALERT_EVENTS = {
    "create": _("Found"),
    "merge": _("Made part of a case"),
    "dismiss": _("Dismissed"),
    "snooze": _("Snoozed"),
    "wake": _("The snooze is over"),
}
MEASURE_EVENTS = {
    "create": _("Proposed"),
    "notify": _("Announced to its subject"),
    "hear": _("Heard, or the time to answer is over"),
    "put_in_force": _("Put into force"),
    "impose": _("Put into force at once, with two signatures"),
    "lift": _("Lifted"),
    "expire": _("Its time is over"),
    "lodge_appeal": _("Appeal lodged"),
    "uphold": _("Appeal: it was right"),
    "vary": _("Appeal: partly right"),
    "overturn": _("Appeal: it was wrong"),
}
SHARED = {
    "ip": _("Network"),
    "device": _("Device"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "address": _("Address"),
    "iban": _("Bank account"),
}
FOUND = {
    "": _("Not known yet"),
    "no_consent": _("The learner did not consent"),
    "not_taught": _("Nothing was taught"),
    "padded": _("Less was taught than recorded"),
    "in_order": _("In order"),
}
SURVEY_ANSWERS = {
    "confirmed": _("I signed up and was taught"),
    "denied": _("I did not sign up"),
    "not_taught": _("I signed up, but was not taught"),
    "other": _("Something else"),
}
REPORTS = {
    "gift": _("I was offered a gift, money or a reward for taking part"),
    "not_taught": _("I was not taught"),
    "other": _("Something else"),
}
REPORT_WORDS = {
    "gift": _("Offered a gift, money or a reward"),
    "not_taught": _("Was not taught"),
    "other": _("Something else"),
}
RECORDS = {
    "opened": _("Case opened"),
    "alert": _("Alert"),
    "state": _("Step of the case"),
    "note": _("Note"),
    "question": _("Question to the provider"),
    "answer": _("Answer of the provider"),
    "survey": _("Survey of a learner"),
    "survey_answer": _("Answer of a learner"),
    "finding": _("Finding on a booking"),
    "document": _("Document"),
    "letter": _("Letter"),
    "decision": _("Decision"),
    "measure": _("Measure"),
    "effect": _("Effect of a measure"),
    "rights": _("Rights of a learner restored"),
    "dossier": _("Dossier made"),
}
EFFECTS = {
    "held": _("Money held"),
    "demanded": _("Debt demanded"),
    "taken_back": _("Money taken back"),
    "not_paid": _("Booking ended, nothing is paid for it"),
    "suspended": _("Accreditation suspended"),
    "withdrawn": _("Accreditation withdrawn"),
    "listed": _("Put on the blacklist"),
    "referred": _("Handed on"),
}
HOLD_OUTCOMES = {
    "lifted": _("Lifted"),
    "prolonged": _("Prolonged"),
    "case": _("Looked into further"),
}
DIMENSIONS = {
    "age": _("By the learner's age"),
    "size": _("By the provider's size"),
    "region": _("By the provider's region"),
}
GROUPS = {
    "small": _("The third with the fewest bookings"),
    "medium": _("The third between them"),
    "large": _("The third with the most bookings"),
    "unknown": _("Not known"),
}
RUNS = {"running": _("Under way"), "passed": _("Done"), "failed": _("Failed")}
LETTERS = {
    "hold": _("Payments are held"),
    "question": _("Question"),
    "notice": _("Notice of a measure"),
    "hearing": _("Invitation to be heard"),
    "decision": _("Decision"),
    "lifted": _("A measure ends"),
    "appeal": _("Decision on an appeal"),
    "apology": _("Apology"),
}


def state_in(record: Any) -> Any:
    """The state that a step of the case or of a measure led to, as a record of the file tells it; "" for others."""
    table = MEASURE_STATES if record.kind == "measure" else CASE_STATES
    return table.get(record.data.get("to", ""), "")


def group(name: str) -> Any:
    """A group of bookings in words: ages and regions stand for themselves."""
    return GROUPS.get(name, name)


def in_readers_language(texts: Mapping[str, str]) -> str:
    """Of a letter's texts the one that the reader reads; letters are written in English and French."""
    return texts.get(get_language() or "en", texts["en"])
