"""The cases `apply_window`, `apply_window_slices` and `waiting_room`: everybody wants the same budget, or a place."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import harmonic_mean

from accounts.models import Citizen, Consent, ConsentLog, Message, SignIn, User
from accounts.services import service_users
from catalogue.models import SessionSeats
from funding.bench.bulk import Range, bare_tables, continue_numbers, execute, fill, settle
from funding.bench.clients import run_clients
from funding.bench.figures import Figures, Timings, together
from funding.bench.floor import run_pgbench
from funding.bench.world import (
    CREDENTIALS,
    HASHED_UUID,
    PRICE_CENTS,
    PROVIDERS,
    SESSIONS,
    World,
    sign_in_now,
    user_number,
)
from funding.models import (
    Allocation,
    Application,
    Booking,
    BookingLog,
    Budget,
    GrantCount,
    JournalEntry,
    LearningAccount,
    Place,
    Posting,
    Scheme,
    WaitingRoom,
    Window,
)
from funding.services import schemes, windows
from ila.core import clock

CLIENTS = 4
ROUNDS = 3
WARM_UP = 6
SLICES = 8
FIRST = 20_000_000
PLACES_PER_S = Decimal(1000)

GRANT_CENTS = 100_000
OWN_CENTS = PRICE_CENTS - GRANT_CENTS

# The rows that one application writes, with one statement for each table; the budget's row last, as ours.
FLOOR = f"""
\\set i :i + 1
\\set n :first + :i * {CLIENTS} + :client_id
\\set who :n + {user_number(0)}
\\set session 1 + :n % {SESSIONS}
BEGIN;
INSERT INTO {Consent._meta.db_table}
       (id, public_id, citizen_id, state, text, text_hash, asked_at, answered_at, sign_in_id)
VALUES (:n::bigint, gen_random_uuid(), :n::bigint, 'given',
        E'Training: a certification\\nPrice: €1,650.00\\nPaid from grant: €1,000.00\\nYou pay yourself: €650.00',
        repeat('0', 64), now(), now(), :n::bigint);
INSERT INTO {ConsentLog._meta.db_table} (subject_id, actor_id, transition, source, target, reason, data, at)
VALUES (:n::bigint, :who::bigint, 'ask', '', 'asked', '', '{{}}', now()),
       (:n::bigint, :who::bigint, 'give', 'asked', 'given', '', '{{}}', now());
INSERT INTO {Booking._meta.db_table}
       (id, public_id, account_id, session_id, credential_id, provider_id, scheme_version_id, consent_id, state,
        flags, price_cents, currency, requested_at, accepted_at, exit_reason, state_before_dispute, next_due)
VALUES (:n::bigint, gen_random_uuid(), :n::bigint, :session::bigint, :session::bigint,
        1 + :session::bigint % {PROVIDERS}, :version::bigint, :n::bigint, 'accepted',
        '{{}}', {PRICE_CENTS}, 'EUR', now(), now(), '', '', '');
INSERT INTO {BookingLog._meta.db_table}
       (subject_id, actor_id, transition, source, target, reason, data, at, idempotency_key, payload_hash)
VALUES (:n::bigint, :who::bigint, 'request', '', 'requested', '', '{{}}', now(), NULL, ''),
       (:n::bigint, :who::bigint, 'grant', 'requested', 'accepted', '', '{{}}', now(),
        'key-' || :n::bigint, repeat('0', 64));
INSERT INTO {Application._meta.db_table}
       (booking_id, window_id, account_id, applied_at, year, once_key, grant_cents)
VALUES (:n::bigint, :window::bigint, :n::bigint, now(), :year::int, :year::int::text, {GRANT_CENTS});
INSERT INTO {Message._meta.db_table} (recipient_id, template, context, created_at, attempts)
VALUES (:who::bigint, 'grant_given', '{{}}', now(), 0);
INSERT INTO {Allocation._meta.db_table}
       (booking_id, source, fund, position, budget_id, amount_cents, returned_cents, paid_cents, reimburses,
        direct)
VALUES (:n::bigint, 'grant', 'public', 0, :budget::bigint, {GRANT_CENTS}, 0, 0, false, false),
       (:n::bigint, 'learner', 'own', 1, NULL, {OWN_CENTS}, 0, 0, false, true);
INSERT INTO {JournalEntry._meta.db_table} (scheme_id, kind, currency, idempotency_key, actor_id, occurred_at)
VALUES (:scheme::bigint, 'hold_booking', 'EUR', 'floor-' || :n::bigint, :who::bigint, now())
RETURNING id AS entry \\gset
INSERT INTO {Posting._meta.db_table} (entry_id, bucket, fund, amount_cents, budget_id, booking_id)
VALUES (:entry::bigint, 'budget', 'public', -{GRANT_CENTS}, :budget::bigint, NULL),
       (:entry::bigint, 'held', 'public', {GRANT_CENTS}, :budget::bigint, :n::bigint),
       (:entry::bigint, 'appropriation', 'own', -{OWN_CENTS}, NULL, :n::bigint),
       (:entry::bigint, 'held', 'own', {OWN_CENTS}, NULL, :n::bigint);
