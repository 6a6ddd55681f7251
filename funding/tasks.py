"""Funding's jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from accounts.models import User
from accounts.services import service_users
from funding.banking.config import bank_is_configured
from funding.cards.config import cards_are_taken
from funding.services import (
    awards,
    bank_messages,
    batch_orders,
    batches,
    bookings,
    card_disputes,
    card_events,
    card_refunds,
    changes,
    credit_notices,
    due,
    laboratory,
    own_transfers,
    refunds,
    schemes,
    seals,
    statements,
    surveys,
    top_ups,
    transfers,
)
from funding.services.recoveries import demands, instalments
from ila.core import clock, jobs

log = structlog.get_logger(__name__)

# Beside the worker that begins a run, at most so many others share what is due.
HELPERS = 3
# A training whose service was validated longer ago is not asked about any more.
SURVEYED_WITHIN = timedelta(days=30)


@jobs.task(
    name="funding.seal_entries", queue="money", cron="* * * * *", lock="funding.seal_entries", retry=False
)
def seal_entries(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Seal the journal, each minute. The head is logged: whoever keeps logs apart keeps an anchor."""
    made = seals.seal_entries()
    entries = sum(seal.entries for seal in made)
    if made:
        log.info(
            "journal_sealed",
            seals=len(made),
            entries=entries,
            head=f"{made[-1].number}:{made[-1].chain_hash}",
        )
    return {"seals": len(made), "entries": entries}


