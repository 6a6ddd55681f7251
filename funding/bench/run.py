"""The cases by name, and one run of some of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from funding.bench.accept import measure_accept, measure_accept_hot
from funding.bench.accrue import measure_accrue
from funding.bench.apply_window import measure_apply_window
from funding.bench.figures import Figures
from funding.bench.reading import measure_audit
from funding.bench.scratch import scratch_database
from funding.bench.searching import measure_search
from funding.bench.world import CREDENTIALS, World, build_world

# In the order they are measured: first what only reads.
CASES = ("audit", "search", "accept", "accept_hot", "apply_window", "accrue")

HISTORY = 100_000
OFFERS = 100_000
LEAST_OFFERS = CREDENTIALS
SECONDS = 10.0
LEARNERS = 1_000_000
LEARNERS_A_SECOND = 100_000
# More than any machine of today accepts in that time: the clients never run out of proposals.
PROPOSALS_A_SECOND = 3_000
LEAST_PROPOSALS = 600


def run_cases(
    names: Sequence[str],
    *,
    seconds: float = SECONDS,
    history: int = HISTORY,
    offers: int = OFFERS,
    tell: Callable[[str], None],
) -> Iterator[Figures]:
    """Measure these cases in a scratch database, each beside its floor; a case's figures come as it ends.

    history: postings there are before the first one. offers: how many are searched. tell: is told what is being done.
    Raises: RuntimeError when what was measured did not do what it should have.
    """
    accepting = bool({"accept", "accept_hot"} & set(names))
    proposals = max(LEAST_PROPOSALS, round(seconds * PROPOSALS_A_SECOND)) if accepting else LEAST_PROPOSALS
    tell("making a scratch database")
    with scratch_database():
        tell(f"filling it with {history} postings of history")
        world = build_world(history=history, pending=proposals, crowded=proposals)
        for name in (name for name in CASES if name in names):
            tell(f"measuring {name}")
            yield from _measure(name, world, seconds, offers)


def _measure(name: str, world: World, seconds: float, offers: int) -> Iterable[Figures]:
    if name == "apply_window":
        return measure_apply_window(world, seconds=seconds, a_second=PROPOSALS_A_SECOND)
    if name == "accrue":
        learners = min(LEARNERS, max(100, round(seconds * LEARNERS_A_SECOND)))
        return measure_accrue(world, learners=learners)
    if name == "search":
        return measure_search(world, seconds=seconds, offers=offers)
    single = {
        "accept": measure_accept,
        "accept_hot": measure_accept_hot,
        "audit": measure_audit,
    }
    return [single[name](world, seconds=seconds)]
