"""Every scheme, whatever is tried in whatever order: the invariants hold, and no cent is made or lost."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funding import replay
from funding.replay.refusals import CODES
from funding.schemes.presets import preset_codes
from tests.funding.presets.theatre import head
from tests.funding.replay.theatre import Event, credit, do, request

pytestmark = pytest.mark.django_db

CLOCK = "2026-05-04T09:00"
NAMES = ("B1", "B2", "B3")
PEOPLE = ("L1", "L2")
SESSIONS = [
    {"id": "S1", "credential": "C1", "starts": "2026-06-22T09:00", "ends": "2026-07-17T17:00", "seats": 2,
     "price_cents": 100_001},
    {"id": "S2", "credential": "C2", "starts": "2026-06-08T09:00", "ends": "2026-10-30T17:00", "price_cents": 29_999},
]  # fmt: skip
CREDENTIALS = [
    {"id": name, "provider": "P1", "kind": kind, "hours": hours, "accredited_from": "2020-01-01"}
    for name, kind, hours in (("C1", "course", 60), ("C2", "curated_course", 101))
]
LEARNERS = [{"id": "L1", "birth_date": "1990-02-03"}, {"id": "L2", "birth_date": "1986-05-20"}]
PAID = ("approve_claim", "pay")


def way(scheme: str, booking: str, person: str, session: str, percent: int, early: bool) -> list[Event]:
    """The straight way of a booking, claimed before or after the service."""
    starts = next(each["starts"] for each in SESSIONS if each["id"] == session)
    money = [
        do("claim", booking),
        *(do(step, booking) for step in PAID),
        do("bank", booking, result="executed"),
    ]
    begin = [request(booking, person, session), do("propose", booking), do("accept", booking)]
    if scheme == "stap":
        begin = [do("apply", booking, learner=person, session=session, window="W1")]
    training = [
        do("declare_entry", booking, at=starts),
        do("attendance", booking, percent=percent),
        do("declare_exit", booking, reason="complete"),
        do("certificate", booking),
        do("declare_service", booking),
        do("validate_service", booking),
    ]
    return [*begin, *(money if early else []), *training, *money]


def anything() -> st.SearchStrategy[Event]:
    """An ending, a mishap, or what somebody tries at the wrong time."""
    booking = st.sampled_from(NAMES)
    plain = ["withdraw", "deny_consent", "claim", "pay", "exam", "approve_claim", "validate_service"]
    return st.one_of(
        st.builds(do, st.sampled_from(plain), booking),
        st.builds(lambda each, by: do("cancel", each, by=by), booking,
                  st.sampled_from(["learner", "provider", "funder"])),
        st.builds(lambda each, how: do("bank", each, result=how), booking, st.sampled_from(["rejected", "returned"])),
        st.builds(lambda each, how: do("resolve", each, outcome=how), booking, st.sampled_from(["upheld", "rejected"])),
        st.builds(lambda each, sure: do("no_show", each, justified=sure), booking, st.booleans()),
        st.builds(lambda each, cents: do("recover", each, amount_cents=cents), booking, st.sampled_from([1, 20_000])),
        st.builds(lambda year: do("accrue", None, year=year), st.sampled_from([2025, 2026, 2027])),
        st.builds(lambda who, source: credit(33_333, source, who), st.sampled_from(PEOPLE),
                  st.sampled_from(["rights", "public", "mid_career", "employer"])),
        st.builds(lambda each, who: do("apply", f"{each}x", learner=who, session="S2", window="W1"), booking,
                  st.sampled_from(PEOPLE)),
        st.sampled_from([
            do("suspend", None, credential="C1"), do("resume", None, credential="C1"),
            do("cancel_session", None, session="S2"),
        ]),
    )  # fmt: skip


ANYTHING = anything()
CASTING = st.tuples(
    st.sampled_from(PEOPLE),
    st.sampled_from(["S1", "S2"]),
    st.sampled_from([0, 74, 80, 97, 100]),
    st.booleans(),
)
PAUSES = st.sampled_from([0] * 30 + [1, 3, 10, 25, 50])


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """Three bookings of one scheme, interleaved, with anything in between."""
    scheme = draw(st.sampled_from(preset_codes()))
    ways = {name: way(scheme, name, *draw(CASTING)) for name in NAMES}
    now = datetime.fromisoformat(CLOCK)
    events: list[Event] = [
        do("open_window", None, window="W1", budget_cents=150_000, opens="2026-05-01", closes="2026-06-30")
    ]
    known: set[str] = set()
    events += [credit(50_000, source, person) for source in ("rights", "public") for person in PEOPLE]
    for _ in range(draw(st.integers(5, 45))):
        step = draw(st.integers(0, 7))
        remaining = ways[NAMES[step % len(NAMES)]]
        if step >= 6:
            event = draw(ANYTHING)
        elif remaining:
            event = remaining.pop(0)
        else:
            continue
        begins = event["do"] in {"request", "apply"}
        if event.get("booking") and not begins and event["booking"] not in known:
            continue
        known |= {event["booking"]} if begins else set()
        now = max(now + timedelta(days=draw(PAUSES)), datetime.fromisoformat(event.get("at", CLOCK)))
        events.append({**event, "at": now.isoformat()})
    if scheme != "stap":
        events = [event for event in events if event["do"] not in {"open_window", "apply"}]
        asked = {event["booking"] for event in events if event["do"] == "request"}
        events = [event for event in events if event.get("booking", "") in {"", *asked}]
    changes = {"learners": LEARNERS, "credentials": CREDENTIALS, "sessions": SESSIONS, "clock": CLOCK}
    return {**head(scheme, **changes), "events": events}


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
def test_the_invariants_hold_in_every_scheme(values: dict[str, Any]) -> None:
    outcome = replay.run_scenario(values).as_json()
    assert outcome["audit"] == {"ok": True, "violations": []}
    for event in outcome["events"]:
        assert event["ok"] or event["code"] in CODES
    bookings = outcome["bookings"].values()
    people = outcome["learners"].values()
    from_lots = sum(each["held_cents"] + each["spent_cents"] for each in people)
    elsewhere = {"learner", "grant"} | ({"public"} if values["scheme"] == "uk_2000" else set())
    drawn = sum(c for each in bookings for source, c in each["sources"].items() if source not in elsewhere)
    assert drawn <= from_lots if values["scheme"] == "uk_2000" else drawn == from_lots
    grants = sum(each["sources"].get("grant", 0) for each in bookings)
    assert grants <= 150_000
    for each in bookings:
        assert sum(each["sources"].values()) <= each["price_cents"]
    for each in outcome["providers"].values():
        assert min(each.values()) >= 0
        if values["scheme"] == "upper_austria":
            assert set(each.values()) == {0}
    for each in people:
        assert 0 <= each.get("reimbursed_cents", 0) <= 3 * 200_000
