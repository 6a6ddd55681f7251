"""Scenarios of the other schemes: a head for each, and the walks that most of them take."""

import copy
from typing import Any

from funding import replay
from tests.funding.replay.theatre import Event, _flat, do

CLOCK = "2026-05-04T09:00"
STARTS, ENDS = "2026-06-22T09:00", "2026-07-17T17:00"


def head(scheme: str, **changes: Any) -> dict[str, Any]:
    """A learner born in 1990, an accredited provider, a course of 60 hours for 1,000.00 in June and July 2026."""
    found: dict[str, Any] = {
        "scheme": scheme,
        "clock": CLOCK,
        "learners": [{"id": "L1", "birth_date": "1990-02-03"}],
        "providers": [{"id": "P1", "accredited_from": "2020-01-01", "accredited_until": "2031-01-01"}],
        "credentials": [
            {
                "id": "C1",
                "provider": "P1",
                "kind": "course",
                "hours": 60,
                "accredited_from": "2020-01-01",
                "accredited_until": "2031-01-01",
            }
        ],
        "sessions": [
            {"id": "S1", "credential": "C1", "starts": STARTS, "ends": ENDS, "price_cents": 100_000}
        ],
    }
    for name, value in changes.items():
        if name in {"learner", "provider", "credential", "session"}:
            found[f"{name}s"][0] |= value
        else:
            found[name] = copy.deepcopy(value)
    return found


def play(scheme: str, *events: Event | list[Any], **changes: Any) -> dict[str, Any]:
    """The outcome of a scenario of that scheme, as its JSON; the audit holds."""
    values = {**copy.deepcopy(head(scheme, **changes)), "events": list(_flat(events))}
    outcome = replay.run_scenario(values).as_json()
    assert outcome["audit"] == {"ok": True, "violations": []}
    return outcome


def trained(
    booking: str = "B1", percent: int = 100, *, starts: str = STARTS, ends: str = ENDS
) -> list[Event]:
    """Entered, attended, left."""
    return [
        do("declare_entry", booking, at=starts),
        do("attendance", booking, percent=percent),
        do("declare_exit", booking, reason="complete", at=ends),
    ]


def validated(booking: str = "B1", percent: int = 100, **times: str) -> list[Event]:
    """Trained, declared and validated."""
    return [
        *trained(booking, percent, **times),
        do("declare_service", booking),
        do("validate_service", booking),
    ]


def window(name: str = "W1", budget_cents: int = 1_000_000, **keys: Any) -> Event:
    """The window of 1 July 2022, open until the end of August."""
    times = {"opens": "2022-07-01T10:00", "closes": "2022-08-31T17:00"}
    return do("open_window", None, window=name, budget_cents=budget_cents, **{**times, **keys})


def apply(
    booking: str = "B1", learner: str = "L1", session: str = "S1", name: str = "W1", **keys: Any
) -> Event:
    """An application."""
    return do("apply", booking, learner=learner, session=session, window=name, **keys)


STAP: dict[str, Any] = {
    "clock": "2022-06-20T09:00",
    "sessions": [
        {
            "id": "S1",
            "credential": "C1",
            "starts": "2022-09-05T09:00",
            "ends": "2022-09-30T17:00",
            "price_cents": 90_000,
        }
    ],
}
"""The head of a STAP scenario in 2022: ten working weeks before a course of 900.00."""
OPEN = "2022-07-01T10:00"
STAP_TIMES: dict[str, Any] = {"starts": "2022-09-05T09:00", "ends": "2022-09-30T17:00"}
