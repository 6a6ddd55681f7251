"""What the application role may do with the tables, and what nobody may."""

import psycopg
import pytest
from django.apps import apps
from psycopg import sql

from ila.core.db.grants import rights_by_table
from ila.core.db.roles import application_parts, application_role
from ila.core.db.startup import append_only_tables
from ila.core.models import AppendOnlyModel

APPEND_ONLY = [model for model in apps.get_models() if issubclass(model, AppendOnlyModel)]
LEDGER = ("funding_journalentry", "funding_posting")


def _privileges(connection: psycopg.Connection, table: str) -> set[str]:
    rows = connection.execute(
        """
        SELECT p
          FROM unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','REFERENCES','TRIGGER']) AS p
         WHERE CASE WHEN p IN ('DELETE', 'TRUNCATE', 'TRIGGER') THEN has_table_privilege(%(table)s, p)
                    ELSE has_any_column_privilege(%(table)s, p) END
        """,
        {"table": f'"{table}"'},
    ).fetchall()
    return {row[0] for row in rows}


def test_every_table_has_exactly_the_rights_its_model_names(app_connection):
    for table, rights in rights_by_table().items():
        expected = {right.split("(")[0].strip() for right in rights}
        assert _privileges(app_connection, table) == expected, table


def test_append_only_models_allow_reading_and_adding_only(app_connection):
    assert APPEND_ONLY
    for model in APPEND_ONLY:
        assert model._meta.db_table in append_only_tables()
        assert _privileges(app_connection, model._meta.db_table) <= {"SELECT", "INSERT"}


@pytest.mark.parametrize("model", APPEND_ONLY, ids=lambda model: model._meta.label_lower)
@pytest.mark.parametrize(
    "statement", ["UPDATE {table} SET {key} = {key}", "DELETE FROM {table}", "TRUNCATE {table}"]
)
def test_the_application_can_neither_change_nor_delete_what_is_append_only(app_connection, model, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute(
            sql.SQL(statement).format(
                table=sql.Identifier(model._meta.db_table), key=sql.Identifier(model._meta.pk.column)
            )
        )


def test_the_role_owns_nothing_and_may_create_nothing(app_connection):
    role = app_connection.execute(
        "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles"
        " WHERE rolname = current_user"
    ).fetchone()
    assert role == (False, False, False, False, False)
    owned = app_connection.execute(
        "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user"
    )
    assert owned.fetchone() == (0,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute("CREATE TABLE mine (id int)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute("ALTER TABLE django_migrations DISABLE TRIGGER ALL")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute("SET session_replication_role = replica")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'y', now())")


def test_the_owner_is_no_superuser_either(owner_connection):
    row = owner_connection.execute(
        "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row == (False, False)


def test_the_role_follows_from_the_owners_name_and_password():
    name, password = application_role({"user": "o", "password": "p"})
    assert (name, password) == application_role({"user": "o", "password": "p", "host": "elsewhere"})
    assert name.startswith("ila_app_")
    assert len(name) == len("ila_app_") + 12
    assert password != application_role({"user": "o", "password": "q"})[1]
    assert name != application_role({"user": "o", "password": "q"})[0]
    assert name != application_role({"user": "oo", "password": "p"})[0]


def test_an_owner_without_a_password_gets_a_role_without_one():
    assert application_role({"user": "o"})[1] == ""
    assert "password" not in application_parts({"user": "o", "dbname": "d"})


def test_migrating_again_takes_away_rights_given_by_hand(
    committed_db, owner_connection, app_connection, run_manage
):
    role = app_connection.info.user
    table = LEDGER[1]
    before = [_privileges(app_connection, name) for name in LEDGER]
    owner_connection.execute(
        sql.SQL("GRANT ALL ON {} TO {}").format(sql.Identifier(table), sql.Identifier(role))
    )
    owner_connection.execute(
        sql.SQL("GRANT UPDATE (id) ON {} TO {}").format(sql.Identifier(LEDGER[0]), sql.Identifier(role))
    )
    assert "TRUNCATE" in _privileges(app_connection, table)

    done = run_manage("migrate")

    assert done.returncode == 0, done.stderr
    assert [_privileges(app_connection, name) for name in LEDGER] == before


def test_functions_of_the_platform_are_for_the_application_alone(owner_connection):
    open_to_all = owner_connection.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc p"
        " WHERE pronamespace = current_schema()::regnamespace"
        "   AND (proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0))"
    ).fetchall()
    assert open_to_all == []


def test_an_unknown_right_of_a_model_is_refused(db, monkeypatch):
    monkeypatch.setattr(APPEND_ONLY[0], "APP_RIGHTS", ("SELECT; DROP TABLE x",))
    with pytest.raises(ValueError, match="is no right"):
        rights_by_table()
