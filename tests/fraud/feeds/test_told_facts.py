"""What people tell the platform (places, trainers, private payers, reports) reaches the detectors, and is caught up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.models.consents import Assurance
from accounts.services import sign_ins
from accounts.services.sign_ins import address_hash
from catalogue.models import Offer, ProviderDetail, Session
from catalogue.services import teaching
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import detect_live
from fraud.models import LIVE, FeedCursor, KnownPlace, LearnerReport
from fraud.services import feeds, places, reports
from funding.models import Booking
from funding.services import bookings, claims
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory
from tests.funding.bookings.course import taught
from tests.support.world import ENDS, MONDAY, STARTS, World

pytestmark = pytest.mark.django_db
ADDRESS = "8.8.8.8"


@pytest.fixture
def hand() -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


def rows(table: str) -> list[dict[str, Any]]:
    return list(LIVE[table]._default_manager.order_by("id").values())


def found(detector: str) -> list[Any]:
    """What a detector says of the platform today."""
    assert feeds.catch_up().failed == {}
    assert detector not in feeds.blind_detectors()
    result = detect_live(day=clock.now().date(), detectors=[DETECTORS[detector]])
    assert (result.not_run, result.failed) == ({}, {})
    return [alert.finding for alert in result.alerts]


def nothing_was_late() -> None:
    """The nightly comparison, and a feed that forgot how far it was, tell nothing more."""
    assert feeds.compare_everything().total == 0
    FeedCursor.objects.update(settled_id=0, read_id=0, pending_id=0, pending_xid=0)
    assert feeds.catch_up().total == 0


def agent(world: World, role: str = "investigator") -> User:
    user: User = MembershipFactory.create(organisation=world.agency, role=role).user
    return user


def propose(actor: User, network: str = ADDRESS, **given: str) -> KnownPlace:
    facts = {"kind": "library", "name": "Library of Rennes", "reason": "Eight public computers.", **given}
    return places.propose_place(actor=actor, network=network, **facts)


def known(world: World, network: str = ADDRESS) -> KnownPlace:
    place = propose(agent(world), network)
    return places.agree_place(actor=agent(world, "manager"), place_id=place.pk)


def booked_from(world: World, address: str, number: int) -> list[Booking]:
    """So many learners, one after the other, from one address."""
    made = []
    for _ in range(number):
        learner = world.make_learner()
        learner.last_sign_in = sign_ins.record_sign_in(
            user=learner.user, method="eid", assurance=Assurance.STRONG, address=address, device="Firefox"
        )
        made.append(world.accepted(learner))
    return made


def test_a_library_is_no_mass_enrolment_from_when_two_persons_say_so(
    world: World, hand: VirtualClock
) -> None:
    booked_from(world, ADDRESS, 8)
    assert {each.subject_kind for each in found("D01")} == {"device"}
    place = propose(agent(world))
    assert found("D01")
    assert rows("places") == []
    hand.move(clock.now() + timedelta(hours=1))
    places.agree_place(actor=agent(world), place_id=place.pk)
    assert found("D01") == []
    (told,) = rows("places")
    assert (told["ip_hash"], told["kind"], told["recorded_at"]) == (
        address_hash(ADDRESS),
        "library",
        clock.now(),
    )
    nothing_was_late()
    hand.move(clock.now() + timedelta(days=1))
    places.end_place(actor=agent(world), place_id=place.pk, reason="It has closed.")
    assert found("D01")
    assert [row["kind"] for row in rows("places")] == ["library", "ended"]
    nothing_was_late()


def test_a_line_stays_known_while_one_place_has_it(world: World, hand: VirtualClock) -> None:
    wide, narrow = known(world, "8.8.8.8/30"), known(world)
    feeds.catch_up()
    assert len(rows("places")) == 4
    hand.move(clock.now() + timedelta(hours=1))
    places.end_place(actor=agent(world), place_id=wide.pk, reason="Three of them are others'.")
    feeds.catch_up()
    latest = {row["ip_hash"]: row["kind"] for row in rows("places")}
    assert sorted(latest.values()) == ["ended", "ended", "ended", "library"]
    assert latest[address_hash(ADDRESS)] == "library"
    places.end_place(actor=agent(world), place_id=narrow.pk, reason="It has closed.")
    feeds.catch_up()
    assert {row["ip_hash"]: row["kind"] for row in rows("places")}[address_hash(ADDRESS)] == "ended"
    nothing_was_late()


def test_whose_network_it_is_has_to_be_plain(world: World) -> None:
    one = agent(world)
    for network, code in (
        ("rennes", "bad_network"),
        ("8.8.8.8/24", "bad_network"),  # bits beside the network
        ("10.1.2.0/24", "bad_network"),
        ("127.0.0.1", "bad_network"),
        ("224.0.0.0/24", "bad_network"),
        ("8.8.0.0/16", "network_too_large"),
        ("2a00:1450::/32", "network_too_large"),
        ("2a00:1450:4007:80e::/80", "network_too_small"),
    ):
        with pytest.raises(DomainError, match=code):
            propose(one, network)
    assert propose(one, "8.8.0.0/22").line_hashes[-1] == address_hash("8.8.3.255")
    # An IPv6 line is a network of 64 bits, whichever of its addresses signs in.
    line = propose(one, "2a00:1450:4007:80e::200e")
    assert (line.network, line.line_hashes) == (
        "2a00:1450:4007:80e::/64",
        [address_hash("2a00:1450:4007:80e:1::1")],
    )
    assert address_hash("::ffff:8.8.8.8") == address_hash("8.8.8.8")
    with pytest.raises(DomainError, match="known_already"):
        propose(one, "2a00:1450:4007:80e::/64")
    with pytest.raises(DomainError, match="incomplete"):
        propose(one, reason=" ")


def test_one_person_alone_silences_nothing(world: World) -> None:
    one, other = agent(world), agent(world)
    for stranger in (world.case_worker, world.payer, agent(world, "auditor"), world.provider_user):
        with pytest.raises(DomainError, match="not_allowed"):
            propose(stranger)
    place = propose(one)
    for refused in (one, world.case_worker, agent(world, "auditor")):
        with pytest.raises(DomainError, match="not_allowed"):
            places.agree_place(actor=refused, place_id=place.pk)
    with pytest.raises(DomainError, match="incomplete"):
        places.refuse_place(actor=other, place_id=place.pk, reason="")
    places.refuse_place(actor=other, place_id=place.pk, reason="That is an operator's.")
    again = propose(one)
    with pytest.raises(DomainError, match="not_allowed"):
        places.take_back_place(actor=other, place_id=again.pk)
    places.take_back_place(actor=one, place_id=again.pk)
    last = propose(one)
    places.agree_place(actor=other, place_id=last.pk)
    assert [row.transition for row in last.log.order_by("pk")] == ["create", "put_in_force"]
    with pytest.raises(IntegrityError), transaction.atomic():
        KnownPlace.objects.filter(pk=last.pk).update(line_hashes=[])
    with pytest.raises(DomainError, match="incomplete"):
        places.end_place(actor=one, place_id=last.pk, reason="")
    with pytest.raises(DomainError, match="not_found"):
        places.end_place(actor=one, place_id=last.pk + 1, reason="x")


def trainer(world: World, name: str = "Ada Martin", **facts: Any) -> ProviderDetail:
    made: ProviderDetail = ProviderDetail.objects.create(
        provider=world.provider,
        kind="trainer",
        facts={"full_name": name, "subject": "", "qualification": "", "certified": True},
        entered_by=world.provider_user,
        **{"valid_from": MONDAY.date(), **facts},
    )
    return made


def tell(world: World, session: Session, **told: Any) -> Any:
    return teaching.tell_teaching(actor=world.provider_user, session_id=session.pk, **told)


def placed(world: World, latitude: float, **facts: Any) -> Session:
    """A session in a town on that latitude."""
    session = world.make_session(**facts)
    session.offer = Offer.objects.create(
        micro_credential=world.credential,
        external_id=f"o{session.pk}",
        mode="in_person",
        street=f"{session.pk} rue du Lac",
        city="Lyon",
        latitude=latitude,
        longitude=4.8,
        currency="EUR",
        price_cents=165_000,
    )
    session.save(update_fields=["offer"])
    return session


def test_a_trainer_in_two_places_at_once(world: World, hand: VirtualClock) -> None:
    ada, one, two = trainer(world), placed(world, 45.7), placed(world, 48.8)
    tell(world, one, trainer_id=ada.pk)
    hand.move(ENDS + timedelta(days=1))
    assert found("D11") == []
    tell(world, two, trainer_id=ada.pk)
    (clash,) = found("D11")
    assert (clash.subject_kind, clash.action) == ("person", "H")
    assert set(clash.evidence) == {f"sessions:{one.pk}", f"sessions:{two.pk}"}
    # The same person as among the provider's people.
    (person,) = [row for row in rows("persons") if row["role"] == "trainer"]
    assert clash.subject_id == person["person_id"]
    nothing_was_late()
    tell(world, two, trainer_id=trainer(world, "Bo Li").pk)
    assert found("D11") == []
    assert two.teaching.count() == 2
    nothing_was_late()


def test_nobody_is_in_two_places_by_a_guess(world: World, hand: VirtualClock) -> None:
    """A timetable that is not known says nothing: 50 hours over three months are not 50 hours from nine."""
    ada, late = trainer(world), {"ends_at": STARTS + timedelta(days=90)}
    for facts in (late, {**late, "whole_days": True}):
        pair = [placed(world, latitude, **facts) for latitude in (45.7, 48.8)]
        for one in pair:
            tell(world, one, trainer_id=ada.pk)
        hand.move(max(clock.now(), STARTS + timedelta(days=91)))
        assert found("D11") == []
    assert not any(row["trainer_id"] for row in rows("sessions"))
    full = placed(world, 45.7, whole_days=True)
    tell(world, full, trainer_id=ada.pk)
    feeds.catch_up()
    assert rows("sessions")[-1]["trainer_id"]
    nothing_was_late()


def test_who_may_be_named_and_by_whom(world: World, hand: VirtualClock) -> None:
    ada, session = trainer(world), world.session
    gone = trainer(
        world, "Bo Li", valid_until=MONDAY.date(), ended_at=clock.now(), ended_by=world.provider_user
    )
    later = trainer(world, "Cy Roux", valid_from=ENDS.date() + timedelta(days=3))
    assert list(teaching.trainers_of(session)) == [ada]
    foreign = ProviderDetail.objects.create(
        provider=world.make_provider(),
        kind="trainer",
        facts={"full_name": "Di Sy"},
        entered_by=world.provider_user,
        valid_from=MONDAY.date(),
    )
    for wrong in (gone, later, foreign):
        with pytest.raises(DomainError, match="invalid"):
            tell(world, session, trainer_id=wrong.pk)
    for told in ({"private_payers": -1}, {"private_price_cents": 0}):
        with pytest.raises(DomainError, match="invalid"):
            tell(world, session, **told)
    for stranger in (world.case_worker, world.user_of(foreign.provider)):
        with pytest.raises(DomainError, match="not_allowed"):
            teaching.tell_teaching(actor=stranger, session_id=session.pk, trainer_id=ada.pk)
    assert tell(world, session, trainer_id=ada.pk) == tell(world, session, trainer_id=ada.pk)
    bookings.cancel_session(actor=world.case_worker, session_id=session.pk, reason="ill")
    with pytest.raises(DomainError, match="not_allowed"):
        tell(world, session)


def test_publicly_funded_learners_pay_more(world: World, hand: VirtualClock) -> None:
    for _ in range(10):
        world.accepted(world.make_learner())
    assert found("D21") == []
    tell(world, world.session, private_payers=0, private_price_cents=120_000)
    (dear,) = found("D21")
    assert (dear.score, dear.action, len(dear.evidence)) == (0.5, "R", 10)
    assert rows("sessions")[-1]["private_payers"] == 0
    assert rows("prices")[-1]["private_price_cents"] == 120_000
    nothing_was_late()
    hand.move(clock.now() + timedelta(days=1))
    tell(world, world.session, private_payers=3, private_price_cents=165_000)
    assert found("D21") == []
    nothing_was_late()


def test_learners_say_by_themselves_that_nothing_was_taught(world: World, hand: VirtualClock) -> None:
    learners = [world.make_learner() for _ in range(5)]
    made = [world.accepted(each) for each in learners]
    with pytest.raises(DomainError, match="not_begun"):
        reports.report_training(actor=learners[0].user, booking_id=made[0].pk, kind="not_taught")
    hand.move(STARTS)
    for booking in made:
        bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ENDS)
    for booking in made:
        taught(world, booking, percent=100)
        bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
        claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ENDS + timedelta(days=1))
    before = {each.subject_id for each in found("D14")}
    for learner, booking in zip(learners, made, strict=True):
        reports.report_training(actor=learner.user, booking_id=booking.pk, kind="not_taught")
    said = [each for each in found("D14") if each.subject_id not in before]
    assert {each.subject_id for each in said} == {str(booking.public_id) for booking in made}
    assert {row["answer"] for row in rows("surveys")} == {"not_taught"}
    nothing_was_late()


def test_a_report_is_a_complaint_that_detectors_can_read(world: World, hand: VirtualClock) -> None:
    learner, other = world.make_learner(), world.make_learner()
    booking = world.accepted(learner)
    for who in (other.user, world.provider_user, world.case_worker):
        with pytest.raises(DomainError, match="not_found"):
            reports.report_training(actor=who, booking_id=booking.pk, kind="gift")
    with pytest.raises(DomainError, match="incomplete"):
        reports.report_training(actor=learner.user, booking_id=booking.pk, kind="other")
    feeds.catch_up()
    reports.report_training(actor=learner.user, booking_id=booking.pk, kind="gift", said="A tablet from Ada.")
    with pytest.raises(DomainError, match="already_reported"):
        reports.report_training(actor=learner.user, booking_id=booking.pk, kind="gift")
    assert feeds.catch_up().rows["booking_events"] == 1
    (told,) = [row for row in rows("booking_events") if row["event"] == "complaint"]
    assert (told["booking_id"], told["reason"], told["at"]) == (str(booking.public_id), "gift", clock.now())
    # What the learner wrote names people: it stays with the report.
    assert LearnerReport.objects.get().said
    assert "Ada" not in repr(rows("booking_events"))
    assert rows("surveys") == []
    nothing_was_late()
