"""The words a learner consents to. Kept word for word in the receipt."""

from funding.models import Booking
from funding.schemes.facts import SourcePlan
from funding.schemes.rules import SchemeRules
from ila.core.money import format_cents


def proposal_text(booking: Booking, rules: SchemeRules) -> str:
    """What the provider proposes: what, with whom, when, at which price, until when it can be undone."""
    session = booking.session
    zone = rules.calendar.zone
    dates = "to be agreed"
    if session.starts_at is not None and session.ends_at is not None:
        first, last = session.starts_at.astimezone(zone), session.ends_at.astimezone(zone)
        dates = f"{first:%d.%m.%Y} to {last:%d.%m.%Y}"
    lines = [
        f"Training: {booking.credential.title}",
        f"Provider: {booking.provider}",
        f"Dates: {dates}",
        f"Price: {format_cents(booking.price_cents, booking.currency)}",
    ]
    if rules.withdrawal_wd is not None:
        lines.append(
            f"You may withdraw free of charge and without a reason for {rules.withdrawal_wd} working days "
            "after accepting, until the training starts."
        )
    if rules.cancel_free_days is not None:
        lines.append(
            f"You may cancel free of charge until {rules.cancel_free_days} days before the start; "
            "after that the full price is owed."
        )
    if rules.cancel_free_wd is not None:
        lines.append(
            f"Later you may cancel free of charge until {rules.cancel_free_wd} working days before the start; "
            "after that the full price is owed."
        )
    return "\n".join(lines)


def acceptance_text(proposal: str, plan: SourcePlan, currency: str) -> str:
    """The proposal together with who pays what: what a learner sees at the moment of consent."""
    shares = [
        f"{'You pay yourself' if source == 'learner' else f'Paid from {source}'}: {format_cents(cents, currency)}"
        for source, cents in plan.by_source().items()
    ]
    if plan.reimbursement_cents:
        back = format_cents(plan.reimbursement_cents, currency)
        shares.append(f"Given back to you once the training is complete: {back}")
    return "\n".join([proposal, *shares])
