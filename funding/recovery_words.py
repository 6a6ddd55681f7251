"""What the codes of debts, of what is kept for them and of differences read like, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from funding.models import Instalment, InstalmentPlan, PlanState

PLAN_STATES = {
    "proposed": _("Proposed, to be agreed by another person"),
    "agreed": _("Agreed"),
    "broken": _("Broken: an instalment is late"),
    "fulfilled": _("Paid in full"),
    "refused": _("Refused"),
}
# A plan that was kept to until its debt was given up, or turned out to be none.
ENDED_WITH_DEBT = _("Ended with the debt")
# Why a debt was opened, or moved on, where no person wrote it.
_REASONS = {
    "session never held": _("The session never took place"),
    "session cancelled": _("The session was cancelled"),
    "session called off": _("The session was called off"),
    "consent denied": _("The learner says that they did not book"),
    "an instalment is late": _("An instalment is late"),
}


def reason(text: str) -> str:
    """Why a debt is as it is: the platform's own reasons in the reader's language, people's as they wrote them.

    Nothing where it only names the transfer, which is listed beside it.
    """
    if text.startswith("receipt "):
        return ""
    taught = re.fullmatch(r"only (\d+) % was taught", text)
    if taught is not None:
        return _now("Only %(percent)s %% was taught") % {"percent": taught[1]}
    return str(_REASONS.get(text, text))


def plan_state(plan: InstalmentPlan, parts: Sequence[Instalment]) -> str:
    """How instalments stand. Broken are those of which one was late, not those whose debt has ended."""
    late = plan.closed_at is not None and any(each.due_on < plan.closed_at.date() for each in parts)
    if plan.state == PlanState.BROKEN and not late:
        return str(ENDED_WITH_DEBT)
    return str(PLAN_STATES[plan.state])


NETTING_OUTCOMES = {
    "planned": _("With the payment, on its way"),
    "kept": _("Kept"),
    "released": _("Released: the payment was not executed"),
    "undone": _("Undone: the payment came back"),
}
FINDINGS = {
    "unknown_debt": _("There is no debt with this reference"),
    "other_currency": _("It came in another currency"),
    "closed_debt": _("The debt is closed already"),
    "paid_too_much": _("More came than is owed"),
    "debt_was_wrong": _("The debt was wrong: to be sent back"),
}
# What is to be said of a movement that the bank told of.
LINE_FINDINGS = {
    **FINDINGS,
    "unknown_payment": _("No payment of ours"),
    "unknown_credit": _("For nothing that is known: to be placed"),
    "debited_twice": _("Taken from our account a second time"),
    "credited_twice": _("Came back a second time"),
}
BANDS = (
    _("Not due yet"),
    _("1–30 days"),
    _("31–60 days"),
    _("61–90 days"),
    _("More than 90 days"),
)
DAY_STATES = {
    "equal": _("Equal"),
    "kept_aside": _("Kept aside"),
    "explained": _("Explained"),
    "open": _("Open"),
}
STATEMENT_KINDS = {
    "approve_claim": _("Claim approved"),
    "reject_claim": _("Claim rejected after its approval"),
    "call_back_claim": _("Claim called back"),
    "payment_executed": _("Paid: the claim is settled"),
    "payment_returned": _("Payment came back: payable again"),
    "net_receivable": _("Kept of the payment for what you owe"),
    "reverse_net_receivable": _("Owed again: the payment came back"),
    "restore_booking": _("To be paid back"),
    "reverse_restore_booking": _("Not to be paid back after all"),
    "recover": _("Paid back"),
    "recovery_received": _("Paid back by transfer"),
    "recovery_undone": _("Yours again: the debt was wrong"),
    "write_off": _("Given up by the agency"),
}
