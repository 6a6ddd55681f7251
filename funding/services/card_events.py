"""What Stripe tells of: kept once, worked on by a job, and looked for where nothing was told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from catalogue.models import ConnectedAccount
from funding.banking.port import BankRefusedDelivery, BankUnreachable
from funding.cards.config import cards_are_taken, is_live, open_cards, require_own_account
from funding.cards.events import KINDS, OF_PROVIDERS, NotBelieved, read_webhook
from funding.cards.port import CardsRefused, CardsUnavailable, EventSeen
from funding.models import (
    Bucket,
    CardPayment,
    CardPaymentState,
    CardRefund,
    PayerDebtState,
    PaymentBatch,
    Rail,
    RefusedWebhook,
    StripeCursor,
    StripeEvent,
)
from funding.models.card_payments import WAITING
from funding.services import card_disputes, card_payments, card_refunds, transfers
from ila.core import clock
from ila.core.errors import DomainError

MAX_BYTES = 512_000
# So many refused messages of a day are kept one by one, then they are counted: who sends more fills no table.
KEPT_A_DAY = 100
# What was listed lately is listed again: Stripe promises no order, and clocks differ.
OVERLAP = timedelta(hours=2)
# Stripe lists the events of 30 days. Who comes later looks at every payment that can still be disputed.
LISTED = timedelta(days=29)
DISPUTABLE = timedelta(days=540)
# A payment that is waiting is looked at so often at most, whoever says something of it.
LOOK_AGAIN = timedelta(minutes=10)
AT_ONCE = 500


def believe(*, body: bytes, header: str | None) -> EventSeen:
    """What a webhook tells, if it may be believed.

    Raises: DomainError `webhook_refused` (400) for what is not believed: it is kept, counted, and changes nothing.
    """
    try:
        return _read(body, header)
    except NotBelieved as refused:
        _keep_refused(refused, body)
        raise DomainError("webhook_refused", status=400, reason=refused.reason) from refused


def _read(body: bytes, header: str | None) -> EventSeen:
    if len(body) > MAX_BYTES:
        raise NotBelieved("too_large")
    return read_webhook(
        body,
        header,
        secrets=settings.STRIPE_WEBHOOK_SECRETS,
        account=settings.STRIPE_ACCOUNT,
        livemode=is_live(),
        is_providers=lambda account: ConnectedAccount.objects.filter(account_id=account).exists(),
    )


def keep_event(seen: EventSeen, *, told_by: str) -> StripeEvent | None:
    """Write an event down, once. An unknown type is kept and named, and there is nothing to do for it."""
    of_provider = seen.account not in ("", settings.STRIPE_ACCOUNT)
    unknown = seen.kind not in (OF_PROVIDERS if of_provider else KINDS)
    event, new = StripeEvent.objects.get_or_create(
        event_id=seen.event_id,
        defaults={
            "kind": seen.kind,
            "object_id": seen.object_id,
            "intent_id": seen.intent_id,
            "account": seen.account if of_provider else "",
            "created_at": seen.created_at,
            "told_by": told_by,
            "done_at": clock.now() if unknown else None,
            "finding": "unknown_type" if unknown else "",
        },
    )
    return event if new else None


def process_event(*, event_id: int) -> StripeEvent:
    """Find whose event it is, fetch that payment afresh, and bring it there. Outside transactions.

    Raises: CardsUnavailable: it is worked on again later.
    """
    event = StripeEvent.objects.get(pk=event_id)
    if event.done_at is not None:
        return event
    try:
        event.finding, event.payment_id = _work_on(event)
    except CardsRefused as refused:
        if not refused.about_it:
            raise
        # Stripe has no such object any more, or will not show it: named, and nothing waits for it.
        event.finding = f"refused: {refused.code}"[:40]
    event.done_at = clock.now()
    event.save(update_fields=["finding", "payment_id", "done_at"])
    return event


def _work_on(event: StripeEvent) -> tuple[str, int | None]:
    """Bring what an event is about to where it is. Returns a finding, and the payment."""
    if event.account:
        failed = transfers.note_payout(account=event.account, payout_id=event.object_id)
        if failed is not None:
            transfers.undo_payout(failed_id=failed.pk)
        return "", None
    if event.kind.startswith("transfer."):
        return "" if transfers.look_at_transfer(transfer_id=event.object_id) else "not_ours", None
    payment_id = _payment_of(event)
    if payment_id is None:
        return "not_ours", None
    card_payments.refresh(payment_id=payment_id)
    return "", payment_id


@dataclass
class Swept:
    """What a sweep found that nobody had told, and what it could not do: `refused` names each row with Stripe's no."""

    events: int = 0
    worked: int = 0
    payments: int = 0
    refunds: int = 0
    transfers: int = 0
    clawed_back: int = 0
    failed: int = 0
    refused: list[str] = field(default_factory=list)

    def each(self, name: str, ids: Iterable[int], act: Callable[[int], object]) -> int:
        """Do it for each row by itself: what Stripe refuses of one stops no other. Returns how many it was done for."""
        done = 0
        for pk in ids:
            try:
                act(pk)
                done += 1
            except CardsRefused as refused:
                self.failed += 1
                self.refused.append(f"{name}:{pk} {refused.code}")
        return done


