"""Fraud's jobs."""

from __future__ import annotations

from fraud.screening import onboarding
from fraud.services import daily, feeds, findings
from ila.core import jobs

FEED = "fraud.feed"


@jobs.task(name="fraud.follow", queue="fraud", cron="* * * * *", lock=FEED, retry=False)
def follow(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Tell the facts of what has happened, each minute, and of all that was missed; screen who is new behind a firm."""
    result = feeds.catch_up()
    told = sum(result.rows.get(name, 0) for name in ("persons", "providers", "blacklist"))
    matched = onboarding.screen_all() if told else onboarding.Screened()
    if matched.new:
        findings.store_links()
    return {"facts": result.total, "failed": len(result.failed), "names_matched": matched.new}


@jobs.task(name="fraud.watch", queue="fraud", cron="23 3 * * *", lock=FEED)
def watch(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Each night: compare all facts, run every detector, hold what must not be paid, keep what was found."""
    return daily.watch_day().counts()