UPDATE {SessionSeats._meta.db_table} SET taken = taken + 1
 WHERE session_id = :session::bigint AND (seats IS NULL OR taken < seats);
UPDATE {GrantCount._meta.db_table} SET granted = granted + 1
 WHERE scheme_id = :scheme::bigint AND credential_id = :session::bigint AND year = :year::int
   AND granted < 100000;
UPDATE {Budget._meta.db_table} SET available_cents = available_cents - {GRANT_CENTS}
 WHERE id = :budget::bigint AND available_cents >= {GRANT_CENTS};
COMMIT;
"""

FLOOR_OF_PLACES = f"""
\\set i :i + 1
\\set n :first + :i * {CLIENTS} + :client_id
BEGIN;
UPDATE {WaitingRoom._meta.db_table}
   SET last_number = last_number + 1, next_turn_at = greatest(next_turn_at, now()) + interval '1 ms'
 WHERE window_id = :window::bigint RETURNING last_number AS number \\gset
INSERT INTO {Place._meta.db_table} (window_id, account_id, number, taken_at, turn_at)
VALUES (:window::bigint, :n::bigint, :number::int, now(), now());
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class People:
    """Learners with accounts in a scheme of windows, by number: users, sign-ins and accounts have the same."""

    scheme: Scheme
    version_id: int
    numbers: Range
    year: int


@dataclass(frozen=True, slots=True)
class Applicant:
    """What a client needs to apply once: all of it is there before the time is taken."""

    number: int
    actor: User
    sign_in: SignIn
    session_id: int
    window_id: int
    key: str


def apply(one: Applicant) -> None:
    """As a request would: through the service."""
    windows.apply(
        actor=one.actor,
        account_id=one.number,
        session_id=one.session_id,
        window_id=one.window_id,
        sign_in=one.sign_in,
        idempotency_key=one.key,
    )


def take_place(one: Applicant) -> None:
    """As a request would: through the service."""
    windows.take_place(actor=one.actor, window_id=one.window_id)


def measure_apply_window(world: World, *, seconds: float, a_second: int) -> list[Figures]:
    """All clients on one budget row; then on as many rows as there are slices; then on one waiting room.

    a_second: how many people are made for each second, for ours and the floor together.
    """
    each = max(240, round(seconds * a_second))
    people = make_people(world, 3 * each)
    first = people.numbers[0]
    one = _measure("apply_window", people, (first, first + each - 1), slices=1, seconds=seconds)
    first += each
    many = _measure("apply_window_slices", people, (first, first + each - 1), slices=SLICES, seconds=seconds)
    first += each
    places = _measure_places(people, (first, first + each - 1), seconds=seconds)
    return [one, many, places]


def make_people(world: World, number: int, *, first: int = FIRST) -> People:
    """Fill the scratch database with so many learners who may apply, and with counts of their programmes."""
    scheme = schemes.load_preset_scheme(
        code="stap", author=world.version.author, approver=world.version.approver
    )
    year = clock.now().year
    numbers = (first, first + number - 1)
    with bare_tables():
        _learners(scheme, numbers)
        fill(
            GrantCount(scheme=scheme, year=year),
            (1, min(SESSIONS, CREDENTIALS)),
            credential_id="n",
        )
    continue_numbers(Citizen, SignIn, User, LearningAccount, GrantCount)
    # The ceiling of a programme is not what is measured here.
    version = scheme.versions.order_by("-valid_from")[0]
    execute(
        "UPDATE funding_schemeversion SET rules = rules || '{\"grant_ceiling\": 100000}' WHERE id = %s",
        [version.pk],
    )
    return People(scheme, version.pk, numbers, year)


def open_window(
    people: People, *, name: str, grants: int, slices: int = 1, per_s: Decimal | None = None
) -> Window:
    """A window that has been open for an hour, with a budget for so many grants to the cent."""
    now = clock.now()
    return windows.open_window(
        actor=service_users.get("ledger"),
        scheme=people.scheme,
        name=name,
        budget_cents=grants * GRANT_CENTS,
        opens_at=now - timedelta(hours=1),
        closes_at=now + timedelta(days=30),
        slices=slices,
        admissions_per_s=per_s,
    )


def applicants(window: Window, numbers: Range) -> list[Applicant]:
    """These learners, each with a session of its own choice, over all sessions."""
    first, last = numbers
    users = User.objects.in_bulk(range(user_number(first), user_number(last) + 1))
    sign_ins = sign_in_now(users)
    return [
        Applicant(
            n, users[user_number(n)], sign_ins[user_number(n)], 1 + n % SESSIONS, window.pk, str(uuid.uuid4())
        )
        for n in range(first, last + 1)
    ]


