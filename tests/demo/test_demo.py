"""The demonstration: the main job from import to reconciled payment, as often as one likes, and after a kill."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from catalogue.models import (
    Accreditation,
    Application,
    Audit,
    Award,
    EmploymentOutcome,
    PortfolioShare,
    SavedSearch,
    StackRule,
    SurveyAnswer,
    SurveyResult,
)
from fraud.models import Case
from funding import audit
from funding.models import (
    Allocation,
    BankLine,
    Booking,
    BookingState,
    OwnTransfer,
    PayerDebt,
    Payment,
    Posting,
    Receivable,
    RecoveryReceipt,
    Scheme,
)
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
    assert not BankLine.objects.filter(
        payment__isnull=True,
        receipt__top_up__isnull=True,
        recovery__isnull=True,
        own_receipt__isnull=True,
    ).exists()
    _check_refund(first.stdout)
    _check_charge_back(first.stdout)
    _check_suspicion(first.stdout)
    assert "known by its reference" in first.stdout
    _check_own_part()
    assert Allocation.objects.filter(lot__top_up__isnull=False, booking__state="accepted").exists()
    bookings = Booking.objects.count()
    states = set(Booking.objects.values_list("state", flat=True))
    assert {"settled", "withdrawn", "no_show", "disputed", "proposed", "requested", "accepted"} <= states

    left = _check_catalogue(first.stdout)

    second = run_manage("demo", "--no-serve")
    assert second.returncode == 0, second.stderr
    assert "The story was played before" in second.stdout
    assert (Payment.objects.count(), Booking.objects.count()) == (payments, bookings)
    assert _check_catalogue(second.stdout) == left
    _check_refund(second.stdout)
    _check_charge_back(second.stdout)
    assert audit.run().ok


def _check_own_part() -> None:
    """The story's learner has paid their own part by transfer before the booking bound; the provider got it."""
    transfer = OwnTransfer.objects.get()
    assert (transfer.state, transfer.received_cents) == ("paid", transfer.amount_cents)
    own = Allocation.objects.get(booking=transfer.booking, source="learner")
    assert (own.direct, own.amount_cents, own.paid_cents > 0) == (False, transfer.amount_cents, True)
    # The note and the statement of the bank tell of one transfer; it counts once.
    assert BankLine.objects.filter(own_receipt__transfer=transfer).count() == 2


def _check_suspicion(told: str) -> None:
    """Unasked sign-ups were found by the detectors themselves: a case waits in the queue, with its hold and letter."""
    case = Case.objects.get(typology="enrolment_without_consent")
    assert {"D01", "D03"} <= set(case.alerts.values_list("detector", flat=True))
    assert (case.state, case.bookings.count(), case.provider.organisation is not None) == ("triage", 8, True)
    assert case.measures.filter(kind="hold", state="notified").exists()
    assert f"/agency/fraud/cases/{case.public_id}/" in told


def _check_charge_back(told: str) -> None:
    """An employer's debit that its bank took back after the money was spent: the booking stays, the employer owes."""
    debt = PayerDebt.objects.get()
    order = debt.payment.top_up
    assert order is not None
    assert (order.state, debt.owed_cents) == ("charged_back", order.total_cents)
    spent = Allocation.objects.filter(lot__top_up=order).select_related("booking").get()
    assert (spent.booking.state, spent.amount_cents) == ("accepted", order.total_cents)
    assert f"/employer/top-ups/{order.public_id}/" in told


def _check_refund(told: str) -> None:
    """The session that never took place: rights restored, award revoked, demanded, refunded by the bank, once."""
    receivable = Receivable.objects.get()
    booking = receivable.booking
    assert booking.session.state == "never_held"
    assert (receivable.state, receivable.recovered_cents) == ("recovered", receivable.amount_cents)
    # All that we paid; what the learner paid the provider themselves was never ours to ask back.
    assert receivable.amount_cents == sum(
        booking.allocations.filter(direct=False).values_list("amount_cents", flat=True)
    )
    # The note and the statement of the bank tell of one transfer; it counts once.
    receipt = RecoveryReceipt.objects.get()
    assert (receipt.applied_cents, receipt.finding) == (receivable.amount_cents, "")
    assert BankLine.objects.filter(recovery=receipt).count() == 2
    assert set(Award.objects.filter(source=booking.public_id).values_list("state", flat=True)) <= {"revoked"}
    steps = list(receivable.log.order_by("pk").values_list("transition", flat=True))
    assert steps == ["open", "demand", "recover_rest"]
    restored = Posting.objects.filter(booking=booking, entry__kind="restore_booking")
    repaid = Posting.objects.filter(booking=booking, entry__kind="recovery_received")
    first, last = restored.earliest("pk").entry, repaid.earliest("pk").entry
    assert first.occurred_at < last.occurred_at
    assert f"/agency/receivables/{receivable.pk}/" in told


def _check_catalogue(told: str) -> list[int]:
    """What the catalogue has to show is there, and is pointed to. Returns how much there is of each."""
    outcome = Award.objects.get(citizen__user__email="camille.durand@demo.example")
    assert (outcome.kind, outcome.state) == ("achievement", "issued")
    attendance = Award.objects.get(citizen__user__email="nadia.benali@demo.example")
    assert attendance.kind == "attendance"
    stack = StackRule.objects.get()
    assert stack.leads_to is not None
    result = SurveyResult.objects.get()
    assert result.micro_credential == outcome.micro_credential
    assert result.answers >= 5
    application = Application.objects.get()
    assert application.accreditation is not None
    assert application.accreditation.state == "in_review"
    assert application.questions.get().answer == ""
    audited = Audit.objects.get(held_on=None).accreditation
    for path in (
        f"/verify/{outcome.public_id}/",
        "/shared/",
        "/portfolio/",
        "/pathway/",
        "/stacks/",
        "/catalogue/saved/",
        "/awards/",
        "/survey/",
        f"/catalogue/{outcome.micro_credential_id}/",
        f"/agency/providers/{application.public_id}/",
        f"/agency/accreditations/{audited.pk}/",
        "a course with its employment outcomes",
    ):
        assert path in told
    counted = (Accreditation, Award, EmploymentOutcome, PortfolioShare, SavedSearch, SurveyAnswer)
    numbers = [model.objects.count() for model in counted]
    assert all(numbers)
    return numbers


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
