"""Alerts are kept once, as they were found; what is settled is not asked again without new evidence."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from fraud.detection.detector import TYPOLOGIES
from fraud.models import Alert, Case, Measure, MeasureEffect, Snooze, Typology
from fraud.services import alerts, case_file, cases, measures
from funding.models import Booking
from funding.services import holds
from ila.core import clock
from ila.core.errors import DomainError
from tests.fraud.casework.office import Office

pytestmark = pytest.mark.django_db


def test_every_typology_of_the_detectors_is_one_of_cases() -> None:
    assert set(Typology.values) == {*TYPOLOGIES, "control"}


def test_the_same_day_twice_is_one_alert_and_more_evidence_is_a_sighting(office: Office) -> None:
    (_, one), (_, two) = office.house.accepted(2)
    first = office.store(office.found("D17", [one]))
    again = office.store(office.found("D17", [one]))
    more = office.store(office.found("D17", [one, two]))
    assert (first.new, again.seen, more.added_to, first.cases, again.cases) == (1, 1, 1, 1, 0)
    alert = Alert.objects.get()
    assert alert.evidence == [f"bookings:{one.public_id}"]
    assert alert.parameters
    assert alert.version == alert.sightings.get().version
    case = Case.objects.get()
    assert (case.typology, case.amount_cents, case.bookings.count()) == ("non_delivery", 300_000, 2)
    assert case.reasons == [{"typology": "non_delivery", "detector": "D17", "strength": 0.9}]
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        Alert.objects.update(score=0.1)


def test_what_was_dismissed_comes_back_for_new_evidence_only(office: Office) -> None:
    (_, one), (_, two) = office.house.accepted(2)
    office.store(office.found("D22", [one], action="N"))
    alert = Alert.objects.get()
    with pytest.raises(DomainError, match="incomplete"):
        alerts.dismiss_alert(actor=office.investigator, alert_id=alert.pk, reason=" ")
    alerts.dismiss_alert(actor=office.investigator, alert_id=alert.pk, reason="They live there.")
    assert office.store(office.found("D22", [one], action="N")).new == 0
    assert office.store(office.found("D22", [one, two], action="N")).new == 1
    assert sorted(Alert.objects.values_list("state", "standing")) == [("dismissed", False), ("open", True)]
    assert not Case.objects.exists()


def test_a_snoozed_entity_is_left_alone_until_its_end(office: Office) -> None:
    (_, one), (_, two) = office.house.accepted(2)
    office.store(office.found("D22", [one], action="N"))
    until = clock.now() + timedelta(days=3)
    alerts.snooze_alert(
        actor=office.investigator,
        alert_id=Alert.objects.get().pk,
        until=until,
        reason="A fair.",
        of_provider=True,
    )
    office.store(office.found("D22", [two], subject=("learner", "L2")))
    assert set(Alert.objects.values_list("state", flat=True)) == {"snoozed"}
    assert not Case.objects.exists()
    office.hand.move(until)
    assert alerts.wake_snoozed() == 2
    assert alerts.wake_snoozed() == 0
    assert set(Alert.objects.values_list("state", flat=True)) == {"open"}
    assert Snooze.objects.get().ended_at == until


def test_a_hold_is_of_the_bookings_alone_with_notice_reason_and_end_and_once(office: Office) -> None:
    made = [booking for _, booking in office.house.accepted(3)]
    assert office.store(office.found("D17", made[:2], action="H")).holds == 1
    measure = Measure.objects.get()
    assert (measure.kind, measure.scope, measure.state) == ("hold", "booking", "notified")
    standing = holds.open_holds()
    assert {hold.booking_id for hold in standing} == {each.pk for each in made[:2]}
    assert {hold.provider_id for hold in standing} == {None}
    assert all(hold.reason and hold.expires_at == measure.expires_at for hold in standing)
    assert office.store(office.found("D17", made[:2], action="H")).holds == 0
    # What a person let go is not held again for the same; a further booking is.
    measures.lift_measure(actor=office.investigator, measure_id=measure.pk, reason="In order.")
    assert not holds.open_holds().exists()
    assert office.store(office.found("D17", made, action="H")).holds == 1
    assert holds.open_holds().get().booking_id == made[2].pk
    assert MeasureEffect.objects.filter(undoes__isnull=False).count() == 2
    # Its end comes by itself.
    office.hand.move(clock.now() + timedelta(days=measures.HOLD_DAYS))
    assert measures.expire_measures() == 1
    assert not holds.open_holds().exists()


def test_evidence_without_bookings_holds_the_provider(office: Office) -> None:
    office.house.accepted(1)
    office.store(
        office.found("D05", [], action="H", subject=("account", "x"), evidence=["providers:1", "providers:2"])
    )
    assert holds.open_holds().get().provider == office.provider


def test_alerts_of_other_typologies_have_a_case_of_their_own_or_join_one(office: Office) -> None:
    ((_, one),) = office.house.accepted(1)
    office.store(
        office.found("D17", [one]), office.found("D19", [one]), office.found("D22", [one], action="N")
    )
    assert set(Case.objects.values_list("typology", flat=True)) == {"non_delivery", "price_abuse"}
    note = Alert.objects.get(detector="D22")
    assert note.state == "open"
    case = Case.objects.get(typology="non_delivery")
    alerts.merge_alert(actor=office.investigator, alert_id=note.pk, case_id=case.pk)
    assert list(case_file.faults(case)) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.bulk_create([Case(provider=case.provider, typology=case.typology)])


def test_the_weeks_queue_has_the_best_and_a_tenth_at_random(office: Office) -> None:
    cases.set_capacity(actor=office.manager, investigator=office.investigator, cases_a_week=8)
    cases.set_capacity(actor=office.manager, investigator=office.other, cases_a_week=12)
    assert cases.capacity() == 20
    for number in range(25):
        provider = office.world.make_provider(accredited=False)
        Case.objects.bulk_create([Case(provider=provider, typology="non_delivery", score=number / 25)])
    day = clock.now().date()
    queued = cases.fill_queue(on=day)
    drawn = {case.pk for case in queued if case.control}
    assert (len(queued), len(drawn)) == (20, 2)
    best = sorted(case.score for case in queued if not case.control)
    assert best == [number / 25 for number in range(7, 25)]
    assert cases.fill_queue(on=day + timedelta(days=1)) == []
    assert len(cases.fill_queue(on=day + timedelta(days=7))) == 5


def test_a_day_of_twice_as_many_alerts_asks_no_more(office: Office) -> None:
    made = [booking for _, booking in office.house.accepted(12)]

    def stored(chosen: list[Booking], action: str) -> int:
        findings = [
            office.found("D12", [one], subject=("booking", str(one.public_id)), action=action)
            for one in chosen
        ]
        with CaptureQueriesContext(connection) as seen:
            assert office.store(*findings).new == len(chosen)
        return len(seen)

    stored(made[:1], "R")
    assert stored(made[1:4], "R") == stored(made[4:10], "R")
    case = Case.objects.get()
    assert case.alerts.count() == case.log.count() + 9
    assert list(case_file.faults(case)) == []
    again = [
        office.found("D12", [one], subject=("booking", str(one.public_id)), score=0.5) for one in made[:10]
    ]
    with CaptureQueriesContext(connection) as half:
        assert office.store(*again[:5]).added_to == 5
    with CaptureQueriesContext(connection) as whole:
        assert office.store(*again).added_to == 5
    assert len(whole) <= len(half)


def test_a_hold_of_twice_as_many_bookings_asks_no_more(office: Office) -> None:
    made = [booking for _, booking in office.house.accepted(9)]

    def held(chosen: list[Booking]) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert office.store(office.found("D17", chosen, action="H")).holds == 1
        return len(seen)

    held(made[:1])
    # The alert is known by now: each day finds more of the same.
    assert held(made[:3]) == held(made)
    assert holds.open_holds().count() == 9
    assert MeasureEffect.objects.filter(kind="held").count() == 9
    assert list(case_file.faults(Case.objects.get())) == []
