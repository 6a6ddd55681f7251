"""What the codes of bookings, claims, batches and money read like, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from funding.schemes.facts import SourcePlan
from funding.schemes.vocabulary import LEARNER

BOOKING_STATES = {
    "requested": _("Place asked for"),
    "proposed": _("Place proposed"),
    "accepted": _("Accepted"),
    "in_training": _("In training"),
    "left": _("Training ended"),
    "service_declared": _("Service declared"),
    "service_validated": _("Service validated"),
    "settled": _("Settled"),
    "refused_by_provider": _("Refused by the provider"),
    "refused_by_learner": _("Refused by the learner"),
    "lapsed": _("Lapsed"),
    "withdrawn": _("Withdrawn"),
    "cancelled_by_learner": _("Cancelled by the learner"),
    "cancelled_by_provider": _("Cancelled by the provider"),
    "cancelled_by_funder": _("Cancelled by the funder"),
    "no_show": _("No-show"),
    "disputed": _("Disputed"),
}
STATUSES = {
    "employed": _("Employed"),
    "job_seeker": _("Job-seeker"),
    "self_employed": _("Self-employed"),
    "student": _("Student"),
    "retired": _("Retired"),
    "inactive": _("Not working"),
}
CLAIM_STATES = {
    "draft": _("Draft"),
    "submitted": _("Submitted"),
    "approved": _("Approved"),
    "in_batch": _("In a payment batch"),
    "paid": _("Paid"),
    "rejected": _("Rejected"),
    "returned": _("Returned by the bank"),
}
CLAIM_KINDS = {
    "advance": _("Advance"),
    "final": _("Final claim"),
    "reimburse": _("Reimbursement to the learner"),
    "refund": _("Own money back to the learner"),
}
BATCH_STATES = {
    "draft": _("Draft"),
    "approved": _("Approved"),
    "exported": _("Exported"),
    "acknowledged": _("Acknowledged by the bank"),
    "executed": _("Executed"),
    "partly_rejected": _("Partly rejected"),
    "rejected": _("Rejected"),
    "dropped": _("Dropped"),
}
# Invariant 6 on a page: the places that public money of a scheme can be at.
BUDGET_PLACES = {
    "budget": _("Available in budgets"),
    "available": _("Available on learning accounts"),
    "reserved": _("Kept while a learner pays their own part"),
    "held": _("Held for bookings"),
    "payable": _("Payable"),
    "in_transit": _("In transit"),
    "paid": _("Paid"),
    "owed": _("Owed back by providers"),
    "expired": _("Expired"),
    "refund_due": _("To be refunded"),
    "returned": _("Returned"),
}
APPROPRIATION_STATES = {
    "proposed": _("Proposed"),
    "approved": _("Approved"),
    "rejected": _("Rejected"),
    "taken_back": _("Taken back"),
}
APPROPRIATION_EVENTS = {
    "create": _("Proposed to another manager"),
    "approve": _("Approved: the money is in the budget"),
    "reject": _("Rejected"),
    "take_back": _("Taken back by its author"),
}
HOLD_SCOPES = {
    "booking": _("One booking"),
    "session": _("All bookings of a session"),
    "provider": _("Everything of a provider"),
    "iban": _("Payments to a bank account"),
}
# By which rule an account may be closed to new bookings for a time.
SUSPENSIONS = {
    "F-25": _("Absence without a reason (F-25)"),
    "N-09": _("Breach of the conditions (N-09)"),
    "S-10": _("False information (S-10)"),
}
LEFT_OUT = {
    "on_hold": _("it is on hold, disputed, or its booking has ended"),
    "bad_iban": _("the account it is to be paid to is no IBAN"),
    "account_not_ready": _("its account at Stripe does not reach a bank now"),
    "not_allowed": _("you approved it yourself: a colleague puts it into a batch"),
    "payee_unasked": _("a first payment into an account that the bank has not been asked about"),
    "payee_close_match": _("a first payment into an account that is in a similar name"),
    "payee_no_match": _("a first payment into an account that is in another name"),
    "payee_not_possible": _("a first payment into an account of which the bank could not say anything"),
}
PAYEE_ANSWERS = {
    "match": _("The account is in this name."),
    "close_match": _("The account is in a similar name."),
    "no_match": _("The account is in another name."),
    "not_possible": _("The bank could not say anything."),
}
CERTIFICATES = {
    "certificate": _("certificate"),
    "exam": _("examination taken"),
}
RAILS = {"sepa": _("Bank transfer (SEPA)"), "stripe": _("Stripe Connect")}
OUTCOMES = {
    "pending": _("Not yet known"),
    "executed": _("Executed"),
    "rejected": _("Rejected by the bank"),
    "returned": _("Returned after execution"),
}
MESSAGE_STATES = {
    "received": _("Received"),
    "processed": _("Processed"),
    "refused": pgettext_lazy("bank message", "Not used"),
}
CONSENT_STATES = {
    "asked": _("Asked"),
    "given": _("Given"),
    "denied": _("Denied"),
    "withdrawn": _("Withdrawn"),
    "lapsed": _("Lapsed"),
}
RECEIVABLE_STATES = {
    "opened": _("Opened"),
    "demanded": _("Demanded"),
    "partly_recovered": _("Partly recovered"),
    "recovered": _("Recovered"),
    "written_off": _("Written off"),
    "referred": _("Referred for collection"),
}
SOURCES = {
    "rights": _("Acquired rights"),
    "endowment": _("Endowment"),
    "corrective": _("Corrective endowment"),
    "employer": _("Employer's top-up"),
    "public": _("Public top-up"),
    "one_off": _("One-off credit"),
    "mid_career": _("Mid-career credit"),
    "grant": _("Grant"),
    "learner": _("Learner's own money"),
}
BUCKETS = {
    "appropriation": _("Outside the account"),
    "budget": _("Budget"),
    "available": _("Learning account"),
    "held": _("Held"),
    "payable": _("Payable"),
    "in_transit": _("In transit"),
    "paid": _("Paid"),
    "owed": _("Owed back"),
    "expired": _("Expired"),
    "refund_due": _("To be refunded"),
    "returned": _("Returned"),
    "deposit": _("Received from an employer, on no account"),
    "reserved": _("Kept while a learner pays their own part"),
    "debt": _("Owed by a payer whose bank took it back"),
}
# Where the money of one booking stands: `direct` never comes into the books' buckets that pay.
BOOKING_PLACES = BUCKETS | {"direct": _("To the provider"), "not_owed": _("Not owed any more")}
# What each place where money stands means, under the table that names it.
BUCKET_MEANINGS = {
    "held": _("kept for this booking until the service is proved"),
    "payable": _("claimed and approved, not yet sent to the bank"),
    "in_transit": _("sent to the bank, not yet executed"),
    "paid": _("received by the provider"),
    "direct": _("between the learner and the provider, never through us"),
    "not_owed": _("to the provider; what was paid of it, the provider gives back"),
    "returned": _("given back to the source it came from"),
}
BOOKING_EVENTS = {
    "request": _("Place asked for"),
    "acknowledge": _("Request acknowledged"),
    "propose": _("Place proposed"),
    "accept": _("Proposal accepted: the money is held, the seat is taken"),
    "apply": _("Applied for: seat and grant are kept while the rest is paid"),
    "grant": _("Granted from the window: the money is held, the seat is taken"),
    "refuse_by_provider": _("Refused by the provider"),
    "refuse_by_learner": _("Proposal refused"),
    "lapse": _("Proposal lapsed without an answer"),
    "withdraw": _("Withdrawn within the term of withdrawal"),
    "cancel_by_learner": _("Cancelled by the learner"),
    "cancel_by_provider": _("Cancelled by the provider"),
    "cancel_by_funder": _("Cancelled by the funder"),
    "declare_no_show": _("Absence declared"),
    "enter": _("Entry into training declared"),
    "leave": _("Exit from training declared"),
    "declare_service": _("Service declared"),
    "validate_service": _("Service validated"),
    "settle": _("Settled"),
    "advance_due": _("An advance may be claimed from now on"),
    "proof_due": _("Proof of completion is overdue"),
    "owe_nothing": _("The session does not take place: nothing is owed for it any more"),
    "give_back": _("The session did not take place: what was paid goes back, the provider owes it"),
    "reduce_service": _("Less was taught than was paid for: the rest goes back"),
    "dispute": _("Disputed by the learner"),
    "reject_dispute": _("Dispute rejected"),
    "uphold_dispute": _("Dispute upheld: all goes back"),
    "reinstate": _("The cancellation was wrong: the booking stands again"),
}
CLAIM_EVENTS = {
    "create": _("Claim drafted"),
    "submit": _("Claim submitted"),
    "approve": _("Claim approved"),
    "reject": _("Claim rejected"),
    "call_back": _("Claim called back"),
    "include": _("Claim put into a payment batch"),
    "pay": _("Claim paid"),
    "return_payment": _("Payment came back"),
    "approve_again": _("Claim payable again"),
}
BATCH_EVENTS = {
    "create": _("Batch drawn up"),
    "drop": _("Batch dropped before its release: its claims wait for another"),
    "empty": _("Nothing left to send: every claim in it was stopped"),
    "approve": _("Batch approved"),
    "export": _("Payment file exported"),
    "acknowledge": _("Acknowledged by the bank"),
    "reject_part": _("Some payments rejected by the bank"),
    "reject": _("Rejected"),
    "execute": _("Executed"),
}
RECEIVABLE_EVENTS = {
    "open": _("Repayment opened"),
    "demand": _("Repayment demanded"),
    "recover_part": _("Repaid in part"),
    "recover_rest": _("Repaid"),
    "reopen": _("Owed again: a payment that kept it came back"),
    "write_off": _("Repayment written off"),
    "refer": _("Repayment referred for collection"),
    "drop": _("Repayment dropped"),
}
CONSENT_EVENTS = {
    "ask": _("Consent asked"),
    "give": _("Consent given"),
    "deny": _("Consent denied"),
    "withdraw": _("Consent withdrawn"),
    "lapse": _("Consent lapsed"),
}
FLAGS = {
    "late_entry": _("entry declared late"),
    "late_exit": _("exit declared late"),
    "late_answer": _("answered late"),
    "late_proof": _("proof handed in late"),
    "reinstated": _("cancelled by mistake, and reinstated"),
}
EXIT_REASONS = {
    "complete": _("complete"),
    "learner": _("the learner's decision"),
    "provider_postponed": _("postponed by the provider"),
    "provider": _("ended by the provider"),
    "force_majeure": _("force majeure"),
}
EXEMPTIONS = {
    "job_seeker": _("you are registered as a job-seeker"),
    "prevention_account": _("you hold a prevention account"),
    "work_incapacity": _("of your work incapacity"),
    "employer_top_up": _("your employer pays a part"),
}
# The invariants of the books, by number, as an auditor reads them.
INVARIANTS = {
    1: _("The postings of every journal entry add up to zero, per currency."),
    2: _("Nobody can update, delete or truncate a posting."),
    3: _("Every stored balance equals the sum of its postings."),
    4: _("No learner's lot, no session's seats and no budget is below zero."),
    5: _("What a booking holds equals the sum of its allocations until it is settled or released."),
    6: _("Per scheme, everything that was appropriated is accounted for, wherever it stands now."),
    7: _("Every payment has an approved claim, approved by neither the claim's author nor the batch's."),
    8: _("Every accepted booking has the consent of its own learner, with the sign-in it was given under."),
    9: _("Provider and training were accredited when the booking was accepted and when the training began."),
    10: _("The same key, or the same outside event, changed money once."),
    11: _("Journal entries are sealed in order; none was changed, taken out or slipped in."),
}
# What falls due by itself, and what has fallen due, as the agency reads it.
DUE_KINDS = {
    "lapse": _("Proposals lapse"),
    "validate": _("Services validate themselves"),
    "advance": _("Advances may be claimed"),
    "proof": _("Proof of completion overdue"),
}
REVIEW_REASONS = {
    "deadline_failed": _("A deadline could not be executed"),
    "proof_overdue": _("Proof of completion is overdue"),
    "hold_ended": _("A hold ended without a decision"),
    "session_moved": _("The dates of the session have changed"),
    "accreditation_ended": _("The accreditation has ended"),
    "facts_corrected": _("Facts about the learner were corrected"),
    "not_me": _("The learner says that it was not them"),
    "paid_beyond_share": _("More was paid than was done"),
    "force_majeure": _("Cancelled late and free, because something kept the learner away"),
}
# What a mail told of, as its link says it.
NOT_ME_KINDS = {
    "booking": _("A training was booked"),
    "credit": _("An account was credited"),
    "contact": _("Contact data were changed"),
    "sign_in": _("Somebody signed in from a new device"),
}
JOBS = {
    "funding.seal_entries": _("Seal the journal"),
    "funding.run_due": _("Execute what is due"),
    "funding.share_due": _("Execute what is due (helper)"),
    "funding.finish_cancelled_sessions": _("Finish cancelled sessions"),
    "funding.expire_lots": _("Take back expired credit that came back"),
    "funding.allocate_top_ups": _("Put employers' money on accounts"),
    "funding.end_top_ups": _("Return what is unspent of employers' money"),
    "funding.check_top_up_list": _("Check an employer's list"),
    "funding.order_top_up_list": _("Order an employer's list"),
    "funding.credit_due": _("Give credits at an age and of a new year"),
    "funding.review_changes": _("Open reviews of what changed later"),
    "funding.keep_stripe_movements": _("Keep what moved at Stripe"),
    "funding.exchange_with_bank": _("Exchange files with the bank"),
    "funding.send_batch": _("Send a payment batch to the bank"),
    "funding.run_laboratory": _("Try changed rules on a population"),
    "accounts.send_messages": _("Send messages"),
    "accounts.forget_expired": _("Forget ended sessions"),
    "catalogue.expire_accreditations": _("Let accreditations expire"),
    "catalogue.tell_ends": _("Tell of accreditations that end and of overdue applications"),
    "core.take_up_stalled_jobs": _("Take up jobs of killed workers"),
    "core.remove_old_runs": _("Forget old runs"),
    "funding.tell_credits": _("Tell learners of credits"),
    "funding.make_statements": _("Make monthly statements"),
    "fraud.follow": _("Tell the facts what happened"),
    "fraud.watch": _("Look for misuse"),
    "fraud.back_test": _("Try changed thresholds on the past"),
}
# What each job that comes by itself does, in a sentence.
JOBS_DO = {
    "funding.seal_entries": _("Links new journal entries into the chain that shows any later change."),
    "funding.run_due": _("Lapses, validates and frees what has fallen due, each booking at its own moment."),
    "funding.finish_cancelled_sessions": _(
        "Undoes bookings of sessions that are cancelled or were never held."
    ),
    "funding.expire_lots": _("Takes back credit that came back to an account after its last day."),
    "funding.credit_due": _("Gives credits at an age and of a new year, as their day begins."),
    "funding.review_changes": _("Asks a person to look at bookings whose conditions have changed since."),
    "funding.award_lately": _("Issues awards for services validated lately, and revokes those undone."),
    "funding.award_all": _("Each night: issues whatever award was missed."),
    "funding.keep_stripe_movements": _("Keeps each movement of our balance at Stripe for the days' books."),
    "funding.exchange_with_bank": _("Sends files that the bank does not have yet, and reads its messages."),
    "funding.invite_to_surveys": _("Asks those who completed a training how it was."),
    "funding.tell_credits": _("Writes to learners whose account was credited."),
    "funding.make_statements": _("Makes the statements of the month before."),
    "funding.allocate_top_ups": _("Puts the money of employers' paid orders on their employees' accounts."),
    "funding.end_top_ups": _("Returns what is unspent of orders whose last day is over."),
    "accounts.send_messages": _("Sends mails that wait, the failed ones again."),
    "accounts.forget_expired": _("Removes sessions and links that are over."),
    "catalogue.expire_accreditations": _("Ends accreditations whose last day is over."),
    "catalogue.tell_ends": _("Writes to providers whose accreditation ends, and of overdue applications."),
    "core.take_up_stalled_jobs": _("Lets jobs wait again whose worker was killed."),
    "core.remove_old_runs": _("Forgets runs older than a month."),
    "fraud.follow": _(
        "Keeps the facts that detectors read up to date, and screens who is new behind a firm."
    ),
    "fraud.watch": _("Runs every detector over all facts, and stops what must not be paid."),
}
DRAFT_STATES = {
    "draft": _("Draft"),
    "proposed": _("Proposed"),
    "approved": _("Approved"),
    "rejected": _("Rejected"),
    "discarded": _("Given up"),
}
DRAFT_EVENTS = {
    "create": _("Begun"),
    "propose": _("Proposed to another manager"),
    "take_back": _("Taken back by its author"),
    "approve": _("Approved"),
    "reject": _("Rejected"),
    "revise": _("Taken up again"),
    "discard": _("Given up"),
}
LABORATORY_OUTCOMES = {
    "waiting": _("Waiting"),
    "running": _("Running"),
    "done": _("Done"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
}
RUN_OUTCOMES = {
    "running": _("Running"),
    "done": _("Done"),
    "failed": _("Failed"),
    "interrupted": _("Interrupted"),
}


def shares(plan: SourcePlan) -> list[tuple[Any, int]]:
    """Who would pay how much, in cents, as its learner reads it: by source in the order of drawing."""
    return [
        (_("You yourself") if source == LEARNER else word(SOURCES, source), cents)
        for source, cents in plan.by_source().items()
    ]


def word(words: dict[str, Any], code: str) -> Any:
    """The words for a code; a code without words of its own is shown as it is, readable."""
    return words.get(code) or code.replace("_", " ").capitalize()
