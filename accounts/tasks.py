"""The accounts' jobs."""

from accounts.services import delivery, erasures, exports, leftovers
from ila.core import jobs


@jobs.task(
    name="accounts.send_messages", queue="mail", cron="* * * * *", lock="accounts.send_messages", retry=False
)
def send_messages(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Send what waits, each minute: a message is written in the transaction that causes it, so none is lost."""
    return {"sent": delivery.send_waiting()}


@jobs.task(name="accounts.forget_expired", cron="23 * * * *", lock="accounts.forget_expired", retry=False)
def forget_expired(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Forget ended sessions and counted attempts, each hour."""
    return leftovers.forget_expired()


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
