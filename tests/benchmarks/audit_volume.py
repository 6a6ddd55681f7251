"""Books of a million entries, and how long it takes to seal and to audit them.

    DATABASE_URL=… python -m tests.benchmarks.audit_volume --entries 1000000

on an empty database that `manage.py migrate` has prepared. Every booking went the whole way: credited, accepted with
the learner's own money beside the rights, taught, claimed, approved, sent to the bank and executed: five entries and
eighteen postings. It is written by SQL as the owner role, with transaction ids of transactions that really were.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, date, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ila.settings.dev")
django.setup()

from django.db import connection

from accounts.models import Citizen, Consent, ConsentLog, SignIn, User
from catalogue.models import SessionSeats
from funding import audit
from funding.bench.bulk import bare_tables, continue_numbers, execute, fill, settle
from funding.models import (
    Allocation,
    Booking,
    BookingLog,
    Claim,
    ClaimLine,
    ClaimLog,
    JournalEntry,
    LearningAccount,
    Lot,
    Payment,
    PaymentBatch,
    PaymentBatchLog,
    PaymentFile,
    Posting,
)
from funding.services import seals
from ila.core import clock
from tests.support.world import World

ENTRIES_OF_A_BOOKING = 5
BOOKINGS_OF_A_BATCH = 500
SEATS = 20
PRICE, RIGHTS, OWN = 165_000, 150_000, 15_000
ACCEPTED = datetime(2026, 5, 4, 8, tzinfo=UTC)
STARTS = datetime(2026, 6, 22, 7, tzinfo=UTC)
PAID = datetime(2026, 7, 6, 9, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true", help="the books are there already: measure only")
    arguments = parser.parse_args()
    if not arguments.keep:
        timed("written", lambda: write(max(1, arguments.entries // ENTRIES_OF_A_BOOKING)))
    measure()


def timed(what: str, work) -> None:
    began = time.perf_counter()
    result = work()
    sys.stdout.write(f"{what}: {time.perf_counter() - began:.1f} s {result or ''}\n")
    sys.stdout.flush()


def measure() -> None:
    timed("sealed", lambda: f"{sum(seal.entries for seal in seals.seal_entries())} entries")
    began: dict[str, float] = {}
    spent: dict[str, float] = {}

    def tell(name: str, _done: int, _total: int) -> None:
        now = time.perf_counter()
        for other, since in began.items():
            spent[other] = spent.get(other, 0) + now - since
        began.clear()
        began[name] = now

    def run() -> str:
        report = audit.run(progress=tell)
        tell("", 0, 0)
        assert report.ok, [(each.id, each.findings[:3]) for each in report.invariants if not each.ok]
        return ", ".join(f"{each.id}: {each.checked}" for each in report.invariants)

    timed("audited", run)
    for name, seconds in sorted(spent.items(), key=lambda pair: -pair[1])[:14]:
        sys.stdout.write(f"  {seconds:5.2f} s  {name}\n")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_database_size(current_database()))")
        sys.stdout.write(f"database: {cursor.fetchone()[0]}\n")


def write(bookings: int) -> str:
    batches = -(-bookings // BOOKINGS_OF_A_BATCH)
    sessions = -(-bookings // SEATS)
    with clock.at(ACCEPTED - timedelta(days=30)):
        world = World()
        scheme, version = world.scheme, world.scheme.versions.get(valid_until=None)
        first = execute("SELECT pg_current_xact_id()::text::bigint + 10")[0][0]
        burn_transactions(execute, 5 * bookings + 100)
        span, per_batch = (1, bookings), (1, batches)
        seat_of = f"1000000 + (n - 1) / {SEATS}"
        batch_of = f"1 + (n - 1) / {BOOKINGS_OF_A_BATCH}"

        def at(step: int) -> str:
            return f"{first} + 5 * (n - 1) + {step}"

        # A batch is exported and executed in one transaction each: those of its first booking.
        exported = f"{first} + 5 * (({batch_of} - 1) * {BOOKINGS_OF_A_BATCH}) + 3"
        executed = f"{exported} + 1"
        with bare_tables():
            fill(
                User(email="x", password="!"),
                span,
                id="1000000 + n",
                email="'learner' || n || '@volume.invalid'",
            )
            fill(
                Citizen(birth_date=date(1990, 2, 3)),
                span,
                id="1000000 + n",
                user_id="1000000 + n",
                public_id="md5(n || 'citizen')::uuid",
            )
            fill(
                LearningAccount(scheme=scheme),
                span,
                id="1000000 + n",
                citizen_id="1000000 + n",
                public_id="md5(n || 'account')::uuid",
            )
            fill(
                SignIn(at=ACCEPTED, method="e-identity", assurance="strong"),
                span,
                id="1000000 + n",
                user_id="1000000 + n",
            )
            fill(
                Lot(
                    source="rights",
                    fund="public",
                    currency="EUR",
                    available_cents=500_000 - RIGHTS,
                    spent_cents=RIGHTS,
                ),
                span,
                id="1000000 + n",
                account_id="1000000 + n",
            )
            text = "Training, price, dates"
            fill(
                Consent(state="given", text=text, text_hash=Consent.hash_of(text), answered_at=ACCEPTED),
                span,
                id="1000000 + n",
                citizen_id="1000000 + n",
                sign_in_id="1000000 + n",
                public_id="md5(n || 'consent')::uuid",
            )
            template = world.session
            fill(template, (1, sessions), id="1000000 + n - 1", external_id="'v' || n")
            log = type(template).log_model(
                actor=world.case_worker, transition="create", source="", target="open", at=ACCEPTED
            )
            fill(log, (1, sessions), subject_id="1000000 + n - 1")
            fill(
                SessionSeats(seats=SEATS),
                (1, sessions),
                session_id="1000000 + n - 1",
                taken=f"least({SEATS}, {bookings} - (n - 1) * {SEATS})",
            )
            fill(
                Booking(
                    credential=world.credential,
                    provider=world.provider,
                    scheme_version=version,
                    state="settled",
                    price_cents=PRICE,
                    currency="EUR",
                    proposed_at=ACCEPTED,
                    accepted_at=ACCEPTED,
                    entered_at=STARTS,
                    left_at=STARTS,
                    exit_reason="complete",
                    declared_percent=100,
                    service_declared_at=STARTS,
                    service_validated_at=STARTS,
                    realised_percent=100,
                    settled_at=PAID,
                ),
                span,
                id="1000000 + n",
                account_id="1000000 + n",
                session_id=seat_of,
                consent_id="1000000 + n",
                public_id="md5(n || 'booking')::uuid",
            )
            for position, (source, fund, cents, lot) in enumerate(
                (("rights", "public", RIGHTS, "1000000 + n"), ("learner", "own", OWN, "NULL::bigint"))
            ):
                fill(
                    Allocation(
                        source=source, fund=fund, position=position, amount_cents=cents, paid_cents=cents
                    ),
                    span,
                    id=f"1000000 + 2 * n + {position}",
                    booking_id="1000000 + n",
                    lot_id=lot,
                )
            people = {
                "learner": "1000000 + n",
                "provider": str(world.provider_user.pk),
                "agency": str(world.payer.pk),
            }
            steps = [
                ("request", "", "requested", "learner", at(1)),
                ("propose", "requested", "proposed", "provider", at(1)),
                ("accept", "proposed", "accepted", "learner", at(1)),
                ("enter", "accepted", "in_training", "provider", at(2)),
                ("leave", "in_training", "left", "provider", at(2)),
                ("declare_service", "left", "service_declared", "provider", at(2)),
                ("validate_service", "service_declared", "service_validated", "agency", at(2)),
                ("settle", "service_validated", "settled", "agency", executed),
            ]
            for name, source, target, who, transaction in steps:
                fill(
                    BookingLog(transition=name, source=source, target=target, at=ACCEPTED),
                    span,
                    subject_id="1000000 + n",
                    actor_id=people[who],
                    transaction_id=transaction,
                )
            for name, source, target in (("ask", "", "asked"), ("give", "asked", "given")):
                fill(
                    ConsentLog(transition=name, source=source, target=target, at=ACCEPTED),
                    span,
                    subject_id="1000000 + n",
                    actor_id="1000000 + n",
                    transaction_id=at(1),
                )
            fill(
                Claim(
                    booking=None,
                    provider=world.provider,
                    kind="final",
                    state="paid",
                    amount_cents=PRICE,
                    currency="EUR",
                    author=world.provider_user,
                    approver=world.payer,
                    approved_at=PAID,
                    submitted_at=PAID,
                    paid_at=PAID,
                ),
                span,
                id="1000000 + n",
                booking_id="1000000 + n",
            )
            for position, cents in ((0, RIGHTS), (1, OWN)):
                fill(
                    ClaimLine(amount_cents=cents),
                    span,
                    claim_id="1000000 + n",
                    allocation_id=f"1000000 + 2 * n + {position}",
                )
            for name, source, target, transaction in (
                ("create", "", "draft", at(2)),
                ("submit", "draft", "submitted", at(2)),
                ("approve", "submitted", "approved", at(2)),
                ("include", "approved", "in_batch", exported),
                ("pay", "in_batch", "paid", executed),
            ):
                fill(
                    ClaimLog(actor=world.payer, transition=name, source=source, target=target, at=PAID),
                    span,
                    subject_id="1000000 + n",
                    transaction_id=transaction,
                )
            fill(
                PaymentBatch(
                    scheme=scheme,
                    state="executed",
                    currency="EUR",
                    value_date=PAID.date(),
                    author=world.second_payer,
                    approver=world.third_payer,
                    approved_at=PAID,
                    exported_at=PAID,
                    closed_at=PAID,
                ),
                per_batch,
                id="n",
                msg_id="'volume' || n",
            )
            fill(
                PaymentFile(content=b"file", sha256=__import__("hashlib").sha256(b"file").hexdigest()),
                per_batch,
                batch_id="n",
            )
            of_batch = f"{first} + 5 * ((n - 1) * {BOOKINGS_OF_A_BATCH})"
            for name, source, target, step in (
                ("create", "", "draft", 3),
                ("approve", "draft", "approved", 3),
                ("export", "approved", "exported", 3),
                ("execute", "exported", "executed", 4),
            ):
                fill(
                    PaymentBatchLog(
                        actor=world.third_payer, transition=name, source=source, target=target, at=PAID
                    ),
                    per_batch,
                    subject_id="n",
                    transaction_id=f"{of_batch} + {step}",
                )
            fill(
                Payment(
                    iban="FR7630006000011234567890189",
                    creditor_name="Provider",
                    amount_cents=PRICE,
                    outcome="executed",
                    executed_at=PAID,
                ),
                span,
                id="1000000 + n",
                claim_id="1000000 + n",
                batch_id=batch_of,
                end_to_end_id="'volume' || n",
            )
            number = "1000000 + n"
            moves = [
                (
                    "credit",
                    f"'credit:volume:' || ({number})",
                    at(0),
                    [
                        ("budget", "public", -500_000, False, False),
                        ("available", "public", 500_000, True, False),
                    ],
                ),
                (
                    "hold_booking",
                    f"'booking:' || ({number}) || ':accept'",
                    at(1),
                    [
                        ("available", "public", -RIGHTS, True, False),
                        ("held", "public", RIGHTS, True, True),
                        ("appropriation", "own", -OWN, False, True),
                        ("held", "own", OWN, False, True),
                    ],
                ),
                ("approve_claim", f"'claim:' || ({number}) || ':approve'", at(2), both("held", "payable")),
                (
                    "payment_exported",
                    f"'payment:' || ({number}) || ':exported'",
                    exported,
                    both("payable", "in_transit"),
                ),
                (
                    "payment_executed",
                    f"'payment:' || ({number}) || ':executed'",
                    executed,
                    both("in_transit", "paid"),
                ),
            ]
            for place, (kind, key, transaction, postings) in enumerate(moves):
                entry = f"1000000 + 5 * (n - 1) + {place}"
                fill(
                    JournalEntry(
                        scheme=scheme, kind=kind, currency="EUR", actor=world.payer, occurred_at=PAID
                    ),
                    span,
                    id=entry,
                    idempotency_key=key,
                    transaction_id=transaction,
                )
                for bucket, fund, cents, of_lot, of_booking in postings:
                    fill(
                        Posting(
                            bucket=bucket,
                            fund=fund,
                            amount_cents=cents,
                            budget=world.budget if bucket == "budget" else None,
                        ),
                        span,
                        entry_id=entry,
                        lot_id=number if of_lot else "NULL::bigint",
                        booking_id=number if of_booking else "NULL::bigint",
                    )
        execute(
            "UPDATE funding_budget SET available_cents = available_cents - %s WHERE id = %s",
            [500_000 * bookings, world.budget.pk],
        )
        continue_numbers(
            User,
            Citizen,
            LearningAccount,
            SignIn,
            Lot,
            Consent,
            Booking,
            Claim,
            Payment,
            JournalEntry,
            Posting,
            Allocation,
            PaymentBatch,
            type(template),
        )
        settle()
    return f"{bookings} bookings"


def both(source: str, target: str) -> list[tuple[str, str, int, bool, bool]]:
    """The postings that carry a booking's two shares from one bucket to another."""
    return [
        (source, "public", -RIGHTS, True, True),
        (target, "public", RIGHTS, True, True),
        (source, "own", -OWN, False, True),
        (target, "own", OWN, False, True),
    ]


def burn_transactions(execute, number: int) -> None:
    """Use up transaction ids, as so many transactions would have."""
    execute("CREATE TEMP TABLE burnt (n bigint)")
    execute(
        f"""
        DO $$ BEGIN
            FOR n IN 1..{number} LOOP
                BEGIN INSERT INTO burnt VALUES (n); EXCEPTION WHEN unique_violation THEN NULL; END;
                IF n % 50000 = 0 THEN COMMIT; END IF;
            END LOOP;
        END $$
        """
    )
    execute("DROP TABLE burnt")


if __name__ == "__main__":
    main()
