"""Letters about debts and advices of payments, as files."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from stdnum import iso11649

from funding import recovery_words
from funding.models import PlanState, Receivable, Remittance
from funding.services.recoveries.demands import interest_of
from ila.core import clock
from ila.core.lazy import lazy_module
from ila.core.money import format_cents, in_fours

printing = lazy_module("funding.printing")


def demand_letter(receivable: Receivable) -> bytes:
    """The demand: what is owed and for what, until when, and how to pay it, in the language that is active."""
    currency = receivable.currency
    interest = interest_of(receivable)
    reference = iso11649.format(receivable.reference)
    made_at = receivable.demanded_at or clock.now()
    paper = printing.Paper(title=_("Demand for repayment"), foot=reference, made_at=made_at)
    booking = receivable.booking
    paper.say(f"{receivable.provider}\n{booking.account.scheme.name}\n{booking.credential.title}", after=2)
    paper.say(
        _("For booking %(booking)s you were paid what is not owed: %(reason)s.")
        % {"booking": booking.public_id, "reason": recovery_words.reason(receivable.reason)}
    )
    rows = [
        (_("To be paid back"), _money(receivable.amount_cents, currency)),
        (_("Paid back so far"), _money(-receivable.recovered_cents, currency)),
    ]
    if receivable.reserved_cents:
        rows.append((_("Kept of payments on their way"), _money(-receivable.reserved_cents, currency)))
    if interest:
        rows.append((_("Interest until today"), _money(interest, currency)))
    left = receivable.free_cents + interest
    rows.append((_("Still to pay"), _money(left, currency)))
    paper.rows((_("What"), _("Amount")), rows, (120, 50))
    if not left:
        paper.say(_("Nothing is left to pay."), style="B")
        return bytes(paper.content())
    plan = receivable.plans.filter(state=PlanState.AGREED).first()
    if plan is not None:
        paper.say(_("These instalments are agreed:"), style="B")
        parts = plan.instalments.order_by("number")
        until = [(_day(each.due_on), _money(each.amount_cents, currency)) for each in parts]
        paper.rows((_("Until"), _("Amount")), until, (120, 50))
    elif receivable.due_on:
        text = _("Please pay it by %(day)s at the latest.") % {"day": _day(receivable.due_on)}
        paper.say(text, style="B")
    paper.say(
        _("Account: %(iban)s\nIn the name of: %(name)s\nReference: %(reference)s")
        % {
            "iban": in_fours(settings.BANK_ACCOUNT_IBAN) or "–",
            "name": settings.BANK_ACCOUNT_NAME or "–",
            "reference": reference,
        }
    )
    if plan is None:
        paper.small(
            _(
                "You may ask the agency for instalments. What is not paid may be kept of later payments to you."
            )
        )
    return bytes(paper.content())


def remittance_paper(remittance: Remittance) -> bytes:
    """The advice of one payment: what was claimed, what was kept, what was paid."""
    payment = remittance.payment
    currency = payment.batch.currency
    title = _("Remittance advice %(number)s") % {"number": remittance.number}
    paper = printing.Paper(title=title, foot=payment.end_to_end_id, made_at=remittance.made_at)
    paper.say(f"{payment.creditor_name}\n{in_fours(payment.iban)}\n{remittance.scheme.name}", after=2)
    paid_at = (payment.executed_at or remittance.made_at).astimezone(ZoneInfo(remittance.scheme.timezone))
    paper.say(
        _("Paid on %(day)s by %(payer)s")
        % {"day": _day(paid_at.date()), "payer": settings.BANK_ACCOUNT_NAME or "–"},
        after=2,
    )
    rows = [(line[0], _money(int(line[1]), currency)) for line in remittance_lines(remittance)]
    paper.rows((_("What"), _("Amount")), rows, (120, 50))
    return bytes(paper.content())


def remittance_lines(remittance: Remittance) -> list[tuple[str, int]]:
    """What the advice says, line by line, in cents: the last is the sum of the others."""
    payment = remittance.payment
    booking = payment.claim.booking
    claimed = _("Claim for booking %(booking)s") % {"booking": booking.public_id}
    lines = [(f"{claimed}, {booking.credential.title}", payment.gross_cents)]
    lines += [
        (
            _("Kept for what you owe, %(reference)s") % {"reference": netting.receivable.reference},
            -netting.amount_cents,
        )
        for netting in payment.nettings.select_related("receivable").order_by("pk")
    ]
    return [*lines, (_("Paid to your account"), payment.amount_cents)]


def _money(cents: int, currency: str) -> str:
    return str(format_cents(cents, currency, get_language() or settings.LANGUAGE_CODE))


def _day(day: date) -> str:
    return str(date_format(day, "j F Y"))
