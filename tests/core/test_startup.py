"""A database that is not prepared, or a role that is too mighty: one line, exit status 1, nothing done."""

import psycopg
import pytest
from django.core.management import get_commands
from psycopg import sql

from ila.core.db import startup
from ila.core.db.startup import DatabaseRefused, migrations_on_disk
from tests.support.database import ROOT, WorkerDatabase, create_empty_database, run_forked
from tests.support.database import run_manage as run_on

NOT_PREPARED = "The database is not prepared: run `manage.py migrate`.\n"
OUR_APPS = ("ila.", "accounts", "catalogue", "funding", "fraud")
# What makes files only, or prepares the database, needs no prepared one.
NEED_NO_DATABASE = {"migrate", "fraud_generate", "fraud_score", "fraud_verify", "scheme_check"}
COMMANDS = sorted(
    name for name, app in get_commands().items() if app.startswith(OUR_APPS) and name not in NEED_NO_DATABASE
)
# The least arguments with which a command gets as far as the database.
ARGUMENTS = {
    "accrue": ("cpf", "2026"),
    "award_keys": ("list",),
    "bank_export": ("M1",),
    "bank_import": (str(ROOT / "tests/core/scenario.json"),),
    "bench": ("accept",),
    "catalogue_import": ("--format", "edof", str(ROOT / "tests/data/edof/exemple_catalogue.xml")),
    "catalogue_list": ("--json",),
    "citizens_preregister": (str(ROOT / "tests/data/citizens.csv"),),
    "counselling_member": ("a@example.org", "--organisation", "House"),
    "createsuperuser": ("--noinput", "--email", "a@example.org"),
    "demo": ("--no-serve",),
    "demo_code": ("approver@demo.example",),
    "fraud_detect": ("--as-of", "2026-01-01", "--out", "DIR"),
    "fraud_load": ("DIR",),
    "outcomes_import": (str(ROOT / "pyproject.toml"), "--as-of", "2026-01-01"),
    "reset_factor": (
        "a@example.org",
        "--by",
        "b@example.org",
        "--approved-by",
        "c@example.org",
        "--reason",
        "seen",
    ),
    "replay": (str(ROOT / "tests/core/scenario.json"),),
    "scheme_export": ("cpf",),
    "serve": ("--port", "0"),
    "shell": ("-c", "from accounts.models import User; User.objects.count()"),
}


@pytest.fixture(scope="module")
def empty_database(worker_database):
    name = f"{worker_database.name}_empty"
    create_empty_database(worker_database.server, name)
    yield WorkerDatabase(worker_database.server, name, worker_database.owner_password)
    with psycopg.connect(worker_database.server.superuser_dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


# These decide before Django is set up what kind of process they are.
ALONE = {"serve"}
TRIED = [*COMMANDS, "shell", "createsuperuser"]


@pytest.fixture(scope="module")
def endings(empty_database, tmp_path_factory):
    """How each command ended on the empty database: exit status, standard error."""
    folder = str(tmp_path_factory.mktemp("commands"))
    folders = {"BANK_OUTBOX": folder, "BANK_INBOX": folder}
    given = {
        name: [name, *(folder if word == "DIR" else word for word in ARGUMENTS.get(name, ()))]
        for name in TRIED
    }
    together = [name for name in TRIED if name not in ALONE]
    found = dict(
        zip(together, run_forked(empty_database, [given[name] for name in together], folders), strict=True)
    )
    for name in ALONE:
        done = run_on(empty_database, *given[name], environ=folders)
        found[name] = [done.returncode, done.stderr]
    return found


@pytest.mark.parametrize("command", TRIED)
def test_no_command_runs_on_an_unprepared_database(empty_database, endings, command):
    assert endings[command] == [1, NOT_PREPARED]
    with psycopg.connect(empty_database.owner_dsn) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        assert tables.fetchone() == (0,)


def test_a_missing_migration_counts_as_unprepared(committed_db, owner_connection, run_manage):
    owner_connection.execute("DELETE FROM django_migrations WHERE app = 'funding' AND name LIKE '0001%%'", [])
    done = run_manage("worker", "--once")
    assert (done.returncode, done.stderr) == (1, NOT_PREPARED)


def test_migrations_of_every_app_are_expected(db):
    labels = {label for label, _name in migrations_on_disk()}
    assert {"accounts", "catalogue", "funding", "auth", "procrastinate", "account"} <= labels


def test_a_superuser_is_refused(run_manage, superuser_dsn):
    done = run_manage("worker", "--once", environ={"DATABASE_APP_URL": superuser_dsn})
    assert done.returncode == 1
    assert done.stderr == (
        "Refusing to run: the role postgres is a superuser and bypasses every privilege.\n"
    )


def test_the_owner_is_refused_as_the_application(run_manage, owner_dsn):
    done = run_manage("worker", "--once", environ={"DATABASE_APP_URL": owner_dsn})
    assert done.returncode == 1
    assert done.stderr.startswith("Refusing to run: the role ila_owner may change append-only tables: ")
    assert done.stderr.count("\n") == 1


def test_one_column_of_an_append_only_table_is_too_much(
    committed_db, owner_connection, app_connection, run_manage
):
    role = sql.Identifier(app_connection.info.user)
    owner_connection.execute(sql.SQL("GRANT UPDATE (id) ON funding_posting TO {}").format(role))
    done = run_manage("worker", "--once")
    assert done.returncode == 1
    assert "may change append-only tables: funding_posting (UPDATE)" in done.stderr


def test_a_role_that_bypasses_row_security_is_refused(worker_database, superuser_dsn):
    with psycopg.connect(superuser_dsn) as connection:
        connection.execute("CREATE ROLE passer LOGIN BYPASSRLS")
        connection.execute("SET LOCAL ROLE passer")
        with pytest.raises(DatabaseRefused, match="BYPASSRLS"):
            startup.check(connection)
        connection.rollback()


def test_the_check_costs_two_queries(app_connection):
    class Counting:
        queries = 0

        def execute(self, *arguments):
            self.queries += 1
            return app_connection.execute(*arguments)

    counting = Counting()
    startup.check(counting)
    assert counting.queries == 2


def test_a_server_that_is_not_there_is_one_line(run_manage):
    done = run_manage("worker", environ={"DATABASE_URL": "postgresql://a:hidden@127.0.0.1:1/d"})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "connection" in done.stderr
    assert "hidden" not in done.stderr
