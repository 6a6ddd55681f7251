"""Funding's jobs."""

import structlog

from funding.services import seals
from ila.core import jobs

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
