"""The catalogue's jobs."""

from accounts.services import service_users
from catalogue.services import accreditations
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
