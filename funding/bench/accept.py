"""The cases `accept` and `accept_hot`: learners accept proposals, over many sessions or all of one."""

import uuid
from dataclasses import dataclass
from statistics import harmonic_mean

from accounts.models import Consent, ConsentLog, Message, SignIn, User
from catalogue.models import SessionSeats
from funding.bench.bulk import Range, execute, settle
from funding.bench.clients import run_clients
from funding.bench.figures import Figures, Timings, together
from funding.bench.floor import run_pgbench
from funding.bench.world import OWN_SHARE_CENTS, RIGHTS_SHARE_CENTS, World, sign_in_now, user_number
from funding.models import Allocation, Booking, BookingLog, JournalEntry, Lot, Posting
from funding.services import bookings

CLIENTS = 4
ROUNDS = 3
# The server settles on a plan for a statement at its sixth execution.
WARM_UP = 6

# The rows that one acceptance writes, with one statement for each table.
FLOOR = f"""
\\set i :i + 1
\\set n :first + :i * {CLIENTS} + :client_id
\\set who :n + {user_number(0)}
BEGIN;
UPDATE {Lot._meta.db_table}
   SET available_cents = available_cents - {RIGHTS_SHARE_CENTS}, held_cents = held_cents + {RIGHTS_SHARE_CENTS}
 WHERE id = :n::bigint AND available_cents >= {RIGHTS_SHARE_CENTS};
INSERT INTO {JournalEntry._meta.db_table} (scheme_id, kind, currency, idempotency_key, actor_id, occurred_at)
VALUES (:scheme::bigint, 'hold_booking', 'EUR', 'floor-' || :n::bigint, :who::bigint, now())
RETURNING id AS entry \\gset
INSERT INTO {Posting._meta.db_table} (entry_id, bucket, fund, amount_cents, lot_id, booking_id)
VALUES (:entry::bigint, 'available', 'public', -{RIGHTS_SHARE_CENTS}, :n::bigint, NULL),
       (:entry::bigint, 'held', 'public', {RIGHTS_SHARE_CENTS}, :n::bigint, :n::bigint),
       (:entry::bigint, 'appropriation', 'own', -{OWN_SHARE_CENTS}, NULL, :n::bigint),
       (:entry::bigint, 'held', 'own', {OWN_SHARE_CENTS}, NULL, :n::bigint);
INSERT INTO {Allocation._meta.db_table}
       (booking_id, source, fund, position, lot_id, amount_cents, returned_cents, paid_cents, reimburses,
        direct)
VALUES (:n::bigint, 'rights', 'public', 0, :n::bigint, {RIGHTS_SHARE_CENTS}, 0, 0, false, false),
       (:n::bigint, 'learner', 'own', 1, NULL, {OWN_SHARE_CENTS}, 0, 0, false, true);
INSERT INTO {ConsentLog._meta.db_table} (subject_id, actor_id, transition, source, target, reason, data, at)
VALUES (:n::bigint, :who::bigint, 'give', 'asked', 'given', '', '{{}}', now());
UPDATE {Consent._meta.db_table}
   SET state = 'given', answered_at = now(), sign_in_id = :n::bigint,
       text = text || E'\\nPaid from rights: €1,500.00\\nYou pay yourself: €150.00', text_hash = repeat('0', 64)
 WHERE id = :n::bigint AND state = 'asked';
INSERT INTO {BookingLog._meta.db_table}
       (subject_id, actor_id, transition, source, target, reason, data, at, idempotency_key, payload_hash)
VALUES (:n::bigint, :who::bigint, 'accept', 'proposed', 'accepted', '', '{{}}', now(),
        'key-' || :n::bigint, repeat('0', 64));
UPDATE {Booking._meta.db_table}
   SET state = 'accepted', scheme_version_id = :version::bigint, accepted_at = now(), next_due = '', next_due_at = NULL
 WHERE id = :n::bigint AND state = 'proposed';
INSERT INTO {Message._meta.db_table} (recipient_id, template, context, created_at, attempts)
VALUES (:who::bigint, 'booking_accepted', '{{}}', now(), 0);
UPDATE {SessionSeats._meta.db_table} SET taken = taken + 1
 WHERE session_id = {{session}} AND (seats IS NULL OR taken < seats);
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a client needs to accept one proposal: all of it is there before the time is taken."""

    booking_id: int
    actor: User
    sign_in: SignIn
    key: str


def accept(one: Acceptance) -> None:
    """As a request would: through the service."""
    bookings.accept(actor=one.actor, booking_id=one.booking_id, sign_in=one.sign_in, idempotency_key=one.key)


def measure_accept(world: World, *, seconds: float) -> Figures:
    """Proposals over many sessions: half of them for ours, half for the floor."""
    return _measure(
        "accept",
        world,
        world.pending,
        f"(SELECT session_id FROM {Booking._meta.db_table} WHERE id = :n::bigint)",
        seconds,
    )


def measure_accept_hot(world: World, *, seconds: float) -> Figures:
    """Proposals of one session, which has exactly a seat for each: nobody may be told that it is full."""
    return _measure("accept_hot", world, world.crowded, str(world.crowded_session), seconds)


def _measure(case: str, world: World, numbers: Range, session: str, seconds: float) -> Figures:
    """Ours and the floor in turns, so that whatever else the machine does weighs on both alike."""
    first, last = numbers
    middle = first + (last - first + 1) // 3
    acceptances = _acceptances((first, middle - 1))
    each = (last - middle + 1) // (CLIENTS * ROUNDS)
    ours: list[Timings] = []
    floors: list[float] = []
    settle()
    for turn in range(ROUNDS):
        mine = acceptances[turn::ROUNDS]
        shares = [mine[client::CLIENTS] for client in range(CLIENTS)]
        ours.append(run_clients(shares, accept, seconds=seconds / ROUNDS, warm_up=WARM_UP))
        floors.append(
            run_pgbench(
                FLOOR.replace("{session}", session),
                clients=CLIENTS,
                transactions=each,
                variables={
                    "i": -1,
                    "first": middle + turn * each * CLIENTS,
                    "scheme": world.scheme.pk,
                    "version": world.version.pk,
                },
            )
        )
    timings = together(ours)
    if timings.refused:
        raise RuntimeError(f"{case}: refused {timings.refused}")
    _check_counts((first, middle - 1), timings.warmed_up + len(timings.durations_s))
    return timings.figures(case, floor_per_s=harmonic_mean(floors), clients=CLIENTS)


def _acceptances(numbers: Range) -> list[Acceptance]:
    first, last = numbers
    users = User.objects.in_bulk(range(user_number(first), user_number(last) + 1))
    sign_ins = sign_in_now(users)
    return [
        Acceptance(n, users[user_number(n)], sign_ins[user_number(n)], str(uuid.uuid4()))
        for n in range(first, last + 1)
    ]


def _check_counts(numbers: Range, expected: int) -> None:
    """Everybody who was told so has a place and the money held, and nobody else."""
    booked, held = execute(
        f"SELECT count(*), coalesce(sum(lot.held_cents), 0) FROM {Booking._meta.db_table} AS booking"
        f" JOIN {Lot._meta.db_table} AS lot ON lot.account_id = booking.account_id"
        " WHERE booking.state = 'accepted' AND booking.id BETWEEN %s AND %s",
        numbers,
    )[0]
    if booked != expected or held != expected * RIGHTS_SHARE_CENTS:
        raise RuntimeError(f"{expected} acceptances were told of, {booked} bookings hold {held} cents")
