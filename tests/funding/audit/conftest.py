"""Books with a bit of everything in them, made once by the real services; each test gets a copy to spoil."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import psycopg
import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from accounts.services import service_users
from catalogue.models import Accreditation
from catalogue.services import accreditations
from funding.models import BankMessage, Booking, JournalEntry, Payment, Receivable
from funding.services import (
    bank_messages,
    batches,
    bookings,
    claims,
    holds,
    payments,
    receivables,
    schemes,
)
from ila.core import clock
from tests.factories.accounts import SignInFactory
from tests.funding.bookings import course
from tests.support import database
from tests.support.database import WorkerDatabase
from tests.support.seals import seal_all
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

TEMPLATE = "ila_audited_books"


@dataclass(slots=True)
class Books:
    """Ids of what the tests spoil."""

    settled: int
    partial: int
    withdrawn: int
    proposed: int
    in_training: int
    disputed: int
    paid_claim: int
    paid_payment: int
    batch: int
    hold_entry: int
    credit_entry: int
    newest_entry: int
    employer_lot: int
    rights_lot: int
    accreditation: int
    strong_sign_in: int
    other_user: int
    payer: int
    paid_entry: int
    budget: int
    account: int
    session: int
    credential: int
    receivable: int
    message: int


def settle(world: World, *wanted: Booking) -> list[Payment]:
    """Claims, approval, batch, export: the payments on their way."""
    approved = []
    for booking in wanted:
        claim = claims.claim_booking(actor=world.user_of(booking.provider), booking_id=booking.pk)
        approved.append(claims.approve_claim(actor=world.payer, claim_id=claim.pk).pk)
    batch = batches.create_batch(actor=world.second_payer, scheme=world.scheme, claim_ids=approved)
    batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
    batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    return list(batch.payments.order_by("pk"))


def validated(world: World, learner: Learner, hand: clock.VirtualClock, *, percent: int = 100) -> Booking:
    """A booking that was walked to its validated service within a clock of its own."""
    with clock.at(MONDAY) as inner:
        return course.validated(world, learner, inner, percent=percent)


def strong_sign_in_of(booking: Booking) -> int:
    """The sign-in under which a booking's learner consented."""
    assert booking.consent is not None
    assert booking.consent.sign_in_id is not None
    return booking.consent.sign_in_id


