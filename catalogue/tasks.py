"""The catalogue's jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accounts.services import service_users
from catalogue.services import (
    account_changes,
    accreditations,
    application_reviews,
    audits,
    listings,
    micro_credentials,
    searches,
    surveys,
    uploads,
)
from ila.core import jobs


@jobs.task(
    name="catalogue.expire_accreditations",
    queue="deadlines",
    cron="13 * * * *",
    lock="catalogue.expire_accreditations",
)
def expire_accreditations(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Let accreditations expire whose last day is over at the provider's place."""
    return {"expired": accreditations.expire_accreditations(actor=service_users.get("clock"))}


@jobs.task(
    name="catalogue.change_accounts",
    queue="deadlines",
    cron="*/10 * * * *",
    lock="catalogue.change_accounts",
)
def change_accounts(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Put approved changes of accounts into force whose time to object is over."""
    return {"in_force": account_changes.put_due_into_force()}


@jobs.task(
    name="catalogue.end_suspensions",
    queue="deadlines",
    cron="19 * * * *",
    lock="catalogue.end_suspensions",
)
def end_suspensions(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Let suspended micro-credentials be booked again once the last day of their suspension is over (S-16)."""
    return {"ended": micro_credentials.end_suspensions(actor=service_users.get("clock"))}


@jobs.task(
    name="catalogue.make_lines", queue="upkeep", cron="* * * * *", lock="catalogue.make_lines", retry=False
)
def make_lines(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Bring the list that searches read up to date: what changed, and what the day changed."""
    return {"lines": listings.bring_all_up_to_date()}


@jobs.task(name="catalogue.count_words", queue="upkeep", cron="41 2 * * *", lock="catalogue.count_words")
def count_words(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Count the words that a misspelt one is compared with."""
    return {"words": listings.count_words()}


@jobs.task(
    name="catalogue.tell_ends",
    queue="deadlines",
    cron="43 * * * *",
    lock="catalogue.tell_ends",
)
def tell_ends(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Tell providers whose accreditation ends, and managers of applications whose term has passed (F-34)."""
    return {"told": audits.send_end_notices(), "overdue": application_reviews.tell_overdue()}


@jobs.task(name="catalogue.check_import", queue="imports", lock=jobs.LONG_IMPORT, retry=False)
def check_import(*, run_id: int) -> dict[str, int]:
    """Try an import without writing anything."""
    with _told_when_broken(run_id):
        return _numbers(uploads.check_import(run_id=run_id).report)


@jobs.task(name="catalogue.store_import", queue="imports", lock=jobs.LONG_IMPORT, retry=False)
def store_import(*, run_id: int) -> dict[str, int]:
    """Store an import that a person confirmed."""
    with _told_when_broken(run_id):
        return _numbers(uploads.store_import(run_id=run_id).result)


@jobs.task(name="catalogue.send_surveys", queue="mail", cron="23 * * * *", lock="catalogue.send_surveys")
def send_surveys(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Mail the surveys that are due."""
    return {"sent": surveys.send_due_invitations()}


@jobs.task(
    name="catalogue.publish_surveys", queue="upkeep", cron="17 3 * * *", lock="catalogue.publish_surveys"
)
def publish_surveys(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Publish results that have five answers more."""
    return {"published": surveys.publish_results()}


@contextmanager
def _told_when_broken(run_id: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        uploads.fail_import(run_id=run_id, error=type(error).__name__)
        raise


def _numbers(report: dict[str, Any] | None) -> dict[str, int]:
    return {key: value for key, value in (report or {}).items() if isinstance(value, int)}


@jobs.task(
    name="catalogue.mail_saved_searches",
    queue="mail",
    cron="20 5 * * *",
    lock="catalogue.mail_saved_searches",
)
def mail_saved_searches(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Mail what has been listed since yesterday to who keeps a search that it fits."""
    listings.bring_all_up_to_date()
    return searches.mail_new_matches()
