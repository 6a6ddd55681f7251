"""Scheme files: every fault named with its place, and what is written is read back the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from funding.schemes.drafting import HEAD, check_content, content_of, jsonable, sparse
from funding.schemes.files import MAX_BYTES, read_file, write_file
from funding.schemes.presets import FOLDER, load_preset, preset_codes, read_preset
from tests.factories.funding import SchemeFactory
from tests.funding.schemes.drafts import head_of

GOOD = (FOLDER / "geneva.toml").read_text(encoding="utf-8")


def faults(text: str | bytes) -> list[str]:
    """Place, parameters and code of each fault."""
    data = text if isinstance(text, bytes) else text.encode()
    return [
        f"{one.place}|{','.join(one.fault.parameters)}|{one.fault.code}" for one in read_file(data).faults
    ]


@pytest.mark.parametrize("code", preset_codes())
def test_every_shipped_scheme_is_written_and_read_back_the_same(code: str) -> None:
    preset = load_preset(code)
    text = write_file(head_of(preset), preset.versions)
    assert read_preset(text) == preset
    assert not read_file(text.encode()).faults
    assert not read_file((FOLDER / f"{code}.toml").read_bytes()).faults


def test_a_parameter_that_goes_back_to_its_default_is_written() -> None:
    preset = load_preset("cpf")
    first, last = preset.versions[0], preset.versions[-1]
    turned = (first, (date(2026, 4, 2), last[1]), (date(2027, 1, 1), first[1]))
    assert read_preset(write_file(head_of(preset), turned)).versions == turned


@pytest.mark.parametrize("name", ['"Quoted" \\ back', "a\x7fb", "Région ☂", "tab\tline"])
def test_names_of_every_kind(name: str) -> None:
    preset = load_preset("geneva")
    assert read_preset(write_file(head_of(preset) | {"name": name}, preset.versions)).name == name


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            b"",
            ["|code|missing", "|name|missing", "|country|missing", "|timezone|missing", "|currency|missing"],
        ),
        (b"code = 1\ncode = 2\n", ["line 2||not_toml"]),
        (b"code = [", ["end of the file||not_toml"]),
        ("code = 'é'".encode("latin-1"), ["line 1||not_utf8"]),
        (GOOD.encode("utf-16"), ["line 1||not_utf8"]),
        (b"#" * (MAX_BYTES + 1), ["||too_large"]),
        (b"a = " + b"[" * 50_000, ["||not_toml"]),
        (b"a = " + b"9" * 10_000, ["||not_toml"]),
    ],
    ids=["empty", "twice", "open", "latin-1", "utf-16", "large", "deep", "long number"],
)
def test_what_is_no_scheme_file(text: bytes, named: list[str]) -> None:
    assert faults(text)[: len(named)] == named


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("foo = 1", "foo|unknown_parameter"),
        ('funding = "gift"', "funding|bad_value"),
        ("without = 1", "without|bad_value"),
        ("max_hours = nan", "max_hours|bad_value"),
        ("max_hours = 1e400", "max_hours|bad_value"),
        ("max_hours = 99999999999999999999999999", "max_hours|bad_value"),
        ("max_hours = 2027-01-01", "max_hours|bad_value"),
        ("max_hours = true", "max_hours|bad_value"),
        ("max_hours = 10", "min_hours,max_hours|least_above_most"),
        (
            "participation_cents = 1000000000\nparticipation_mode = 'max'",
            "participation_cents|participation_above_price",
        ),
        (
            "age_credits = [{ years=3, cents=1, source = 'rights', first_day = 2027-02-01, last_day = 2027-01-01 }]",
            "age_credits|ends_before_it_begins",
        ),
    ],
)
def test_each_fault_is_named_with_its_version(line: str, named: str) -> None:
    assert f"version 2015-01-01|{named}" in faults(f"{GOOD}\n{line}\n")


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('currency = "CHF"', 'currency = "ZZZ"', ["|currency|unknown_currency"]),
        ('currency = "CHF"', 'currency = "JPY"', ["|currency|not_in_cents"]),
        ('currency = "CHF"', 'currency = "chf"', ["|currency|bad_value"]),
        ('country = "CH"', 'country = "ZZ"', ["|country|missing_calendar"]),
        ('timezone = "Europe/Zurich"', 'timezone = "Mars/Base"', ["|timezone|missing_calendar"]),
        ('timezone = "Europe/Zurich"', 'timezone = "../../etc/passwd"', ["|timezone|missing_calendar"]),
        ('code = "geneva"', 'code = "Geneva!"', ["|code|bad_code"]),
        ('name = "Geneva annual training cheque"', 'name = " "', ["|name|bad_name"]),
        (
            "cap_cents = 225000",
            "cap_cents = 1",
            ["version 2015-01-01|cap_cents,yearly_credit_cents|cap_below_credit"],
        ),
        ("valid_from = 2015-01-01", 'valid_from = "2015-01-01"', ["version 2015-01-01|valid_from|bad_date"]),
    ],
)
def test_the_head_and_contradictions(before: str, after: str, named: list[str]) -> None:
    assert before in GOOD
    assert faults(GOOD.replace(before, after)) == named


def test_versions_that_overlap_and_faults_that_are_inherited() -> None:
    text = f"{GOOD}\nfoo = 1\n[[versions]]\nvalid_from = 2014-01-01\nmin_hours = 41\n"
    assert faults(text) == [
        "version 2015-01-01|foo|unknown_parameter",
        "version 2014-01-01|valid_from|overlap",
    ]


def test_everything_typed_is_kept() -> None:
    value = {"a": float("nan"), "b": 10**30, "c": "x\x00y", "d": None, "e": (date(2027, 1, 1), [True])}
    kept = jsonable(value)
    assert kept == {
        "a": "nan",
        "b": "a number of more than 18 digits",
        "c": "x\ufffdy",
        "e": ["2027-01-01", [True]],
    }


def test_brackets_in_brackets_are_cut() -> None:
    deep: Any = []
    for _ in range(2000):
        deep = [deep]
    assert "…" in str(jsonable(deep))


def test_a_day_beyond_reason_is_a_fault() -> None:
    preset = load_preset("geneva")
    content = content_of(head_of(preset), "9999-12-31", preset.versions[-1][1])
    assert [fault.code for fault in check_content(content).faults] == ["too_far"]
    assert check_content(content | {"rules": "nothing"}).rules is None


def test_the_command_names_each_fault_on_its_line(
    db: None, run_manage: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(GOOD + "\nfoo = 1\nmax_hours = 'x'\n", encoding="utf-8")
    done = run_manage("scheme_check", str(good))
    assert (done.returncode, done.stderr) == (0, "")
    assert "geneva, 1 versions" in done.stdout
    done = run_manage("scheme_check", str(bad))
    assert (done.returncode, done.stderr) == (1, "")
    assert len(done.stdout.splitlines()) == 2
    for wrong in ([str(tmp_path / "none.toml")], [str(tmp_path)], []):
        done = run_manage("scheme_check", *wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr


def test_a_stored_scheme_is_exported(
    committed_db: None, run_manage: Callable[..., CompletedProcess[str]]
) -> None:
    SchemeFactory.create(code="cpf")
    done = run_manage("scheme_export", "cpf")
    assert done.returncode == 0
    preset = load_preset("cpf")
    read = read_preset(done.stdout)
    assert {name: getattr(read, name) for name in HEAD} == head_of(preset)
    assert read.versions == preset.versions
    done = run_manage("scheme_export", "nothing")
    assert (done.returncode, done.stdout) == (1, "")


def test_a_participation_that_no_price_reaches() -> None:
    values = sparse(load_preset("cpf").versions[-1][1]) | {
        "draw_order": [["rights"]],
        "shortfall_to_learner": False,
        "usage_cap_cents": {"rs": 15_000},
        "participation_exempt_sources": [],
        "light_licence_cofunding_sources": [],
    }
    content = content_of(head_of(load_preset("cpf")), "2027-01-01", values)
    (fault,) = check_content(content).faults
    assert (fault.code, fault.parameters[0]) == ("participation_above_price", "participation_cents")
    values["usage_cap_cents"] = {"rs": 15_001}
    assert check_content(content_of(head_of(load_preset("cpf")), "2027-01-01", values)).sound
