"""A day's run: same bytes, no order or id that matters, only what was known, failures shown."""

import json
import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from fraud.detection.detector import FAMILIES, TYPOLOGIES, Finding
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import detect_evaluated
from fraud.detection.scoring import final_actions
from fraud.services.loads import load_population
from tests.fraud.population import DAY, Population, moment

pytestmark = pytest.mark.django_db


def _spoilt() -> Population:
    people = Population()
    people.honest()
    provider = people.provider(iban_hash="same")
    people.provider(iban_hash="same")
    session = people.session(people.credential(provider), starts=moment(70, 11))
    for _ in range(3):
        booking = people.book(people.learner(phone_hash="one"), session, created=moment(90))
        people.event(booking, "denied", moment(3))
        people.event(booking, "claim", moment(40), amount_cents=90_000)
        people.event(booking, "paid", moment(35), amount_cents=90_000)
    return people


def _run(directory, people, **options):
    load_population(directory=people.write(directory / "in", **options))
    call_command("fraud_detect", "--as-of", DAY.isoformat(), "--out", str(directory / "out"))
    return [(directory / "out" / name).read_bytes() for name in ("alerts.jsonl", "cases.jsonl")]


def test_the_same_facts_give_the_same_bytes_in_any_order(tmp_path):
    people = _spoilt()
    first = _run(tmp_path / "a", people)
    assert len(first[0].splitlines()) > 4
    assert _run(tmp_path / "b", people) == first
    assert _run(tmp_path / "c", people, shuffle=5) == first


def test_other_ids_change_no_score(tmp_path):
    people = _spoilt()
    first = _run(tmp_path / "a", people)
    for rows in people.rows.values():
        for row in rows:
            for name, value in row.items():
                if name.endswith(("_id", "_hash")) and isinstance(value, str):
                    row[name] = "z" + value[::-1]
    again = _run(tmp_path / "b", people)
    for before, after in zip(first, again, strict=True):
        scores = [
            sorted(
                (row["score"], row.get("detector", ""), row.get("action", ""))
                for row in map(json.loads, text.splitlines())
            )
            for text in (before, after)
        ]
        assert scores[0] == scores[1]


def test_workers_share_the_days_and_say_what_one_alone_says(tmp_path, capsys):
    load_population(directory=_spoilt().write(tmp_path / "in"))
    since = (DAY - timedelta(days=28)).isoformat()
    span = ["--as-of", DAY.isoformat(), "--since", since]
    call_command("fraud_detect", *span, "--out", str(tmp_path / "alone"))
    for part in ("1/2", "2/2"):
        call_command("fraud_detect", *span, "--part", part, "--out", str(tmp_path / "shared"))
    alone, shared = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.jsonl")}
        for name in ("alone", "shared")
    )
    assert alone == shared
    assert len(alone) == 5 * 3
    for wrong in ("0/2", "3/2", "1", "a/b"):
        with pytest.raises(CommandError):
            call_command("fraud_detect", *span, "--part", wrong, "--out", str(tmp_path))
    with pytest.raises(CommandError, match="--since"):
        call_command("fraud_detect", "--as-of", since, "--part", "1/2", "--out", str(tmp_path))


def test_the_shape_of_alerts_and_cases(tmp_path):
    alerts, cases = _run(tmp_path, _spoilt())
    for line in alerts.splitlines():
        alert = json.loads(line)
        assert list(alert) == [
            "as_of", "detector", "version", "typology", "family", "provider_id", "subject_kind", "subject_id",
            "score", "amount_cents", "action", "evidence",
        ]  # fmt: skip
        assert alert["action"] in "NRHB"
        assert 0 <= alert["score"] <= 1
        assert alert["family"] in FAMILIES
        assert all(re.fullmatch(r"[a-z_]+:.+", row) for row in alert["evidence"])
    rows = [json.loads(line) for line in cases.splitlines()]
    assert all(list(row) == ["week", "provider_id", "score", "reasons"] for row in rows)
    assert {row["week"] for row in rows} == {"2026-W14"}
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert len({row["provider_id"] for row in rows}) == len(rows)


def test_what_is_recorded_later_is_not_known(tmp_path):
    people = _spoilt()
    result = people.detect(tmp_path, "D03", day=DAY - timedelta(days=4))
    assert result.alerts == []


def test_a_correction_counts_from_its_record_on(tmp_path):
    people = _spoilt()
    provider = next(row for row in people.rows["providers"] if row["iban_hash"] == "same")
    people.rows["providers"].append({**provider, "iban_hash": "its own", "recorded_at": moment(5)})
    assert len(people.detect(tmp_path, "D05", day=DAY - timedelta(days=6)).alerts) == 2
    assert people.detect(tmp_path, "D05").alerts == []


def test_a_missing_file_or_column_switches_detectors_off_and_is_told(tmp_path):
    people = _spoilt()
    result = people.detect(tmp_path, without=("surveys", "providers.iban_hash"))
    assert result.not_run["D03"] == "surveys is missing"
    assert result.not_run["D05"] == "providers.iban_hash is missing"
    assert "D17" in result.ran


def test_a_detector_that_fails_is_shown_and_the_others_run(tmp_path, monkeypatch, capsys):
    def fail(cursor, day, parameters):
        cursor.execute(b"SELECT 1 / 0")
        return []

    people = _spoilt()
    load_population(directory=people.write(tmp_path / "in"))
    broken = type(DETECTORS["D05"])(**{**vars(DETECTORS["D05"]), "find": fail})
    result = detect_evaluated(day=DAY, detectors=[broken, DETECTORS["D03"]])
    assert result.failed == {"D05": "DivisionByZero"}
    assert result.report()["failed"] == {"D05": "DivisionByZero"}
    assert len(result.alerts) == 3


def test_before_the_first_load_nothing_runs_and_that_is_told(tmp_path):
    result = detect_evaluated(day=DAY, detectors=DETECTORS.values())
    assert set(result.not_run) == set(DETECTORS)


def test_an_empty_day_is_empty(tmp_path):
    result = _spoilt().detect(tmp_path, day=DAY - timedelta(days=3000))
    assert (result.alerts, result.cases) == ([], [])


def _finding(score, action, provider="P"):
    return Finding(provider, "provider", provider, score, action, ())


def test_a_soft_hold_needs_a_second_family():
    soft, other, hard = DETECTORS["D15"], DETECTORS["D04"], DETECTORS["D05"]
    alone = final_actions([(soft, _finding(0.8, "H"))])
    assert [action for *_rest, action in alone] == ["R"]
    together = final_actions([(soft, _finding(0.8, "H")), (other, _finding(0.6, "R"))])
    assert [action for *_rest, action in together] == ["H", "R"]
    elsewhere = final_actions([(soft, _finding(0.8, "H")), (other, _finding(0.6, "R", "Q"))])
    assert [action for *_rest, action in elsewhere] == ["R", "R"]
    assert [action for *_rest, action in final_actions([(hard, _finding(0.9, "H"))])] == ["H"]


def test_every_detector_is_of_a_family_and_says_what_it_shows():
    named = {id_ for members in TYPOLOGIES.values() for id_ in members}
    for detector in DETECTORS.values():
        assert detector.family in FAMILIES
        assert detector.id in named | {"D26"}
        assert str(detector.explanation).endswith(".")
        assert (
            type(detector.parameters).model_validate(detector.parameters.model_dump()) == detector.parameters
        )
