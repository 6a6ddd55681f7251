"""The catalogue's jobs."""

from accounts.services import service_users
from catalogue.services import accreditations, listings
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
    name="catalogue.make_lines", queue="default", cron="* * * * *", lock="catalogue.make_lines", retry=False
)
def make_lines(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Bring the list that searches read up to date: what changed, and what the day changed."""
    return {"lines": listings.bring_all_up_to_date()}


@jobs.task(name="catalogue.count_words", queue="default", cron="41 2 * * *", lock="catalogue.count_words")
def count_words(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Count the words that a misspelt one is compared with."""
    return {"words": listings.count_words()}
