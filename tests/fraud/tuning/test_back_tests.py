"""Back-tests: who would have been named on past days, and what became of those; nothing of it is an alert."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from fraud.models import Alert, BackTest, BackTestDay, BackTestFinding, Became
from fraud.services import back_tests
from fraud.services.back_tests import became_of
from ila.core import clock
from ila.core.errors import DomainError
from tests.fraud.tuning.workshop import Workshop

pytestmark = pytest.mark.django_db


def test_it_compares_week_by_week_on_what_was_known_then(shop: Workshop) -> None:
    first = shop.booked()
    shop.hand.move(clock.now() + timedelta(days=7))
    second = shop.booked()
    tried = shop.tried(shop.proposed(one_in=1, days=30), weeks=3)
    assert (tried.outcome, tried.done, tried.present_number) == ("done", 3, 1)
    days = BackTestDay.objects.order_by("day").values_list("day", "present", "proposed", "both")
    assert list(days) == [
        (first - timedelta(days=7), 0, 0, 0),
        (first, 0, 1, 0),
        (second, 0, 2, 0),
    ]
    found = BackTestFinding.objects.order_by("-proposed_days")
    assert [(each.present_days, each.proposed_days, each.became) for each in found] == [
        (0, 2, Became.NEVER),
        (0, 1, Became.NEVER),
    ]
    assert found[0].amount_cents > 0
    assert (found[0].provider, found[0].first_on, found[0].last_on) == (shop.world.provider, first, second)
    assert not Alert.objects.exists()
    with pytest.raises(DatabaseError, match="fraud_backtest"), transaction.atomic():
        BackTest.objects.update(done=1)
    # A job that comes twice does nothing more.
    assert back_tests.execute_back_test(public_id=tried.public_id) == 0


def test_one_at_a_time_by_those_who_may(shop: Workshop) -> None:
    version = shop.proposed()
    for weeks in (0, back_tests.MOST_WEEKS + 1):
        with pytest.raises(DomainError, match="incomplete"):
            back_tests.ask_for_back_test(actor=shop.proposer, version_id=version.pk, weeks=weeks)
    with pytest.raises(DomainError, match="not_allowed"):
        back_tests.ask_for_back_test(actor=shop.agent("auditor"), version_id=version.pk, weeks=1)
    back_tests.ask_for_back_test(actor=shop.proposer, version_id=version.pk, weeks=1)
    with pytest.raises(DomainError, match="already_under_way"):
        back_tests.ask_for_back_test(actor=shop.approver, version_id=version.pk, weeks=1)


def test_what_cannot_be_asked_has_no_result_and_says_why(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = shop.tried(shop.proposed("D22", least_km=60))
    assert blind.outcome == "failed"
    assert "." in blind.error

    def fail(**_given: object) -> object:
        raise ZeroDivisionError

    version = shop.proposed()
    asked = back_tests.ask_for_back_test(actor=shop.proposer, version_id=version.pk, weeks=1)
    monkeypatch.setattr(back_tests, "ask_live", fail)
    with pytest.raises(ZeroDivisionError):
        back_tests.execute_back_test(public_id=asked.public_id)
    asked.refresh_from_db()
    assert (asked.outcome, asked.error) == ("failed", "ZeroDivisionError")
    assert not BackTestDay.objects.exists()


@pytest.mark.parametrize(
    ("states", "became"),
    [
        ([], "never"),
        ([("open", None)], "undecided"),
        ([("open", None), ("dismissed", None)], "dismissed"),
        ([("merged", "inconclusive")], "undecided"),
        ([("dismissed", None), ("merged", "refuted")], "refuted"),
        ([("merged", "refuted"), ("merged", "irregularity")], "confirmed"),
        ([("merged", "confirmed_fraud")], "confirmed"),
    ],
)
def test_the_gravest_that_people_decided_counts(states: list[tuple[str, str | None]], became: str) -> None:
    assert became_of(states) == became
