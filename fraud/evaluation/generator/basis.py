"""What every part of the generator stands on: random streams, opaque names, times, and the files."""

import csv
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from fraud.evaluation.columns import DATES, FILES, NUMBERS, PLACES, RECORDED, is_name, is_time

Array = np.ndarray[Any, np.dtype[Any]]

MINUTE, HOUR, DAY = 60, 3600, 86_400
# A moment that is not there; a name that is not there is 0, a number -1, a place NaN, a text "".
NEVER = -(2**62)
_KINDS = [
    "learner",
    "provider",
    "person",
    "employer",
    "venue",
    "credential",
    "session",
    "booking",
    "entry",
    "email",
    "phone",
    "address",
    "iban",
    "ip",
    "device",
]
_ROOM = 2**20


class Streams:
    """Random numbers by part: what one part draws never moves what another one draws."""

    def __init__(self, seed: int, block: int) -> None:
        self.seed = seed
        self.block = block

    def of(self, part: str) -> np.random.Generator:
        """The stream of that part; asked for twice, it begins again."""
        words = [self.seed, self.block, zlib.crc32(part.encode())]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


class Names:
    """Codes of things (64 bits), unique over all kinds and blocks, and written as opaque words."""

    def __init__(self, seed: int, block: int) -> None:
        self._key = int(np.random.SeedSequence([seed, 20_260_101]).generate_state(1, np.uint64)[0])
        self._block = block
        self._next: dict[str, int] = defaultdict(int)

    def new(self, kind: str, count: int) -> Array:
        """That many codes nobody has."""
        first = self._next[kind]
        self._next[kind] = first + count
        base = ((_KINDS.index(kind) + 1) * 4096 + self._block) * _ROOM * 1024
        return np.arange(first, first + count, dtype=np.int64) + base

    def one(self, kind: str) -> int:
        return int(self.new(kind, 1)[0])

    def written(self, codes: Array) -> list[str]:
        """The words of the codes: a permutation of 64 bits, so that nothing shows in them; 0 is blank."""
        mixed = codes.astype(np.uint64) ^ np.uint64(self._key)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
        known = (codes != 0).tolist()
        return [
            f"{word:016x}" if is_known else "" for word, is_known in zip(mixed.tolist(), known, strict=True)
        ]


def seconds(day: str) -> int:
    """Midnight (UTC) of an ISO day, as seconds since 1970."""
    return int(np.datetime64(day, "s").astype(np.int64))


class Sink:
    """The CSV files of one population; rows are collected per block and written in the order they were recorded."""

    def __init__(self, out: Path, until: int) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._until = until
        self._files: dict[str, TextIO] = {}
        self.rows: dict[str, int] = dict.fromkeys(FILES, 0)
        self._parts: dict[str, list[dict[str, Array]]] = defaultdict(list)
        for name, columns in FILES.items():
            file = (out / f"{name}.csv").open("w", encoding="utf-8", newline="")
            csv.writer(file, lineterminator="\n").writerow(columns)
            self._files[name] = file

    def add(self, table: str, **columns: Any) -> None:
        """Rows of a table: arrays, or one value for all rows; a column that is left out is blank."""
        size = max((len(value) for value in columns.values() if isinstance(value, np.ndarray)), default=1)
        if set(columns) - set(FILES[table]):
            raise ValueError(f"{table} has no {sorted(set(columns) - set(FILES[table]))}")
        full: dict[str, Array] = {}
        for name in FILES[table]:
            value = columns.get(name, _blank(name))
            if not isinstance(value, np.ndarray):
                value = np.full(size, value, dtype=object if isinstance(value, str) else None)
            full[name] = value
        self._parts[table].append(full)

    def flush(self, names: Names, rng: np.random.Generator) -> None:
        """Write what was collected and is recorded by the last day."""
        for table, parts in self._parts.items():
            columns = {name: np.concatenate([part[name] for part in parts]) for name in FILES[table]}
            recorded = columns[RECORDED]
            order = np.lexsort((rng.permutation(len(recorded)), recorded))
            order = order[recorded[order] <= self._until]
            words = [_written(names, name, columns[name][order]) for name in FILES[table]]
            csv.writer(self._files[table], lineterminator="\n").writerows(zip(*words, strict=True))
            self.rows[table] += len(order)
        self._parts.clear()

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def _blank(column: str) -> Any:
    if is_name(column):
        return 0
    if is_time(column) or column in DATES:
        return NEVER
    if column in NUMBERS:
        return -1
    return float("nan") if column in PLACES else ""


def _written(names: Names, column: str, values: Array) -> list[str]:
    if is_name(column):
        return names.written(values)
    if is_time(column) or column in DATES:
        known = values != NEVER
        moments = np.where(known, values, 0).astype("datetime64[s]")
        if column in DATES:
            texts = np.datetime_as_string(moments.astype("datetime64[D]"))
        else:
            texts = np.datetime_as_string(moments, timezone="UTC")
        return [str(text) for text in np.where(known, texts, "")]
    if column in NUMBERS:
        return [
            "" if value < 0 and column != "utc_offset_minutes" else str(int(value))
            for value in values.tolist()
        ]
    if column in PLACES:
        return ["" if value != value else f"{value:.5f}" for value in values.tolist()]  # noqa: PLR0124
    return [str(value) for value in values.tolist()]


def groups(rng: np.random.Generator, count: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Cut `count` rows into runs of `low` to `high`: (first, past the last)."""
    first = 0
    while first < count:
        size = int(rng.integers(low, high + 1))
        yield first, min(count, first + size)
        first += size
