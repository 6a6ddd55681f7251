"""Payments to providers through Stripe: what is found out of them later, and money that did not reach a bank."""

from datetime import datetime, timedelta

from django.db import transaction

from catalogue.models import ConnectedAccount
from catalogue.services import connected_accounts
from funding.banking.transfers import tell_seen
from funding.cards.transfers import PayoutSeen
from funding.models import FailedPayout, Payment, PaymentBatch, PaymentOutcome, Rail, StripeMovement
from funding.rails import open_rail, open_transfers
from funding.services.bank_messages import process_waiting, receive_messages
from funding.services.batches import require_no_transaction, send_unsent
from funding.services.kept_messages import store_message
from ila.core import clock
from ila.core.stripe_api import CardsRefused

# A payout may still fail so long after its transfers.
PAYOUTS_FAIL = timedelta(days=30)
# Listed again each time: Stripe promises no order.
OVERLAP = timedelta(hours=2)
FIRST_LOOK = timedelta(days=90)


def look_at_transfer(*, transfer_id: str) -> bool:
    """Fetch a transfer afresh, keep what was seen, and work on it. Outside transactions.

    One that is not ours changes nothing, and is False. Raises: CardsUnavailable, CardsRefused.
    """
    require_no_transaction()
    seen = open_transfers().read_transfer(transfer_id)
    if not Payment.objects.filter(end_to_end_id=seen.end_to_end_id, batch__rail=Rail.STRIPE).exists():
        return False
    store_message(content=tell_seen(seen), note_repeats=False)
    process_waiting()
    return True


def note_payout(*, account: str, payout_id: str) -> FailedPayout | None:
    """Look at a payout of a provider's account; where it failed, that is kept, once. Outside transactions.

    Raises: CardsUnavailable.
    """
    payout = open_transfers().read_payout(payout_id, account=account)
    return _keep(payout) if payout.status == "failed" else None


def undo_payout(*, failed_id: int) -> FailedPayout:
    """Take back each of our transfers in a payout that failed: their claims are payable again. Outside transactions.

    What cannot be taken back is named, and a person looks at it. Killed anywhere and called again, each comes back
    once. Raises: CardsUnavailable.
    """
    require_no_transaction()
    failed = FailedPayout.objects.get(pk=failed_id)
    if failed.done_at is not None:
        return failed
    port = open_transfers()
    payout = PayoutSeen(
        failed.payout_id, failed.account, "failed", failed.failure, failed.amount_cents, failed.currency
    )
    finding = ""
    for transfer_id in port.transfers_in(payout):
        try:
            seen = port.read_transfer(transfer_id)
            if not Payment.objects.filter(
                end_to_end_id=seen.end_to_end_id, batch__rail=Rail.STRIPE, iban=failed.account
            ).exists():
                continue
            seen = port.take_back(seen, reason=failed.failure or "payout_failed")
        except CardsRefused as refused:
            finding = refused.code
            continue
        store_message(content=tell_seen(seen), note_repeats=False)
    process_waiting()
    failed.done_at, failed.finding = clock.now(), finding[:60]
    failed.save(update_fields=["done_at", "finding"])
    return failed


def sweep_transfers() -> int:
    """Find what no webhook told of transfers and payouts, and finish what was begun. Returns how much was news.

    Outside transactions. Raises: CardsUnavailable, BankUnreachable: the rest waits for the next call.
    """
    send_unsent(rail=Rail.STRIPE)
    worked = len(receive_messages(bank=open_rail(Rail.STRIPE)))
    since = clock.now() - PAYOUTS_FAIL
    paid = Payment.objects.filter(
        batch__rail=Rail.STRIPE, outcome=PaymentOutcome.EXECUTED, executed_at__gt=since
    )
    for account in paid.order_by("iban").values_list("iban", flat=True).distinct():
        for payout in open_transfers().failed_payouts(account, since=since):
            _keep(payout)
    for pk in FailedPayout.objects.filter(done_at__isnull=True).order_by("pk").values_list("pk", flat=True):
        undo_payout(failed_id=pk)
        worked += 1
    for provider in ConnectedAccount.objects.filter(
        ready=False, account_id__isnull=False, provider__iban__startswith="acct_"
    ).values_list("provider", flat=True):
        connected_accounts.look(provider_id=provider)
    return worked


def look_at_all(*, since: datetime) -> None:
    """Look at every transfer of the batches since then: for who was away longer than Stripe lists events."""
    for msg_id in PaymentBatch.objects.filter(rail=Rail.STRIPE, exported_at__gt=since).values_list(
        "msg_id", flat=True
    ):
        for seen in open_transfers().of_group(msg_id):
            store_message(content=tell_seen(seen), note_repeats=False)
    process_waiting()


def keep_movements() -> int:
    """Keep what moved our balance at Stripe since the last time, each once. Returns how many were new."""
    last = StripeMovement.objects.order_by("-moved_at").values_list("moved_at", flat=True).first()
    since = last - OVERLAP if last is not None else clock.now() - FIRST_LOOK
    found = [
        StripeMovement(
            movement_id=each.movement_id,
            kind=each.kind,
            source_id=each.source_id[:100],
            payment_ref=each.payment_ref[:100],
            amount_cents=each.amount_cents,
            fee_cents=each.fee_cents,
            currency=each.currency,
            moved_at=each.moved_at,
            told_at=clock.now(),
        )
        for each in open_transfers().movements(since=since)
    ]
    known = set(
        StripeMovement.objects.filter(movement_id__in=[each.movement_id for each in found]).values_list(
            "movement_id", flat=True
        )
    )
    new = [each for each in found if each.movement_id not in known]
    StripeMovement.objects.bulk_create(new, batch_size=1000, ignore_conflicts=True)
    return len(new)


def _keep(payout: PayoutSeen) -> FailedPayout:
    with transaction.atomic():
        failed, new = FailedPayout.objects.get_or_create(
            payout_id=payout.payout_id,
            defaults={
                "account": payout.account,
                "amount_cents": payout.amount_cents,
                "currency": payout.currency,
                "failure": payout.failure,
                "found_at": clock.now(),
            },
        )
        if new:
            # Nothing more is sent there until Stripe says that it reaches a bank again.
            ConnectedAccount.objects.filter(account_id=payout.account).update(ready=False)
    return failed