def write_books() -> Books:
    """Everything that a year of the platform may leave in its tables, a few rows of each."""
    with clock.at(MONDAY) as hand:
        world = World()
        actor = service_users.get("ledger")
        learner = world.make_learner()
        world.credit(learner.account, 40_000, "employer")
        full = validated(world, learner, hand)
        partial = validated(world, world.make_learner(), hand, percent=60)
        bounced = validated(world, world.make_learner(), hand)
        refused = validated(world, world.make_learner(), hand)
        denied_by = world.make_learner()
        denied = validated(world, denied_by, hand)
        withdrawn_by = world.make_learner()
        withdrawn = world.accepted(withdrawn_by)
        bookings.withdraw(actor=withdrawn_by.user, booking_id=withdrawn.pk)
        proposed = world.proposed(world.make_learner())
        called_off = world.accepted(world.make_learner())
        bookings.cancel_by_provider(actor=world.provider_user, booking_id=called_off.pk, reason="ill")
        seal_all(max_entries=5)

        hand.move(STARTS)
        with clock.at(MONDAY):
            late = world.make_learner()
            given_up = world.accepted(late)
            trained = world.accepted(world.make_learner())
            absent = world.accepted(world.make_learner())
        with clock.at(STARTS - timedelta(days=2)):
            bookings.cancel_by_learner(actor=late.user, booking_id=given_up.pk)
        bookings.declare_entry(actor=world.provider_user, booking_id=trained.pk)
        bookings.declare_no_show(actor=world.provider_user, booking_id=absent.pk, justified=False)

        hand.move(ENDS)
        sent = settle(world, full, partial, bounced, refused, denied)
        by_booking = {payment.claim.booking_id: payment for payment in sent}
        payments.reject_payments(payment_ids=[by_booking[refused.pk].pk], reason_code="AC01")
        paid = [payment.pk for payment in sent if payment.claim.booking_id != refused.pk]
        payments.execute_payments(payment_ids=paid)
        payments.return_payments(payment_ids=[by_booking[bounced.pk].pk], reason_code="AC04")
        batch = batches.create_batch(actor=world.second_payer, scheme=world.scheme)
        batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
        bookings.deny_consent(actor=denied_by.user, booking_id=denied.pk, reason="not me")
        receivables.recover(actor=world.payer, booking_id=denied.pk, amount_cents=1000)
        settle(world, given_up)
        holds.place_hold(
            owner=world.case_worker, reason="check", until=clock.now() + timedelta(days=5), booking=absent
        )
        bank_messages.store_message(content=b"no bank wrote this")
        bank_messages.process_waiting()

        accreditation = Accreditation.objects.get(provider=world.provider)
        accreditations.change_validity(
            actor=service_users.get("catalogue-import"),
            accreditation_id=accreditation.pk,
            valid_from=date(2025, 1, 1),
            valid_until=date(2026, 6, 30),
        )
        short_lived = world.credit(world.make_learner(rights_cents=0).account, 700, "employer")
        schemes.credit(
            account=short_lived.account,
            source="endowment",
            amount_cents=900,
            actor=actor,
            idempotency_key="short",
            expires_on=date(2026, 6, 1),
        )
        schemes.expire_lots(on=clock.now().date(), actor=actor)
        seal_all(max_entries=20)
        world.credit(learner.account, 12_345, "corrective")
        return Books(
            settled=full.pk,
            partial=partial.pk,
            withdrawn=withdrawn.pk,
            proposed=proposed.pk,
            in_training=trained.pk,
            disputed=denied.pk,
            paid_claim=by_booking[full.pk].claim_id,
            paid_payment=by_booking[full.pk].pk,
            batch=by_booking[full.pk].batch_id,
            hold_entry=JournalEntry.objects.get(idempotency_key=f"booking:{full.pk}:accept").pk,
            credit_entry=JournalEntry.objects.filter(kind="credit").order_by("pk")[0].pk,
            newest_entry=JournalEntry.objects.latest("pk").pk,
            employer_lot=learner.lot("employer").pk,
            rights_lot=learner.lot("rights").pk,
            accreditation=accreditation.pk,
            strong_sign_in=strong_sign_in_of(full),
            other_user=SignInFactory.create().user_id,
            payer=world.payer.pk,
            paid_entry=JournalEntry.objects.get(
                idempotency_key=f"payment:{by_booking[full.pk].pk}:executed"
            ).pk,
            budget=world.budget.pk,
            account=learner.account.pk,
            session=world.session.pk,
            credential=world.credential.pk,
            receivable=Receivable.objects.get().pk,
            message=BankMessage.objects.get().pk,
        )


@pytest.fixture(scope="package")
def audited_books(
    django_db_setup: None, worker_database: WorkerDatabase, django_db_blocker: DjangoDbBlocker
) -> Iterator[Books]:
    """The books, as a template to be copied."""
    with django_db_blocker.unblock():
        made = write_books()
        connections.close_all()
    template = f"{TEMPLATE}_{worker_database.name}"
    database.copy_database(worker_database.server, worker_database.name, template)
    yield made
    worker_database.recreate()
    with psycopg.connect(worker_database.server.superuser_dsn(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{template}"')


@pytest.fixture
def books(
    audited_books: Books, worker_database: WorkerDatabase, django_db_blocker: DjangoDbBlocker
) -> Iterator[Books]:
    """A fresh copy of the books, committed."""
    database.copy_database(worker_database.server, f"{TEMPLATE}_{worker_database.name}", worker_database.name)
    with django_db_blocker.unblock():
        yield audited_books
        connections.close_all()


@pytest.fixture
def tamper(books: Books, worker_database: WorkerDatabase) -> Callable[..., None]:
    """Run statements as the owner role, with the triggers of our tables off meanwhile."""

    def run(*statements: str) -> None:
        with psycopg.connect(worker_database.owner_dsn, autocommit=True) as owner:
            tables = [
                row[0]
                for row in owner.execute(
                    "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                    " WHERE NOT t.tgisinternal AND t.tgname LIKE 'pgtrigger%'"
                ).fetchall()
            ]
            for table in tables:
                owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in statements:
                owner.execute(statement)
            for table in tables:
                owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    return run
