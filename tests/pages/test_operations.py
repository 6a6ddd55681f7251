"""The operations page: what fell due, what is overdue and why, runs, failed jobs, queues, reviews."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from funding import tasks
from funding.models import BookingReview
from funding.services import bookings, due, holds, reviews
from ila.core import clock
from ila.core.models import JobRun
from tests.factories.accounts import MembershipFactory
from tests.pages.support import Scene, proposed_booking, signed_in
from tests.pages.test_bookings import text_of
from tests.support.queries import assert_queries_constant
from tests.support.world import ENDS, MONDAY, STARTS

pytestmark = pytest.mark.django_db
ADDRESS = "/agency/operations/"


def page(scene: Scene) -> str:
    return text_of(signed_in(scene.case_worker).get(ADDRESS).content).replace("\u00a0", " ")


def manager(scene: Scene) -> Client:
    return signed_in(MembershipFactory.create(organisation=scene.world.agency, role="manager").user)


def failed_job() -> int:
    number = tasks.seal_entries.defer(timestamp=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'failed', attempts = 3 WHERE id = %s", [number]
        )
    return int(number)


def declared(scene: Scene) -> None:
    """A service that was declared long ago, so that it should have been validated."""
    with clock.at(MONDAY) as hand:
        booking = scene.world.accepted(scene.learner)
        hand.move(STARTS)
        bookings.declare_entry(actor=scene.provider_member, booking_id=booking.pk)
        hand.move(ENDS)
        bookings.declare_exit(actor=scene.provider_member, booking_id=booking.pk, exit_reason="complete")
        bookings.declare_service(actor=scene.provider_member, booking_id=booking.pk, percent=100)


def test_an_empty_platform_says_that_nothing_runs(scene: Scene) -> None:
    text = page(scene)
    for expected in (
        "Deadlines are not being executed",
        "No run yet · 0 workers at work",
        "Nothing falls due within a week.",
        "No review is open.",
        "No job has failed.",
        "None yet.",
    ):
        assert expected in text, text


def test_what_is_due_and_what_was_done_is_shown(scene: Scene) -> None:
    proposed_booking(scene)
    declared(scene)
    ProcrastinateWorker.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    text = page(scene)
    assert "Proposals lapse 0 0 – 0 1" in text, text
    assert "Services validate themselves 1 0" in text, text
    assert "No worker has executed it" in text, text
    tasks.run_due(timestamp=0)
    text = page(scene)
    assert "Deadlines are being executed" in text, text
    assert "1 worker at work" in text, text
    assert "Execute what is due" in text, text
    assert "1 validated" in text, text
    assert "No worker has executed it" not in text, text


def test_what_is_under_control_is_shown_with_its_reason(scene: Scene) -> None:
    declared(scene)
    holds.place_hold(
        owner=scene.case_worker,
        reason="Complaint 17",
        until=clock.now() + timedelta(days=9),
        provider=scene.world.provider,
    )
    assert due.run_due().held == 1
    text = page(scene)
    assert "Services validate themselves 1 1" in text, text
    assert "Under control until" in text, text
    assert "by Case Worker Complaint 17" in text, text
    assert "No worker has executed it" not in text, text


def test_a_failed_job_is_done_again_by_a_manager(scene: Scene) -> None:
    number = failed_job()
    address = f"{ADDRESS}jobs/{number}/retry/"
    assert "Seal the journal" in page(scene)
    assert "Try again" not in page(scene)
    assert signed_in(scene.case_worker).post(address).status_code == 403
    assert signed_in(scene.auditor).post(address).status_code == 403
    assert signed_in(scene.learner.user).post(address).status_code == 403
    assert ProcrastinateJob.objects.get(pk=number).status == "failed"
    boss = manager(scene)
    assert b"Try again" in boss.get(ADDRESS).content
    answer = boss.post(address, follow=True)
    assert "The job waits to be done again." in text_of(answer.content)
    job = ProcrastinateJob.objects.get(pk=number)
    assert (job.status, job.attempts) == ("todo", 4)
    assert boss.post(address).status_code == 404
    assert boss.post(f"{ADDRESS}jobs/999999/retry/").status_code == 404


def test_a_failed_job_that_waits_already_is_not_doubled(scene: Scene) -> None:
    number = failed_job()
    tasks.seal_entries.defer(timestamp=1)
    answer = manager(scene).post(f"{ADDRESS}jobs/{number}/retry/", follow=True)
    assert "The same job waits already." in text_of(answer.content)


def test_a_form_from_elsewhere_retries_nothing(scene: Scene) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(MembershipFactory.create(organisation=scene.world.agency, role="manager").user)
    assert client.post(f"{ADDRESS}jobs/{failed_job()}/retry/").status_code == 403


def test_reviews_are_shown_and_closed(scene: Scene) -> None:
    booking = proposed_booking(scene)
    reviews.open_reviews([booking.pk], reason="session_moved", detail={"changes": [1]})
    review = BookingReview.objects.get()
    text = page(scene)
    assert "The dates of the session have changed: 1" in text, text
    assert "Close the review" in text, text
    assert "Close the review" not in text_of(signed_in(scene.auditor).get(ADDRESS).content)
    address = f"{ADDRESS}reviews/{review.pk}/close/"
    assert signed_in(scene.auditor).post(address).status_code == 403
    answer = signed_in(scene.case_worker).post(address, follow=True)
    assert "The review is closed." in text_of(answer.content)
    review.refresh_from_db()
    assert review.closed_by == scene.case_worker
    again = signed_in(scene.case_worker).post(address, follow=True)
    assert "This review is closed already." in text_of(again.content)
    assert signed_in(scene.case_worker).post(f"{ADDRESS}reviews/0/close/").status_code == 404


def test_a_run_that_failed_or_was_interrupted_is_shown(scene: Scene) -> None:
    now = clock.now()
    for outcome in ("failed", "interrupted"):
        JobRun.objects.create(
            name="funding.credit_due", outcome=outcome, error="CreditsFailed", started_at=now, finished_at=now
        )
    text = page(scene)
    assert "Failed CreditsFailed" in text, text
    assert "Interrupted CreditsFailed" in text, text


def test_the_page_asks_as_much_whatever_there_is(scene: Scene) -> None:
    def grow(number: int) -> None:
        for _ in range(number):
            booking = proposed_booking(scene, scene.world.make_learner())
            reviews.open_reviews([booking.pk], reason="session_moved")
            JobRun.objects.create(name="x", counts={"done": 1}, outcome="done", finished_at=clock.now())

    client = signed_in(scene.case_worker)
    assert_queries_constant(grow, lambda: client.get(ADDRESS))
