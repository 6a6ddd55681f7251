"""The demonstration: the main job from import to reconciled payment, as often as one likes, and after a kill."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from funding import audit
from funding.models import BankLine, Booking, BookingState, Payment, Scheme
from funding.schemes.presets import preset_codes
from ila.demo import catalogue
from tests.support.database import ROOT, WorkerDatabase, command_environ

pytestmark = [pytest.mark.slow]


def test_the_main_job_is_played_once_however_often_it_is_called(
    committed_db: None, run_manage: Callable[..., Any]
) -> None:
    first = run_manage("demo", "--no-serve")
    assert first.returncode == 0, first.stderr
    for word in (
        "are appropriated",
        "consents with the e-identity",
        "pain.002",
        "camt.054",
        "camt.053",
        "rejected",
    ):
        assert word in first.stdout
    assert "approver@demo.example" in first.stdout
    assert set(Scheme.objects.values_list("code", flat=True)) == set(preset_codes())
    payments = Payment.objects.count()
    assert Payment.objects.filter(outcome="executed").count() == payments - 1
    assert not BankLine.objects.filter(payment__isnull=True).exists()
    bookings = Booking.objects.count()
    states = set(Booking.objects.values_list("state", flat=True))
    assert {"settled", "withdrawn", "no_show", "disputed", "proposed", "requested", "accepted"} <= states

    second = run_manage("demo", "--no-serve")
    assert second.returncode == 0, second.stderr
    assert "The story was played before" in second.stdout
    assert (Payment.objects.count(), Booking.objects.count()) == (payments, bookings)
    assert audit.run().ok


def test_a_killed_demonstration_goes_on_where_it_stopped(
    committed_db: None, run_manage: Callable[..., Any], worker_database: WorkerDatabase
) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, str(ROOT / "manage.py"), "demo", "--no-serve"],
        cwd=ROOT,
        env=command_environ(worker_database),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "goes to the bank" in line:
            break
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    again = run_manage("demo", "--no-serve")
    assert again.returncode == 0, again.stderr
    settled = Booking.objects.filter(state=BookingState.SETTLED, credential__external_id=catalogue.HERO)
    assert settled.exists()
    assert Payment.objects.filter(outcome="executed").count() == Payment.objects.count() - 1
    assert audit.run().ok
