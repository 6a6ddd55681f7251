"""`manage.py bench` measures what it says and leaves nothing behind."""

import json
from collections.abc import Callable, Iterator
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest
from psycopg import sql

from funding.bench.figures import Figures, Timings, percentile
from ila.core.db.embedded import OWNER

KEYS = {"case", "ours_per_s", "floor_per_s", "ratio", "p50_ms", "p99_ms", "clients"}
CASES = {
    "audit": 1,
    "search": 2,
    "search_sql": 2,
    "accept": 4,
    "accept_hot": 4,
    "accrue": 2,
    "accrue_again": 2,
}
CASES |= {"apply_window": 4, "apply_window_slices": 4, "waiting_room": 4}

RunManage = Callable[..., CompletedProcess[str]]


def contents(owner: psycopg.Connection) -> dict[str, int]:
    """How many rows there are in each table."""
    tables = owner.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    ).fetchall()
    counts = {}
    for (table,) in tables:
        row = owner.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        assert row is not None
        counts[table] = row[0]
    return counts


def left_behind(owner: psycopg.Connection) -> list[str]:
    """Scratch databases and schemas of this database."""
    name = f"{owner.info.dbname}_bench"
    return [
        row[0]
        for row in owner.execute(
            "SELECT datname FROM pg_database WHERE datname = %s UNION ALL"
            " SELECT nspname FROM pg_namespace WHERE nspname = %s",
            [name, name],
        )
    ]


def lines(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def owner(committed_db: None, owner_connection: psycopg.Connection) -> psycopg.Connection:
    return owner_connection


@pytest.fixture
def no_databases(owner: psycopg.Connection, superuser_dsn: str) -> Iterator[None]:
    """The owner role may create no database."""
    with psycopg.connect(superuser_dsn, autocommit=True) as superuser:
        role = sql.Identifier(OWNER)
        superuser.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(role))
        yield
        superuser.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(role))


@pytest.mark.slow
def test_each_case_is_a_line_of_figures_and_nothing_stays(
    owner: psycopg.Connection, run_manage: RunManage
) -> None:
    before = contents(owner)
    small = ("--seconds", "0.2", "--history", "200", "--offers", "10500")
    done = run_manage("bench", "--json", *small, timeout=600)
    found = lines(done)
    assert {each["case"]: each["clients"] for each in found} == CASES
    for each in found:
        assert set(each) == KEYS
        assert each["ours_per_s"] > 0
        assert each["floor_per_s"] > 0
        assert each["ratio"] == pytest.approx(each["ours_per_s"] / each["floor_per_s"], abs=0.01)
        assert 0 < each["p50_ms"] <= each["p99_ms"]
    assert contents(owner) == before
    assert left_behind(owner) == []


@pytest.mark.slow
def test_an_owner_who_may_create_no_database_gets_a_schema(
    no_databases: None, owner: psycopg.Connection, run_manage: RunManage
) -> None:
    before = contents(owner)
    owner.execute(
        sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(f"{owner.info.dbname}_bench"))
    )  # a killed one's
    done = run_manage(
        "bench", "accept", "accrue", "--json", "--seconds", "0.2", "--history", "200", timeout=600
    )
    assert {each["case"] for each in lines(done)} == {"accept", "accrue", "accrue_again"}
    assert contents(owner) == before
    assert left_behind(owner) == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nothing"], 2, "There is no case nothing."),
        (["accept", "--seconds", "none"], 2, "'none' is no number of seconds"),
        (["accept", "--history", "-1"], 2, "'-1' is no number of postings"),
        (["search", "--offers", "12"], 2, "'12' is no number of offers from 10000 on"),
    ],
)
def test_wrong_usage_is_said_in_a_line(
    owner: psycopg.Connection, run_manage: RunManage, arguments: list[str], status: int, message: str
) -> None:
    done = run_manage("bench", *arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert done.stdout == ""


def test_percentiles_are_of_what_was_measured() -> None:
    assert percentile([], 99) == 0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile(list(range(1, 101)), 99) == 99
    timings = Timings(per_s=50.0, durations_s=(0.001, 0.002, 0.003), refused={})
    figures = timings.figures("accept", floor_per_s=200.0, clients=4)
    assert figures == Figures("accept", 50.0, 200.0, 2.0, 3.0, 4)
    assert figures.as_json()["ratio"] == 0.25
    assert Figures("x", 1.0, 0.0, 0, 0, 1).ratio == 0.0