@jobs.task(name="funding.run_due", queue="deadlines", cron="* * * * *", retry=False)
def run_due(timestamp: int) -> due.DueResult:  # noqa: ARG001 - the scheduler tells the time
    """Execute what is due, each minute; where it is much, other workers are asked to share it."""
    waiting = due.due_count(at_most=(HELPERS + 1) * due.CHUNK)
    for number in range(1, min(HELPERS, waiting // due.CHUNK) + 1):
        jobs.defer(share_due, number=number, once=f"funding.share_due:{number}")
    return due.run_due()


@jobs.task(name="funding.share_due", queue="deadlines", retry=False)
def share_due(number: int) -> due.DueResult:  # noqa: ARG001 - tells the helpers apart
    """Execute what is due and no other worker has in hand."""
    return due.run_due()


@jobs.task(
    name="funding.finish_cancelled_sessions",
    queue="deadlines",
    cron="*/5 * * * *",
    lock="funding.finish_cancelled_sessions",
    retry=False,
)
def finish_cancelled_sessions(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Undo the bookings of sessions that are cancelled or were never held which nobody came to undo."""
    return {
        "cancelled": bookings.finish_cancelled_sessions(),
        "undone": bookings.finish_never_held_sessions(),
    }


@jobs.task(name="funding.expire_lots", queue="deadlines", cron="37 1 * * *", lock="funding.expire_lots")
def expire_lots(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Take back what came back to lots whose last day was over, wherever on earth a scheme may be."""
    last_midnight = ZoneInfo("Etc/GMT+12")
    on = clock.now().astimezone(last_midnight).date()
    return {"expired": schemes.expire_lots(on=on, actor=service_users.get("clock"))}


@jobs.task(name="funding.credit_due", queue="deadlines", cron="3 * * * *", lock="funding.credit_due")
def credit_due(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Give credits at an age and a new year's, as their day begins in each scheme's time zone."""
    return due.credit_due()


@jobs.task(
    name="funding.review_changes",
    queue="deadlines",
    cron="*/10 * * * *",
    lock="funding.review_changes",
    retry=False,
)
def review_changes(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Open reviews of bookings that were decided on what has changed since."""
    return changes.review_changes()


@jobs.task(
    name="funding.award_lately",
    queue="deadlines",
    cron="*/5 * * * *",
    lock="funding.award",
    retry=False,
)
def award_lately(timestamp: int) -> awards.Swept:  # noqa: ARG001 - the scheduler tells the time
    """Issue awards for services that were validated lately, and revoke those of trainings undone."""
    return awards.sweep_awards(since=clock.now() - awards.RECENT)


@jobs.task(name="funding.award_all", queue="deadlines", cron="17 2 * * *", lock="funding.award")
def award_all(timestamp: int) -> awards.Swept:  # noqa: ARG001 - the scheduler tells the time
    """Each night: issue whatever was missed, however long ago its service was validated."""
    return awards.sweep_awards()


@jobs.task(name="funding.run_laboratory", queue="laboratory", lock="funding.run_laboratory", retry=False)
def run_laboratory(public_id: str) -> dict[str, int]:
    """Play a run of the policy laboratory, one after another."""
    return {"learners": laboratory.execute_run(public_id=UUID(public_id))}


@jobs.task(
    name="funding.exchange_with_bank",
    queue="bank",
    cron="*/10 * * * *",
    lock="funding.exchange_with_bank",
    retry=False,
)
def exchange_with_bank(timestamp: int) -> None:  # noqa: ARG001 - the scheduler tells the time
    """Send what the bank does not hold yet, and work on what it has for us; nothing where no bank is configured."""
    if not bank_is_configured():
        return
    batches.send_unsent()
    bank_messages.receive_messages()


@jobs.task(name="funding.send_batch", queue="bank", lock="funding.exchange_with_bank")
def send_batch(*, batch_id: int, actor_id: int) -> dict[str, int]:
    """Write the file of a batch that was approved and hand it to the bank, as somebody ordered."""
    actor = User.objects.get(pk=actor_id)
    return {"sent": int(batch_orders.export_and_send(actor=actor, batch_id=batch_id))}


@jobs.task(
    name="funding.invite_to_surveys", queue="deadlines", cron="37 * * * *", lock="funding.invite_to_surveys"
)
def invite_to_surveys(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Ask those who completed how it was."""
    return {"invited": surveys.invite_completers(since=clock.now() - SURVEYED_WITHIN)}


@jobs.task(
    name="funding.tell_credits", queue="mail", cron="* * * * *", lock="funding.tell_credits", retry=False
)
def tell_credits(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Tell learners of what was credited to their accounts, each minute."""
    return {"told": credit_notices.tell_credits()}


@jobs.task(
    name="funding.make_statements", queue="deadlines", cron="23 4 * * *", lock="funding.make_statements"
)
def make_statements(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """In the first days of a month: the statements of the month before."""
    return statements.make_due()


@jobs.task(
    name="funding.allocate_top_ups",
    queue="money",
    cron="* * * * *",
    lock="funding.allocate_top_ups",
    retry=False,
)
def allocate_top_ups(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Put the money of employers' paid orders on their employees' accounts."""
    return {"allocated": top_ups.allocate_waiting()}


@jobs.task(
    name="funding.settle_own_transfers",
    queue="money",
    cron="* * * * *",
    lock="funding.settle_own_transfers",
    retry=False,
)
def settle_own_transfers(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Accept what learners' transfers have come for, and let lapse what they have not, each minute."""
    return own_transfers.settle_waiting()


@jobs.task(name="funding.ask_for_debts", queue="deadlines", cron="41 5 * * *", lock="funding.ask_for_debts")
def ask_for_debts(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Each morning: break plans whose part is late, demand what was opened, remind who is late."""
    return {
        "broken": instalments.break_late_plans(),
        "demanded": demands.demand_opened(),
        "reminded": demands.remind_overdue(),
    }


@jobs.task(name="funding.prepare_refunds", queue="money", cron="*/30 * * * *", lock="funding.prepare_refunds")
def prepare_refunds(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Draw up refunds of learners' own money, and ask for the accounts that are missing."""
    return {"prepared": refunds.prepare_refunds()}


@jobs.task(
    name="funding.warn_of_refunds", queue="deadlines", cron="47 5 * * *", lock="funding.warn_of_refunds"
)
def warn_of_refunds(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Warn payment officers of own money whose term ends within days (F-23)."""
    return {"due_soon": refunds.warn_before_term()}


@jobs.task(name="funding.end_top_ups", queue="deadlines", cron="11 * * * *", lock="funding.end_top_ups")
def end_top_ups(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Return what is unspent of orders whose last day is over, and close pledges that were never paid."""
    return {"ended": top_ups.end_top_ups(), "closed": top_ups.fail_overdue()}


@jobs.task(name="funding.check_top_up_list", queue="imports", lock=jobs.LONG_LIST, retry=False)
def check_top_up_list(*, draft_id: int) -> dict[str, int]:
    """Try an employer's list without ordering anything."""
    with _draft_told_when_broken(draft_id):
        draft = top_ups.check_draft(draft_id=draft_id)
    return {"rows": draft.rows, "matched": draft.matched}


@jobs.task(name="funding.order_top_up_list", queue="imports", lock=jobs.LONG_LIST, retry=False)
def order_top_up_list(*, draft_id: int) -> dict[str, int]:
    """Order an employer's list that a manager confirmed."""
    with _draft_told_when_broken(draft_id):
        draft = top_ups.order_draft(draft_id=draft_id)
    return {"lines": draft.matched}


@jobs.task(name="funding.process_stripe_event", queue="money")
def process_stripe_event(*, event_id: int) -> dict[str, int]:
    """Work on what a webhook told; what Stripe does not answer now is tried again."""
    card_events.process_event(event_id=event_id)
    return {"clawed_back": card_disputes.claw_back_waiting()}


@jobs.task(name="funding.send_card_refund", queue="money")
def send_card_refund(*, refund_id: int) -> None:
    """Send a promised refund to the card or account that paid."""
    card_refunds.send(refund_id=refund_id)


@jobs.task(
    name="funding.sweep_stripe", queue="money", cron="*/5 * * * *", lock="funding.sweep_stripe", retry=False
)
def sweep_stripe(timestamp: int) -> card_events.Swept:  # noqa: ARG001 - the scheduler tells the time
    """Find what no webhook told of; nothing where no cards are taken."""
    return card_events.sweep()


@jobs.task(
    name="funding.keep_stripe_movements",
    queue="money",
    cron="11 * * * *",
    lock="funding.keep_stripe_movements",
    retry=False,
)
def keep_stripe_movements(timestamp: int) -> dict[str, int]:  # noqa: ARG001 - the scheduler tells the time
    """Keep what moved our balance at Stripe, for the days' books; nothing where no cards are taken."""
    return {"kept": transfers.keep_movements() if cards_are_taken() else 0}


@contextmanager
def _draft_told_when_broken(draft_id: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        top_ups.fail_draft(draft_id=draft_id, error=type(error).__name__)
        raise
