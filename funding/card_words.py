"""What payments by card and debit are called."""

from django.utils.translation import gettext_lazy as _

STATES = {
    "opened": _("Waiting to be paid"),
    "processing": _("Under way"),
    "succeeded": _("Paid"),
    "failed": _("Not paid"),
    "expired": _("Not paid in time"),
}
COLOURS = {"opened": "blue", "processing": "yellow", "succeeded": "green", "failed": "red", "expired": "grey"}
METHODS = {"card": _("Card"), "sepa_debit": _("SEPA direct debit")}
FAILURES = {
    "card_declined": _("The card was declined."),
    "insufficient_funds": _("There was not enough money on the account."),
    "expired_card": _("The card has expired."),
    "debit_not_authorized": _("The bank did not allow the debit."),
    "payment_intent_authentication_failure": _("The bank could not make sure that it was you."),
}
FINDINGS = {
    "closed_order": _("The order was closed before the money came: all of it goes back."),
    "closed_employer": _("The employer is closed: all of the money goes back."),
    "other_amount": _("Another amount came than was asked for. The agency looks at it."),
    "wrong_account": _("Paying by card is not possible just now. Nothing was taken."),
    "wrong_mode": _("Paying by card is not possible just now. Nothing was taken."),
    "not_at_stripe": _("Stripe does not know this payment. The agency looks at it."),
}
# Of payments that brought no money: nothing was taken, and nothing goes back.
UNPAID_FINDING = _("Stripe did not make this payment. Nothing was taken.")
OTHER_FINDING = _("The booking could not be made any more when the money came: all of it goes back to you.")
REFUNDS = {
    "wanted": _("About to be sent"),
    "pending": _("On its way"),
    "requires_action": _("On its way"),
    "succeeded": _("Sent back"),
    "failed": _("Came back to us"),
    "canceled": _("Came back to us"),
    "refused": _("Could not be sent"),
}
_DISPUTES = {
    "won": _("Decided: the payment stands"),
    "lost": _("Decided: the money went back"),
    "warning_closed": _("Closed: the payment stands"),
}


DEBT_STATES = {
    "opened": _("Owed"),
    "partly_recovered": _("Partly paid"),
    "recovered": _("Paid"),
}
DEBT_COLOURS = {"opened": "red", "partly_recovered": "yellow", "recovered": "green"}
WEBHOOKS = {
    "bad_signature": _("Its signature is not Stripe's"),
    "not_an_event": _("It is no event"),
    "wrong_account": _("It is of another account"),
    "wrong_mode": _("It is of the other mode, test or live"),
    "too_large": _("It is too large"),
}


_EVENTS = {
    "unknown_type": _("Nothing is done with this kind"),
    "not_ours": _("It is about no payment of this platform"),
}


def event(finding: str) -> str:
    """Why an event of Stripe changed nothing, in words."""
    return str(_EVENTS.get(finding, _("Stripe does not show what it is about")))


def finding_of(code: str, *, paid: bool) -> str:
    """Why a payment did not do what it was for, in words; empty where nothing was found. paid: money came by it."""
    if not code:
        return ""
    return str(FINDINGS.get(code, OTHER_FINDING if paid else UNPAID_FINDING))


def failure(code: str) -> str:
    """Why a payment failed, in words."""
    return str(FAILURES.get(code, _("The bank did not make the payment.")))


def dispute(status: str) -> str:
    """How a dispute stands, in words."""
    return str(_DISPUTES.get(status, _("The bank looks at it")))
