"""The suite's ground: its own server, a migrated database per worker, and no way to the outside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest
from django.db import connections
from django.utils import translation
from pytest_django.plugin import DjangoDbBlocker

from fraud.gates import FraudGate
from funding.services import gates
from tests.support import chromium, database
from tests.support.database import WorkerDatabase

pytest_plugins = ["tests.support.browser"]

RUN_DIRECTORY = "ILA_TEST_DIRECTORY"


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        os.environ[RUN_DIRECTORY] = str(database.make_run_directory())


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config) and RUN_DIRECTORY in os.environ:
        database.remove_run_directory(Path(os.environ.pop(RUN_DIRECTORY)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and chromium.chromium() is None:
        message = f"no chromium: {chromium.HOW_TO_INSTALL}"
        if chromium.browser_required():
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield
    # After everything else, or it would be lost above the list of all skipped tests.
    skipped = terminalreporter.stats.get("skipped", [])
    number = sum("browser" in getattr(report, "keywords", {}) for report in skipped)
    if number:
        terminalreporter.write_line(
            f"{number} browser tests were skipped: they need Debian's Chromium ({chromium.HOW_TO_INSTALL})."
        )


@pytest.fixture(autouse=True)
def settings_language() -> None:
    """Each test begins in the language of the settings: a page leaves its own to the thread that served it."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def gates_open() -> Iterator[None]:
    """Nobody above funding is asked at its gates, but in tests of who is (`fraud_at_the_gates`)."""
    before = gates.use(None)
    yield
    gates.use(before)


@pytest.fixture
def fraud_at_the_gates(gates_open: None) -> None:
    """Fraud answers at funding's gates, as on the running platform."""
    gates.use(FraudGate())


# -- databases -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def worker_database() -> Iterator[WorkerDatabase]:
    """This worker's database, with the addresses of both its roles."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    made = database.worker_database(Path(os.environ[RUN_DIRECTORY]), worker)
    yield made
    made.server.leave()


@pytest.fixture(scope="session")
def django_db_setup(worker_database: WorkerDatabase, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Takes the place of pytest-django's: the database comes from our own `migrate`."""
    worker_database.point_django_here()
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture
def committed_db(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    worker_database: WorkerDatabase,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """The database without a transaction around it, for threads and processes; a fresh copy afterwards."""
    if "db" in request.fixturenames or request.node.get_closest_marker("django_db"):
        pytest.fail("committed_db and db (or the mark django_db) exclude each other", pytrace=False)
    with django_db_blocker.unblock():
        yield
        connections.close_all()
    worker_database.recreate()


@pytest.fixture
def transactional_db() -> None:
    """Append-only tables cannot be flushed."""
    pytest.fail("use committed_db: append-only tables cannot be flushed", pytrace=False)


@pytest.fixture
def owner_connection(worker_database: WorkerDatabase) -> Iterator[psycopg.Connection]:
    """A connection as the owner role, autocommitted: what somebody with the owner's password could do."""
    with psycopg.connect(worker_database.owner_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def app_connection(worker_database: WorkerDatabase) -> Iterator[psycopg.Connection]:
    """A connection as the application role, autocommitted, beside Django's."""
    with psycopg.connect(worker_database.app_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner_dsn(worker_database: WorkerDatabase) -> str:
    """The owner role's address."""
    return worker_database.owner_dsn


@pytest.fixture
def app_dsn(worker_database: WorkerDatabase) -> str:
    """The application role's address."""
    return worker_database.app_dsn


@pytest.fixture
def superuser_dsn(worker_database: WorkerDatabase) -> str:
    """The superuser's address."""
    return worker_database.superuser_dsn


@pytest.fixture
def run_manage(worker_database: WorkerDatabase) -> Callable[..., CompletedProcess[str]]:
    """`run_manage("audit", "--json", environ={…})`: the command in a process, on this worker's database."""

    def run(*arguments: str, **options: object) -> CompletedProcess[str]:
        return database.run_manage(worker_database, *arguments, **options)  # type: ignore[arg-type]

    return run
