"""SkillsFuture Credit: credits at an age, curated courses, sixty days, refunds (S-01 to S-10)."""

from typing import Any

import pytest

from tests.funding.presets.theatre import play, validated
from tests.funding.replay.theatre import (
    accepted,
    claimed,
    credit,
    do,
    last,
    learner,
    paid,
    provider,
    refusals,
    request,
    sources,
    state,
)

pytestmark = pytest.mark.django_db

CURATED = {"kind": "curated_course"}


def lots(found: dict[str, Any]) -> list[tuple[str, int, str | None]]:
    return [
        (each["source"], each["available_cents"], each["expires"]) for each in found["learners"]["L1"]["lots"]
    ]


def advance(to: str) -> dict[str, Any]:
    return do("advance", None, to=to)


def accrue(year: int) -> dict[str, Any]:
    return do("accrue", None, year=year)


# -- credits at an age -----------------------------------------------------------------------------------


def test_s01_five_hundred_on_the_twenty_fifth_birthday_and_never_expires() -> None:
    born = {"birth_date": "2001-06-10"}
    assert lots(play("skillsfuture", advance("2026-06-09T23:59"), learner=born)) == []
    found = play("skillsfuture", advance("2026-06-10T00:00"), accrue(2026), accrue(2026), learner=born)
    assert lots(found) == [("rights", 50_000, None)]


def test_s01_or_with_the_year_it_belongs_to_once() -> None:
    found = play(
        "skillsfuture", accrue(2025), accrue(2026), accrue(2026), learner={"birth_date": "2001-02-03"}
    )
    assert lots(found) == [("rights", 50_000, None)]
    too_young = play("skillsfuture", accrue(2026), learner={"birth_date": "2001-05-05"})
    assert lots(too_young) == []


def test_s01_citizens_only() -> None:
    found = play("skillsfuture", accrue(2026), learner={"birth_date": "2001-02-03", "citizen": False})
    assert lots(found) == []
    found = play("skillsfuture", credit(1_000), request(), learner={"citizen": "MY"})
    assert refusals(found) == [(1, "not_eligible", "S-01")]


def test_s01_a_birthday_on_29_february_is_the_28th_in_other_years() -> None:
    born = {"birth_date": "2000-02-29"}
    changes = {"clock": "2025-02-01", "learner": born}
    assert lots(play("skillsfuture", advance("2025-02-27T23:59"), **changes)) == []
    assert lots(play("skillsfuture", advance("2025-02-28T00:00"), **changes)) == [("rights", 50_000, None)]


def test_s01_the_day_is_singapores() -> None:
    born = {"birth_date": "2001-06-10"}
    assert lots(play("skillsfuture", advance("2026-06-09T15:59:59+00:00"), learner=born)) == []
    assert len(lots(play("skillsfuture", advance("2026-06-09T16:00:00+00:00"), learner=born))) == 1


def test_s02_the_one_off_of_2020_expired_at_the_end_of_2025() -> None:
    changes = {"clock": "2020-09-01", "learner": {"birth_date": "1990-02-03"}}
    found = play("skillsfuture", advance("2020-10-01"), **changes)
    assert lots(found) == [("one_off", 50_000, "2025-12-31")]
    assert lots(play("skillsfuture", advance("2025-12-31T23:59"), **changes)) == lots(found)
    assert lots(play("skillsfuture", advance("2026-01-01"), **changes)) == []


def test_s03_in_2024_everybody_of_forty_or_more_on_1_may() -> None:
    learners = [
        {"id": "L1", "birth_date": "1984-05-01"},
        {"id": "L2", "birth_date": "1984-05-02"},
        {"id": "L3", "birth_date": "1950-01-01"},
    ]
    found = play("skillsfuture", advance("2024-05-01"), clock="2024-04-01", learners=learners)
    assert [found["learners"][name]["available_cents"] for name in ("L1", "L2", "L3")] == [
        400_000,
        0,
        400_000,
    ]
    later = play("skillsfuture", advance("2024-05-02"), clock="2024-04-01", learners=learners)
    assert later["learners"]["L2"]["available_cents"] == 400_000
    accrued = play("skillsfuture", accrue(2024), clock="2024-05-06", learners=learners)
    assert {each["available_cents"] for each in accrued["learners"].values()} == {400_000}


def test_example_11_s03_what_is_left_of_2020_merges_and_loses_its_expiry() -> None:
    for event, clock in ((advance("2024-05-01"), "2024-04-01"), (accrue(2024), "2024-05-06")):
        found = play(
            "skillsfuture",
            credit(20_000, "mid_career", expires="2025-12-31"),
            event,
            advance("2026-02-01"),
            clock=clock,
            learner={"birth_date": "1980-01-01"},
        )
        assert lots(found) == [("mid_career", 420_000, None)]


