"""The accounts' jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accounts.services import delivery, erasures, exports, leftovers, preregistration_files
from ila.core import jobs
from ila.core.errors import DomainError


@jobs.task(
    name="accounts.send_messages", queue="mail", cron="* * * * *", lock="accounts.send_messages", retry=False
)
def send_messages(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Send what waits, each minute: a message is written in the transaction that causes it, so none is lost."""
    return {"sent": delivery.send_waiting()}


@jobs.task(name="accounts.forget_expired", cron="23 * * * *", lock="accounts.forget_expired", retry=False)
def forget_expired(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Forget ended sessions and counted attempts, each hour."""
    return {**leftovers.forget_expired(), "files": preregistration_files.forget_undecided()}


@jobs.task(name="accounts.check_citizens", queue="imports", lock=jobs.LONG_LIST, retry=False)
def check_citizens(*, run_id: int) -> dict[str, int]:
    """Try a file of citizens without writing anything."""
    with _told_when_broken(run_id):
        return _counts(preregistration_files.check_file(run_id=run_id).report)


@jobs.task(name="accounts.store_citizens", queue="imports", lock=jobs.LONG_LIST, retry=False)
def store_citizens(*, run_id: int) -> dict[str, int]:
    """Register the citizens of a file that a person confirmed."""
    with _told_when_broken(run_id):
        return _counts(preregistration_files.store_file(run_id=run_id).result)


@contextmanager
def _told_when_broken(run_id: int) -> Iterator[None]:
    try:
        yield
    except DomainError as refusal:
        # A file that cannot be read is no broken job: the page says why.
        preregistration_files.fail_file(run_id=run_id, error=refusal.code)
    except Exception as error:
        preregistration_files.fail_file(run_id=run_id, error=type(error).__name__)
        raise


def _counts(report: dict[str, Any] | None) -> dict[str, int]:
    told = report or {}
    return {
        "created": told.get("created", 0),
        "unchanged": told.get("unchanged", 0),
        "errors": len(told.get("errors", [])) + told.get("errors_left_out", 0),
    }


@jobs.task(name="accounts.make_copy", queue="upkeep", retry=False)
def make_copy(*, export_id: int) -> dict[str, int]:
    """Make the copy of their data that somebody asked for."""
    try:
        return {"bytes": exports.make_copy(export_id=export_id).size}
    except Exception:
        exports.fail_copy(export_id=export_id)
        raise


@jobs.task(
    name="accounts.delete_old_copies", queue="upkeep", cron="37 * * * *", lock="accounts.delete_old_copies"
)
def delete_old_copies(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Delete copies whose time is over, each hour."""
    return {"deleted": exports.delete_old_copies()}


@jobs.task(name="accounts.erase_people", queue="upkeep", cron="47 * * * *", lock="accounts.erase_people")
def erase_people(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Carry out erasures whose time to be taken back is over, each hour."""
    return erasures.carry_out_due()
