"""Files that are no scenarios: each is refused with one line that names the place."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from funding.replay import ScenarioError, parse, read_file
from funding.replay.plan import plan_scenario
from funding.replay.scenario import EVENTS, parse_scenario
from tests.funding.replay.theatre import HEAD, credit, do, proposed, request, scenario


def fault(values: Any) -> str:
    with pytest.raises(ScenarioError) as caught:
        plan_scenario(parse_scenario(values))
    message = str(caught.value)
    assert "\n" not in message
    return message


def without(part: str, key: str) -> dict[str, Any]:
    values = scenario()
    rows = values[part]
    del (rows[0] if isinstance(rows, list) else rows)[key]
    return values


# -- JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1, column 1: no JSON"),
        (b"{", "no JSON"),
        (b'{"a": 1,}', "no JSON"),
        (b"{'a': 1}", "no JSON"),
        (b'{"a": 1} x', "no JSON: Extra data"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' occurs twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is too long"),
        (b'{"a": 0.' + b"9" * 5000 + b"}", "is too long"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 30 + b'"x"' + b"]" * 30, "nested too deeply"),
        (b'{"a": "\xe9"}', "byte 7: is not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "byte 0: is not UTF-8"),
        (b"\xef\xbb\xbf{}", "no JSON"),
        (b'{"a": ["b", "\\u0000"]}', "a[1]: holds a NUL character"),
        (b'{"a": {"b": "\\ud800"}}', "a.b: holds half a character"),
        (b'{"\\ud800": 1}', "holds half a character"),
    ],
)
def test_what_is_no_json(content: bytes, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(content)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_file_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b" " * 5_000_001)
    with pytest.raises(ScenarioError, match="larger than"):
        read_file(path)


@pytest.mark.parametrize("name", ["missing.json", ".", "nul\0.json"])
def test_a_path_without_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_file(tmp_path / name)


def test_numbers_stay_exact() -> None:
    assert parse(b'{"a": 1, "b": 0.1}') == {"a": 1, "b": Decimal("0.1")}


# -- keys, kinds and references --------------------------------------------------------------------------


def test_the_usual_scenario_is_one() -> None:
    plan_scenario(parse_scenario(scenario(credit(), proposed())))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "a scenario is a JSON object"),
        (None, "a scenario is a JSON object"),
        ({**HEAD, "extra": 1}, "extra: unknown key"),
        ({"clock": HEAD["clock"]}, "scheme: is missing"),
        ({"scheme": "cpf"}, "clock: is missing"),
        ({**HEAD, "scheme": "spam"}, "scheme: 'spam' is unknown: there are canada, cpf, "),
        ({**HEAD, "scheme": 1}, "scheme: "),
        ({**HEAD, "rules": []}, "rules: "),
        ({**HEAD, "learners": {}}, "learners: "),
        ({**HEAD, "learners": [1]}, "learners[0]: "),
        ({**HEAD, "events": {}}, "events: must be a list"),
        ({**HEAD, "events": ["accept"]}, "events[0]: an event is an object"),
        ({**HEAD, "events": [{}]}, "events[0].do: is missing"),
        ({**HEAD, "events": [{"do": "dance"}]}, "events[0].do: unknown event 'dance'"),
        ({**HEAD, "events": [{"do": ["accept"]}]}, "events[0].do: unknown event ['accept']"),
        (without("learners", "id"), "learners[0].id: is missing"),
        (without("credentials", "provider"), "credentials[0].provider: is missing"),
        (without("credentials", "kind"), "credentials[0].kind: is missing"),
        (without("sessions", "credential"), "sessions[0].credential: is missing"),
        (without("sessions", "price_cents"), "sessions[0].price_cents: is missing"),
        (scenario(learner={"colour": "red"}), "learners[0].colour: unknown key"),
        (scenario(provider={"colour": "red"}), "providers[0].colour: unknown key"),
        (scenario(credential={"colour": "red"}), "credentials[0].colour: unknown key"),
        (scenario(session={"colour": "red"}), "sessions[0].colour: unknown key"),
        (scenario(credit(colour="red")), "events[0].colour: unknown key"),
        (scenario(learner={"id": ""}), "learners[0].id: "),
        (scenario(learner={"id": 1}), "learners[0].id: "),
        (scenario(learner={"status": "astronaut"}), "learners[0].status: "),
        (scenario(learner={"qualification_level": 9}), "learners[0].qualification_level: "),
        (scenario(learner={"qualification_level": True}), "learners[0].qualification_level: "),
        (scenario(learner={"disabled": 1}), "learners[0].disabled: "),
        (scenario(learner={"hours_ratio": "1"}), "learners[0].hours_ratio: must be a number"),
        (scenario(learner={"hours_ratio": True}), "learners[0].hours_ratio: must be a number"),
        (
            scenario(learner={"hours_ratio": Decimal("0.12345")}),
            "learners[0].hours_ratio: must be a number with",
        ),
        (scenario(learner={"hours_ratio": Decimal("1e999999")}), "learners[0].hours_ratio: "),
        (scenario(learner={"hours_ratio": -1}), "learners[0].hours_ratio: "),
        (scenario(learner={"annual_hours": 10**6}), "learners[0].annual_hours: "),
        (scenario(learner={"driving_licences": "B"}), "learners[0].driving_licences: "),
        (scenario(learner={"driving_licences": [1]}), "learners[0].driving_licences[0]: "),
        (scenario(learner={"residence": "France"}), "learners[0].residence: "),
        (scenario(learner={"citizen": 3}), "learners[0].citizen: "),
        (scenario(learner={"e_identity": "none"}), "learners[0].e_identity: "),
        (scenario(learner={"income_cents": -1}), "learners[0].income_cents: "),
        (scenario(learner={"birth_date": "1990-02-30"}), "learners[0].birth_date: no day such as"),
        (scenario(learner={"birth_date": 19900203}), "learners[0].birth_date: must be a day such as"),
        (scenario(learner={"birth_date": "1990-02-03T00:00"}), "learners[0].birth_date: no day such as"),
        (scenario(learner={"work_incapacity_percent": 101}), "learners[0].work_incapacity_percent: "),
        (
            scenario(provider={"accredited_until": "2024-01-01"}),
            "providers[0]: accredited_until comes before",
        ),
        (scenario(credential={"kind": "poetry"}), "credentials[0].kind: "),
        (scenario(credential={"hours": 0}), "credentials[0].hours: "),
        (
            scenario(credential={"register_price_cents": Decimal("1.5")}),
            "credentials[0].register_price_cents: ",
        ),
        (scenario(session={"seats": -1}), "sessions[0].seats: "),
        (scenario(session={"price_cents": -1}), "sessions[0].price_cents: "),
        (scenario(session={"price_cents": True}), "sessions[0].price_cents: "),
        (scenario(session={"price_cents": Decimal("100.0")}), "sessions[0].price_cents: "),
        (scenario(session={"price_cents": 10**13}), "sessions[0].price_cents: "),
        (scenario(session={"price_cents": "165000"}), "sessions[0].price_cents: "),
        (scenario(session={"ends": "2026-06-21T09:00"}), "sessions[0].ends: comes before the start"),
        (scenario(session={"starts": "tomorrow"}), "sessions[0].starts: no time such as"),
        (scenario(session={"starts": 20260622}), "sessions[0].starts: must be a time such as"),
        ({**HEAD, "clock": "2026-02-29T09:00"}, "clock: no time such as"),
        ({**HEAD, "clock": "9999-12-31T09:00"}, "clock: the year 9999 is out of range"),
        ({**HEAD, "learners": [{"id": "L1"}, {"id": "L1"}]}, "learners[1].id: 'L1' is there twice"),
        ({**HEAD, "providers": HEAD["providers"] * 2}, "providers[1].id: 'P1' is there twice"),
        (scenario(credential={"provider": "P9"}), "credentials[0].provider: unknown provider 'P9'"),
        (scenario(session={"credential": "C9"}), "sessions[0].credential: unknown credential 'C9'"),
        (scenario(credit(learner="L9")), "events[0].learner: unknown learner 'L9'"),
        (scenario(credit(-1)), "events[0].amount_cents: "),
        (scenario(credit(Decimal("1.5"))), "events[0].amount_cents: "),  # type: ignore[arg-type]
        (scenario(credit(True)), "events[0].amount_cents: "),
        (scenario(credit(source="lottery")), "events[0].source: "),
        (scenario(credit(source="grant")), "events[0].source: "),
        (scenario(credit(expires="soon")), "events[0].expires: no day such as"),
        (scenario(request(learner="L9")), "events[0].learner: unknown learner 'L9'"),
        (scenario(request(session="S9")), "events[0].session: unknown session 'S9'"),
        (scenario(do("accept", "B9")), "events[0].booking: unknown booking 'B9'"),
        (scenario(credit(), proposed(), do("accept", "B9")), "events[3].booking: unknown booking 'B9'"),
        (scenario(do("propose"), request()), "events[0].booking: unknown booking 'B1'"),
        (scenario(do("accept", None)), "events[0].booking: is missing"),
        (scenario(request(), do("cancel")), "events[1].by: is missing"),
        (scenario(request(), do("cancel", by="god")), "events[1].by: "),
        (scenario(request(), do("bank", result="lost")), "events[1].result: "),
        (scenario(request(), do("accept", e_identity="tattoo")), "events[1].e_identity: "),
        (scenario(request(), do("no_show", justified="yes")), "events[1].justified: "),
        (
            scenario(request(), do("attendance", hours=Decimal("1.234"))),
            "events[1].hours: must be a number with",
        ),
        (scenario(request(), do("attendance", percent=Decimal("79.5"))), "events[1].percent: "),
        (scenario(do("accrue", None, year="2026")), "events[0].year: "),
        (scenario(do("accrue", None, year=20260)), "events[0].year: "),
        (scenario(do("cancel_session", None, session="S9")), "events[0].session: unknown session 'S9'"),
        (scenario(do("set_provider", None, provider="P9")), "events[0].provider: unknown provider 'P9'"),
        (scenario(do("suspend", None)), "events[0]: exactly one of provider, credential is needed"),
        (scenario(do("suspend", None, provider="P1", credential="C1")), "events[0]: exactly one of"),
        (scenario(do("resume", None, credential="C9")), "events[0].credential: unknown credential 'C9'"),
        (scenario(do("hold", None, reason="x")), "events[0]: exactly one of booking, provider, session"),
        (scenario(do("release_hold", "B9")), "events[0].booking: unknown booking 'B9'"),
        (
            scenario(do("apply", "B1", learner="L1", session="S1", window="W1")),
            "events[0].window: unknown window 'W1'",
        ),
        (
            scenario(do("advance", None, to="2026-05-04T08:59")),
            "events[0].to: goes back from 2026-05-04T09:00",
        ),
        (scenario(credit(at="2026-05-03")), "events[0].at: goes back"),
        (scenario(credit(at="2026-05-05"), credit(at="2026-05-04T23:59")), "events[1].at: goes back"),
        (scenario(credit(at="2026-05-04T09:00+02:01")), "events[0].at: goes back"),
        (
            scenario(do("advance", None, to="2026-06-01"), credit(at="2026-05-31T23:59")),
            "events[1].at: goes back",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_place_is_named(values: Any, message: str) -> None:
    assert fault(values).startswith(message)


SCHEMES = "canada cpf croatia flanders geneva germany greece lithuania skillsfuture stap uk_2000 upper_austria wioa_ita"


@pytest.mark.parametrize("scheme", SCHEMES.split())
def test_every_scheme_of_the_contract_can_be_played(scheme: str) -> None:
    assert plan_scenario(parse_scenario({**HEAD, "scheme": scheme})).preset.code == scheme


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"participation": 1}, "rules.participation: no such parameter"),
        ({"a\nb": 1}, "rules.a b: no such parameter"),
        ({"participation_cents": -1}, "rules.participation_cents: "),
        ({"participation_cents": Decimal("1.5")}, "rules.participation_cents: "),
        ({"participation_cents": True}, "rules.participation_cents: "),
        ({"participation_mode": "min"}, "rules.participation_mode: "),
        ({"cap_cents": 1}, "rules.cap_cents, rules.yearly_credit_cents: "),
        ({"validity_months": 1201}, "rules.validity_months: 1201 months are more than 1,200"),
        ({"x": 1, "y": 2}, "rules.x: no such parameter; rules.y: no such parameter"),
    ],
)
def test_rules_that_cannot_be(rules: dict[str, Any], message: str) -> None:
    assert fault({**HEAD, "rules": rules}).startswith(message)


def test_rules_hold_in_earlier_versions_where_they_can() -> None:
    plan = plan_scenario(parse_scenario({**HEAD, "rules": {"participation_cents": 1, "cap_cents": 600_000}}))
    by_day = dict(plan.preset.versions)
    versions = sorted(by_day)
    # Before May 2024 there was no participation at all.
    assert by_day[versions[0]].participation_cents == 0
    assert all(by_day[day].cap_cents == 600_000 for day in versions)
    assert all(by_day[day].participation_cents == 1 for day in versions[1:])


def test_every_event_of_the_grammar_has_its_words() -> None:
    words = (
        "accrue credit open_window apply request propose refuse accept deny_consent withdraw cancel cancel_session"
        " declare_entry attendance certificate declare_exit declare_service validate_service no_show claim"
        " approve_claim pay bank set_provider suspend resume advance acknowledge hold release_hold exam recover resolve"
    )
    assert sorted(EVENTS) == sorted(words.split(" "))


@pytest.mark.parametrize("do_what", sorted(EVENTS))
def test_every_event_refuses_unknown_keys(do_what: str) -> None:
    assert fault({**HEAD, "events": [{"do": do_what, "colour": "red"}]}) == "events[0].colour: unknown key"


def test_times_with_and_without_an_offset() -> None:
    values = scenario(
        credit(at="2026-05-04T09:30"),
        credit(at="2026-05-04T08:00Z"),
        credit(at="2026-05-04T14:00+05:30"),
        credit(at="2026-05-05"),
        do("advance", None, to="2026-05-05 12:00:30"),
    )
    plan = plan_scenario(parse_scenario(values))
    assert [each and each.isoformat() for each in plan.at] == [
        "2026-05-04T07:30:00+00:00",
        "2026-05-04T08:00:00+00:00",
        "2026-05-04T08:30:00+00:00",
        "2026-05-04T22:00:00+00:00",
        None,
    ]
    assert plan.to[-1] is not None
    assert plan.to[-1].isoformat() == "2026-05-05T10:00:30+00:00"


def test_too_many_events() -> None:
    assert fault({**HEAD, "events": [{"do": "accrue", "year": 2026}] * 10_001}) == "events: more than 10,000"


def test_a_scenario_survives_its_own_json() -> None:
    values = scenario(credit(), proposed())
    assert parse(json.dumps(values).encode()) == values
