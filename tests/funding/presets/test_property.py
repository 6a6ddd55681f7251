"""Every scheme, whatever is tried in whatever order: the invariants hold, and no cent is made or lost."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funding import replay
from funding.replay.outcome import EventResult
from funding.replay.refusals import CODES
from funding.replay.scenario import EVENTS
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
    plain = [
        "withdraw", "deny_consent", "claim", "pay", "exam", "certificate", "approve_claim", "validate_service",
        "acknowledge", "propose", "accept", "declare_entry", "declare_exit", "declare_service",
    ]  # fmt: skip
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
        st.builds(lambda each, by: do("refuse", each, by=by, reason="full"), booking,
                  st.sampled_from(["learner", "provider"])),
        st.builds(lambda each: do("claim", each, advance=True), booking),
        st.builds(lambda each, hours: do("attendance", each, hours=hours), booking, st.sampled_from([7, 33])),
        st.builds(lambda each: do("hold", each, reason="control", until="2026-09-01"), booking),
        st.builds(lambda each: do("release_hold", each), booking),
        st.sampled_from([
            do("suspend", None, credential="C1"), do("resume", None, credential="C1"),
            do("suspend", None, provider="P1"), do("resume", None, provider="P1"),
            do("set_provider", None, provider="P1", accredited_until="2032-01-01"),
            do("hold", None, session="S1", reason="control", until="2026-08-01"),
            do("release_hold", None, session="S1"), do("cancel_session", None, session="S2"),
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
def scenarios(draw: st.DrawFn, scheme: str) -> dict[str, Any]:
    """Three bookings of that scheme, interleaved, with anything in between."""
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
        pause = timedelta(days=draw(PAUSES))
        if event["do"] in {"withdraw", "release_hold"} and pause:
            # Time passes by itself too: what falls due is done on the way.
            events.append(do("advance", None, to=(now + pause).isoformat()))
        now = max(now + pause, datetime.fromisoformat(event.get("at", CLOCK)))
        events.append({**event, "at": now.isoformat()})
    if scheme != "stap":
        events = [event for event in events if event["do"] not in {"open_window", "apply"}]
        asked = {event["booking"] for event in events if event["do"] == "request"}
        events = [event for event in events if event.get("booking", "") in {"", *asked}]
    changes = {"learners": LEARNERS, "credentials": CREDENTIALS, "sessions": SESSIONS, "clock": CLOCK}
    return {**head(scheme, **changes), "events": events}


CONSERVED = """
    SELECT (SELECT count(*) FROM (SELECT entry_id FROM funding_posting GROUP BY entry_id
                                  HAVING sum(amount_cents) <> 0) AS unequal),
           (SELECT count(*) FROM funding_lot AS lot
             WHERE (available_cents, held_cents, spent_cents) <> (
                SELECT coalesce(sum(amount_cents) FILTER (WHERE bucket = 'available'), 0),
                       coalesce(sum(amount_cents) FILTER (WHERE bucket IN ('held', 'payable', 'in_transit')), 0),
                       coalesce(sum(amount_cents) FILTER (WHERE bucket IN ('paid', 'owed')), 0)
                  FROM funding_posting WHERE lot_id = lot.id)),
           (SELECT count(*) FROM funding_lot WHERE least(available_cents, held_cents, spent_cents) < 0),
           (SELECT count(*) FROM funding_allocation
             WHERE amount_cents < returned_cents + paid_cents OR least(returned_cents, paid_cents) < 0)
"""


def conserved(result: EventResult) -> None:
    """After each event: entries add up, lots are their postings, nothing is below zero or spent twice."""
    with connection.cursor() as cursor:
        cursor.execute(CONSERVED)
        assert cursor.fetchone() == (0, 0, 0, 0), result


def test_everything_of_the_contract_is_tried() -> None:
    tried = {event["do"] for scheme in ("cpf", "stap") for event in way(scheme, "B1", "L1", "S1", 100, True)}
    source = Path(__file__).read_text(encoding="utf-8")
    assert (
        sorted(each for each in EVENTS.keys() - tried if f'"{each}"' not in source and each != "credit") == []
    )


@pytest.mark.parametrize("scheme", preset_codes())
@settings(
    max_examples=4,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(data=st.data())
def test_the_invariants_hold_in_every_scheme(scheme: str, data: st.DataObject) -> None:
    values = data.draw(scenarios(scheme))
    outcome = replay.run_scenario(values, watch=conserved).as_json()
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
