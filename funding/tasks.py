"""Funding's jobs."""

from zoneinfo import ZoneInfo

import structlog

from accounts.services import service_users
from funding.banking.config import bank_is_configured
from funding.services import bank_messages, batches, bookings, due, reviews, schemes, seals
from ila.core import clock, jobs

log = structlog.get_logger(__name__)


@jobs.task(name="funding.seal_entries", queue="money", cron="* * * * *", lock="funding.seal_entries")
def seal_entries(timestamp: int) -> None:  # noqa: ARG001 - the scheduler tells the time
    """Seal the journal, each minute. The head is logged: whoever keeps logs apart keeps an anchor."""
    made = seals.seal_entries()
    if made:
        log.info(
            "journal_sealed",
            seals=len(made),
            entries=sum(seal.entries for seal in made),
            head=f"{made[-1].number}:{made[-1].chain_hash}",
        )


@jobs.task(name="funding.run_due", queue="money", cron="* * * * *", lock="funding.run_due")
def run_due(timestamp: int) -> None:  # noqa: ARG001 - the scheduler tells the time
    """Let proposals lapse and services validate themselves; open reviews; finish the cancelling of sessions."""
    bookings.finish_cancelled_sessions()
    reviews.open_reviews()
    due.run_due()


@jobs.task(name="funding.expire_lots", queue="money", cron="7 * * * *", lock="funding.expire_lots")
def expire_lots(timestamp: int) -> None:  # noqa: ARG001 - the scheduler tells the time
    """Take back what nobody used in time, once the last day is over wherever on earth a scheme may be."""
    last_midnight = ZoneInfo("Etc/GMT+12")
    schemes.expire_lots(on=clock.now().astimezone(last_midnight).date(), actor=service_users.get("clock"))


@jobs.task(
    name="funding.exchange_with_bank", queue="bank", cron="*/10 * * * *", lock="funding.exchange_with_bank"
)
def exchange_with_bank(timestamp: int) -> None:  # noqa: ARG001 - the scheduler tells the time
    """Send what the bank does not hold yet, and work on what it has for us; nothing where no bank is configured."""
    if not bank_is_configured():
        return
    batches.send_unsent()
    bank_messages.receive_messages()
