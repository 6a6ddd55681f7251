"""What somebody with the owner's password could do, and what the audit then says: red, and naming the rows."""

import tomllib
from pathlib import Path

import psycopg
import pytest

from funding import audit

CASES = tomllib.loads((Path(__file__).parent / "tampering.toml").read_text())


@pytest.mark.parametrize("case", CASES["data"], ids=[case["what"] for case in CASES["data"]])
def test_tampered_data_is_found(books, tamper, case):
    values = {name: getattr(books, name) for name in books.__slots__}
    tamper(case["sql"].format(**values))
    broken = {int(number): rows for number, rows in case["broken"].items()}
    report = audit.run(only=set(broken))
    found = {each.id: each.violations for each in report.invariants if not each.ok}
    for invariant, rows in broken.items():
        assert invariant in found, report.as_json()
        for row in rows:
            wanted = row.format(**values)
            named = [
                one for one in found[invariant] if one == wanted or (wanted[-1] == ":" and wanted in one)
            ]
            assert named, f"{wanted} is not among {found[invariant]}"


@pytest.mark.parametrize("case", CASES["guard"], ids=[case["sql"].strip()[:60] for case in CASES["guard"]])
def test_a_guard_that_is_off_is_found(books, owner_dsn, app_dsn, case):
    with psycopg.connect(owner_dsn, autocommit=True) as owner:

        def one(sql):
            (value,) = owner.execute(sql).fetchall()[0]
            return value

        values = {
            "trigger": one(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = 'funding_journalentry'::regclass"
                " AND tgname LIKE 'pgtrigger_append_only%'"
            ),
            "app": psycopg.conninfo.conninfo_to_dict(app_dsn)["user"],
            "sha": one(
                "SELECT conname FROM pg_constraint"
                " WHERE conrelid = 'funding_bankmessage'::regclass AND contype = 'u'"
            ),
            "claim_key": one(
                "SELECT conname FROM pg_constraint WHERE conrelid = 'funding_payment'::regclass"
                " AND contype = 'f' AND conname LIKE '%claim_id%'"
            ),
        }
        owner.execute(case["sql"].format(**values))
    (found,) = audit.run(only={case["invariant"]}).invariants
    assert case["row"] in found.violations
