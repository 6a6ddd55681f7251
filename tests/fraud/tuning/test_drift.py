"""Drift: a detector's last week against its own past, and days on which nobody looked."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fraud.models import Alert, PaymentScreening
from fraud.tuning import drift
from ila.core import clock
from tests.fraud.tuning.workshop import Workshop

pytestmark = pytest.mark.django_db


def runs(days: int, **given: object) -> None:
    """A run on each of so many days before today."""
    today = clock.now().date()
    PaymentScreening.objects.bulk_create(
        PaymentScreening(
            day=today - timedelta(days=back), **{"outcome": "passed", "finished_at": clock.now(), **given}
        )
        for back in range(1, days + 1)
    )


def alerts(on: date, number: int, provider: str = "p") -> None:
    Alert.objects.bulk_create(
        Alert(
            detector="D22",
            version=1,
            family="time_and_place",
            typology="kickback_ring",
            provider_ref=f"{provider}{each}",
            subject_kind="provider",
            subject_id=f"{on} {each}",
            score=0.5,
            action="N",
            amount_cents=1,
            evidence_hash="-",
            found_on=on,
            last_seen_on=on,
        )
        for each in range(number)
    )


@pytest.mark.parametrize(
    ("last", "odd"),
    [(4, {}), (8, {}), (20, {"alerts": 1}), (0, {})],
)
def test_the_last_week_against_its_past(shop: Workshop, last: int, odd: dict[str, int]) -> None:
    runs(7 * drift.WEEKS)
    monday = clock.now().date()
    for back in range(2, drift.WEEKS + 1):
        alerts(monday - timedelta(weeks=back), 4)
    alerts(monday - timedelta(weeks=1), last)
    (found,) = drift.drifts(["D22"])
    assert (found.odd, found.last.alerts) == (odd, last)
    low, high = found.usual or (0, 0)
    assert (low <= last <= high) is not bool(odd)


def test_what_suddenly_finds_nothing_has_drifted_too(shop: Workshop) -> None:
    runs(7 * drift.WEEKS)
    for back in range(2, drift.WEEKS + 1):
        alerts(clock.now().date() - timedelta(weeks=back), 12)
    (found,) = drift.drifts(["D22"])
    assert found.odd == {"alerts": -1}


def test_a_day_without_a_run_is_no_day_without_findings(shop: Workshop) -> None:
    (found,) = drift.drifts(["D22"])
    assert (found.last.missing, found.odd, found.has_past) == (7, {"silent": -1}, False)
    runs(3, failed={"D22": "TimeoutError"})
    runs(5, error="FactsBehindError", outcome="failed")
    runs(2)
    runs(7, not_run={"D22": "sessions.lat is unknown"})
    (found,) = drift.drifts(["D22"])
    last = found.last
    # The two latest days ran; on three more it failed, though it also lacked what it needs.
    assert (last.failed, last.not_run, last.missing) == (3, 2, 0)


def test_a_larger_share_of_the_providers_and_of_dismissals(shop: Workshop) -> None:
    weeks = [drift.Week(date(2026, 1, 5), alerts=5, providers=5, known=100, dismissed=1, confirmed=9)] * 10
    last = drift.Week(date(2026, 3, 16), alerts=5, providers=25, known=100, dismissed=9, confirmed=1)
    judged = drift._judged("D22", [*weeks, last])
    assert judged.odd == {"providers": 1, "confirmed": -1, "dismissed": 1}
