"""Whatever is tried in whatever order: nothing breaks, the books hold, and no cent is made or lost."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funding import replay
from funding.replay.refusals import CODES
from tests.funding.replay.theatre import CLOCK, Event, credit, do, request, scenario

pytestmark = pytest.mark.django_db

LEARNERS = [
    {"id": "L1"},
    {"id": "L2", "status": "job_seeker", "qualification_level": 2},
    {"id": "L3", "e_identity": "weak", "prevention_account": True},
]
CREDENTIALS = [
    {"id": "C1", "provider": "P1", "kind": "rs", "hours": 50},
    {"id": "C2", "provider": "P1", "kind": "rncp", "hours": 35, "prerequisites": True},
]
SESSIONS = [
    {
        "id": "S1",
        "credential": "C1",
        "starts": "2026-06-22T09:00",
        "ends": "2026-06-26T17:00",
        "seats": 2,
        "price_cents": 165_001,
    },
    {
        "id": "S2",
        "credential": "C2",
        "starts": "2026-06-01T09:00",
        "ends": "2026-09-30T17:00",
        "price_cents": 99_997,
    },
]
MONEY = [
    credit(500_000),
    credit(120_003, "rights", "L2"),
    credit(33_331, "employer", "L2"),
    credit(77, "endowment", "L2"),
    credit(500_000, "rights", "L3"),
]
SOURCES = ("rights", "endowment", "corrective", "employer", "public", "one_off", "mid_career")
# The days between two events: mostly none, sometimes past a term, a start or an end.
NAMES = ("B1", "B2", "B3")
PAUSES = st.sampled_from([0] * 60 + [1, 1, 2, 5, 8, 20, 35, 60])


def way(booking: str, person: str, session: str, percent: int) -> list[Event]:
    """The straight way of a booking, with an advance where the training is long."""
    starts = next(each["starts"] for each in SESSIONS if each["id"] == session)
    money = [do("approve_claim", booking), do("pay", booking), do("bank", booking, result="executed")]
    return [
        request(booking, person, session),
        do("propose", booking),
        do("accept", booking, e_identity="strong"),
        do("declare_entry", booking, at=starts),
        do("claim", booking, advance=True),
        *money,
        do("attendance", booking, percent=percent),
        do("declare_exit", booking, reason="learner"),
        do("declare_service", booking),
        do("validate_service", booking),
        do("claim", booking),
        *money,
    ]


def anything() -> st.SearchStrategy[Event]:
    """Any event at all, about bookings that are known."""
    booking = st.sampled_from(NAMES)
    plain = [
        "acknowledge",
        "propose",
        "accept",
        "deny_consent",
        "withdraw",
        "declare_entry",
        "certificate",
        "exam",
        "declare_service",
        "validate_service",
        "claim",
        "approve_claim",
        "pay",
    ]
    cents = st.sampled_from([0, 1, 999, 50_000, 99_997, 165_001, 10**12])
    scope = st.one_of(
        booking.map(lambda each: {"booking": each}),
        st.just({"provider": "P1"}),
        st.sampled_from([{"session": "S1"}, {"session": "S2"}]),
    )
    person = st.sampled_from(["L1", "L2", "L3"])
    until = st.sampled_from(["2026-05-20", "2026-07-01", "2026-12-31"])
    return st.one_of(
        st.builds(do, st.sampled_from(plain), booking),
        st.builds(lambda each, by: do("cancel", each, by=by), booking,
                  st.sampled_from(["learner", "provider", "funder"])),
        st.builds(lambda each, by, why: do("refuse", each, by=by, reason=why), booking,
                  st.sampled_from(["learner", "provider"]), st.sampled_from(["", "full"])),
        st.builds(lambda each, result: do("bank", each, result=result), booking,
                  st.sampled_from(["executed", "rejected", "returned"])),
        st.builds(lambda each, how: do("resolve", each, outcome=how), booking, st.sampled_from(["upheld", "rejected"])),
        st.builds(lambda each, sure: do("no_show", each, justified=sure), booking, st.booleans()),
        st.builds(lambda each, percent: do("attendance", each, percent=percent), booking, st.integers(0, 100)),
        st.builds(lambda each, hours: do("attendance", each, hours=hours), booking, st.integers(0, 60)),
        st.builds(lambda each, percent: do("declare_service", each, percent=percent), booking, st.integers(0, 101)),
        st.builds(lambda each, sum_: do("propose", each, price_cents=sum_), booking, cents),
        st.builds(lambda each, sum_: do("recover", each, amount_cents=sum_), booking, cents),
        st.builds(lambda each: do("claim", each, advance=True), booking),
        st.builds(lambda each: do("declare_exit", each, reason="complete"), booking),
        st.builds(lambda who, source, sum_: credit(sum_, source, who), person, st.sampled_from(SOURCES), cents),
        st.builds(lambda where, end: do("hold", None, reason="look", until=end, **where), scope, until),
        st.builds(lambda where: do("release_hold", None, **where), scope),
        st.sampled_from([
            do("suspend", None, provider="P1"), do("resume", None, provider="P1"),
            do("suspend", None, credential="C2"), do("resume", None, credential="C2"),
            do("cancel_session", None, session="S1"), do("cancel_session", None, session="S2"),
            do("set_provider", None, provider="P1", accredited_until="2026-06-10"),
            do("set_provider", None, provider="P1", accredited_until=None, iban="nonsense"),
            do("open_window", None, window="W", budget_cents=1, opens="2026-05-05", closes="2026-05-06"),
        ]),
    )  # fmt: skip


# One step in ten is anything; the others go on with one of the bookings.
STEPS = range(10)
ANYTHING = anything()
CASTING = st.tuples(st.sampled_from(["L1", "L2", "L3"]), st.sampled_from(["S1", "S2"]), st.integers(0, 100))


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """Three bookings on their straight ways, interleaved, with anything in between."""
    ways = {name: way(name, *draw(CASTING)) for name in NAMES}
    now = datetime.fromisoformat(CLOCK)
    events = list(MONEY)
    for steps in ways.values():
        # Most begin with an accepted booking; what comes before has its own tests.
        begun = draw(st.sampled_from([3, 3, 3, 1]))
        events += steps[:begun]
        del steps[:begun]
    for _ in range(draw(st.integers(5, 60))):
        step = draw(st.sampled_from(STEPS))
        remaining = ways[NAMES[step % len(NAMES)]]
        if step == STEPS[-1]:
            event = draw(ANYTHING)
        elif remaining:
            event = remaining.pop(0)
        else:
            continue
        days, hours = draw(PAUSES), draw(st.sampled_from([0] * 9 + [7]))
        now += timedelta(days=days, hours=hours)
        now = max(now, datetime.fromisoformat(event.get("at", CLOCK)))
        events.append({**event, "at": now.isoformat()})
    return scenario(events, learners=LEARNERS, credentials=CREDENTIALS, sessions=SESSIONS)


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(scenarios())
def test_no_cent_is_made_or_lost(values: dict[str, Any]) -> None:
    outcome = replay.run_scenario(values).as_json()
    assert outcome["audit"] == {"ok": True, "violations": []}
    assert len(outcome["events"]) == len(values["events"])
    for event in outcome["events"]:
        assert event["ok"] or event["code"] in CODES

    credited = sum(
        event["amount_cents"]
        for event, result in zip(values["events"], outcome["events"], strict=True)
        if event["do"] == "credit" and result["ok"]
    )
    people = outcome["learners"].values()
    assert credited == sum(
        each[name] for each in people for name in ("available_cents", "held_cents", "spent_cents")
    )
    assert all(lot["available_cents"] >= 0 for each in people for lot in each["lots"])

    bookings = outcome["bookings"].values()
    drawn = sum(
        cents for each in bookings for source, cents in each["sources"].items() if source != "learner"
    )
    assert drawn == sum(each["held_cents"] + each["spent_cents"] for each in people)
    assert all(sum(each["sources"].values()) <= each["price_cents"] for each in bookings)
    for each in outcome["providers"].values():
        assert min(each.values()) >= 0
        kept = each["payable_cents"] + each["in_transit_cents"] + each["paid_cents"] - each["owed_cents"]
        assert kept <= sum(sum(booking["sources"].values()) for booking in bookings)


@settings(
    max_examples=5,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(scenarios())
def test_a_scenario_has_one_outcome(values: dict[str, Any]) -> None:
    first, second = replay.run_scenario(values), replay.run_scenario(values)
    assert first.as_json() == second.as_json()
    assert replay.render(first) == replay.render(second)