def sweep() -> Swept:
    """Bring everything to where Stripe says it is, whether or not a webhook told of it. Outside transactions.

    Reads Stripe's events since the last time, works on what waits, looks at payments that wait too long, closes
    those whose time is up, sends promised refunds and transfers, and takes what is owed from accounts. Killed anywhere
    and called again, the end is the same. Where Stripe does not answer, the rest waits for the next call; what it
    refuses of one row is named, and the other rows go on.

    Raises: CardsRefused `wrong_account`, `wrong_mode`: nothing is done with another account's key.
    """
    swept = Swept()
    if not cards_are_taken():
        return swept
    try:
        require_own_account()
        swept.events = list_events(swept)
        waiting_events = StripeEvent.objects.filter(done_at__isnull=True).order_by("told_at")
        swept.worked = swept.each("event", _ids(waiting_events), lambda pk: process_event(event_id=pk))
        now = clock.now()
        waiting = CardPayment.objects.filter(state__in=WAITING)
        looked = _ids(waiting.exclude(looked_at__gt=now - LOOK_AGAIN).order_by("opened_at"))
        swept.payments = len(looked)
        swept.each("payment", looked, _look)
        # Their time is up, or their booking was left: nothing is kept for them any more.
        over = Q(expires_at__lte=now) | Q(reservation__ended_at__isnull=False)
        ended = _ids(waiting.filter(over, state=CardPaymentState.OPENED))
        swept.each("payment", ended, lambda pk: card_payments.expire_at_stripe(payment_id=pk))
        swept.refunds = _refunds(swept)
        swept.transfers = _transfers(swept)
    except CardsUnavailable:
        swept.failed += 1
    swept.clawed_back = card_disputes.claw_back_waiting()
    return swept


def list_events(swept: Swept) -> int:
    """Keep what Stripe lists and no webhook told. Returns how many were new. Outside transactions."""
    now = clock.now()
    cursor = StripeCursor.objects.filter(account=settings.STRIPE_ACCOUNT).first()
    since = cursor.read_until - OVERLAP if cursor is not None else now - LISTED
    too_late = since < now - LISTED
    found = sum(
        keep_event(each, told_by="list") is not None
        for each in open_cards().events_since(max(since, now - LISTED))
    )
    if too_late:
        paid = CardPayment.objects.filter(succeeded_at__gt=now - DISPUTABLE).order_by("pk")
        swept.each(
            "payment", paid.values_list("pk", flat=True), lambda pk: card_payments.refresh(payment_id=pk)
        )
        if _pays_through_stripe():
            transfers.look_at_all(since=now - DISPUTABLE)
    StripeCursor.objects.update_or_create(account=settings.STRIPE_ACCOUNT, defaults={"read_until": now})
    return found


def _look(payment_id: int) -> None:
    try:
        card_payments.refresh(payment_id=payment_id)
    except CardsRefused as refused:
        if refused.about_it:
            # Nothing of it at Stripe any more: a person looks, and the others are looked at all the same.
            CardPayment.objects.filter(pk=payment_id).update(looked_at=clock.now(), finding="not_at_stripe")
        raise


def _refunds(swept: Swept) -> int:
    """Set off and promise what learners are owed, and send what is promised. Returns how many were sent."""
    returnable = Q(amount_cents__gt=F("refunded_cents") + F("taken_back_cents"))
    owing = Q(debt__state__in=[PayerDebtState.OPENED, PayerDebtState.PARTLY_RECOVERED])
    own = CardPayment.objects.filter(
        returnable | owing,
        booking__isnull=False,
        state=CardPaymentState.SUCCEEDED,
        booking__postings__bucket=Bucket.REFUND_DUE,
    )
    for pk in _ids(own.distinct().order_by("pk")):
        card_refunds.want_owed(payment_id=pk)
    wanted = _ids(CardRefund.objects.filter(status="wanted").order_by("wanted_at"))
    return swept.each("refund", wanted, lambda pk: card_refunds.send(refund_id=pk))


def _transfers(swept: Swept) -> int:
    if not _pays_through_stripe():
        return 0
    try:
        return transfers.sweep_transfers()
    except CardsRefused as refused:
        swept.refused.append(f"transfers {refused.code}")
    except (BankUnreachable, BankRefusedDelivery) as refused:
        swept.refused.append(f"transfers {refused.message[:100]}")
    swept.failed += 1
    return 0


def _pays_through_stripe() -> bool:
    return PaymentBatch.objects.filter(rail=Rail.STRIPE).exists()


def _payment_of(event: StripeEvent) -> int | None:
    payments = CardPayment.objects.all()
    pk = payments.filter(session_id=event.object_id).values_list("pk", flat=True).first()
    if pk is None and event.intent_id:
        pk = payments.filter(intent_id=event.intent_id).values_list("pk", flat=True).first()
        if pk is None:
            # It came before the one that would have named it: Stripe knows our reference.
            pk = _by_reference(event.intent_id)
    return pk


def _by_reference(intent_id: str) -> int | None:
    try:
        reference = UUID(open_cards().reference_of(intent_id))
    except (ValueError, CardsRefused):
        return None
    return CardPayment.objects.filter(public_id=reference).values_list("pk", flat=True).first()


def _keep_refused(refused: NotBelieved, body: bytes) -> None:
    now = clock.now()
    today = RefusedWebhook.objects.filter(day=now.date())
    digest = sha256(body).hexdigest() if today.count() < KEPT_A_DAY else ""
    key = {"day": now.date(), "reason": refused.reason, "digest": digest}
    if RefusedWebhook.objects.filter(**key).update(times=F("times") + 1, last_at=now):
        return
    try:
        with transaction.atomic():
            event_id = refused.event_id if digest else ""
            RefusedWebhook.objects.create(**key, event_id=event_id, first_at=now, last_at=now)
    except IntegrityError:
        RefusedWebhook.objects.filter(**key).update(times=F("times") + 1, last_at=now)


def _ids(rows: object) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:AT_ONCE])  # type: ignore[attr-defined]
