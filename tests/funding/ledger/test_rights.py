"""The application role may read the books and add to them through the ledger's functions, and nothing else."""

import psycopg
import pytest

from ila.core.db.startup import append_only_tables

JOURNAL = ("funding_journalentry", "funding_posting")
BALANCES = [
    ("funding_lot", "available_cents"),
    ("funding_lot", "held_cents"),
    ("funding_lot", "spent_cents"),
    ("funding_budget", "available_cents"),
]
VERBS = {
    "UPDATE": "UPDATE {table} SET {column} = {column}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
}


def _key_of(connection, table):
    return connection.execute(
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE indrelid = %s::regclass AND indisprimary",
        [table],
    ).fetchone()[0]


@pytest.mark.django_db
@pytest.mark.parametrize("verb", VERBS)
def test_no_append_only_table_can_be_changed(app_connection, verb):
    tables = append_only_tables()
    assert set(JOURNAL) < set(tables)
    for table in tables:
        statement = VERBS[verb].format(table=table, column=_key_of(app_connection, table))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_connection.execute(statement)


@pytest.mark.django_db
@pytest.mark.parametrize("table", JOURNAL)
def test_the_journal_is_written_through_its_functions_only(app_connection, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute(f"INSERT INTO {table} DEFAULT VALUES")


@pytest.mark.django_db
@pytest.mark.parametrize(("table", "column"), BALANCES)
def test_no_balance_can_be_set(app_connection, table, column):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute(f"UPDATE {table} SET {column} = 0")


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["ALTER TABLE {0} DISABLE TRIGGER USER", "DROP TABLE {0}"])
def test_the_guards_cannot_be_taken_away(app_connection, statement):
    for table in JOURNAL:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_connection.execute(statement.format(table))


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["available_cents", "held_cents", "spent_cents"])
def test_a_lot_begins_empty_whoever_of_the_application_writes_it(app_connection, column):
    values = {"available_cents": 0, "held_cents": 0, "spent_cents": 0}
    insert = (
        "INSERT INTO funding_lot (account_id, source, fund, currency, earmark, available_cents, held_cents,"
        " spent_cents, accrued_years, created_at) VALUES (0, 'rights', 'public', 'EUR', '', %s, %s, %s, '{}', now())"
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="a lot begins empty"):
        app_connection.execute(insert, list((values | {column: 1}).values()))
