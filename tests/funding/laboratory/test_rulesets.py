"""The rules that are compared: from which day, and what is refused about a change."""

from datetime import date
from pathlib import Path

import pytest

from funding.laboratory import rulesets
from funding.laboratory.rulesets import LaboratoryError
from tests.funding.laboratory.people import rules, with_changes

NEW_YEAR = date(2026, 1, 1)


def test_a_change_holds_from_its_first_day_in_every_later_version() -> None:
    line = rulesets.changed(rules(), {"participation_cents": 1_000}, first_day=NEW_YEAR)
    days = (date(2025, 12, 31), NEW_YEAR, date(2026, 3, 1), date(2026, 5, 1))
    found = [line.rules_on(day) for day in days]
    assert [each.participation_cents for each in found if each] == [10_223, 1_000, 1_000, 1_000]
    # What else a later version changes stays.
    assert found[1] is not None
    assert found[3] is not None
    assert (found[1].usage_cap_cents, bool(found[3].usage_cap_cents)) == ({}, True)
    assert rulesets.differences(rules(), line, NEW_YEAR) == [("participation_cents", 10_320, 1_000)]


def test_there_are_no_rules_before_the_first_version() -> None:
    assert rules().rules_on(date(2019, 1, 1)) is None
    with pytest.raises(LaboratoryError, match="no rules"):
        rulesets.changed(rulesets.Timeline("none", ()), {"cap_cents": 1}, first_day=NEW_YEAR)


def test_every_fault_of_a_rule_set_is_named() -> None:
    with pytest.raises(LaboratoryError) as refused:
        with_changes({"cap_cents": 1, "participation_cents": -5, "capp_cents": 3, "validity_months": 5_000})
    assert len(refused.value.faults) == 3
    assert any("capp_cents: no such parameter" in fault for fault in refused.value.faults)
    assert any("participation_cents:" in fault for fault in refused.value.faults)
    assert any("below the yearly credit" in fault for fault in refused.value.faults)
    with pytest.raises(LaboratoryError, match="more than 1,200"):
        with_changes({"validity_months": 5_000})


def test_rules_are_told_apart_by_their_hash() -> None:
    assert rules().sha256 == rules().sha256
    assert rules().sha256 != with_changes({"cap_cents": 400_000}).sha256
    assert with_changes({"cap_cents": 400_000}).sha256 == with_changes({"cap_cents": 400_000}).sha256


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{", "is no JSON"),
        ("a.json", b"[1]", "holds no object"),
        ("a.json", b"{}", "changes nothing"),
        ("a.json", b'{"cap_cents": 1, "cap_cents": 2}', "'cap_cents' is there twice"),
        ("a.json", b"\xff", "is not UTF-8"),
        ("a.json", b"[" * 100_000, "is no JSON"),
        ("a.toml", b"cap_cents = ", "is no TOML"),
        ("a.toml", b" " * 1_000_001, "larger than"),
    ],
)
def test_a_file_that_holds_no_change_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LaboratoryError, match=f"^{name}: .*{message}"):
        rulesets.read_changes(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaboratoryError, match=r"^no\.json: No such file"):
        rulesets.read_changes(str(tmp_path / "no.json"))


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"usage_cap_cents": {"rs": 100000}}')
    (tmp_path / "a.toml").write_text("usage_cap_cents = { rs = 100000 }")
    found = [rulesets.read_changes(str(tmp_path / name)) for name in ("a.json", "a.toml")]
    assert found[0] == found[1] == {"usage_cap_cents": {"rs": 100_000}}
