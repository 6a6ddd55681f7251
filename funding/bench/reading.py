"""The cases `search` and `audit`: what the public catalogue and the auditor ask."""

import time

from catalogue.models import MicroCredential
from catalogue.selectors import listing
from funding import audit
from funding.bench.bulk import execute, settle
from funding.bench.clients import run_clients
from funding.bench.figures import Figures, Timings
from funding.bench.floor import run_pgbench
from funding.bench.world import WORDS, World
from funding.models import JournalEntry, Posting
from ila.core import clock

CLIENTS = 4
PAGE = 20
PIECES = 100_000

FLOOR_SEARCH = f"""
\\set n random(1, {len(WORDS)})
SELECT id, title FROM {MicroCredential._meta.db_table}
 WHERE search @@ to_tsquery('simple', (ARRAY[{", ".join(f"'{word}'" for word in WORDS)}])[:n] || ':*')
   AND state IN ('registered', 'suspended')
 ORDER BY title, id LIMIT {PAGE};
"""
FLOOR_AUDIT = f"""
SELECT count(*) FROM (SELECT entry_id FROM {Posting._meta.db_table} GROUP BY entry_id, fund
                      HAVING sum(amount_cents) <> 0) AS unbalanced;
SELECT count(*) FROM (SELECT lot_id, sum(amount_cents) FROM {Posting._meta.db_table} GROUP BY lot_id, bucket) AS lots;
"""


def search(word: str) -> None:
    """The first page of what the catalogue finds for a word, with all that the list shows of an entry."""
    asked = {"q": word}
    now = clock.now()
    found = listing.narrowed(asked, now)
    page = listing.ordered(found, asked, count=found.count()).values_list("pk", flat=True)[:PAGE]
    listing.described(list(page), now)


def measure_search(_world: World, *, seconds: float) -> Figures:
    """Searches a second."""
    settle()
    words = [*WORDS, *(word[:4] for word in WORDS)]
    shares = [(words[client:] + words[:client]) * (PIECES // len(words)) for client in range(CLIENTS)]
    timings = run_clients(shares, search, seconds=seconds, warm_up=2)
    floor = run_pgbench(FLOOR_SEARCH, clients=CLIENTS, seconds=max(1, round(seconds / 2)))
    return timings.figures("search", floor_per_s=floor, clients=CLIENTS)


def measure_audit(_world: World, *, seconds: float) -> Figures:
    """Journal entries checked a second, by as many whole audits as the seconds allow, at least one."""
    settle()
    entries = int(execute(f"SELECT count(*) FROM {JournalEntry._meta.db_table}")[0][0])
    durations: list[float] = []
    began = time.perf_counter()
    while not durations or time.perf_counter() - began < seconds:
        before = time.perf_counter()
        audit.run()
        durations.append(time.perf_counter() - before)
    per_s = entries * len(durations) / sum(durations)
    floor = run_pgbench(FLOOR_AUDIT, clients=1, seconds=max(1, round(seconds / 2)))
    return Timings(per_s, tuple(durations), {}).figures("audit", floor_per_s=floor * entries, clients=1)
