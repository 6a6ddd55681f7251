"""The accounts' jobs."""

from accounts.services import delivery, leftovers
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
