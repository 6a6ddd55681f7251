"""What is so: the labels, and what of the population the measures need."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from fraud.evaluation.scoring.runs import UnreadableError
from fraud.groups import UNKNOWN, age_band

HONEST = "honest:"


@dataclass(frozen=True)
class Misuse:
    """A provider that misuses: since when, in which way, for how many cents."""

    archetype: str
    started: date
    amount: int


@dataclass
class Money:
    """One labelled booking: what is lost by it, and when how much of it was paid."""

    provider: str
    created: date
    amount: int
    paid: list[tuple[date, int]] = field(default_factory=list)

    def paid_before(self, day: date | None) -> int:
        """Cents gone before that day, at most the loss."""
        return min(self.amount, sum(cents for at, cents in self.paid if day is None or at < day))


@dataclass
class Truth:
    misuse: dict[str, Misuse] = field(default_factory=dict)
    lookalikes: dict[str, str] = field(default_factory=dict)
    money: dict[str, Money] = field(default_factory=dict)
    # Honest and dishonest providers alike, with the day they were accredited on.
    providers: dict[str, date] = field(default_factory=dict)
    region: dict[str, str] = field(default_factory=dict)
    size: dict[str, str] = field(default_factory=dict)
    provider_of: dict[str, str] = field(default_factory=dict)
    age_of: dict[str, str] = field(default_factory=dict)
    not_run: list[str] = field(default_factory=list)


def rows_of(path: Path, *columns: str) -> Iterator[list[str]]:
    """The named columns of a CSV file, row by row."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        head = next(reader, [])
        missing = [name for name in columns if name not in head]
        if missing:
            raise UnreadableError(f"{path}: has no column {', '.join(missing)}")
        at = [head.index(name) for name in columns]
        for row in reader:
            if len(row) < len(head):
                raise UnreadableError(f"{path}:{reader.line_num}: {len(row)} of {len(head)} columns")
            yield [row[k] for k in at]


def day_of(text: str) -> date:
    return datetime.fromisoformat(text).date()


def read_truth(labels: Path, population: Path) -> Truth:
    """Labels, and of the population: providers, sizes, regions, ages, payments."""
    truth = Truth()
    if not labels.is_file():
        raise UnreadableError(f"{labels}: no such file")
    booked = _labels(truth, labels)
    for table, read in (("providers", _providers), ("bookings", _bookings), ("learners", _ages)):
        if (population / f"{table}.csv").is_file():
            read(truth, population)
        else:
            truth.not_run.append(f"{table}.csv is not beside the labels: measures that need it are left out")
    if not truth.providers:
        raise UnreadableError(f"{population}: providers.csv is needed to know who is honest")
    for subject, started, cents in booked:
        if subject in truth.provider_of:
            truth.money[subject] = Money(truth.provider_of[subject], day_of(started), cents)
    if (population / "booking_events.csv").is_file():
        _payments(truth, population)
    else:
        truth.not_run.append("booking_events.csv is not beside the labels: nothing is known of payments")
    return truth


def _labels(truth: Truth, labels: Path) -> list[tuple[str, str, int]]:
    """Read who misuses and who only looks like it; the bookings at fault, with their start and loss."""
    booked: list[tuple[str, str, int]] = []
    columns = ("subject_kind", "subject_id", "archetype", "started_at", "amount_cents")
    for number, (kind, subject, archetype, started, cents) in enumerate(rows_of(labels, *columns), 2):
        try:
            if archetype.startswith(HONEST):
                if kind == "provider":
                    truth.lookalikes[subject] = archetype.removeprefix(HONEST)
            elif kind == "provider":
                _add(truth, subject, Misuse(archetype, day_of(started), int(cents or 0)))
            else:
                booked.append((subject, started, int(cents or 0)))
        except ValueError as error:
            raise UnreadableError(f"{labels}:{number}: {error}") from error
    return booked


def _add(truth: Truth, provider: str, misuse: Misuse) -> None:
    known = truth.misuse.get(provider)
    if known is not None:
        first = min(known, misuse, key=lambda one: one.started)
        misuse = Misuse(first.archetype, first.started, known.amount + misuse.amount)
    truth.misuse[provider] = misuse


def _providers(truth: Truth, folder: Path) -> None:
    for provider, accredited, lat, lon in rows_of(
        folder / "providers.csv", "provider_id", "accredited_at", "lat", "lon"
    ):
        truth.providers[provider] = day_of(accredited) if accredited else date.min
        known = lat != "" and lon != ""
        truth.region[provider] = f"{float(lat) // 2 * 2:.0f}/{float(lon) // 3 * 3:.0f}" if known else UNKNOWN


def _bookings(truth: Truth, folder: Path) -> None:
    if not all((folder / f"{name}.csv").is_file() for name in ("sessions", "credentials")):
        truth.not_run.append(
            "sessions.csv or credentials.csv is not beside the labels: bookings have no provider"
        )
        return
    owner = dict(rows_of(folder / "credentials.csv", "credential_id", "provider_id"))
    session = {
        code: owner.get(credential, "")
        for code, credential in rows_of(folder / "sessions.csv", "session_id", "credential_id")
    }
    counts: dict[str, int] = defaultdict(int)
    for booking, code in rows_of(folder / "bookings.csv", "booking_id", "session_id"):
        if booking not in truth.provider_of:
            counts[session.get(code, "")] += 1
        truth.provider_of[booking] = session.get(code, "")
    ranked = sorted(truth.providers, key=lambda provider: (counts[provider], provider))
    for place, provider in enumerate(ranked):
        truth.size[provider] = ("small", "medium", "large")[3 * place // len(ranked)]


def _ages(truth: Truth, folder: Path) -> None:
    born = dict(rows_of(folder / "learners.csv", "learner_id", "birth_year"))
    if not (folder / "bookings.csv").is_file():
        return
    for booking, learner, created in rows_of(
        folder / "bookings.csv", "booking_id", "learner_id", "created_at"
    ):
        year = born.get(learner, "")
        truth.age_of[booking] = age_band(int(created[:4]) - int(year)) if year else UNKNOWN


def _payments(truth: Truth, folder: Path) -> None:
    columns = ("booking_id", "event", "at", "amount_cents")
    for booking, event, at, cents in rows_of(folder / "booking_events.csv", *columns):
        if event == "paid" and booking in truth.money and cents:
            truth.money[booking].paid.append((day_of(at), int(cents)))
