"""Money that expires: at the end of its last day where the scheme is, with notices 90, 30 and 7 days before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Message
from accounts.services import delivery, service_users
from funding.models import Bucket, ExpiryNotice, LearningAccount, Lot, Posting, Scheme
from funding.services import due, notices, schemes
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.factories.funding import LearningAccountFactory, LotFactory, SchemeFactory
from tests.support import books
from tests.support.queries import captured_queries

SECOND = timedelta(seconds=1)
LAST_DAY = date(2027, 4, 30)
ZONES = ["Europe/Paris", "America/New_York", "Asia/Singapore"]


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(datetime(2027, 1, 1, 12, tzinfo=UTC)) as virtual:
        yield virtual
    assert books.faults() == []


@pytest.fixture
def scheme(hand: VirtualClock) -> Scheme:
    return SchemeFactory.create()


def lot(
    scheme: Scheme, *, expires: date | None = LAST_DAY, account: LearningAccount | None = None, **more: object
) -> Lot:
    return LotFactory.create(
        account=account or LearningAccountFactory.create(scheme=scheme), expires_on=expires, **more
    )


def told(days: int | None = None) -> int:
    sent = ExpiryNotice.objects.all() if days is None else ExpiryNotice.objects.filter(days_before=days)
    return sent.count()


def paris(day: date, *, seconds: int = 0) -> datetime:
    return (
        datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)
        + seconds * SECOND
    )


def test_each_learner_is_told_three_times_and_never_twice(scheme: Scheme, hand: VirtualClock) -> None:
    ours = lot(scheme)
    for days in notices.DAYS_BEFORE:
        begins = paris(LAST_DAY - timedelta(days))
        hand.move(begins - SECOND)
        assert due.run_due().noticed == 0, days
        hand.move(begins)
        assert due.run_due().noticed == 1, days
        hand.move(begins + timedelta(hours=30))
        assert due.run_due().noticed == 0, days
    messages = Message.objects.filter(recipient=ours.account.citizen.user, template="credit_expires")
    assert messages.count() == 3
    assert messages.latest("pk").context == {
        "amount_cents": 500_000,
        "currency": "EUR",
        "expires_on": "2027-04-30",
        "scheme": scheme.name,
    }


def test_lots_of_one_day_make_one_message(scheme: Scheme, hand: VirtualClock) -> None:
    first = lot(scheme, amount_cents=10_000)
    lot(scheme, account=first.account, source="public", amount_cents=2_500)
    lot(scheme, account=first.account, source="employer", amount_cents=900, expires=LAST_DAY + timedelta(1))
    hand.move(paris(LAST_DAY - timedelta(29)))
    assert due.run_due().noticed == 2
    assert sorted(ExpiryNotice.objects.values_list("amount_cents", flat=True)) == [900, 12_500]


def test_nobody_is_told_of_an_empty_lot(scheme: Scheme, hand: VirtualClock) -> None:
    lot(scheme, amount_cents=0)
    lot(scheme, expires=None)
    hand.move(paris(LAST_DAY - timedelta(30)))
    assert due.run_due() == due.DueResult()


def test_after_a_stop_only_the_nearest_notice_goes_out(scheme: Scheme, hand: VirtualClock) -> None:
    lot(scheme)
    hand.move(paris(LAST_DAY - timedelta(5)))
    assert due.run_due().noticed == 1
    assert (told(90), told(30), told(7)) == (0, 0, 1)
    hand.move(paris(LAST_DAY))
    assert due.run_due().noticed == 0


def test_who_is_credited_later_is_not_told_of_a_day_gone_by(scheme: Scheme, hand: VirtualClock) -> None:
    hand.move(paris(LAST_DAY - timedelta(60)))
    lot(scheme)
    assert due.run_due().noticed == 0
    hand.move(paris(LAST_DAY - timedelta(30)))
    assert due.run_due().noticed == 1


def test_a_killed_run_tells_the_rest(
    scheme: Scheme, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        lot(scheme)
    hand.move(paris(LAST_DAY - timedelta(30)))
    monkeypatch.setattr(notices, "CHUNK", 2)
    tell, calls = notices._tell, []

    def die_at_the_second(*given: object) -> int:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return tell(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(notices, "_tell", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        due.run_due()
    assert told() == 2
    assert due.run_due().noticed == 3
    assert Message.objects.filter(template="credit_expires").count() == 5


def test_a_quiet_minute_looks_at_no_lot(scheme: Scheme, hand: VirtualClock) -> None:
    lot(scheme)
    due.run_due()
    with captured_queries() as captured:
        assert due.run_due() == due.DueResult()
    assert not [one for one in captured.statements if "funding_lot" in one]
    assert len(captured) <= 9, captured.statements


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "last",
    # Clocks forward and back in Europe and America, the year's end, a leap day, and a day without any of it.
    [
        date(2027, 3, 28),
        date(2027, 10, 31),
        date(2027, 3, 14),
        date(2027, 12, 31),
        date(2028, 2, 29),
        date(2027, 7, 1),
    ],
)
def test_money_expires_with_its_last_day_where_the_scheme_is(
    hand: VirtualClock, scheme: Scheme, zone: str, last: date
) -> None:
    Scheme.objects.filter(pk=scheme.pk).update(timezone=zone)
    scheme.refresh_from_db()
    ours = lot(scheme, expires=last)
    midnight = datetime.combine(last + timedelta(1), datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    hand.move(midnight - SECOND)
    assert due.run_due().expired == 0
    hand.move(midnight)
    assert due.run_due().expired == 1
    assert due.run_due().expired == 0
    ours.refresh_from_db()
    assert ours.available_cents == 0
    assert ours.postings.filter(bucket=Bucket.EXPIRED).get().amount_cents == 500_000


def test_days_missed_are_caught_up_in_order(scheme: Scheme, hand: VirtualClock) -> None:
    days = [date(2027, 2, 10), date(2027, 2, 8), date(2027, 2, 9)]
    lots = {day: lot(scheme, expires=day) for day in days}
    hand.move(paris(date(2027, 2, 20)))
    assert due.run_due().expired == 3
    expired = Posting.objects.filter(bucket=Bucket.EXPIRED).order_by("entry_id")
    assert list(expired.values_list("lot", flat=True)) == [lots[day].pk for day in sorted(days)]


def test_money_that_comes_back_after_the_last_day_is_swept_at_night(
    scheme: Scheme, hand: VirtualClock
) -> None:
    ours = lot(scheme, expires=date(2027, 2, 10))
    hand.move(paris(date(2027, 2, 11)))
    due.run_due()
    schemes.credit(
        account=ours.account,
        source="rights",
        amount_cents=700,
        actor=service_users.get("ledger"),
        idempotency_key="back",
        expires_on=date(2027, 2, 10),
    )
    assert due.run_due().expired == 0
    assert schemes.expire_lots(on=date(2027, 2, 11), actor=service_users.get("clock")) == 1


def test_the_message_names_the_amount_and_the_day(
    scheme: Scheme, hand: VirtualClock, mailoutbox: list
) -> None:
    lot(scheme)
    hand.move(paris(LAST_DAY - timedelta(7)))
    due.run_due()
    assert delivery.send_waiting() == 1
    assert mailoutbox[0].subject == "Credit on your learning account will expire"
    assert "€5,000.00" in mailoutbox[0].body
    assert "30 April 2027" in mailoutbox[0].body
