"""The pages of changed thresholds: propose, try, put into force by another; drift and control in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import User
from fraud.models import Alert, BackTest, ParameterVersion, PaymentScreening
from fraud.services import back_tests
from ila.core import clock
from tests.fraud.tuning.test_control import answered
from tests.fraud.tuning.workshop import Workshop
from tests.pages.fraud_things import tried_values
from tests.pages.support import signed_in
from tests.pages.test_catalogue import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(db: None) -> Iterator[Workshop]:
    with clock.at(MONDAY) as hand:
        yield Workshop(hand)


def told(user: User, name: str, *arguments: object) -> str:
    """What a page says."""
    answer = signed_in(user).get(reverse(name, args=arguments))
    assert answer.status_code == 200, name
    return text_of(answer.content)


def step(user: User, version: ParameterVersion, code: str, expected: int = 302, **given: object) -> str:
    where = reverse("fraud_rule_step", args=[version.public_id, code])
    client = signed_in(user)
    page = client.get(where)
    assert page.status_code == 200, (code, "is not offered")
    hidden = {"shown": page.context["form"].initial["shown"]} if code == "force" else {}
    answer = client.post(where, {**hidden, **given})
    assert answer.status_code == expected, text_of(answer.content)[:2_000]
    version.refresh_from_db()
    return text_of(answer.content)


def test_one_proposes_tries_and_another_puts_it_into_force(shop: Workshop) -> None:
    shop.booked()
    assert "Nothing is proposed" in told(shop.proposer, "fraud_tuning")
    assert "Nobody has proposed other values yet" in told(shop.proposer, "fraud_detector", "D26")
    where = reverse("fraud_propose", args=["D26"])
    client = signed_in(shop.proposer)
    assert "One of so many bookings is drawn" in text_of(client.get(where).content)
    for wrong, says in (
        ({"one_in": "0", "days": "7", "reason": "x"}, "1 to 100000"),
        ({"one_in": "few", "days": "7", "reason": "x"}, "Enter a number"),
        ({"one_in": "1", "days": "7", "reason": ""}, "Say why"),
    ):
        answer = client.post(where, wrong)
        assert answer.status_code == 422
        assert says in text_of(answer.content)
    same = client.post(where, {"one_in": "50", "days": "7", "reason": "x"})
    assert same.status_code == 409
    assert "values in force already" in text_of(same.content)
    assert client.post(where, {"one_in": "1", "days": "7", "reason": "Too few."}).status_code == 302
    version = ParameterVersion.objects.get()
    page = told(shop.proposer, "fraud_rule", version.public_id)
    assert "Not tried yet" in page
    assert "somebody else decides" in page
    assert "Put into force" not in told(shop.approver, "fraud_rule", version.public_id)
    step(shop.proposer, version, "try", 422, weeks="99")
    step(shop.proposer, version, "try", weeks="2")
    asked = BackTest.objects.get()
    page = told(shop.approver, "fraud_rule", version.public_id)
    assert "Waits for a worker" in page
    assert "Waits for a worker" in told(shop.approver, "fraud_back_test", asked.public_id)
    back_tests.execute_back_test(public_id=asked.public_id)
    assert "One subject would be named that is not named now" in told(
        shop.approver, "fraud_rule", version.public_id
    )
    assert "Never an alert" in told(shop.auditor, "fraud_back_test", asked.public_id)
    step(shop.approver, version, "shadow")
    assert "In shadow" in told(shop.approver, "fraud_tuning")
    assert "wait for your decision" in told(shop.approver, "fraud_desk")
    assert "wait for your decision" not in told(shop.proposer, "fraud_desk")
    refused = signed_in(shop.proposer).get(reverse("fraud_rule_step", args=[version.public_id, "force"]))
    assert refused.status_code == 302
    assert "Tick the box" in step(shop.approver, version, "force", 422, reason="Good.")
    step(shop.approver, version, "force", reason="Good.", sure="on")
    assert version.state == "in_force"
    assert "values 2" in told(shop.auditor, "fraud_tuning")
    assert "These are values 2" in told(shop.auditor, "fraud_detector", "D26")


def test_a_selection_shows_only_what_it_says(shop: Workshop) -> None:
    booking = shop.world.accepted(shop.world.make_learner())
    where = reverse("fraud_back_test", args=[tried_values(shop.proposer, booking).public_id])
    client = signed_in(shop.auditor)
    assert "Never an alert" in text_of(client.get(where, {"which": "new"}).content)
    assert "Nobody is named like this" in text_of(client.get(where, {"which": "gone"}).content)
    assert "Never an alert" in text_of(client.get(where, {"which": "nonsense"}).content)


def test_lists_ask_a_constant_number_of_queries(shop: Workshop) -> None:
    client = signed_in(shop.approver)
    versions: list[ParameterVersion] = []

    def grow(count: int) -> None:
        for _ in range(count):
            booking = shop.world.accepted(shop.world.make_learner())
            versions.append(tried_values(shop.agent("investigator"), booking).version)
            first = BackTest.objects.get(version=versions[0])
            finding = first.findings.earliest("pk")
            finding.pk, finding.subject_id, finding.provider = None, str(booking.pk), booking.provider
            first.findings.bulk_create([finding])

    def look() -> None:
        detail = reverse("fraud_back_test", args=[BackTest.objects.get(version=versions[0]).public_id])
        assert client.get(detail).status_code == 200
        for name in ("fraud_tuning", "fraud_drift", "fraud_control"):
            assert client.get(reverse(name)).status_code == 200
        assert client.get(reverse("fraud_detector", args=["D26"])).status_code == 200
        assert client.get(reverse("fraud_rule", args=[versions[0].public_id])).status_code == 200

    assert_queries_constant(grow, look, n=2)


def test_drift_is_said_in_words(shop: Workshop) -> None:
    assert "not enough weeks" in told(shop.auditor, "fraud_drift")
    PaymentScreening.objects.bulk_create(
        PaymentScreening(
            day=MONDAY.date() - timedelta(days=back),
            outcome="passed",
            finished_at=MONDAY,
            failed={"D07": "TimeoutError"} if back == 1 else {},
        )
        for back in range(1, 120)
    )
    assert "On some days it failed" in told(shop.auditor, "fraud_drift")
    assert "Its past explains 0 to 4 alerts a week" in told(shop.auditor, "fraud_drift_detector", "D07")
    svg = signed_in(shop.auditor).get(reverse("fraud_drift_chart", args=["D07"]))
    assert svg["Content-Type"].startswith("image/svg+xml")
    assert b"<title>" in svg.content
    for name in ("fraud_drift_detector", "fraud_drift_chart", "fraud_detector"):
        assert signed_in(shop.auditor).get(reverse(name, args=["D99"])).status_code == 404


def test_the_control_says_when_it_knows_too_little(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nobody has answered yet" in told(shop.auditor, "fraud_control")
    answered(shop, "confirmed", "denied")
    assert "2 answers are too few" in told(shop.auditor, "fraud_control")
    monkeypatch.setattr("fraud.tuning.control.LEAST_ANSWERS", 2)
    page = told(shop.auditor, "fraud_control")
    assert "50 % of the answers contradict" in page
    assert "Most likely" in page


def test_an_alert_tells_whose_values_found_it(shop: Workshop) -> None:
    shop.world.make_provider(iban=shop.world.provider.iban)
    shop.in_force("D05", provider_score=0.8)
    shop.watch()
    alert = Alert.objects.filter(detector="D05").first()
    assert alert is not None
    assert "values 2" in told(shop.auditor, "fraud_alert", alert.public_id)
