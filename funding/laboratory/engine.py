"""Many people, a part at a time: as much memory for a million as for a thousand, on one core or several."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import islice
from multiprocessing import get_context
from typing import Final

from funding.laboratory.compare import Comparison
from funding.laboratory.people import People
from funding.laboratory.rulesets import LaboratoryError, Timeline
from funding.laboratory.tally import Tally

MOST_YEARS: Final = 30
AHEAD: Final = 2
"""Parts that wait for each worker: what is read ahead stays bounded."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What every part of a run has in common. opened: the day on which accounts were read."""

    before: Timeline
    after: Timeline
    years: tuple[int, ...]
    opened: date | None = None

    def __post_init__(self) -> None:
        if not self.years or list(self.years) != list(range(self.years[0], self.years[0] + len(self.years))):
            raise LaboratoryError("years must follow one another")
        if len(self.years) > MOST_YEARS:
            raise LaboratoryError(f"{len(self.years)} years are more than {MOST_YEARS}")


class Cancelled(Exception):  # noqa: N818 - it is no error
    """Somebody has cancelled the run."""


Progress = Callable[[int], None]


def run(
    setting: Setting, population: Iterable[People], *, workers: int = 1, progress: Progress | None = None
) -> Tally:
    """The sums over a population, the same for any number of workers and any order of its parts.

    progress: told how many learners are done after each part; what it raises ends the run.
    """
    result = Tally(setting.years)
    for part in _tallies(setting, population, workers):
        result.merge(part)
        if progress is not None:
            progress(result.learners)
    return result


def tally_part(comparison: Comparison, people: People) -> Tally:
    """The sums over one part."""
    result = Tally(comparison.years)
    for person in people:
        result.add(person, comparison.compare(person))
    return result


def _tallies(setting: Setting, population: Iterable[People], workers: int) -> Iterator[Tally]:
    if workers <= 1:
        comparison = _comparison(setting)
        for people in population:
            yield tally_part(comparison, people)
        return
    # Fresh processes: a copy of this one would share its connections to the database.
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(setting,)
    ) as pool:
        parts = iter(population)
        waiting: deque[Future[Tally]] = deque(
            pool.submit(_work, people) for people in islice(parts, workers * AHEAD)
        )
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(_work, people) for people in islice(parts, 1))
        finally:
            for each in waiting:
                each.cancel()


def _comparison(setting: Setting) -> Comparison:
    return Comparison(setting.before, setting.after, setting.years, opened=setting.opened)


# Of a worker's process: what it plays with, made once.
_AT_WORK: dict[str, Comparison] = {}


def _begin(setting: Setting) -> None:
    _AT_WORK["comparison"] = _comparison(setting)


def _work(people: People) -> Tally:
    return tally_part(_AT_WORK["comparison"], people)
