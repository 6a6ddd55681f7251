"""Changed thresholds: two persons and a back-test, then the next run uses them, and their authors keep away."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from fraud.detection.detector import Detector
from fraud.detection.registry import DETECTORS
from fraud.models import Alert, Case, ParameterVersion, ShadowDay, ShadowFinding
from fraud.rule_forms import ProposeForm
from fraud.services import alerts, cases, daily, findings, rules
from fraud.services.watch import detect_today
from ila.core import clock
from ila.core.errors import DomainError
from tests.fraud.casework.office import Office
from tests.fraud.tuning.workshop import Workshop

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("detector", DETECTORS)
def test_what_is_built_in_lies_within_its_own_ranges(detector: str) -> None:
    parameters = DETECTORS[detector].parameters
    assert type(parameters).model_validate(parameters.model_dump(mode="json")) == parameters


@pytest.mark.parametrize(
    ("detector", "changed", "name"),
    [
        ("D26", {"one_in": 0}, "one_in"),
        ("D26", {"one_in": "many"}, "one_in"),
        ("D26", {"half": 1}, "half"),
        ("D13", {"hard_hours": float("nan")}, "hard_hours"),
        ("D03", {"taken_over_score": 1.5}, "taken_over_score"),
        ("D01", {"shared_places": ["moon"]}, "shared_places"),
        ("D23", {"gift_words": "(a+)+b"}, "gift_words"),
    ],
)
def test_what_lies_outside_is_named_and_refused(
    shop: Workshop, detector: str, changed: dict[str, object], name: str
) -> None:
    with pytest.raises(DomainError) as refused:
        shop.proposed(detector, **changed)
    assert (refused.value.code, refused.value.params["names"]) == ("bad_parameters", [name])
    assert not ParameterVersion.objects.exists()


def test_a_proposal_says_why_changes_something_and_is_an_investigators(shop: Workshop) -> None:
    given: dict[str, Any] = {"detector": "D26", "values": shop.values("D26", one_in=10), "reason": "Why"}
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"actor": shop.agent("case_worker")}, "not_allowed"),
        ({"reason": " "}, "incomplete"),
        ({"values": shop.values("D26")}, "nothing_changed"),
        ({"detector": "D99"}, "not_found"),
    )
    for change, code in changes:
        with pytest.raises(DomainError, match=code):
            rules.propose_rule(**{"actor": shop.proposer, **given, **change})
    assert rules.propose_rule(actor=shop.proposer, **given).number == 2
    assert rules.propose_rule(actor=shop.approver, **given).number == 3


def test_two_persons_and_a_back_test_put_it_in_force(shop: Workshop) -> None:
    shop.booked()
    version = shop.proposed()
    with pytest.raises(DomainError, match="not_back_tested"):
        rules.put_in_force(actor=shop.approver, version_id=version.pk, reason="Yes")
    shop.tried(version)
    with pytest.raises(DomainError, match="not_allowed"):
        rules.put_in_force(actor=shop.proposer, version_id=version.pk, reason="Yes")
    with pytest.raises(DomainError, match="not_allowed"):
        rules.put_in_force(actor=shop.agent("case_worker"), version_id=version.pk, reason="Yes")
    with pytest.raises(DomainError, match="back_test_changed"):
        rules.put_in_force(actor=shop.approver, version_id=version.pk, reason="Yes", shown="another")
    assert not detect_today().alerts
    rules.put_in_force(actor=shop.approver, version_id=version.pk, reason="Yes")
    (alert,) = detect_today().alerts
    assert (alert.detector.rule, alert.detector.parameters.model_dump()["one_in"]) == (2, 1)
    # The database knows it too.
    with pytest.raises(IntegrityError, match="rule_decided_by_another_person"), transaction.atomic():
        ParameterVersion.objects.update(decided_by=shop.proposer)
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        ParameterVersion.objects.update(parameters={})
    # Once is enough.
    with pytest.raises(DomainError, match="not_allowed"):
        rules.put_in_force(actor=shop.approver, version_id=version.pk, reason="Yes")


def test_a_later_version_replaces_it_and_old_back_tests_do_not_count(shop: Workshop) -> None:
    first, second = shop.proposed(one_in=2), shop.proposed(one_in=3)
    shop.tried(first)
    shop.tried(second)
    rules.put_in_force(actor=shop.approver, version_id=first.pk, reason="Yes")
    with pytest.raises(DomainError, match="back_test_outdated"):
        rules.put_in_force(actor=shop.approver, version_id=second.pk, reason="Yes")
    shop.tried(second)
    rules.put_in_force(actor=shop.third, version_id=second.pk, reason="Yes")
    first.refresh_from_db()
    assert (first.state, first.ended_at) == ("replaced", clock.now())
    assert rules.present("D26").rule == 3
    back = rules.propose_rule(
        actor=shop.proposer, detector="D26", values=shop.values("D26"), reason="As it was built."
    )
    assert back.number == 4


def test_refused_and_withdrawn_are_over(shop: Workshop) -> None:
    refused, withdrawn = shop.proposed(one_in=2), shop.proposed(one_in=3)
    with pytest.raises(DomainError, match="not_allowed"):
        rules.refuse_rule(actor=shop.proposer, version_id=refused.pk, reason="No")
    with pytest.raises(DomainError, match="not_allowed"):
        rules.withdraw_rule(actor=shop.approver, version_id=withdrawn.pk, reason="No")
    rules.refuse_rule(actor=shop.approver, version_id=refused.pk, reason="No")
    rules.withdraw_rule(actor=shop.proposer, version_id=withdrawn.pk, reason="No")
    for version in (refused, withdrawn):
        with pytest.raises(DomainError, match="not_allowed"):
            rules.put_in_force(actor=shop.approver, version_id=version.pk, reason="Yes")
        with pytest.raises(DomainError, match="not_allowed"):
            shop.tried(version)


def test_parameters_that_the_detector_no_longer_reads_are_a_failure_to_be_seen(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.in_force()
    other = dataclasses.replace(DETECTORS["D26"], parameters=DETECTORS["D25"].parameters)
    result = rules.with_rules_in_force([other, DETECTORS["D25"]])
    assert result.failed == {"D26": "ParametersOutdated"}
    assert [each.id for each in result.detectors] == ["D25"]


def test_who_wrote_the_rule_keeps_away_from_what_it_found(shop: Workshop) -> None:
    shop.world.make_provider(iban=shop.world.provider.iban)
    shop.in_force("D05", provider_score=0.8)
    findings.store(detect_today())
    alert = Alert.objects.filter(detector="D05").first()
    assert alert is not None
    assert (alert.rule, alert.parameters["provider_score"]) == (2, 0.8)
    both = sorted([shop.proposer.pk, shop.approver.pk])
    assert alert.rule_author_ids == both
    case = alert.case
    assert case is not None
    assert case.rule_author_ids == both
    cases.queue_case(actor=shop.third, case_id=case.pk, reason="Urgent")
    for author in (shop.proposer, shop.approver):
        with pytest.raises(DomainError, match="not_allowed"):
            cases.assign_case(actor=author, case_id=case.pk, investigator=author)
    cases.assign_case(actor=shop.third, case_id=case.pk, investigator=shop.third)


def test_what_an_investigators_own_rule_finds_waits_outside_their_case(office: Office) -> None:
    (_, one), (_, two) = office.house.accepted(2)
    case = office.case(one)
    refs = {"subject": ("booking", str(two.public_id))}
    office.store(office.found("D17", [two], **refs), authors={"D17": [office.investigator.pk]})
    alert = Alert.objects.get(subject_kind="booking")
    assert (alert.state, alert.case, Case.objects.count()) == ("open", None, 1)
    for act in (
        lambda: alerts.merge_alert(actor=office.investigator, alert_id=alert.pk, case_id=case.pk),
        lambda: alerts.open_case(actor=office.other, alert_id=alert.pk, typology=case.typology),
        lambda: alerts.dismiss_alert(actor=office.investigator, alert_id=alert.pk, reason="Mine"),
        lambda: alerts.snooze_alert(
            actor=office.investigator,
            alert_id=alert.pk,
            until=clock.now() + timedelta(days=1),
            reason="Mine",
        ),
    ):
        with pytest.raises(DomainError, match="not_allowed"):
            act()
    # What was found by the rule as it was before goes on being worked on.
    office.store(office.found("D17", [one, two]), authors={"D17": [office.investigator.pk]})
    case.refresh_from_db()
    assert case.rule_author_ids == []
    alerts.dismiss_alert(actor=office.other, alert_id=alert.pk, reason="In order.")


def test_a_shadow_finds_beside_and_stops_nothing(shop: Workshop) -> None:
    shop.booked()
    version = rules.start_shadow(actor=shop.approver, version_id=shop.proposed().pk)
    assert daily.watch_day().failed == {}
    assert daily.watch_day().failed == {}
    assert not Alert.objects.exists()
    day = ShadowDay.objects.get()
    assert (day.present, day.proposed, day.both, day.error) == (0, 1, 0, "")
    found = ShadowFinding.objects.get()
    assert (found.provider, found.subject_kind, found.also_present) == (
        shop.world.provider,
        "booking",
        False,
    )
    shop.hand.move(clock.now() + timedelta(days=1))
    daily.watch_day()
    assert (ShadowDay.objects.count(), ShadowFinding.objects.count()) == (2, 1)
    rules.stop_shadow(actor=shop.proposer, version_id=version.pk)
    shop.hand.move(clock.now() + timedelta(days=1))
    daily.watch_day()
    assert ShadowDay.objects.count() == 2


def test_a_shadow_that_cannot_run_says_so_and_the_day_goes_on(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules.start_shadow(actor=shop.proposer, version_id=shop.proposed("D22", least_km=60).pk)
    watched = daily.watch_day()
    assert watched.failed == {}
    assert "D22" in watched.screening.not_run
    assert ShadowDay.objects.get().error == watched.screening.not_run["D22"]

    def fail(**_given: object) -> object:
        raise ZeroDivisionError

    rules.start_shadow(actor=shop.proposer, version_id=shop.proposed().pk)
    monkeypatch.setattr("fraud.services.shadows.ask_live", fail)
    watched = daily.watch_day()
    assert watched.failed == {"shadow": "ZeroDivisionError"}
    assert watched.result is not None


def test_thresholds_that_contradict_each_other_are_refused_beside_the_field(shop: Workshop) -> None:
    wrong = shop.values("D17", review_days=30, hold_days=29)
    with pytest.raises(DomainError, match="bad_parameters") as refused:
        rules.propose_rule(actor=shop.proposer, detector="D17", values=wrong, reason="Sooner.")
    assert (refused.value.params["names"], refused.value.params["below"]) == (["hold_days"], ["hold_days"])
    form = ProposeForm({**wrong, "reason": "Sooner."}, detector=DETECTORS["D17"])
    assert form.errors == {"hold_days": ["This is less than “Days from which it is reviewed”, which is 30."]}
    assert "and not less than" in str(form.fields["hold_days"].help_text)
    same = shop.values("D17", review_days=29, hold_days=29)
    assert rules.read_parameters(DETECTORS["D17"], same).model_dump()["hold_days"] == 29


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=lambda each: each.id)
def test_what_a_threshold_is_not_below_is_one_of_the_same_kind(detector: Detector) -> None:
    fields = type(detector.parameters).model_fields
    for name, others in type(detector.parameters).floors().items():
        for other in others:
            assert fields[name].annotation is fields[other].annotation in (int, float)
            low = {**detector.parameters.model_dump(), name: 1, other: 2}
            if fields[name].annotation is float:
                low |= {name: 0.1, other: 0.2}
            with pytest.raises(DomainError) as refused:
                rules.read_parameters(detector, low)
            assert name in refused.value.params["below"]