def test_s03_what_a_booking_held_merges_when_it_comes_back() -> None:
    found = play(
        "skillsfuture",
        credit(20_000, "mid_career", expires="2025-12-31"),
        accepted(),
        advance("2024-05-01"),
        do("cancel", by="learner"),
        advance("2026-02-01"),
        clock="2024-04-25",
        learner={"birth_date": "1980-01-01"},
        credential=CURATED,
        session={"starts": "2024-06-03", "ends": "2024-06-28"},
    )
    assert lots(found) == [("mid_career", 420_000, None)]


# -- what it pays ----------------------------------------------------------------------------------------


def test_s04_mid_career_credit_only_for_curated_courses_and_first_there() -> None:
    money = [credit(30_000), credit(400_000, "mid_career")]
    assert sources(play("skillsfuture", money, accepted())) == {"rights": 30_000, "learner": 70_000}
    found = play("skillsfuture", money, accepted(), credential=CURATED)
    assert sources(found) == {"mid_career": 100_000}
    none = play("skillsfuture", credit(400_000, "mid_career"), accepted())
    assert last(none) == ("insufficient_rights", None)


def test_s04_otherwise_what_expires_first() -> None:
    money = [credit(80_000), credit(50_000, "one_off", expires="2026-12-31")]
    found = play("skillsfuture", money, accepted())
    assert list(sources(found).items()) == [("one_off", 50_000), ("rights", 50_000)]


@pytest.mark.parametrize(
    ("starts", "verdict"), [("2026-07-03T09:00", None), ("2026-07-04T09:00", ("too_early", "S-06"))]
)
def test_s06_within_the_sixty_days_before_the_start(starts: str, verdict: Any) -> None:
    found = play("skillsfuture", credit(), accepted(), session={"starts": starts, "ends": "2026-08-28"})
    assert last(found) == verdict
    assert state(found) == ("accepted" if verdict is None else "proposed")


def test_settled_after_the_service() -> None:
    found = play("skillsfuture", credit(60_000), accepted(), validated(), paid())
    assert (state(found), sources(found)) == ("settled", {"rights": 60_000, "learner": 40_000})
    assert (learner(found), provider(found)) == ((0, 0, 60_000), (0, 0, 100_000, 0))


@pytest.mark.parametrize("way", [do("cancel", by="learner"), do("withdraw")])
def test_s08_a_day_before_the_start_all_comes_back_and_what_was_paid_is_owed(way: dict[str, Any]) -> None:
    before = {**way, "at": "2026-06-21T23:59"}
    found = play("skillsfuture", credit(), accepted(), before)
    assert refusals(found) == []
    assert (learner(found), provider(found)) == ((500_000, 0, 0), (0, 0, 0, 0))
    found = play("skillsfuture", credit(), accepted(), paid(), before)
    assert refusals(found) == []
    assert (learner(found), provider(found)) == ((500_000, 0, 0), (0, 0, 100_000, 100_000))


def test_s08_later_it_is_the_providers_policy_and_the_price_is_owed() -> None:
    found = play("skillsfuture", credit(), accepted(), do("withdraw", at="2026-06-22T00:00"))
    assert last(found) == ("too_late", "S-08")
    found = play(
        "skillsfuture", credit(), accepted(), do("cancel", by="learner", at="2026-06-22T00:00"), paid()
    )
    assert (state(found), provider(found)) == ("cancelled_by_learner", (0, 0, 100_000, 0))
    assert learner(found) == (400_000, 0, 100_000)


def test_s08_force_majeure_before_the_start() -> None:
    cancel = do("cancel", by="learner", reason="force_majeure", at="2026-06-22T08:00")
    assert learner(play("skillsfuture", credit(), accepted(), paid(), cancel)) == (500_000, 0, 0)


def test_s08_a_claim_on_its_way_when_the_learner_cancels() -> None:
    found = play(
        "skillsfuture",
        credit(60_000),
        accepted(),
        claimed(),
        do("pay"),
        do("cancel", by="learner"),
        do("bank", result="rejected"),
    )
    assert refusals(found) == []
    assert (state(found), learner(found)) == ("cancelled_by_learner", (60_000, 0, 0))
    assert provider(found) == (0, 0, 0, 0)


def test_s09_credit_never_comes_back_in_cash() -> None:
    # What public credit paid goes to the credit; only own money is the learner's to be refunded.
    found = play("skillsfuture", credit(60_000), accepted(), validated(percent=50), paid())
    assert sources(found) == {"rights": 30_000, "learner": 20_000}
    assert learner(found) == (30_000, 0, 30_000)
