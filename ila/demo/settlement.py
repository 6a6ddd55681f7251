"""The payment of the demonstration: a batch, two signatures, a real bank process, and its messages back."""

from datetime import UTC, timedelta
from pathlib import Path

from django.conf import settings

from catalogue.models import Provider
from funding.banking.simulator import SimulatedBank
from funding.models import BankLine, BankMessage, BatchState, ClaimState, Payment, PaymentBatch
from funding.models.claims import Claim
from funding.services import bank_messages, batches, payee_checks
from ila.core import clock
from ila.core.money import format_cents
from ila.demo.journey import Stage

PAY_DAY = 46
WORDS = {
    "pain.002": "the bank's answer to the file",
    "camt.054": "the bank's note of what it booked",
    "camt.053": "the bank's statement of the day",
    "pacs.004": "a payment that came back",
}


def settle(
    stage: Stage, *, closed_account: Provider, arriving: dict[str, object] | None = None
) -> PaymentBatch:
    """Pay all approved claims through the bank and read its messages until every payment is known.

    arriving: a transfer that comes in on the same account meanwhile, as the bank's control side takes it.
    """
    batch = _batch(stage)
    waiting = Payment.objects.filter(batch=batch, outcome="pending").exists()
    if batch.state not in (BatchState.DRAFT, BatchState.APPROVED) and not waiting:
        return batch
    with stage.on_day(PAY_DAY, 11):
        _sign(stage, batch)
        moment = clock.now().astimezone(UTC)
        with SimulatedBank(clock=moment, state=books_of(batch)) as bank:
            _open_accounts(bank, closed_account)
            if arriving is not None:
                let_arrive(bank, arriving)
            batches.send_batch(batch_id=batch.pk, bank=bank.client)
            stage.say(f"The file {batch.msg_id} goes to the bank (pain.001, schema-valid, bytes kept).")
            _listen(stage, bank)
            # Its part is played; a bank sends the statements of an account to its holder, not to us.
            bank.change_account("CLOSED", closed=True)
            for day in range(1, 6):
                bank.advance(to=(moment + timedelta(days=day)).date())
                with stage.on_day(PAY_DAY + day, 7):
                    _listen(stage, bank)
                if not Payment.objects.filter(batch=batch, outcome="pending").exists() and day > 1:
                    break
    batch.refresh_from_db()
    return batch


def books_of(batch: PaymentBatch) -> Path:
    """The books of the bank that pays a batch; it goes on with them when it runs again."""
    return Path(settings.DATA_DIR) / f"demo-bank-{batch.msg_id}.db"


def _batch(stage: Stage) -> PaymentBatch:
    """The story's batch: made once of what is approved."""
    batch = PaymentBatch.objects.filter(scheme=stage.scheme).order_by("pk").first()
    if batch is not None:
        return batch
    with stage.on_day(PAY_DAY, 10):
        claim_ids = list(Claim.objects.filter(state=ClaimState.APPROVED).values_list("pk", flat=True))
        payee_checks.ask_payees(actor=stage.staff.payment_officer, scheme=stage.scheme)
        batch = batches.create_batch(
            actor=stage.staff.payment_officer, scheme=stage.scheme, claim_ids=claim_ids
        )
        _take_over_books(books_of(batch))
        total = sum(batch.payments.values_list("amount_cents", flat=True))
        stage.say(
            f"{stage.staff.payment_officer} puts {len(claim_ids)} approved claims"
            f" ({format_cents(total, batch.currency)}) into batch {batch.msg_id}."
        )
    return batch


def _take_over_books(books: Path) -> None:
    """The bank that took in the learner's own part goes on; without one, it begins anew."""
    books.unlink(missing_ok=True)
    before = own_books()
    if before.exists():
        before.rename(books)


def own_books() -> Path:
    """The books of the bank at which the learner's transfer came in: it pays the batch later, and numbers on."""
    return Path(settings.DATA_DIR) / "demo-bank-own-part.db"


def _sign(stage: Stage, batch: PaymentBatch) -> None:
    if batch.state == BatchState.DRAFT:
        batches.approve_batch(actor=stage.staff.second_payment_officer, batch_id=batch.pk)
        stage.say(f"{stage.staff.second_payment_officer}, another person, approves the batch.")
        batch.refresh_from_db()
    if batch.state == BatchState.APPROVED:
        batches.export_batch(actor=stage.staff.payment_officer, batch_id=batch.pk)
        batch.refresh_from_db()


def open_fund(bank: SimulatedBank) -> set[str]:
    """The fund's account, opened once. Returns the accounts that the bank knew before."""
    known = {str(account["id"]) for account in bank.control("GET", "/_mock/accounts")}
    if "FUND" not in known:
        bank.open_account(
            "FUND", settings.BANK_ACCOUNT_IBAN, name=settings.BANK_ACCOUNT_NAME, balance_cents=10**10
        )
    return known


def _open_accounts(bank: SimulatedBank, closed_account: Provider) -> None:
    if "CLOSED" not in open_fund(bank):
        bank.open_account("CLOSED", closed_account.iban, name=str(closed_account), behaviour="closed-account")


def let_arrive(bank: SimulatedBank, transfer: dict[str, object]) -> None:
    """A transfer to the fund's account: once, where an interrupted run goes on with the bank's books."""
    bank.change_account("FUND", closed=False)
    there = {credit["reference"] for credit in bank.control("GET", "/_mock/credits")}
    if transfer["reference"] not in there:
        bank.control("POST", "/_mock/credits", {"account": "FUND", **transfer})


def _listen(stage: Stage, bank: SimulatedBank) -> None:
    before = set(BankMessage.objects.values_list("pk", flat=True))
    bank_messages.receive_messages(bank=bank.client, again=True)
    for message in BankMessage.objects.exclude(pk__in=before).order_by("pk"):
        stage.say(f"{message.kind}, {WORDS.get(message.kind, 'a message')}: {message.state}.")
        for payment in Payment.objects.filter(batch_id=message.batch_id, outcome="rejected"):
            if message.kind == "pain.002":
                stage.say(
                    f"   {payment.creditor_name}: {format_cents(payment.amount_cents, 'EUR')} rejected"
                    f" ({payment.reason_code}); the claim is payable again."
                )
        matched = BankLine.objects.filter(message=message, payment__isnull=False).count()
        if matched:
            stage.say(f"   {matched} lines matched to payments, none left over.")
