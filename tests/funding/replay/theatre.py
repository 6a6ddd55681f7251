"""A small theatre for scenarios: the usual cast, the usual first scene, and a play that returns the outcome.

Monday 4 May 2026 is day 0. The working days after it: 5, 6, 7, 11, 12, 13, 15, 18, 19, 20, 21 (the 11th), 22,
26, 27 (the 14th) May; 8, 14 and 25 May are holidays. The session runs from Monday 22 to Friday 26 June.
"""

import copy
from collections.abc import Iterator
from typing import Any

from funding import replay

IBAN = "FR7630006000011234567890189"
OTHER_IBAN = "FR1420041010050500013M02606"
CLOCK = "2026-05-04T09:00"
STARTS, ENDS = "2026-06-22T09:00", "2026-06-26T17:00"

HEAD: dict[str, Any] = {
    "scheme": "cpf",
    "clock": CLOCK,
    "learners": [{"id": "L1", "birth_date": "1990-02-03"}],
    "providers": [
        {"id": "P1", "accredited_from": "2025-01-01", "accredited_until": "2028-01-01", "iban": IBAN}
    ],
    "credentials": [{"id": "C1", "provider": "P1", "kind": "rs", "hours": 50, "title": "Welding"}],
    "sessions": [
        {"id": "S1", "credential": "C1", "starts": STARTS, "ends": ENDS, "seats": 10, "price_cents": 165000}
    ],
}

Event = dict[str, Any]


def do(what: str, booking: str | None = "B1", /, **keys: Any) -> Event:
    """An event about a booking (None: about none)."""
    return {"do": what} | ({} if booking is None else {"booking": booking}) | keys


def credit(cents: int = 500_000, source: str = "rights", learner: str = "L1", **keys: Any) -> Event:
    """Money for a learner."""
    return do("credit", None, learner=learner, source=source, amount_cents=cents, **keys)


def request(booking: str = "B1", learner: str = "L1", session: str = "S1", **keys: Any) -> Event:
    """A learner asks for a place."""
    return do("request", booking, learner=learner, session=session, **keys)


def proposed(booking: str = "B1", **keys: Any) -> list[Event]:
    """Asked and proposed."""
    return [request(booking, **keys), do("propose", booking)]


def accepted(booking: str = "B1", **keys: Any) -> list[Event]:
    """Asked, proposed and accepted."""
    return [*proposed(booking, **keys), do("accept", booking)]


def trained(booking: str = "B1", percent: int | None = 100) -> list[Event]:
    """Entered, attended, left, declared."""
    attendance = [] if percent is None else [do("attendance", booking, percent=percent)]
    return [
        do("declare_entry", booking, at=STARTS),
        *attendance,
        do("declare_exit", booking, reason="complete", at=ENDS),
        do("declare_service", booking),
    ]


def validated(booking: str = "B1", percent: int | None = 100) -> list[Event]:
    """Trained, and the service validated at once."""
    return [*trained(booking, percent), do("validate_service", booking)]


def claimed(booking: str = "B1") -> list[Event]:
    """Claimed, and the claim approved."""
    return [do("claim", booking), do("approve_claim", booking)]


def paid(booking: str = "B1") -> list[Event]:
    """Claimed, paid, executed by the bank."""
    return [*claimed(booking), do("pay", booking), do("bank", booking, result="executed")]


def scenario(*events: Event | list[Any], **changes: Any) -> dict[str, Any]:
    """The usual head with these events. `changes` replace parts of the head; `learner=…`, `session=…` and so on
    add keys to the first of each."""
    head = copy.deepcopy(HEAD)
    for name, value in changes.items():
        if name in {"learner", "provider", "credential", "session"}:
            head[f"{name}s"][0] |= value
        else:
            head[name] = value
    return {**head, "events": list(_flat(events))}


def _flat(events: Any) -> Iterator[Event]:
    for each in events:
        if isinstance(each, dict):
            yield each
        else:
            yield from _flat(each)


def play(*events: Event | list[Any], **changes: Any) -> dict[str, Any]:
    """The outcome of a scenario, as its JSON; the audit holds."""
    outcome = replay.run_scenario(scenario(*events, **changes)).as_json()
    assert outcome["audit"] == {"ok": True, "violations": []}
    return outcome


def refusals(outcome: dict[str, Any]) -> list[tuple[int, str, str | None]]:
    """(n, code, rule) of every refused event."""
    return [(each["n"], each["code"], each["rule"]) for each in outcome["events"] if not each["ok"]]


def last(outcome: dict[str, Any]) -> tuple[str, str | None] | None:
    """(code, rule) of the last event; None when it was done."""
    event = outcome["events"][-1]
    return None if event["ok"] else (event["code"], event["rule"])


def state(outcome: dict[str, Any], booking: str = "B1") -> str:
    """The booking's state at the end."""
    return str(outcome["bookings"][booking]["state"])


def sources(outcome: dict[str, Any], booking: str = "B1") -> dict[str, int]:
    """What each source has in the booking at the end."""
    return dict(outcome["bookings"][booking]["sources"])


def learner(outcome: dict[str, Any], name: str = "L1") -> tuple[int, int, int]:
    """Available, held, spent."""
    found = outcome["learners"][name]
    return found["available_cents"], found["held_cents"], found["spent_cents"]


def provider(outcome: dict[str, Any], name: str = "P1") -> tuple[int, int, int, int]:
    """Payable, in transit, paid, owed."""
    found = outcome["providers"][name]
    return found["payable_cents"], found["in_transit_cents"], found["paid_cents"], found["owed_cents"]
