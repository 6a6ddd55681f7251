"""The laboratory says to the cent what the services do: the same people, once played, once through real bookings."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from funding import replay
from funding.laboratory import generate
from funding.laboratory.people import Person, Wish
from funding.laboratory.play import Player
from funding.schemes.presets import load_preset
from tests.funding.laboratory.people import flow, rules

pytestmark = pytest.mark.django_db

YEARS = (2026, 2027)
CLOCK = "2025-12-31T08:00"
IBAN = "FR7630006000011234567890189"


def sample(scheme: str, number: int) -> list[Person]:
    """Imagined people who wish for something, with time enough between acceptance and start for every scheme."""
    line = rules(scheme)
    found: list[Person] = []
    for part in generate.generate(before=line, after=line, years=YEARS, number=4_000, seed=11):
        for person in part:
            if person.wishes and person.opening_cents and len(found) < number:
                # A scenario's opening credit is a person's act: the scheme itself has credited nothing yet.
                fresh = replace(person, credited=False, emptied_on=None)
                found.append(replace(fresh, wishes=tuple(map(in_time, person.wishes))))
    return found


def in_time(wish: Wish) -> Wish:
    starts = wish.on + timedelta(days=35)
    ends = starts + timedelta(days=60)
    return replace(wish, starts=starts, ends=ends, own_limit_cents=None, certificate=True)


def scenario(scheme: str, person: Person) -> dict[str, Any]:
    """The same life as a scenario of real services."""
    facts, kinds = person.facts, sorted({wish.credential.kind for wish in person.wishes})
    learner: dict[str, Any] = {
        "id": "L",
        "birth_date": str(facts.birth_date),
        "status": facts.status,
        "qualification_level": facts.qualification_level,
        "disabled": facts.disabled,
        "hours_ratio": facts.hours_ratio,
        "driving_licences": list(facts.driving_licences),
        "residence": facts.residence,
        "citizen": facts.citizen,
        "work_incapacity_percent": facts.work_incapacity_percent,
        "prevention_account": facts.prevention_account,
        "student_finance": facts.student_finance,
        "insured_months": facts.insured_months,
        "income_cents": facts.income_cents,
    }
    events: list[tuple[str, dict[str, Any]]] = []
    for lot in person.lots:
        credit: dict[str, Any] = {"do": "credit", "learner": "L", "source": lot.source}
        credit |= {"amount_cents": lot.available_cents}
        if lot.expires is not None:
            credit["expires"] = str(lot.expires)
        if lot.available_cents:
            events.append((CLOCK, credit))
    by_hours = load_preset(scheme).rules_on(date(2026, 1, 1)).accrual == "yearly_by_hours"
    day = "12-31" if by_hours else "01-01"
    events += [(f"{year}-{day}T07:00", {"do": "accrue", "year": year}) for year in YEARS]
    sessions = []
    for number, wish in enumerate(person.wishes):
        session = {
            "id": f"S{number}",
            "credential": f"C-{wish.credential.kind}",
            "price_cents": wish.price_cents,
        }
        sessions.append(
            {**session, "starts": f"{wish.starts}T09:00", "ends": f"{wish.ends}T17:00", "seats": 5}
        )
        events += of_a_booking(number, wish)
    last = date(YEARS[-1], 12, 31)
    events.append((f"{last}T23:00", {"do": "advance", "to": f"{last}T23:30"}))
    events.sort(key=lambda each: each[0])
    hours = {wish.credential.kind: wish.credential.hours for wish in person.wishes}
    return {
        "scheme": scheme,
        "clock": CLOCK,
        "learners": [learner],
        "providers": [
            {"id": "P", "accredited_from": "2020-01-01", "accredited_until": "2035-01-01", "iban": IBAN}
        ],
        "credentials": [
            {
                "id": f"C-{kind}",
                "provider": "P",
                "kind": kind,
                "hours": int(hours[kind] or 0),
                "title": kind,
                "accredited_from": "2020-01-01",
                "accredited_until": "2035-01-01",
            }
            for kind in kinds
        ],
        "sessions": sessions,
        "events": [{**event, "at": at} for at, event in events],
    }


def of_a_booking(number: int, wish: Wish) -> list[tuple[str, dict[str, Any]]]:
    """From the request to the money with the provider, each step on a day that its rules allow."""
    booking = f"B{number}"
    day = wish.starts
    steps: list[tuple[str, dict[str, Any]]] = [
        (f"{wish.on}T09:00:0{number}", {"do": "request", "learner": "L", "session": f"S{number}"}),
        (f"{wish.on}T09:10:0{number}", {"do": "propose"}),
        (f"{wish.on}T09:20:0{number}", {"do": "accept"}),
        (f"{day}T10:00", {"do": "declare_entry"}),
        (f"{wish.ends}T10:00", {"do": "attendance", "percent": wish.percent}),
        (f"{wish.ends}T11:00", {"do": "certificate"}),
        (f"{wish.ends}T18:00", {"do": "declare_exit", "reason": "complete"}),
        (f"{wish.ends}T18:10", {"do": "declare_service"}),
        (f"{wish.ends}T18:20", {"do": "validate_service"}),
        (f"{wish.ends}T18:30", {"do": "claim"}),
        (f"{wish.ends}T18:40", {"do": "approve_claim"}),
        (f"{wish.ends}T18:50", {"do": "pay"}),
        (f"{wish.ends}T18:55", {"do": "bank", "result": "executed"}),
    ]
    last = f"{YEARS[-1]}-12-31T22:00"
    return [(at, {**event, "booking": booking}) for at, event in steps if at < last]


def first_refusals(values: dict[str, Any], outcome: dict[str, Any]) -> list[str]:
    """The code that ended each booking's way to its acceptance; empty where it was accepted."""
    found: dict[str, str] = {}
    for event, told in zip(values["events"], outcome["events"], strict=True):
        name = event.get("booking")
        if name is not None and event["do"] in ("request", "propose", "accept"):
            found.setdefault(name, "")
            if not told["ok"] and not found[name]:
                found[name] = told["code"]
    return [found[name] for name in sorted(found)]


@pytest.mark.parametrize(
    ("scheme", "number"), [("cpf", 10), ("flanders", 3), ("lithuania", 3), ("skillsfuture", 3), ("canada", 3)]
)
def test_the_laboratory_and_the_services_agree_to_the_cent(scheme: str, number: int) -> None:
    people = sample(scheme, number)
    assert len(people) == number
    for person in people:
        # What ends after the last year is not settled in either.
        values = scenario(scheme, person)
        outcome = replay.run_scenario(values).as_json()
        assert outcome["audit"]["ok"], outcome["audit"]
        played = Player(rules(scheme), YEARS).play(person)
        assert [each.code for each in played.decisions] == first_refusals(values, outcome), values
        learner = outcome["learners"]["L"]
        assert flow(played, "outstanding")[-1] == learner["available_cents"] + learner["held_cents"], values
        assert sum(flow(played, "paid")) + sum(flow(played, "third_party")) == learner["spent_cents"], values
        own = sum(each["sources"].get("learner", 0) for each in outcome["bookings"].values())
        assert sum(flow(played, "own")) == own, values
