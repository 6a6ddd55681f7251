"""The accounts' jobs."""

from accounts.services import delivery
from ila.core import jobs


@jobs.task(
    name="accounts.send_messages", queue="mail", cron="* * * * *", lock="accounts.send_messages", retry=False
)
def send_messages(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Send what waits, each minute: a message is written in the transaction that causes it, so none is lost."""
    return {"sent": delivery.send_waiting()}
