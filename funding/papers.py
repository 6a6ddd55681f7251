"""What a learner takes away on paper: receipts of consents, statements, documents they handed in."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Consent
from accounts.services import devices
from catalogue import documents
from funding import words
from funding.entry_words import entry_word
from funding.models import Booking, LearnerDocument, Statement
from funding.printing import Paper
from ila.core.money import format_cents


def receipt(booking: Booking) -> bytes:
    """The receipt of a booking's consent, which has been given under a sign-in, as a PDF."""
    consent = booking.consent
    assert consent is not None
    assert consent.answered_at is not None
    at = consent.answered_at.astimezone(ZoneInfo(booking.account.scheme.timezone))
    paper = Paper(title=_("Consent receipt"), foot=str(booking.public_id), made_at=consent.answered_at)
    paper.say(consent.text, after=4)
    paper.say(_("Agreed on %(at)s") % {"at": f"{date_format(at, 'j F Y')}, {at:%H:%M}"})
    if consent.sign_in is not None:
        paper.say(f"{how(consent)}, {devices.said(consent.sign_in.device_name)}")
    paper.small(f"{_('Fingerprint of the text (SHA-256):')} {consent.text_hash}")
    return paper.content()


def how(consent: Consent) -> str:
    """How the learner had signed in: the method, and how surely it was them."""
    if consent.sign_in is None:
        return ""
    if consent.sign_in.assurance == "strong":
        return _("under a strong e-identity")
    return _("under an ordinary sign-in")


def statement(made: Statement) -> bytes:
    """A statement as a PDF."""
    currency = made.account.scheme.currency
    title = _("Statement %(number)s") % {"number": made.number}
    paper = Paper(title=title, foot=str(made.public_id), made_at=made.made_at)
    citizen = made.account.citizen
    paper.say(f"{citizen.given_name} {citizen.family_name}\n{made.account.scheme.name}", after=1)
    days = {"first": _day(made.first_day), "last": _day(made.last_day)}
    paper.say(_("From %(first)s to %(last)s") % days, after=3)
    rows = [("", _("You had"), "", _money(made.opening_cents, currency))]
    rows += [
        (_day(line["day"]), str(line["what"]), str(line["source"]), _money(line["cents"], currency))
        for line in lines_of(made)
    ]
    rows.append(("", _("You have"), "", _money(made.closing_cents, currency)))
    paper.rows((_("Day"), _("What"), _("Source"), _("Amount")), rows, (26, 74, 38, 32))
    if expiring := expiries_of(made):
        paper.say(_("What expires in the coming months"), style="B")
        cells = [(_day(one["day"]), str(one["source"]), _money(one["cents"], currency)) for one in expiring]
        paper.rows((_("Last day"), _("Source"), _("Amount")), cells, (50, 80, 40))
    paper.small(f"{_('Fingerprint of the statement (SHA-256):')} {made.sha256}")
    return paper.content()


def lines_of(made: Statement) -> list[dict[str, Any]]:
    """The movements of a statement in words, each with what there was after it."""
    left, lines = made.opening_cents, []
    for line in made.content["lines"]:
        left += line["cents"]
        lines.append(
            {
                "day": date.fromisoformat(line["day"]),
                "what": entry_word(line["kind"]),
                "source": words.word(words.SOURCES, line["source"]),
                "cents": line["cents"],
                "left": left,
                "booking": line["booking"],
            }
        )
    return lines


def expiries_of(made: Statement) -> list[dict[str, Any]]:
    """What a statement says expires, in words."""
    return [
        {
            "day": date.fromisoformat(one["day"]),
            "source": words.word(words.SOURCES, one["source"]),
            "cents": one["cents"],
        }
        for one in made.content["expiries"]
    ]


def document(handed_in: LearnerDocument) -> bytes:
    """A file that a learner handed in, as it came. Raises: DomainError `not_found`, `altered`."""
    return documents.read(handed_in.sha256)


def _day(day: date) -> str:
    return date_format(day, "j F Y")


def _money(cents: int, currency: str) -> str:
    return format_cents(cents, currency, get_language() or "en")