def _learners(scheme: Scheme, numbers: Range) -> None:
    now = clock.now()
    since = now - timedelta(days=300)
    user = f"n + {user_number(0)}"
    fill(
        User(password="!", joined_at=since),  # noqa: S106 - nobody can sign in with it
        numbers,
        id=user,
        email="'learner' || n || '@bench.invalid'",
    )
    fill(
        Citizen(birth_date=date(1990, 2, 3), created_at=since, insured_months=24),
        numbers,
        id="n",
        public_id=HASHED_UUID.format(salt="citizen"),
        user_id=user,
    )
    fill(
        SignIn(at=now - timedelta(hours=3), method="e_identity", assurance="strong"),
        numbers,
        id="n",
        user_id=user,
    )
    fill(
        LearningAccount(scheme=scheme, opened_at=since),
        numbers,
        id="n",
        public_id=HASHED_UUID.format(salt="account"),
        citizen_id="n",
    )


def _measure(case: str, people: People, numbers: Range, *, slices: int, seconds: float) -> Figures:
    """Ours and the floor in turns; the floor is always that of one row."""
    number = numbers[1] - numbers[0] + 1
    window = open_window(people, name=case, grants=number, slices=slices)
    settings = {
        "scheme": people.scheme.pk,
        "version": people.version_id,
        "window": window.pk,
        "budget": window.budget_id,
        "year": people.year,
    }
    # The floor takes all from one part of the budget: it needs one that has enough.
    target = open_window(people, name=f"{case} floor", grants=number)
    settings |= {"window": target.pk, "budget": target.budget_id}
    timings, floor, floored = _in_turns(window, numbers, apply, FLOOR, settings, seconds)
    if timings.refused:
        raise RuntimeError(f"{case}: refused {timings.refused}")
    done = timings.warmed_up + len(timings.durations_s)
    _check_counts(case, window, number, done)
    _check_counts(f"{case} floor", target, number, floored)
    return timings.figures(case, floor_per_s=floor, clients=CLIENTS)


def _measure_places(people: People, numbers: Range, *, seconds: float) -> Figures:
    window = open_window(people, name="waiting_room", grants=10**6, per_s=PLACES_PER_S)
    floor_window = open_window(people, name="waiting_room floor", grants=1, per_s=PLACES_PER_S)
    settings = {"window": floor_window.pk}
    timings, floor, _ = _in_turns(window, numbers, take_place, FLOOR_OF_PLACES, settings, seconds)
    if timings.refused:
        raise RuntimeError(f"waiting_room: refused {timings.refused}")
    done = timings.warmed_up + len(timings.durations_s)
    check_numbers(window, done)
    return timings.figures("waiting_room", floor_per_s=floor, clients=CLIENTS)


def _in_turns(
    window: Window,
    numbers: Range,
    act: Callable[[Applicant], object],
    script: str,
    settings: dict[str, int],
    seconds: float,
) -> tuple[Timings, float, int]:
    """What ours reached, what the floor reached, and how many transactions the floor made."""
    first, last = numbers
    middle = first + (last - first + 1) // 3
    mine = applicants(window, (first, middle - 1))
    each = (last - middle + 1) // (CLIENTS * ROUNDS)
    ours: list[Timings] = []
    floors: list[float] = []
    settle()
    for turn in range(ROUNDS):
        share = mine[turn::ROUNDS]
        shares = [share[client::CLIENTS] for client in range(CLIENTS)]
        ours.append(run_clients(shares, act, seconds=seconds / ROUNDS, warm_up=WARM_UP))
        floors.append(
            run_pgbench(
                script,
                clients=CLIENTS,
                transactions=each,
                variables={**settings, "i": -1, "first": middle + turn * each * CLIENTS},
            )
        )
    return together(ours), harmonic_mean(floors), each * CLIENTS * ROUNDS


def _check_counts(case: str, window: Window, grants: int, expected: int) -> None:
    """Whoever was told so has a grant and the money held; the budget has what is left, to the cent."""
    given, held, accounts = execute(
        f"SELECT count(*), coalesce(sum(amount_cents), 0), count(DISTINCT account_id)"
        f" FROM {Application._meta.db_table} AS application"
        f" JOIN {Allocation._meta.db_table} AS allocation"
        "   ON allocation.booking_id = application.booking_id AND allocation.source = 'grant'"
        " WHERE application.window_id = %s",
        [window.pk],
    )[0]
    left = Window.objects.get(pk=window.pk).left_cents
    if (given, held, accounts) != (expected, expected * GRANT_CENTS, expected):
        raise RuntimeError(f"{case}: {expected} grants were told of, {given} hold {held} cents")
    if left != (grants - expected) * GRANT_CENTS:
        raise RuntimeError(f"{case}: {left} cents are left of {grants} grants after {expected}")


def check_numbers(window: Window, expected: int) -> None:
    """So many places, numbered from one without a gap or a double, each turn after the one before."""
    places, first, last, turns, unordered = execute(
        "SELECT count(*), min(number), max(number), count(DISTINCT turn_at), count(*) FILTER (WHERE turn_at < before)"
        " FROM (SELECT number, turn_at, lag(turn_at) OVER (ORDER BY number) AS before"
        f" FROM {Place._meta.db_table} WHERE window_id = %s) AS place",
        [window.pk],
    )[0]
    if (places, first, last, turns, unordered) != (expected, 1, expected, expected, 0):
        raise RuntimeError(
            f"{expected} places were told of: {places} are there, from {first} to {last}, {turns} turns"
        )
