"""This wasn't me: what the link of a mail does, and what it never does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AccountAlarm, Message, NotMeKind, NotMeLink, User
from accounts.models.consents import Assurance
from accounts.services import alarms, delivery, messages, service_users, sign_ins
from accounts.services import not_me as links
from funding.models import Booking, BookingReview
from funding.services import accruals, bookings, credit_notices, holds, not_me
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.factories.accounts import SignInFactory, UserFactory
from tests.support import books
from tests.support.world import MONDAY, STARTS, Learner, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual
    assert books.faults() == []


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


@pytest.fixture
def learner(world: World) -> Learner:
    return world.make_learner()


def tokens() -> list[str]:
    """The tokens in the mails that are waiting, sent now."""
    mail.outbox.clear()
    delivery.send_waiting()
    return [token for sent in mail.outbox for token in re.findall(r"/not-me/([\w-]+)/", str(sent.body))]


def token_of(learner: Learner, kind: NotMeKind) -> str:
    messages.queue(recipient=learner.user, template="contact_changed", **messages.not_me(kind))
    (token,) = tokens()
    return token


# -- a booking ------------------------------------------------------------------------------------------------------


def test_a_booking_is_disputed_its_money_held_and_somebody_looks(world: World, learner: Learner) -> None:
    tokens()
    booking = world.accepted(learner)
    (token,) = tokens()
    link, done = not_me.report(token=token)
    booking = bookings.read_booking(booking.pk)
    assert done is not_me.Done.DISPUTED
    assert link.used_at == MONDAY
    assert (booking.state, booking.state_before_dispute) == ("disputed", "accepted")
    (hold,) = holds.holds_on(booking)
    assert hold.expires_at == MONDAY + timedelta(days=settings.DISPUTE_HOLD_DAYS)
    assert BookingReview.objects.get(booking=booking).reason == "not_me"
    assert booking.log.get(transition="dispute").actor == learner.user
    assert User.objects.get(pk=learner.user.pk).password == learner.user.password


@pytest.mark.parametrize("upheld", [True, False])
def test_the_decision_lets_the_hold_go_and_closes_the_review(
    world: World, learner: Learner, upheld: bool
) -> None:
    tokens()
    booking = world.accepted(learner)
    (token,) = tokens()
    not_me.report(token=token)
    bookings.resolve_dispute(actor=world.case_worker, booking_id=booking.pk, upheld=upheld, reason="looked")
    booking = bookings.read_booking(booking.pk)
    assert booking.state == ("cancelled_by_funder" if upheld else "accepted")
    assert not holds.holds_on(booking).exists()
    assert BookingReview.objects.get(booking=booking).closed_by == world.case_worker
    assert learner.lot().available_cents == (500_000 if upheld else 350_000)


def test_a_link_acts_once(world: World, learner: Learner) -> None:
    tokens()
    booking = world.accepted(learner)
    (token,) = tokens()
    not_me.report(token=token)
    bookings.resolve_dispute(
        actor=world.case_worker, booking_id=booking.pk, upheld=False, reason="it was them"
    )
    with pytest.raises(DomainError, match="link_used"):
        not_me.report(token=token)
    assert bookings.read_booking(booking.pk).state == "accepted"


def test_a_link_expires(world: World, learner: Learner, hand: VirtualClock) -> None:
    tokens()
    booking = world.accepted(learner)
    (token,) = tokens()
    hand.move(MONDAY + timedelta(days=settings.NOT_ME_LINK_DAYS))
    with pytest.raises(DomainError, match="link_expired"):
        not_me.report(token=token)
    assert bookings.read_booking(booking.pk).state == "accepted"


def test_a_link_is_for_its_own_booking_alone(world: World, learner: Learner) -> None:
    tokens()
    mine, other = world.accepted(learner), world.accepted(world.make_learner())
    by_booking = {
        link.reference: token
        for token in tokens()
        for link in [NotMeLink.objects.get(token_hash=links.hash_of(token))]
    }
    not_me.report(token=by_booking[str(mine.public_id)])
    assert bookings.read_booking(other.pk).state == "accepted"
    # A link whose reference is somebody else's booking does nothing to it, whoever wrote it.
    forged = NotMeLink.objects.get(reference=str(other.public_id))
    NotMeLink.objects.filter(pk=forged.pk).update(user=learner.user)
    with pytest.raises(DomainError, match="not_found"):
        not_me.report(token=by_booking[str(other.public_id)])
    assert NotMeLink.objects.get(pk=forged.pk).used_at is None
    for wrong in ("", "x", by_booking[str(other.public_id)][:-1]):
        with pytest.raises(DomainError, match="not_found"):
            not_me.report(token=wrong)


def test_a_booking_that_ended_is_still_looked_at(world: World, learner: Learner, hand: VirtualClock) -> None:
    tokens()
    booking = world.accepted(learner)
    (token,) = tokens()
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    assert not_me.report(token=token)[1] is not_me.Done.REVIEWED
    assert BookingReview.objects.get(booking=booking).reason == "not_me"
    assert bookings.read_booking(booking.pk).state == "withdrawn"


def test_a_price_that_is_owed_can_be_disputed_from_its_mail(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = world.accepted(learner)
    hand.move(STARTS + timedelta(hours=1))
    bookings.declare_no_show(actor=world.provider_user, booking_id=booking.pk, justified=False)
    token = tokens()[-1]
    assert not_me.report(token=token)[1] is not_me.Done.DISPUTED
    assert bookings.read_booking(booking.pk).state_before_dispute == "no_show"


def test_the_token_is_kept_as_a_hash_alone(world: World, learner: Learner) -> None:
    tokens()
    world.accepted(learner)
    (token,) = tokens()
    assert len(token) >= 40
    assert token not in str(list(Message.objects.values()))
    assert token not in str(list(NotMeLink.objects.values()))
    # Sent again, because a worker died after sending: the link of both mails is the same one.
    Message.objects.update(sent_at=None)
    assert token in tokens()
    assert NotMeLink.objects.count() == Message.objects.filter(context__has_key="not_me").count()


# -- an account -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [NotMeKind.CREDIT, NotMeKind.CONTACT, NotMeKind.SIGN_IN])
def test_an_account_is_closed_until_its_owner_is_back(
    world: World, learner: Learner, hand: VirtualClock, kind: NotMeKind
) -> None:
    learner.user.set_password("correct horse battery staple")
    learner.user.save()
    client = Client()
    client.force_login(learner.user)
    booking, before = world.proposed(learner), learner.sign_in
    token = token_of(learner, kind)
    hand.move(MONDAY + timedelta(minutes=1))
    assert not_me.report(token=token)[1] is not_me.Done.CLOSED
    assert client.get("/bookings/").status_code == 302, "every session has ended"
    assert not User.objects.get(pk=learner.user.pk).has_usable_password()
    with pytest.raises(DomainError, match="account_alarm"):
        bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=before)
    # Neither the sign-in from before, nor a weak one, nor somebody else's opens it again.
    hand.move(MONDAY + timedelta(minutes=2))
    for sign_in in (before, SignInFactory.create(user=learner.user, weak=True), SignInFactory.create(), None):
        with pytest.raises(DomainError):
            alarms.confirm_account(actor=learner.user, sign_in=sign_in)
    fresh = SignInFactory.create(user=learner.user)
    assert alarms.confirm_account(actor=learner.user, sign_in=fresh) == 1
    assert bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=fresh).state == "accepted"
    alarm = AccountAlarm.objects.get()
    assert alarm.closed_at is None, "that the owner is back does not say that nothing happened"
    with pytest.raises(DomainError, match="not_allowed"):
        alarms.close_alarm(actor=learner.user, alarm_id=alarm.pk, upheld=True, reason="me")
    alarms.close_alarm(actor=world.case_worker, alarm_id=alarm.pk, upheld=True, reason="a stranger")
    with pytest.raises(DomainError, match="not_allowed"):
        alarms.close_alarm(actor=world.case_worker, alarm_id=alarm.pk, upheld=False, reason="again")


# -- what is told ---------------------------------------------------------------------------------------------------


def test_a_new_device_is_told_and_the_first_and_the_known_are_not(hand: VirtualClock) -> None:
    user = UserFactory.create(language="fr")
    android = "Mozilla/5.0 (Android 14; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0"
    mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15"
    for device in (android, android, mac, mac, android, ""):
        sign_in = sign_ins.record_sign_in(
            user=user, method="password", assurance=Assurance.WEAK, address="192.0.2.7", device=device
        )
    (token,) = tokens()
    (sent,) = mail.outbox
    assert "Safari sur Mac" in str(sent.body)
    assert "192.0.2.7" not in str(sent.body)
    names = set(user.sign_ins.values_list("device_name", flat=True))
    assert names == {"Firefox on Android", "Safari on Mac", ""}
    assert sign_in.ip_hash != "192.0.2.7"
    assert not_me.report(token=token)[1] is not_me.Done.CLOSED


def test_each_credit_is_told_once_in_the_learners_language(world: World) -> None:
    learner = world.make_learner(rights_cents=0)
    User.objects.filter(pk=learner.user.pk).update(language="nl")
    world.credit(learner.account, 12_345)
    Message.objects.all().delete()
    assert credit_notices.tell_credits() >= 1
    assert credit_notices.tell_credits() == 0
    message = Message.objects.get(recipient=learner.user)
    assert message.context["amount_cents"] == 12_345
    (token,) = tokens()
    (sent,) = mail.outbox
    assert "€ 123,45" in str(sent.body).replace("\u00a0", " ")
    assert NotMeLink.objects.get(token_hash=links.hash_of(token)).kind == "credit"


def test_a_populations_year_is_told_by_as_many_queries_as_one_learners(
    world: World, hand: VirtualClock
) -> None:
    hand.move(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
    for _ in range(3):
        world.make_learner(rights_cents=0)
    service = service_users.get("ledger")
    for year, others in ((2025, 3), (2026, 0)):
        accruals.accrue_year(scheme=world.scheme, year=year, actor=service, budget=world.budget)
        Message.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            told = credit_notices.tell_credits()
        assert told == (3 if year == 2025 else 6)
        assert (
            Message.objects.filter(template="account_credited", context__amount_cents=50_000).count() == told
        )
        counted = [query for query in queries if "funding_posting" in query["sql"]]
        assert len(counted) == 1, "one statement writes them all"
        for _ in range(others):
            world.make_learner(rights_cents=0)


def test_what_was_credited_to_who_cannot_sign_in_is_told_to_nobody(world: World) -> None:
    learner = world.make_learner(rights_cents=0)
    user = learner.user
    learner.citizen.user = None
    learner.citizen.save()
    world.credit(learner.account, 100)
    credit_notices.tell_credits()
    assert not Message.objects.filter(recipient=user).exists()
    assert not Booking.objects.exists()
