"""What a refusal means and what to do about it, in plain words: a sentence for every code of a DomainError."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts import team_words
from funding import explanations
from funding.schemes.rules import SchemeRules
from ila.core.errors import DomainError

SENTENCES: dict[str, Promise] = {
    "hold_answered": _("You have answered to this hold already. A person reads it and decides."),
    "answer_the_measure": _("This hold belongs to a measure of a case. Answer on the page of the measure."),
    "already_reported": _(
        "You have reported this already, and investigators read it. Report something else here."
    ),
    "question_answered": _("This question has been answered already. What was written is in the file."),
    "in_a_case": _("This hold belongs to a case now. Decide on it there."),
    "bad_parameters": _("A value is not within what the detector can be asked with. Look at the ranges."),
    "nothing_changed": _("These are the values in force already. Change one of them."),
    "not_back_tested": _("Nobody has tried these values on the past yet. Try them first."),
    "back_test_outdated": _("Other values came into force since this was tried. Try it again."),
    "back_test_changed": _(
        "It was tried again since you were shown this. Look at the new result, then decide."
    ),
    "already_under_way": _("It is being tried already. Wait for the result."),
    "being_netted": _("A payment on its way keeps a part of this debt. Wait for the bank's answer."),
    "not_begun": _("The training has not begun yet. Report it once it should have been taught."),
    "bad_network": _("This is no public network address or range. Write it as 192.0.2.10 or 192.0.2.0/24."),
    "network_too_large": _("This range is too large for a place. Enter the place's own addresses only."),
    "network_too_small": _("Enter one address, or a range of /64 or larger: behind it is one line."),
    "known_already": _("This network is proposed or in force already. Look at the list of known places."),
    "rights_first": _("Learners come first: restore their rights before anything is asked of the provider."),
    "measures_open": _(
        "A measure waits for its notice, its answer or its decision. Decide it, or lift it, first."
    ),
    "case_open": _("Another case of the same kind is open for this provider. Go on with that one."),
    "on_its_way": _("The bank has a payment of it. Wait for the bank's answer."),
    "in_instalments": _(
        "This debt is paid in instalments. Nothing more is demanded as long as they come in time."
    ),
    "changed_since": _("What is owed has changed since this was proposed. Propose it anew."),
    "unknown_debt": _("There is no debt with this reference. Look for a slip."),
    "claim_changed": _("It has changed since you were shown it. Look at it again, then decide."),
    "plan_changed": _(
        "Other claims would go in now than those you were shown. Look at the list again, then draw the batch up."
    ),
    "payee_unasked": _(
        "Nobody has been paid into this account yet. Ask the bank whether it is in the payee's name."
    ),
    "payee_close_match": _(
        "The bank says that the account is in a similar name. A colleague has to accept it first."
    ),
    "payee_no_match": _(
        "The bank says that the account is in another name. A colleague has to accept it first."
    ),
    "payee_not_possible": _(
        "The bank could not say whose account it is. Ask again later, or have a colleague accept it."
    ),
    "bad_value_date": _("The bank cannot execute on this day. Choose a later working day."),
    "duplicate_document": _(
        "This act has been proposed or given to this budget already. Look at the budget's history."
    ),
    "cards_not_configured": _("Cards and direct debits are not taken here. Pay by bank transfer."),
    "payment_needed": _("You pay a part yourself before you have booked."),
    "transfers_not_taken": _("Own parts are not paid by bank transfer here."),
    "transfer_too_late": _(
        "This training begins before a bank transfer of yours could come. Ask the provider for a later session."
    ),
    "no_top_ups": _("Bookings of this scheme are not paid with employers' money. Choose another scheme."),
    "employer_not_verified": _(
        "The agency has not verified your organisation, so it cannot order. Look at how its registration stands."
    ),
    "already_over": _("The last day of use lies in the past. Choose a later one, or none."),
    "bad_number": _("This is not a national number of that country: look for a slip."),
    "already_registered": _(
        "An organisation with this number is registered already. Ask one of its managers to add you."
    ),
    "unknown_reference": _("There is no order with this reference. Look for a slip."),
    "other_currency": _("The transfer is in another currency than the order. It cannot be for it."),
    "closed_order": _("This order is closed: nothing can be paid on it any more. Send the money back."),
    "closed_employer": _("The employer is not verified any more. Send the money back."),
    "bad_iban": _("This is not an IBAN: look for a slip."),
    "nothing_owed": _("Nothing of this is owed any more. Look at how the payment stands."),
    "nothing_to_refund": _("There is nothing of this order to give back."),
    "list_unreadable": _("The list cannot be read. Use the empty table as a pattern."),
    "not_checked": _("The list was decided on meanwhile. Look at how it stands."),
    "nothing_to_order": _("No row of the list can be ordered. Mend it and hand it in again."),
    "too_many_lists": _(
        "You have handed in many lists or unknown references today. Try again tomorrow, or ask the agency."
    ),
    "unknown_employer": _(
        "No employer with this number adds money here. Look for a slip, or ask your employer to register."
    ),
    "bad_payroll_number": _("This cannot be a payroll number: use its letters and digits."),
    "too_many_numbers": _(
        "You have entered several numbers lately. Try again in some weeks, or use a reference."
    ),
    "stripe_unavailable": _("Stripe does not answer at the moment. Nothing was changed; try again later."),
    "stripe_refused": _("Stripe did not accept this. Nothing was changed; look at your account there."),
    "connect_not_offered": _("Nobody is paid through Stripe here. Choose payments by bank."),
    "account_not_ready": _(
        "The account at Stripe does not reach a bank now. The provider has to look at it."
    ),
    "too_many_rows": _("The list has more than 200,000 rows: split it."),
    "address_taken": _("Somebody signs in with this address already. Sign in with it, or give another one."),
    "identity_of_another": _(
        "This e-identity belongs to another sign-in. Use your own, or sign out and sign in with the right one."
    ),
    "last_manager": team_words.REFUSALS["last_manager"],
    "other_address": team_words.REFUSALS["other_address"],
    "cannot_be_erased": _(
        "Your data cannot be erased yet: something of yours is still open. End what the page names, then ask again."
    ),
    "code_over": _("The code was for another day. Ask the provider for the code of today."),
    "webhook_refused": _(
        "This message is not taken: its signature, account or mode is wrong. Nothing was changed."
    ),
    "file_empty": _("The file is empty. Choose the one that holds the rows, then hand it in."),
    "file_too_large": _("The file is larger than 20 MB: split it."),
    "insufficient_rights": _(
        "There is no money in your account that may be used for this training. "
        "Look at your entitlements, or ask your employer for a top-up."
    ),
    "not_eligible": _(
        "You do not fulfil a condition for this training. Look at who may book it, or choose another one."
    ),
    "not_accredited": _(
        "The provider or the training is not accredited at the moment, so public money may not pay for it. "
        "Choose another offer."
    ),
    "not_bookable": _(
        "This training cannot be booked from a learning account now. Choose another session or offer."
    ),
    "already_waiting": _("The same job is waiting already. Look again in a minute whether it has been done."),
    "already_revoked": _(
        "The award of this training was taken back, and another is not issued. Speak to the provider."
    ),
    "already_invited": _("This person is invited already. End that first if it should show something else."),
    "too_many": _("There are as many of these as there may be. End one of them first, then try again."),
    "session_full": _("The last seat has just been taken. Choose another session."),
    "budget_exhausted": _("The budget for this period is used up. Try again when the next period opens."),
    "window_closed": _("The period in which one could apply is over. Wait for the next one."),
    "already_granted": _("You already have a grant for this year. You can apply again next year."),
    "grant_ceiling": _("No more grants are given for this training this year. Choose another one."),
    "too_early": _("It is too early for this. Come back on the day from which it is possible."),
    "too_late": _("The term for this is over. Ask the provider for a new proposal or a later session."),
    "usage_cap": _(
        "A rule limits how much of your account may pay for this training, and the rest may not be yours "
        "to pay. Choose a cheaper offer."
    ),
    "weak_identity": _("This needs a strong e-identity. Prove who you are, then confirm again."),
    "sign_in_too_old": _(
        "You proved who you are too long ago. Prove it once more, then confirm: what you entered is kept."
    ),
    "consent_changed": _(
        "What you were shown has changed in the meantime. Read it again below: nothing is booked yet."
    ),
    "account_alarm": _(
        "Nothing can be booked while it is not sure that it is you. Open the mail about your account, or confirm "
        "that you are back."
    ),
    "link_used": _("This link was used before: what it says has been done."),
    "link_expired": _("This link is too old. Sign in, and look at your bookings."),
    "consent_missing": _(
        "Your sign-in could not be matched to this booking. Sign out, sign in again and confirm once more."
    ),
    "consent_denied": _(
        "You have said no to this booking; it cannot be accepted any more. Ask for a new place."
    ),
    "not_allowed": _(
        "This is not possible any more: the booking has moved on in the meantime. Look at its timeline."
    ),
    "on_hold": _("This is stopped while something is being checked. You are told when it goes on."),
    "already_settled": _("This is already paid and settled; there is nothing left to do."),
    "incomplete": _("Something needed for this is missing. Complete it, then try again."),
    "not_screened": _(
        "What is to be paid could not be looked at for misuse. Nothing leaves until it can; try again later."
    ),
    "overlapping": _("This is at the same hours as another training of yours. Choose another session."),
    "too_many_hours": _(
        "With these hours somebody would have been taught for more than 24 hours in a day. Look for a slip."
    ),
    "bad_price": _(
        "The price is above what was published. Ask the provider for a proposal at the published price."
    ),
    "not_found": _("This does not exist, or is not yours to see."),
    "invalid": _("Something in this contradicts a rule of the register. Check the values and try again."),
    "bad_file": _(
        "This file is not taken. Only PDF, PNG and JPEG without scripts or a password are; hand in another one."
    ),
    "already_answered": _("This survey has been answered already; each person answers once. Thank you."),
    "duplicate": _("Somebody is known under this number already. If it is yours, write to the agency."),
    "altered": _("This file is no longer what was handed in, so it is not given out. Tell the agency."),
    "forbidden_claim": _(
        "A text makes a claim that no training may make. Take the marked words out, then try again."
    ),
    "idempotency_mismatch": _(
        "This form was sent before with other content. Open the page again and confirm what it shows now."
    ),
    "file_changed": _("The payment file is not the one that was approved. Stop, and tell the auditors."),
    "bank_not_configured": _("No bank is set up here. Ask the operator to configure one."),
    "busy": _("Somebody else is doing the same at this moment. Wait a little, then try again."),
    "not_sealed": _(
        "The last entries of the journal are not sealed yet. Wait for the next seal, then try again."
    ),
    "database_moved": _("The database was moved or restored. Stop, and ask the operator to check the seals."),
    "draft_changed": _(
        "This draft was changed in the meantime. Look at what it says now; what you typed is still here, and "
        "saving it again replaces what was saved."
    ),
    "rules_changed": _(
        "The scheme's rules changed after you opened this page. Look at what would change now, then decide again."
    ),
    "draft_faulty": _("Something in these rules is wrong. Correct what is named, then propose them again."),
    "overlap": _("Other rules begin on this day already. Choose another day, or replace those rules."),
    "windows_depend": _(
        "A window has been announced that needs other rules on the day it opens. Choose another day."
    ),
    "scheme_differs": _("The rules in force differ from the file. Put a new version into force instead."),
}

# More precise, where the code alone leaves open what happened: by code and reason.
PRECISE: dict[tuple[str, str], Promise] = {
    ("not_bookable", "no_dates"): _("This session has no dates yet. Choose one with dates."),
    ("not_bookable", "recruitment_closed"): _(
        "The provider takes nobody new for this session. Choose another one."
    ),
    ("not_bookable", "price_zero"): _("No price is published for this training. Choose another one."),
    ("not_bookable", "currency"): _(
        "This training is priced in another currency than your account's. Choose another one."
    ),
    ("not_bookable", "delisted"): _("This training has left the register. Choose another one."),
    ("too_late", "session_started"): _("The session has already begun. Ask the provider for a later one."),
    ("too_late", "price_owed"): _(
        "The time in which cancelling is free has just ended. Look at what it costs now, then decide again."
    ),
    ("too_late", "first_day"): _(
        "Rules begin on a day to come: bookings of a day are all under the same rules. Choose a later first day."
    ),
    ("too_late", "version_begun"): _("These rules hold already. Put new ones into force instead."),
    ("overlap", "code_taken"): _("There is a scheme of this code already. Choose another code."),
    ("incomplete", "reason_missing"): _("Write the reason; the other manager reads it."),
    ("not_allowed", "draft_fixed"): _("This draft cannot be changed now. Look at where it stands."),
    ("not_allowed", "approved_once"): _(
        "You have approved this claim already. Another person approves it too."
    ),
    ("not_allowed", "version_withdrawn"): _("These rules have been taken back already."),
    ("not_allowed", "apply_in_a_window"): _(
        "This scheme gives its money in windows: one applies there, while a window is open."
    ),
    ("not_allowed", "author_of_the_rule"): _(
        "Whoever wrote a rule neither investigates nor decides what it found. A colleague has to."
    ),
    ("not_allowed", "already_booked"): _(
        "You already have an open booking for this session. Look at your bookings."
    ),
    ("not_allowed", "application_waits"): _(
        "Another grant is kept for you while you pay your own part. Pay it, or give it up there first."
    ),
}
BY_RULE: dict[tuple[str, str], Promise] = {
    ("too_late", "F-21"): _("The term for accepting this proposal is over. Ask the provider for a new one."),
    ("too_late", "F-22"): _("The session starts too soon after the proposal. Choose a later session."),
    ("too_late", "F-23"): _("The term for withdrawing is over. You may still be able to cancel."),
    ("not_eligible", "F-14"): _(
        "A light driving licence is paid for job-seekers, or with somebody else's co-funding."
    ),
    ("not_eligible", "F-15"): _(
        "You already hold a licence of this class, so your account may not pay for another one."
    ),
    ("not_eligible", "F-25"): _("Your account is suspended for a time after an absence without a reason."),
}


# What one scheme's rule says in another's words: credit is claimed within the days before the start (S-06).
EQUIVALENT = {("S", "N-07"): "S-06"}
# A hold needs a reason and an end, whatever scheme it is placed in.
EVERYWHERE = frozenset({"N-16"})


def sentence(error: DomainError, *, rules: SchemeRules | None = None) -> str:
    """What a person reads instead of the code: what it means, the values behind it, the rule's number.

    rules: of the scheme concerned; then only a rule of its own is cited.
    """
    return cited(plain(error), error.rule if rules is None else own_rule(error.rule, rules.rulebook))


def own_rule(rule: str | None, rulebook: str | None) -> str | None:
    """The id by which a scheme knows a rule; None for what only others have numbered (decision 67)."""
    if rule is None or rulebook is None:
        return None
    if rule in EVERYWHERE or rule.startswith(f"{rulebook}-"):
        return rule
    return EQUIVALENT.get((rulebook, rule))


def cited(text: str, rule: str | None) -> str:
    """A sentence with the number of its rule, if there is one."""
    return f"{text} ({_now('rule')} {rule})" if rule else text


def plain(error: DomainError) -> str:
    """What a person reads instead of the code."""
    reason = (error.code, str(error.params.get("reason", "")))
    meaning = str(
        explanations.REFUSED.get(reason)
        or explanations.REFUSED_BY_RULE.get((error.code, error.rule or ""))
        or BY_RULE.get((error.code, error.rule or ""))
        or PRECISE.get(reason)
        or SENTENCES.get(error.code)
        or _now("This was refused. Nothing has changed. Go back and try again, or ask the agency.")
    )
    values = explanations.because(error.code, (reason[1], error.rule or ""), error.params)
    return f"{meaning} {values}" if values else meaning
