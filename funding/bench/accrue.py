"""The cases `accrue` and `accrue_again`: a year for a whole population, the first one and a later one."""

import time
from datetime import date, datetime, timedelta
from itertools import pairwise

from accounts.models import Citizen
from funding.bench.bulk import bare_tables, continue_numbers, fill, settle
from funding.bench.figures import Figures, Timings
from funding.bench.floor import run_pgbench
from funding.bench.world import HASHED_UUID, World
from funding.models import Budget, JournalEntry, LearningAccount, Lot, Posting, Scheme, SchemeVersion
from funding.services import schemes
from funding.services.accruals import CHUNK, AccrualProgress, accrue_year
from ila.core import clock

WORKERS = 2
FIRST = 10_000_000
YEAR = 2025

# What a year writes, with one statement for each table, a chunk of accounts a transaction.
ENTRY = f"""
\\set i :i + 1
\\set first :base + (:i * {WORKERS} + :client_id) * :chunk
\\set last :first + :chunk - 1
BEGIN;
INSERT INTO {JournalEntry._meta.db_table} (scheme_id, kind, currency, idempotency_key, actor_id, occurred_at)
VALUES (:scheme::bigint, 'accrue', 'EUR', 'floor-{{what}}-' || :first::bigint, :actor::bigint, now())
RETURNING id AS entry \\gset
"""
POSTINGS = f"""
INSERT INTO {Posting._meta.db_table} (entry_id, bucket, fund, amount_cents, lot_id)
SELECT :entry::bigint, 'available', 'public', 50000, id FROM {Lot._meta.db_table}
 WHERE account_id BETWEEN :first::bigint AND :last::bigint AND source = 'public';
INSERT INTO {Posting._meta.db_table} (entry_id, bucket, fund, amount_cents, budget_id)
VALUES (:entry::bigint, 'budget', 'public', -50000 * :chunk::bigint, :budget::bigint);
UPDATE {Budget._meta.db_table} SET available_cents = available_cents - 50000 * :chunk::bigint
 WHERE id = :budget::bigint;
COMMIT;
"""
FLOOR_FIRST = f"""{ENTRY.replace("{what}", "first")}
INSERT INTO {Lot._meta.db_table} (account_id, source, fund, currency, earmark, available_cents, held_cents,
       spent_cents, accrued_years, created_at)
SELECT id, 'public', 'public', 'EUR', '', 50000, 0, 0, '{{2025}}', now()
  FROM {LearningAccount._meta.db_table} WHERE id BETWEEN :first::bigint AND :last::bigint;
{POSTINGS}"""
FLOOR_LATER = f"""{ENTRY.replace("{what}", "later")}
UPDATE {Lot._meta.db_table}
   SET available_cents = available_cents + 50000, accrued_years = accrued_years || 2026::smallint
 WHERE account_id BETWEEN :first::bigint AND :last::bigint AND source = 'public';
{POSTINGS}"""


def measure_accrue(world: World, *, learners: int) -> list[Figures]:
    """A first year, in which each learner's lot is opened, and a later one, in which it grows."""
    chunk = min(CHUNK, max(1, learners // (2 * WORKERS)))
    learners -= learners % (chunk * WORKERS)
    scheme, budget = _population(world, learners)
    settings = {
        "scheme": scheme.pk,
        "budget": budget.pk,
        "actor": world.actor.pk,
        "base": FIRST,
        "chunk": chunk,
    }
    found = []
    for case, year, floor in (("accrue", YEAR, FLOOR_FIRST), ("accrue_again", YEAR + 1, FLOOR_LATER)):
        settle()
        timings = _accrue(world, scheme, budget, year, learners, chunk)
        settle()
        transactions = learners // chunk // WORKERS
        per_s = run_pgbench(
            floor, clients=WORKERS, transactions=transactions, variables={**settings, "i": -1}
        )
        found.append(timings.figures(case, floor_per_s=per_s * chunk, clients=WORKERS))
    return found


def _accrue(world: World, scheme: Scheme, budget: Budget, year: int, learners: int, chunk: int) -> Timings:
    moments = [time.perf_counter()]

    def note(_progress: AccrualProgress) -> None:
        moments.append(time.perf_counter())

    result = accrue_year(
        scheme=scheme,
        year=year,
        actor=world.actor,
        budget=budget,
        progress=note,
        workers=WORKERS,
        chunk=chunk,
    )
    elapsed = time.perf_counter() - moments[0]
    if result.credited != learners:
        raise RuntimeError(f"{result.credited} of {learners} learners were credited")
    # The workers take turns at finishing: a chunk takes as many intervals as there are workers.
    between = [(later - earlier) * WORKERS for earlier, later in pairwise(moments)]
    return Timings(learners / elapsed, tuple(between), {})


def _population(world: World, learners: int) -> tuple[Scheme, Budget]:
    """A scheme of its own, whose learners work full-time, part-time or for themselves, and have no lot yet."""
    now = clock.now()
    scheme = Scheme.objects.create(
        code="bench", name="Bench", country="FR", timezone="Europe/Paris", currency="EUR"
    )
    SchemeVersion.objects.create(
        scheme=scheme,
        valid_from=date(2019, 11, 21),
        rules=world.version.rules,
        author=world.version.author,
        approver=world.version.approver,
    )
    budget = schemes.appropriate(
        scheme=scheme,
        budget_name="Bench",
        amount_cents=10**14,
        actor=world.actor,
        idempotency_key="bench:population",
    )
    with bare_tables():
        _people(scheme, learners, now)
    continue_numbers(Citizen, LearningAccount)
    return scheme, budget


def _people(scheme: Scheme, learners: int, now: datetime) -> None:
    numbers = (FIRST, FIRST + learners - 1)
    since = now - timedelta(days=300)
    fill(
        Citizen(birth_date=date(1990, 2, 3), created_at=since),
        numbers,
        id="n",
        public_id=HASHED_UUID.format(salt="citizen"),
        status="CASE n %% 5 WHEN 0 THEN 'self_employed' ELSE 'employed' END",
        qualification_level="n %% 9",
        disabled="n %% 50 = 0",
        hours_ratio="CASE n %% 4 WHEN 0 THEN 0.37 ELSE 1 END",
        annual_hours="CASE n %% 10 WHEN 0 THEN 321.5 END",
    )
    fill(
        LearningAccount(scheme=scheme, opened_at=since),
        numbers,
        id="n",
        public_id=HASHED_UUID.format(salt="account"),
        citizen_id="n",
    )
