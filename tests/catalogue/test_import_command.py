"""`catalogue_import` and `catalogue_list` as processes: output, exit status, memory, killing, two at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from django.db import connection, transaction

from catalogue.models import MicroCredential, Provider, Session
from catalogue.services import sessions
from ila.core import locks
from tests.catalogue.edof_files import P1, P2, F, Folder, S, write_large
from tests.catalogue.etpl_files import program, programs
from tests.support.database import ROOT, WorkerDatabase, command_environ

Run = Callable[..., CompletedProcess[str]]


def start(database: WorkerDatabase, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, str(ROOT / "manage.py"), "catalogue_import", *arguments],
        cwd=ROOT,
        env=command_environ(database),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_json_on_standard_output_and_nothing_else(
    committed_db: None, run_manage: Run, folder: Folder
) -> None:
    register = folder.register(f"{P1},École,Approved,,")
    done = run_manage(
        "catalogue_import", "--format", "edof", str(folder.edof(F())), "--register", str(register), "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "delisted": 0,
        "errors": [],
        "warnings": [],
    }
    listed = run_manage("catalogue_list", "--provider", P1, "--on", "2026-11-02", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert [json.loads(line)["bookable"] for line in listed.stdout.splitlines()] == [True]
    assert "bookable" in run_manage("catalogue_list", "--on", "2026-11-02").stdout


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_errors_are_exit_status_one_with_one_line_beside_the_json(
    options: list[str], committed_db: None, run_manage: Run, folder: Folder
) -> None:
    path = folder.edof(F(), F(siret=P2).at(gross="x"), F(siret=P2, number="F2").at(gross="x"))
    done = run_manage("catalogue_import", "--format", "edof", str(path), "--json", *options)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    told = json.loads(done.stdout)
    assert (told["created"], told["rejected"]) == (1, 2)
    assert told["errors"][0] == {
        "line": 5,
        "entry": f"{P2}/F1",
        "field": "A1/frais-ttc",
        "code": "bad_price",
        "message": told["errors"][0]["message"],
    }
    assert [one["code"] for one in told["warnings"]] == ["not_accredited"]


def test_warnings_alone_are_no_error(committed_db: None, run_manage: Run, folder: Folder) -> None:
    done = run_manage("catalogue_import", "--format", "edof", str(folder.edof(F())))
    assert done.returncode == 0
    assert "1 created" in done.stdout
    assert "not_accredited" in done.stdout


def test_a_file_that_is_not_there(committed_db: None, run_manage: Run, folder: Folder) -> None:
    done = run_manage("catalogue_import", "--format", "edof", str(folder.edof(F())), "/nowhere.xml", "--json")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert [one["code"] for one in json.loads(done.stdout)["errors"]] == ["not_found"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "etpl", "FILE", "--json"],
        ["--format", "csv", "FILE"],
        ["FILE"],
        ["--format", "edof"],
        ["--format", "edof", "FILE", "--quick"],
    ],
)
def test_wrong_usage_is_exit_status_two(
    arguments: list[str], committed_db: None, run_manage: Run, folder: Folder
) -> None:
    path = str(folder.put(programs(program())))
    done = run_manage("catalogue_import", *(path if one == "FILE" else one for one in arguments))
    assert done.returncode == 2
    assert done.stdout == ""


@pytest.mark.parametrize("day", ["2026-02-30", "soon"])
def test_a_day_that_is_none_is_wrong_usage(day: str, committed_db: None, run_manage: Run) -> None:
    assert run_manage("catalogue_list", "--on", day, "--json").returncode == 2


def test_killed_half_way_a_provider_is_there_whole_or_not_at_all(
    committed_db: None, worker_database: WorkerDatabase, folder: Folder
) -> None:
    path = folder.path / "large.xml"
    write_large(path, formations=1200, providers=12)
    process = start(worker_database, "--format", "edof", str(path), "--json")
    deadline = time.monotonic() + 60
    while Provider.objects.count() < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stored = Provider.objects.count()
    assert 3 <= stored < 12, "the process was to be killed in the middle"
    for provider in Provider.objects.all():
        assert provider.micro_credentials.count() == 100
        assert provider.accreditations.count() == 1
    again = start(worker_database, "--format", "edof", str(path), "--json")
    told = json.loads(again.communicate()[0])
    assert (told["created"] + told["unchanged"], told["updated"]) == (1200, 0)
    assert told["unchanged"] >= 300
    assert MicroCredential.objects.count() == 1200


def test_two_calls_at_once_wait_for_each_other(
    committed_db: None, worker_database: WorkerDatabase, folder: Folder
) -> None:
    path = folder.path / "large.xml"
    write_large(path, formations=400, providers=4)
    both = [start(worker_database, "--format", "edof", str(path), "--json") for _ in range(2)]
    told = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert sorted((one["created"], one["unchanged"]) for one in told) == [(0, 400), (400, 0)]
    assert [process.returncode for process in both] == [0, 0]


def test_an_import_sees_the_booking_that_is_accepted_meanwhile(
    committed_db: None, worker_database: WorkerDatabase, folder: Folder
) -> None:
    start(worker_database, "--format", "edof", str(folder.edof(F())), "--json").communicate(timeout=60)
    session = Session.objects.get()
    with transaction.atomic():
        locks.acquire(locks.lock(Session, session.pk, share=True))
        sessions.take_seat(session_id=session.pk)
        moved = folder.edof(F().at(S(starts="20270613")))
        process = start(worker_database, "--format", "edof", str(moved), "--json")
        deadline = time.monotonic() + 60
        while not _somebody_waits() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.poll() is None
    told = json.loads(process.communicate(timeout=60)[0])
    assert [one["code"] for one in told["warnings"]] == ["has_bookings", "not_accredited"]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def _peak_megabytes(database: WorkerDatabase, path: Path) -> tuple[float, dict[str, Any]]:
    """Peak memory of an import of that file, and its report."""
    script = (
        "import re, runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        # Not `ru_maxrss`: that counts the process that started this one, too.
        "print(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own command
        [
            sys.executable,
            "-c",
            script,
            str(ROOT / "manage.py"),
            *("catalogue_import", "--format", "edof", str(path), "--json"),
        ],
        cwd=ROOT,
        env=command_environ(database),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stderr.split()[-1]) / 1024, json.loads(done.stdout)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(
    committed_db: None, worker_database: WorkerDatabase, folder: Folder
) -> None:
    peaks = {}
    for formations in (600, 3000):
        path = folder.path / f"{formations}.xml"
        write_large(path, formations, providers=2)
        peaks[formations], told = _peak_megabytes(worker_database, path)
        assert told["created"] + told["updated"] + told["unchanged"] == formations
    assert path.stat().st_size > 25_000_000
    assert peaks[3000] < 320
    assert peaks[3000] - peaks[600] < 30
