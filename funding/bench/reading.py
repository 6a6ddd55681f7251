"""The case `audit`: what the auditor asks."""

import time

from funding import audit
from funding.bench.bulk import execute, settle
from funding.bench.figures import Figures, Timings
from funding.bench.floor import run_pgbench
from funding.bench.world import World
from funding.models import JournalEntry, Posting

FLOOR_AUDIT = f"""
SELECT count(*) FROM (SELECT entry_id FROM {Posting._meta.db_table} GROUP BY entry_id, fund
                      HAVING sum(amount_cents) <> 0) AS unbalanced;
SELECT count(*) FROM (SELECT lot_id, sum(amount_cents) FROM {Posting._meta.db_table} GROUP BY lot_id, bucket) AS lots;
"""


def measure_audit(_world: World, *, seconds: float) -> Figures:
    """Journal entries checked a second, by as many whole audits as the seconds allow, at least one."""
    settle()
    entries = int(execute(f"SELECT count(*) FROM {JournalEntry._meta.db_table}")[0][0])
    durations: list[float] = []
    began = time.perf_counter()
    while not durations or time.perf_counter() - began < seconds:
        before = time.perf_counter()
        audit.run(beyond_the_books=False)
        durations.append(time.perf_counter() - before)
    per_s = entries * len(durations) / sum(durations)
    floor = run_pgbench(FLOOR_AUDIT, clients=1, seconds=max(1, round(seconds / 2)))
    return Timings(per_s, tuple(durations), {}).figures("audit", floor_per_s=floor * entries, clients=1)
