"""Awards follow proved services: at once, by the sweep, once each, and never for what was not proved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Message
from accounts.services import service_users
from catalogue.models import Award, EntryDescription, Offer
from catalogue.services.awards import revoke_award
from funding import tasks
from funding.models import Booking
from funding.services import awards, bookings
from ila.core import clock
from ila.core.errors import DomainError
from tests.support.world import ENDS, MONDAY, STARTS, World

pytestmark = pytest.mark.django_db

DONE = ENDS + timedelta(hours=1)


class Course:
    """A world whose learners do a course, each in as many ways as a test needs."""

    def __init__(self, hand: Any) -> None:
        self.hand = hand
        self.world = World()

    def started(self, **facts: Any) -> Booking:
        values = {"given_name": "Camille", "family_name": "Durand"} | facts
        return self.world.accepted(self.world.make_learner(**values))

    def begun(self, number: int) -> list[Booking]:
        """So many accepted bookings, of a learner each."""
        return [self.started() for _ in range(number)]

    def finish(
        self,
        booking: Booking,
        *,
        percent: int = 100,
        proofs: tuple[str, ...] = ("certificate",),
        exit_reason: str = "complete",
        validate: bool = True,
    ) -> Booking:
        provider = self.world.provider_user
        self.hand.move(max(self.hand.moment, STARTS))
        bookings.declare_entry(actor=provider, booking_id=booking.pk)
        bookings.record_attendance(actor=provider, booking_id=booking.pk, percent=percent)
        self.hand.move(max(self.hand.moment, ENDS))
        for kind in proofs:
            bookings.record_certificate(actor=provider, booking_id=booking.pk, kind=kind)
        bookings.declare_exit(actor=provider, booking_id=booking.pk, exit_reason=exit_reason)
        bookings.declare_service(actor=provider, booking_id=booking.pk)
        if validate:
            self.validate(booking)
        return booking

    def validate(self, booking: Booking) -> None:
        bookings.validate_service(actor=self.world.case_worker, booking_id=booking.pk)


@pytest.fixture
def course() -> Iterator[Course]:
    with clock.at(MONDAY) as hand:
        yield Course(hand)


def test_a_certificate_becomes_an_award_of_outcomes(course: Course) -> None:
    offer = Offer.objects.create(
        micro_credential=course.world.credential,
        external_id="a1",
        mode="blended",
        city="Lyon",
        currency="EUR",
        price_cents=165_000,
    )
    course.world.session.offer = offer
    course.world.session.save()
    booking = course.finish(course.started(), percent=93)
    award = awards.award_booking(booking_id=booking.pk)
    assert award is not None
    assert (award.kind, award.source, award.citizen) == (
        "achievement",
        booking.public_id,
        booking.account.citizen,
    )
    said = award.claims["credentialSubject"]["achievement"]["microCredential"]
    assert (said["participation"], said["attendedPercent"], said["qualityAssurance"]) == (
        "blended",
        93,
        "Qualiopi",
    )
    assert award.claims["credentialSubject"]["activityStartDate"] == "2026-06-22T07:00:00Z"
    assert awards.award_booking(booking_id=booking.pk) == award


@pytest.mark.parametrize("proofs", [(), ("exam",)])
def test_attendance_alone_or_an_examination_without_a_result_is_attendance(
    course: Course, proofs: Any
) -> None:
    award = awards.award_booking(booking_id=course.finish(course.started(), proofs=proofs).pk)
    assert award is not None
    assert award.kind == "attendance"


def test_nothing_is_awarded_for_what_was_not_proved(course: Course) -> None:
    left, absent, declared = course.begun(3)
    course.finish(left, exit_reason="learner")
    course.finish(absent, percent=0)
    course.finish(declared, validate=False)
    for booking in (left, absent, declared):
        assert awards.award_booking(booking_id=booking.pk) is None
    assert awards.sweep_awards() == {"issued": 0, "revoked": 0, "failed": 0}


def test_the_validation_awards_at_once(course: Course, django_capture_on_commit_callbacks: Any) -> None:
    booking = course.finish(course.started(), validate=False)
    with django_capture_on_commit_callbacks(execute=True):
        course.validate(booking)
    assert Award.objects.get().source == booking.public_id
    assert (
        Message.objects.filter(template="award_issued", recipient=booking.account.citizen.user).count() == 1
    )


def test_a_certificate_after_the_validation_turns_attendance_into_outcomes(
    course: Course, django_capture_on_commit_callbacks: Any
) -> None:
    booking = course.finish(course.started(), proofs=())
    first = awards.award_booking(booking_id=booking.pk)
    assert first is not None
    with django_capture_on_commit_callbacks(execute=True):
        bookings.record_certificate(actor=course.world.provider_user, booking_id=booking.pk)
    assert list(Award.objects.order_by("pk").values_list("kind", "state")) == [
        ("attendance", "revoked"),
        ("achievement", "issued"),
    ]


def test_what_cannot_be_awarded_never_troubles_the_validation(
    course: Course, django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    settings.AWARD_KEY_SECRETS = []
    booking = course.finish(course.started(), validate=False)
    with django_capture_on_commit_callbacks(execute=True):
        course.validate(booking)
    assert Booking.objects.get(pk=booking.pk).state == "service_validated"
    assert not Award.objects.exists()
    assert awards.sweep_awards() == {"issued": 0, "revoked": 0, "failed": 0}


def test_the_sweep_finds_what_was_missed_once(course: Course) -> None:
    several, nameless = course.begun(3), course.started(given_name="", family_name="")
    for booking in (*several, nameless):
        course.finish(booking)
    since = clock.now() - awards.RECENT
    assert awards.sweep_awards(since=since) == {"issued": 3, "revoked": 0, "failed": 0}
    assert awards.sweep_awards() == {"issued": 0, "revoked": 0, "failed": 0}
    assert {each.source for each in Award.objects.all()} == {each.public_id for each in several}


def test_the_sweep_of_late_services_leaves_older_ones_to_the_night(course: Course) -> None:
    course.finish(course.started())
    course.hand.move(clock.now() + timedelta(days=30))
    assert tasks.award_lately(timestamp=0) == {"issued": 0, "revoked": 0, "failed": 0}
    assert tasks.award_all(timestamp=0) == {"issued": 1, "revoked": 0, "failed": 0}


def test_the_sweep_upgrades_attendance_and_leaves_what_was_taken_back(course: Course) -> None:
    upgraded, revoked, corrected = course.begun(3)
    for booking in (upgraded, revoked, corrected):
        course.finish(booking, proofs=())
        awards.award_booking(booking_id=booking.pk)
    bookings.record_certificate(actor=course.world.provider_user, booking_id=upgraded.pk)
    for booking, reason in ((revoked, "fraud"), (corrected, "corrected")):
        award = Award.objects.get(source=booking.public_id)
        revoke_award(actor=course.world.provider_user, award_id=award.pk, reason=reason)
    assert awards.sweep_awards() == {"issued": 2, "revoked": 0, "failed": 0}
    standing = dict(Award.objects.filter(state="issued").values_list("source", "kind"))
    assert standing == {upgraded.public_id: "achievement", corrected.public_id: "attendance"}


@pytest.mark.parametrize("said", ["not assessed", "participation"])
def test_where_nothing_is_assessed_the_sweep_does_not_try_for_ever(course: Course, said: str) -> None:
    if said == "participation":
        EntryDescription.objects.create(micro_credential=course.world.credential, certifies=said)
    else:
        course.world.credential.assessed = False
        course.world.credential.save()
    course.finish(course.started())
    assert awards.sweep_awards()["issued"] == 1
    assert Award.objects.get().kind == "attendance"
    assert awards.sweep_awards() == {"issued": 0, "revoked": 0, "failed": 0}


def test_a_training_that_never_was_the_learners_loses_its_award(course: Course) -> None:
    booking = course.finish(course.started())
    award = awards.award_booking(booking_id=booking.pk)
    assert award is not None
    learner = booking.account.citizen.user
    assert learner is not None
    bookings.deny_consent(actor=learner, booking_id=booking.pk, reason="not me")
    # While it is disputed nothing is awarded, and what was awarded stands until somebody has decided.
    assert awards.sweep_awards() == {"issued": 0, "revoked": 0, "failed": 0}
    bookings.resolve_dispute(actor=course.world.case_worker, booking_id=booking.pk, upheld=True)
    assert awards.sweep_awards() == {"issued": 0, "revoked": 1, "failed": 0}
    award.refresh_from_db(fields=["revocation_reason"])
    assert award.revocation_reason == "undone"
    assert awards.sweep_awards() == {"issued": 0, "revoked": 0, "failed": 0}


def test_a_disputed_booking_is_awarded_nothing(course: Course) -> None:
    booking = course.finish(course.started())
    learner = booking.account.citizen.user
    assert learner is not None
    bookings.deny_consent(actor=learner, booking_id=booking.pk)
    assert awards.award_booking(booking_id=booking.pk) is None
    bookings.resolve_dispute(actor=course.world.case_worker, booking_id=booking.pk, upheld=False)
    assert awards.award_booking(booking_id=booking.pk) is not None


def test_one_failure_does_not_stop_the_sweep(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = course.begun(2)
    course.finish(first)
    course.finish(second)
    real = awards.award_booking

    def failing(*, booking_id: int) -> Award | None:
        if booking_id == first.pk:
            raise DomainError("incomplete", what="something")
        return real(booking_id=booking_id)

    monkeypatch.setattr(awards, "award_booking", failing)
    assert awards.sweep_awards() == {"issued": 1, "revoked": 0, "failed": 1}
    assert Award.objects.get().source == second.public_id


def test_a_member_of_the_provider_takes_an_award_back_and_others_do_not(course: Course) -> None:
    award = awards.award_booking(booking_id=course.finish(course.started()).pk)
    assert award is not None
    for actor in (award.citizen.user, course.world.user_of(course.world.make_provider()), course.world.payer):
        assert actor is not None
        with pytest.raises(DomainError) as refused:
            revoke_award(actor=actor, award_id=award.pk, reason="error")
        assert (refused.value.code, refused.value.status) == ("not_allowed", 403)
    with pytest.raises(DomainError) as refused:
        revoke_award(actor=course.world.provider_user, award_id=award.pk, reason="because")
    assert refused.value.code == "incomplete"
    done = revoke_award(
        actor=course.world.provider_user, award_id=award.pk, reason="error", note="wrong list"
    )
    row = done.log.get(transition="revoke")
    assert (row.reason, row.actor) == ("wrong list", course.world.provider_user)
    assert Message.objects.filter(template="award_revoked").count() == 1


def test_services_act_under_their_own_name(course: Course) -> None:
    award = awards.award_booking(booking_id=course.finish(course.started()).pk)
    assert award is not None
    assert award.log.get().actor == service_users.get("clock")
