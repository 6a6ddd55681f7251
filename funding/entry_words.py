"""What an entry of the journal is called, for each kind of `funding.audit.kinds`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding import words

ENTRIES = {
    "own_card_refund": _("Sent back to the learner's card"),
    "own_card_refund_undone": _("The refund to the card came back"),
    "own_taken_back": _("Taken back by the learner's bank"),
    "own_reinstated": _("Given back by the learner's bank"),
    "own_debt_netted": _("Set off against what the learner owes"),
    "hold_booking": _("Money held for the booking"),
    "approve_claim": _("Claim approved: payable"),
    "reject_claim": _("Claim rejected: held again"),
    "call_back_claim": _("Claim called back: held again"),
    "partial_service_booking": _("Part that was not taught given back"),
    "unwind_booking": _("Given back to its sources"),
    "payment_exported": _("Sent to the bank"),
    "payment_executed": _("Executed by the bank"),
    "payment_rejected": _("Rejected by the bank: payable again"),
    "payment_returned": _("Returned by the bank: payable again"),
    "restore_booking": _("Given back after payment: the provider owes it"),
    "recover": _("Paid back by the provider"),
    "recovery_received": _("Paid back by the provider's transfer"),
    "recovery_undone": _("The debt was wrong: the provider's again"),
    "net_receivable": _("Kept of a payment to the provider"),
    "reverse_net_receivable": _("Owed again: the payment that kept it came back"),
    "write_off": _("Given up: the funder makes it good"),
    "refund_executed": _("Own money paid back to the learner"),
    "refund_returned": _("Own money came back from the bank: due again"),
    "appropriate": _("Public money appropriated"),
    "gather_budget": _("Parts of a budget put together"),
    "credit": _("Credited"),
    "accrue": _("Rights of a year"),
    "age_credit": _("Credit at an age"),
    "merge_credit": _("Credits put together"),
    "expire": _("Expired"),
    "made_good": _("Made good by the funder"),
    "not_reimbursed_booking": _("Given back to its sources"),
    "paid_directly": _("Own money, paid to the provider directly"),
    "interest_received": _("Interest on a debt received"),
    "reserve_booking": _("Kept while the rest is paid"),
    "top_up_received": _("Employer's money received"),
    "top_up_allocated": _("Added by an employer"),
    "top_up_ended": _("Unspent, given back to the employer"),
    "top_up_refunded": _("Employer's money sent back"),
    "top_up_refund_undone": _("The employer's refund came back"),
    "top_up_card_refund": _("Sent back to the employer's card"),
    "top_up_card_refund_undone": _("The refund to the employer's card came back"),
    "top_up_taken_back": _("Taken back by the employer's bank"),
    "top_up_reinstated": _("Given back by the employer's bank"),
    "top_up_clawed_back": _("Taken off again: the employer's bank took its payment back"),
    "top_up_given_again": _("Added again: the employer has paid after all"),
    "top_up_debt_paid": _("The employer paid what it owed"),
    "own_received": _("Own money received"),
    "own_refund_due": _("Own money that came too late or too much, to be refunded"),
    "own_applied": _("Own money used for the booking"),
    "own_debt_paid": _("The learner paid what they owed"),
    "own_debt_repaid": _("Paid twice: sent back to the learner"),
}
REVERSED = "reverse_"


def entry_word(kind: str) -> Any:
    """What happened by an entry of this kind; one that undoes another is told by what it undoes."""
    if kind in ENTRIES or not kind.startswith(REVERSED):
        return words.word(ENTRIES, kind)
    return _now("Undone: %(what)s") % {"what": entry_word(kind.removeprefix(REVERSED))}
