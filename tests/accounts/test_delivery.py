"""Messages: written with what causes them, sent once, in text and HTML, kept when the mail server is away."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import resolve
from django.utils.html import escape

from accounts.models import Message
from accounts.services import delivery, messages
from accounts.tasks import send_messages
from ila.core import clock
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

TEMPLATES = sorted(
    path.stem
    for path in (Path(settings.BASE_DIR) / "templates" / "email").glob("*.txt")
    if path.stem != "frame"
)
BOOKING = "6f2f6a0e-3f52-4b7e-9d5d-0b2f0a8f3c11"
# What some message or other names; each takes what it needs.
VALUES: dict[str, Any] = {
    "subjects": {"en": "What we intend to do", "fr": "Ce que nous envisageons"},
    "bodies": {"en": "Because of a finding.", "fr": "À cause d'un constat."},
    "waiting": {
        "rights": 2,
        "hearing": 1,
        "review": 1,
        "answered": 1,
        "ending": 3,
        "decide": 1,
        "appeal": 1,
        "unanswered": 1,
    },
    "bookings": 2,
    "holds": 2,
    "documents": ["sheet.png"],
    "decision": "lifted",
    "training": "Welding",
    "closes": "2026-06-01",
    "text": "Training: <b>Welding</b>\nYou pay yourself: €150.00",
    "sha256": "0" * 64,
    "at": "2026-05-04T07:00:00+00:00",
    "zone": "Europe/Paris",
    "strong": True,
    "device": "Firefox on Android",
    "alarm": BOOKING,
    "learner": "Camille Durand",
    "asked": "A picture of your badge",
    "corrected": True,
    "days": 7,
    "due": "2026-12-31",
    "counsellor": "ada@counsel.example",
    "delegation": BOOKING,
    "upheld": True,
    "statement": BOOKING,
    "number": 3,
    "first_day": "2026-05-01",
    "last_day": "2026-05-31",
    "opening_cents": 1,
    "closing_cents": 2,
    "payment": BOOKING,
    "employer": "Ateliers du Rhône",
    "organisation": "Ateliers du Rhône",
    "invitation_token": "A" * 43,
    "role": "staff",
    "verified": True,
    "closed": False,
    "top_up": BOOKING,
    "reference": "RF18 5390 0754 7034",
    "missing_cents": 100,
    "excess_cents": 100,
    "transfer": BOOKING,
    "received_cents": 100,
    "back_cents": 100,
    "iban": "FR7630006000011234567890189",
    "holder": "Individual learning accounts",
    "booking": BOOKING,
    "percent": 90,
    "scheme": "cpf",
    "currency": "EUR",
    "amount_cents": 12_345,
    "left_cents": 6_789,
    "expires_on": "2026-12-31",
    "until": "2026-12-31",
    "hold": 7,
    "window": "2022-1",
    "award": BOOKING,
    "title": "Agile methods",
    "account": BOOKING,
    "reason": "error",
    "application": BOOKING,
    "entry": 1,
    "name": "Atelier",
    "authority": "Agency",
    "question": "Which room?",
    "answer": "The big one.",
    "free": "2027-12-31",
    "day": "2027-12-31",
    "verb": "withdraw",
    "outcome": "minor",
    "findings": "A door",
    "accepted": True,
    "survey": BOOKING,
    "letter": BOOKING,
    "search": "welding",
    "query": "q=welding&kind=rs",
    "count": 2,
    "titles": ["Welding <b>basics</b>"],
    "stop": BOOKING,
    "provider": 1,
    "token": f"{BOOKING}:signed",
    "ending": "0189",
    "change": BOOKING,
    "listing": "Atelier",
    "receivable": 1,
}
SENDERS = ("accounts", "catalogue", "funding", "fraud", "ila")


class AwayBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_message_has_a_subject_a_text_a_page_and_a_link(template: str) -> None:
    user = UserFactory.create(display_name="Zoé <b>Petit</b>")
    messages.queue(recipient=user, template=template, **VALUES)
    assert delivery.send_waiting() == 1
    (sent,) = mail.outbox
    assert sent.to == [user.email]
    assert sent.subject
    assert "\n" not in sent.subject
    (address,) = re.findall(rf"^{re.escape(settings.SITE_ADDRESS)}/\S*$", str(sent.body), re.MULTILINE)
    resolve(urlsplit(address).path)
    assert isinstance(sent, EmailMultiAlternatives)
    html = str(sent.alternatives[0][0])
    assert f"{escape(address)}</a>" in html
    assert "<b>Petit" not in html


def test_every_template_is_sent_by_somebody_and_each_that_is_sent_exists() -> None:
    sources = [
        path.read_text()
        for app in SENDERS
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py")
        if "migrations" not in path.parts
    ]
    quoted = {name for source in sources for name in re.findall(r'"([a-z_]+)"', source)}
    named = {name for source in sources for name in re.findall(r'template="([a-z_]+)"', source)}
    assert set(TEMPLATES) - quoted == set()
    assert named - set(TEMPLATES) == set()


def test_a_message_is_sent_once() -> None:
    messages.queue(recipient=UserFactory.create(), template="booking_lapsed", booking=BOOKING)
    assert (delivery.send_waiting(), delivery.send_waiting()) == (1, 0)
    assert Message.objects.get().sent_at is not None


def test_what_could_not_be_sent_waits_and_goes_later(settings: Any) -> None:
    messages.queue(recipient=UserFactory.create(), template="booking_lapsed", booking=BOOKING)
    settings.EMAIL_BACKEND = "tests.accounts.test_delivery.AwayBackend"
    assert delivery.send_waiting() == 0
    assert Message.objects.get().attempts == 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with clock.at(clock.now() + timedelta(minutes=1)):
        send_messages(timestamp=0)
    assert len(mail.outbox) == 1


def test_services_receive_no_mail() -> None:
    assert messages.draft(recipient=UserFactory.build(is_service=True), template="booking_lapsed") == []
    assert messages.draft(recipient=None, template="booking_lapsed") == []
