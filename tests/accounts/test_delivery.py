"""Messages: written with what causes them, sent once, in text and HTML, kept when the mail server is away."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

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


class AwayBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_message_has_a_subject_a_text_a_page_and_a_link(template: str) -> None:
    user = UserFactory.create(display_name="Zoé <b>Petit</b>")
    messages.queue(recipient=user, template=template, booking=BOOKING, percent=90)
    assert delivery.send_waiting() == 1
    (sent,) = mail.outbox
    assert sent.to == [user.email]
    assert sent.subject
    assert "\n" not in sent.subject
    assert f"/bookings/{BOOKING}/" in str(sent.body)
    assert isinstance(sent, EmailMultiAlternatives)
    html = str(sent.alternatives[0][0])
    assert f"/bookings/{BOOKING}/</a>" in html
    assert "<b>Petit" not in html


def test_every_template_that_services_name_exists() -> None:
    named = set()
    for path in (Path(settings.BASE_DIR) / "funding" / "services").rglob("*.py"):
        words = path.read_text().split('"')
        named |= {word for word in words if word.startswith(("booking_", "dispute_", "service_declared"))}
    used = {name for name in named if (Path(settings.BASE_DIR) / "templates/email" / f"{name}.txt").exists()}
    assert set(TEMPLATES) == used


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
