"""What the codes of applications, audits and entries by form read like, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from catalogue import words as common
from ila.core.errors import DomainError

word = common.word

STEPS = {
    "identity": _("Who you are"),
    "contact": _("How to reach you, and turnover"),
    "establishments": _("Where you work"),
    "persons": _("Directors and owners"),
    "account": _("Bank account"),
    "partners": _("Agents and subcontractors"),
    "trainers": _("Trainers"),
    "documents": _("Documents"),
    "declaration": _("Declaration"),
}
STATES = {
    "draft": _("Draft"),
    "submitted": _("Handed in"),
    "in_review": _("In review"),
    "accredited": _("Accredited"),
    "refused": _("Refused"),
    "suspended": _("Suspended"),
    "expired": _("Expired"),
    "withdrawn": _("Withdrawn"),
    "approved": _("Approved"),
}
ACCOUNT_STATES = {
    "asked": _("Waits for a second person"),
    "confirmed": _("Waits for the agency"),
    "approved": _("Approved, waits for its day"),
    "in_force": _("In force"),
    "stopped": _("Stopped by an objection"),
    "refused": _("Refused"),
    "taken_back": _("Taken back"),
}
DETAIL_KINDS = {
    "contact": _("Contact and turnover"),
    "establishment": _("Where you work"),
    "person": _("Directors and owners"),
    "partner": _("Agents and subcontractors"),
    "trainer": _("Trainers"),
}
REVIEWS = {
    "not_needed": "",
    "waits": _("the agency looks at it"),
    "accepted": _("looked at by the agency"),
    "objected": _("the agency objects"),
}
PERSON_ROLES = {"director": _("Director"), "owner": _("Owner")}
PARTNER_KINDS = {"subcontractor": _("Subcontractor"), "agent": _("Agent")}
DOCUMENT_KINDS = {
    "registration": _("Proof of registration"),
    "quality": _("Quality certificate or audit report"),
    "accounts": _("Last annual accounts"),
    "identity": _("Identity of a director"),
    "contract": _("Contract with a subcontractor or agent"),
    "trainer": _("Qualification of a trainer"),
    "other": _("Something else"),
}
PAYEE_ANSWERS = {
    "match": _("The bank says: the account is in this name."),
    "close_match": _("The bank says: the account is in a similar name."),
    "no_match": _("The bank says: the account is in another name."),
    "not_possible": _("The bank could not be asked. The agency will check the account by hand."),
}
FLAGS = {
    "lookalike": _("The name looks like that of an accredited provider"),
    "alphabets": _("The name mixes letters of several alphabets"),
    "payee_close_match": _("The account is in a similar name"),
    "payee_no_match": _("The account is in another name"),
    "payee_not_possible": _("The account's holder could not be verified"),
    "holder": _("The account's holder is not the applicant"),
    "shared_account": _("Another provider is paid into the same account"),
    "known_person": _(
        "This person stood in an application that was refused, or whose accreditation was withdrawn"
    ),
    "listing_name": _("The listing has another name"),
    "other_account": _("The listing is paid into another account: the change of it has to be confirmed"),
    "linked": _("Another organisation acts for this listing: it cannot be approved"),
    "rival": _("Somebody else claims the same listing"),
}
POINTS = {
    "identity": _("Identity and registration are proved"),
    "directors": _("Directors and owners are known, and nothing speaks against them"),
    "account": _("The bank account is the applicant's own"),
    "capacity": _("The organisation can carry the training financially"),
    "public_information": _("What the public is told is complete and true"),
    "needs": _("Learners' needs are found out before the training"),
    "means": _("Rooms, equipment and teaching methods fit"),
    "trainers": _("Trainers are qualified, and kept up to date"),
    "environment": _("The provider follows its field and the rules of it"),
    "complaints": _("Complaints are taken up and lead to changes"),
    "subcontracting": _("Subcontracting is declared and within the limits"),
    "marketing": _("Marketing staff and agents are under control"),
    "assessment_methods": _("At least two methods of assessment; instruction, assessment and outcomes agree"),
    "outcomes": _("Outcomes are measured and published"),
    "mandate": _("Who signs in may speak for the organisation"),
    "listing": _("The listing is this organisation's, and nobody else's"),
}
OUTCOMES = {"met": _("Met"), "not_met": _("Not met"), "not_applicable": _("Does not apply")}
RECOMMENDATIONS = {"accredit": _("Accredit"), "refuse": _("Refuse")}
CLAIM_RECOMMENDATIONS = {"accredit": _("Approve the claim"), "refuse": _("Refuse")}
REGIMES = {
    "provider": _("Accreditation of the provider"),
    "programme": _("Accreditation of each programme"),
    "both": _("Accreditation of the provider and of each programme"),
    "supervisory": _("Supervision with grades"),
}
AUDIT_KINDS = {
    "surveillance": _("Surveillance"),
    "renewal": _("Renewal"),
    "occasional": _("On an occasion"),
}
AUDIT_OUTCOMES = {
    "passed": _("Nothing found"),
    "minor": _("Minor non-conformities"),
    "major": _("Major non-conformities"),
}
ENTRY_STATES = {
    "draft": _("Draft"),
    "submitted": _("Submitted"),
    "registered": _("Registered"),
    "suspended": _("Suspended"),
    "delisted": _("Delisted"),
}
SESSION_STATES = {
    "planned": _("Planned"),
    "open": _("Open to bookings"),
    "guaranteed": _("Guaranteed"),
    "running": _("Running"),
    "held": _("Held"),
    "cancelled": _("Cancelled"),
    "never_held": _("Never held"),
}
ENTRY_STEPS = {
    "basics": _("Title and kind"),
    "outcomes": _("Outcomes, content, prerequisites"),
    "level": _("Workload, level, field"),
    "assessment": _("Assessment and certification"),
    "delivery": _("Delivery and price"),
}
CERTIFIES = {
    "participation": _("Participation"),
    "aims": _("Achievement of the course's aims"),
    "outcomes": _("Demonstrated learning outcomes"),
}
PARTICIPATION = {
    "in_person": _("In person"),
    "online": _("Online"),
    "blended": _("Blended: some parts in person, some online"),
    "hybrid": _("Hybrid: in person or online, as each learner likes"),
}
WORKLOAD_SCHEMES = {
    "ects": _("ECTS credits"),
    "ecvet": _("ECVET points"),
    "hours": _("hours of learning"),
    "national": _("national credits"),
}
ELEMENTS = {
    "title": _("Title"),
    "kind": _("Kind"),
    "goals_html": _("Learning outcomes"),
    "content_html": _("Content"),
    "skills": _("Skills (ESCO)"),
    "has_prerequisites": _("Whether there are prerequisites"),
    "prerequisites": _("Prerequisites"),
    "inherent_requirements": _("Inherent requirements"),
    "workload": _("Workload"),
    "hours": _("Hours of teaching"),
    "eqf_level": _("EQF level"),
    "national_level": _("National level"),
    "isced_field": _("Field (ISCED-F 2013)"),
    "formacodes": _("FORMACODE"),
    "cip_code": _("CIP code"),
    "assessed": _("Whether learners are assessed"),
    "assessment_type": _("Type of assessment"),
    "certifies": _("What is certified"),
    "assessment_supervised": _("Whether the assessment is supervised"),
    "identity_checked": _("Whether identity is checked at the assessment"),
    "graded": _("Whether a grade is given"),
    "assessment_only": _("Whether it is an assessment alone, without a course"),
    "validity_months": _("Validity of the award, in months"),
    "quality_assurance": _("Quality assurance"),
    "awarding_body": _("Awarding body"),
    "stackable": _("Whether it can be combined into a larger credential"),
    "recognition": _("Credit and recognition"),
    "participation": _("How learners take part"),
    "language": _("Language"),
    "price_cents": _("Price"),
    "financial_help": _("Financial help"),
    "accessibility": _("Accessibility"),
    "more_information": _("More information"),
}
CLAIMS = {
    "free": _("calls it free"),
    "funded": _("calls it funded"),
    "accredited": _("calls it accredited"),
    "paid_by_government": _("says the government pays"),
    "lucky_draw": _("promises a lucky draw"),
    "gift": _("promises a gift"),
    "referral": _("rewards referrals"),
    "login": _("asks for a login"),
    "expiry": _("sells on expiring credit"),
}
STEPS_TAKEN = {
    "create": _("Begun"),
    "record": _("Recorded"),
    "submit": _("Handed in"),
    "review": _("Found complete"),
    "accredit": _("Accredited"),
    "refuse": _("Refused"),
    "suspend": _("Suspended"),
    "resume": _("Suspension ended"),
    "expire": _("Expired"),
    "withdraw": _("Withdrawn"),
    "amend": _("Changed"),
    "register": _("Registered"),
    "send_back": _("Sent back"),
    "delist": _("Delisted"),
    "relist": _("Listed again"),
    "approve": _("Approved"),
    "confirm": _("Confirmed"),
    "take_effect": _("In force"),
    "stop": _("Objection"),
    "take_back": _("Taken back"),
}
YES_NO = {True: _("yes"), False: _("no"), None: _("not specified")}
MISSING = {
    "identity": _("Say who you are."),
    "contact": _("Say how to reach you, and your turnover."),
    "establishment": _("Name at least one place where you work."),
    "director": _("Name at least one director."),
    "shares": _("The owners' shares add up to more than 100 %."),
    "account": _("Give the account to be paid into."),
    "partners_unsaid": _("Say whether you work with agents or subcontractors."),
    "partners": _("Name your agents and subcontractors."),
    "partners_contradict": _("You say that you work with none, and have named some."),
    "trainer": _("Name at least one trainer."),
    "trainers_certified": _("At least 80 % of the trainers must hold the training certificate."),
    "document_registration": _("Hand in the proof of registration."),
    "document_quality": _("Hand in the quality certificate or audit report."),
    "document_identity": _("Hand in the identity of a director."),
    "document_accounts": _("Hand in the last annual accounts."),
    "declaration": _("Make the declaration."),
    "reason": _("Give a reason."),
    "findings": _("Say what was found."),
    "grade": _("Give a grade."),
}
FILES = {
    "empty": _("The file is empty."),
    "too_large": _("The file is larger than 10 MB."),
    "zip": _("This is an archive. Hand in each document by itself, as PDF, PNG or JPEG."),
    "markup": _(
        "This is a web page or a drawing (HTML, SVG), whatever it is called. Only PDF, PNG and JPEG are taken."
    ),
    "kind": _("Only PDF, PNG and JPEG are taken, and this is none, whatever it is called."),
    "polyglot": _("There is an archive hidden in this file. Make a new PDF of the document."),
    "unreadable": _("The file cannot be read: it is damaged or not finished."),
    "pixels": _("The picture is too large: 40 megapixels at most."),
    "encrypted": _("The PDF is protected by a password. Hand it in without one."),
    "active": _("The PDF holds scripts or other files. Print it to a new PDF and hand that in."),
    "too_complex": _("The PDF is too long or too complex."),
}
INVALID = {
    "siret": _("This is no SIRET: it has 14 digits, the last ones check the others."),
    "vat": _("This is no VAT number of that country."),
    "not_listed": _("Nothing is listed under this number. Apply for accreditation instead."),
    "same_account": _("You are paid into this account already."),
    "far_day": _("Give a day within a year of today."),
    "same": _("Nothing is different."),
    "shares": _("The owners' shares add up to more than 100 %."),
    "number": _("A registration number has 3 to 40 letters and digits."),
    "iban": _("This is no IBAN: its length or check digits are wrong."),
    "isced_field": _("ISCED-F 2013 has no such field: give 2 to 4 digits, for example 0613."),
    "cip_code": _("CIP has no such code: write it as 11.0701."),
    "formacodes": _("A FORMACODE has five digits; separate several by commas."),
    "skills": _("Give ESCO addresses, one a line, for example http://data.europa.eu/esco/skill/…"),
    "link": _("This address leads nowhere: give one on the public web, beginning with https://"),
    "price_cents": _(
        "This price cannot be: give an amount above 0 and below 10,000,000, other than today's."
    ),
    "past": _("This day is over."),
    "future": _("This day is still to come."),
    "too_many": _("There are too many rows."),
}
REFUSALS = {
    "same_person": _("Somebody else than who recommended it has to decide."),
    "no_recommendation": _("Nobody has recommended a decision yet."),
    "not_recommended": _("The recommendation is to refuse. Recommend anew before you accredit."),
    "question_open": _("A question to the applicant is still open."),
    "not_met": _("A point of the checklist is not met: it cannot be recommended."),
    "handed_in": _("The application is handed in and cannot be changed."),
    "answered": _("This question is answered already, or the application is decided."),
    "delisted": _("This subcontractor was delisted and may not be used (F-35)."),
    "share": _("More than 80 % of the turnover would be subcontracted (F-35)."),
    "grade": _("A provider of that grade is not accredited (S-17)."),
    "settled": _("What was examined cannot be changed any more. Make a new entry."),
    "one_waits": _("Another price is waiting for a decision."),
    "decided": _("This is decided already."),
    "recorded": _("This audit is recorded already."),
    "own_listing": _("You act for this listing already, or have claimed it."),
    "linked": _("Another organisation acts for this listing."),
    "account_known": _("An account is known. Its provider asks for another one."),
    "managers_alone": _("Into which account you are paid is for a manager of your organisation to say."),
    "change_open": _("A change of account is open already. Take it back first."),
    "second_person": _("The provider has a second person: that person confirms it."),
    "too_new": _(
        "You joined the organisation after it was asked. Somebody who was in it before confirms it."
    ),
    "not_you": _("You asked for it or confirmed it. Somebody else does this step."),
    "ended": _("This has ended already."),
    "changed_since": _("It has been changed since you opened the page. Look at it again."),
    "sessions_there": _("Sessions at this place are still to come. Cancel them first."),
    "last_place": _("It is the only place. Change it instead."),
}


def sentence(error: DomainError) -> str:
    """What a refusal means, and what to do about it."""
    tell = _SENTENCES.get(error.code, _refusal)
    return str(tell(error))


def _file(error: DomainError) -> Any:
    return FILES.get(str(error.params.get("reason")), FILES["unreadable"])


def _invalid(error: DomainError) -> Any:
    reason, what = str(error.params.get("reason", "")), str(error.params.get("what"))
    return INVALID.get(reason) or INVALID.get(what) or _not_possible(error)


def _incomplete(error: DomainError) -> Any:
    missing = str(error.params.get("missing", ""))
    if error.params.get("what") == "checklist":
        return _now("A point of the checklist is not marked: %(what)s.") % {"what": word(POINTS, missing)}
    if missing in MISSING:
        return MISSING[missing]
    if missing in ELEMENTS:
        return _now("Still missing: %(what)s.") % {"what": ELEMENTS[missing]}
    return _now("Something is missing.")


def _duplicate(error: DomainError) -> Any:
    if error.params.get("reason") == "linked":
        return REFUSALS["linked"]
    return _now(
        "Somebody is accredited under this number, or has applied with it. If it is yours, claim the listing."
    )


def _close_match(error: DomainError) -> Any:
    return _now(
        "The bank says: the account is in the name of %(name)s. Write it so, or say that it is you."
    ) % {"name": error.params["name"]}


def _no_match(_error: DomainError) -> Any:
    return _now("The bank says that this account is in another name. Nothing was asked for.")


def _not_ready(_error: DomainError) -> Any:
    return _now("Stripe cannot pay out from your account yet. Finish setting it up there, then come back.")


def _no_answer(_error: DomainError) -> Any:
    return _now("Stripe does not answer at the moment. Nothing was changed; try again later.")


def _too_early(error: DomainError) -> Any:
    until = date_format(date.fromisoformat(str(error.params["until"])), "j F Y")
    return _now("After a refusal or a withdrawal one waits: you may apply again from %(day)s.") % {
        "day": until
    }


def _claim(error: DomainError) -> Any:
    return _now("A text makes a claim that is forbidden: “%(words)s” in “%(where)s” (S-12).") % {
        "words": error.params["words"],
        "where": word(ELEMENTS, str(error.params["element"])),
    }


def _refusal(error: DomainError) -> Any:
    return REFUSALS.get(str(error.params.get("reason"))) or _not_possible(error)


_SENTENCES: dict[str, Callable[[DomainError], Any]] = {
    "bad_file": _file,
    "invalid": _invalid,
    "incomplete": _incomplete,
    "duplicate": _duplicate,
    "payee_close_match": _close_match,
    "payee_no_match": _no_match,
    "account_not_ready": _not_ready,
    "stripe_unavailable": _no_answer,
    "stripe_refused": _no_answer,
    "too_early": _too_early,
    "forbidden_claim": _claim,
}


def _not_possible(error: DomainError) -> str:
    if error.params.get("faults"):
        return str(error.params["faults"])
    return _now("This is not possible now: somebody may have acted meanwhile. Look at the page again.")


def steps_of(log: Any) -> list[tuple[Any, Any]]:
    """The rows of a history with what was done."""
    return [(row, word(STEPS_TAKEN, row.transition)) for row in log]
