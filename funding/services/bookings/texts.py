"""The words a learner consents to, in the language that is active. Kept letter by letter in the receipt."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from accounts.models import Citizen, Consent
from funding.models import Booking
from funding.schemes.facts import SourcePlan
from funding.schemes.rules import SchemeRules
from funding.services.bookings.conditions import Conditions
from funding.words import SOURCES
from ila.core.errors import DomainError
from ila.core.money import format_cents


@dataclass(frozen=True, slots=True)
class Shown:
    """What a learner had before their eyes when they agreed: the text's SHA-256, its language, and the text itself.

    text: as the form sent it back, for saying what has changed; only the fingerprint decides.
    """

    text_hash: str
    language: str
    text: str = ""


def language_of(citizen: Citizen) -> str:
    """The language that a citizen reads."""
    return citizen.user.language if citizen.user is not None else "en"


def proposal_text(booking: Booking, rules: SchemeRules) -> str:
    """What the provider proposes: what, with whom, when, at which price. In the learner's language."""
    with override(language_of(booking.account.citizen)):
        return "\n".join(_offer(booking, rules))


def acceptance_text(booking: Booking, rules: SchemeRules, plan: SourcePlan, conditions: Conditions) -> str:
    """What a learner consents to: the offer, what each source pays, what going back costs and until when."""
    return "\n".join(
        [*_offer(booking, rules), "", *_shares(booking, plan), "", *_going_back(booking, conditions)]
    )


def given_text(
    booking: Booking, rules: SchemeRules, plan: SourcePlan, conditions: Conditions, shown: Shown | None
) -> str:
    """The text that is kept: what the learner was shown, which must be what holds now.

    Raises: DomainError `consent_changed` with the lines that are gone and those that are new.
    """
    language = shown.language if shown is not None else language_of(booking.account.citizen)
    with override(language):
        text = acceptance_text(booking, rules, plan, conditions)
    if shown is not None and Consent.hash_of(text) != shown.text_hash:
        # What was sent back says what has changed only if it is what was shown.
        before = shown.text.split("\n") if Consent.hash_of(shown.text) == shown.text_hash else []
        now = text.split("\n")
        raise DomainError(
            "consent_changed",
            gone=[line for line in before if line and line not in now],
            new=[line for line in now if line and line not in before] if before else [],
        )
    return text


def _offer(booking: Booking, rules: SchemeRules) -> Iterator[str]:
    session, zone = booking.session, rules.calendar.zone
    yield _("Training: %(title)s") % {"title": booking.credential.title}
    yield _("Provider: %(name)s") % {"name": booking.provider}
    if session.starts_at is not None and session.ends_at is not None:
        first, last = (_day(at.astimezone(zone).date()) for at in (session.starts_at, session.ends_at))
        yield _("Dates: %(first)s to %(last)s") % {"first": first, "last": last}
    else:
        yield _("Dates: to be agreed")
    yield _("Price, all taxes included: %(amount)s") % {"amount": _money(booking.price_cents, booking)}


def _shares(booking: Booking, plan: SourcePlan) -> Iterator[str]:
    yield _("Who pays:")
    for source, cents in plan.by_source().items():
        amount = _money(cents, booking)
        if source == "learner":
            yield _("You pay yourself: %(amount)s") % {"amount": amount}
        else:
            yield _("Paid from %(source)s: %(amount)s") % {"source": SOURCES[source], "amount": amount}
    if plan.participation_cents:
        amount = _money(plan.participation_cents, booking)
        yield _("Of what you pay, %(amount)s is the participation.") % {"amount": amount}
    if plan.reimbursement_cents:
        amount = _money(plan.reimbursement_cents, booking)
        yield _("Given back to you once the training is complete: %(amount)s") % {"amount": amount}


def _going_back(booking: Booking, conditions: Conditions) -> Iterator[str]:
    yield _("If you change your mind:")
    if conditions.until_start:
        yield _("Until the training starts you withdraw without a reason, and nothing is owed.")
    elif conditions.withdrawal_until is not None:
        day = _day(conditions.withdrawal_until)
        yield _("Until the end of %(day)s you withdraw without a reason, and nothing is owed.") % {"day": day}
    if conditions.free_until is not None and not conditions.until_start:
        day = _day(conditions.free_until)
        yield _("Until the end of %(day)s you cancel, and nothing is owed.") % {"day": day}
    price = _money(booking.price_cents, booking)
    if conditions.owed_from is not None:
        yield _(
            "From %(day)s the full price of %(price)s is owed, unless something beyond your control keeps you away."
        ) % {"day": _day(conditions.owed_from), "price": price}
    yield _("If you do not come and give no reason, the full price of %(price)s is owed.") % {"price": price}


def _day(day: date) -> str:
    return date_format(day, "j F Y")


def _money(cents: int, booking: Booking) -> str:
    return format_cents(cents, booking.currency, get_language() or "en")
