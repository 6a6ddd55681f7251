"""Fraud's jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from fraud.screening import onboarding
from fraud.services import alerts, back_tests, cases, daily, feeds, findings, measures, reminders
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


@jobs.task(name="fraud.end_terms", queue="fraud", cron="*/10 * * * *", lock="fraud.end_terms")
def end_terms(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Snoozes, waits, times to answer and measures whose end has come."""
    return {
        "alerts_woken": alerts.wake_snoozed(),
        "waits_over": cases.end_waits(),
        "terms_over": measures.close_terms(),
        "measures_expired": measures.expire_measures(),
    }


@jobs.task(name="fraud.fill_queue", queue="fraud", cron="15 4 * * 1", lock="fraud.fill_queue")
def fill_queue(timestamp: int) -> dict[str, int]:
    """Every Monday: as many cases as there is time for, a tenth of them drawn at random."""
    queued = cases.fill_queue(on=datetime.fromtimestamp(timestamp, UTC).date())
    return {"queued": len(queued), "controls": sum(case.control for case in queued)}


@jobs.task(name="fraud.remind", queue="fraud", cron="47 4 * * 1-5", lock="fraud.remind")
def remind(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Each working morning: investigators and managers are told what is due."""
    return {"told": reminders.remind()}


@jobs.task(name="fraud.back_test", queue="fraud", lock="fraud.back_test", retry=False)
def back_test(public_id: str) -> dict[str, int]:
    """Try changed parameters on past days, one after another."""
    return {"days": back_tests.execute_back_test(public_id=UUID(public_id))}
