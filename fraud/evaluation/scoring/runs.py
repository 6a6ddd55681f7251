"""What detectors said, day by day."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

# Tables whose evidence names a booking (CONTRACTS).
OF_BOOKINGS = frozenset(["bookings", "booking_events", "attendance", "surveys"])


class UnreadableError(Exception):
    """A file that is not there or not as the contract says; the message names file and line."""


@dataclass(frozen=True)
class Scored:
    provider: str
    score: float


@dataclass
class Run:
    """One day's alerts and cases."""

    day: date
    cases: list[Scored] = field(default_factory=list)
    # Per provider: bookings held one by one, bookings that a wider hold is about, and whether one is there.
    held: dict[str, set[str]] = field(default_factory=dict)
    touched: dict[str, set[str]] = field(default_factory=dict)
    wider: set[str] = field(default_factory=set)
    alerts: int = 0

    @property
    def week(self) -> tuple[int, int]:
        year, week, _weekday = self.day.isocalendar()
        return year, week


def read_runs(folder: Path) -> list[Run]:
    """Every day below `folder`, oldest first: the two files in it, or in sub-folders, one for each day.

    The day is `as_of` of the alerts; without an alert the folder's name, if that is a date; else the Sunday of
    the cases' week.
    """
    if not folder.is_dir():
        raise UnreadableError(f"{folder}: no such folder")
    homes = sorted({path.parent for name in ("alerts.jsonl", "cases.jsonl") for path in folder.rglob(name)})
    runs: dict[date, Run] = {}
    for home in homes:
        run = _read(home)
        if run is None:
            continue
        if run.day in runs:
            raise UnreadableError(f"{home}: {run.day} is there twice")
        runs[run.day] = run
    if not runs:
        raise UnreadableError(f"{folder}: holds no alerts.jsonl or cases.jsonl")
    return [runs[day] for day in sorted(runs)]


def _read(home: Path) -> Run | None:
    alerts, cases = _lines(home / "alerts.jsonl"), _lines(home / "cases.jsonl")
    try:
        day = date.fromisoformat(str(alerts[0]["as_of"])[:10]) if alerts else _day_of(home, cases)
        if day is None:
            return None
        run = Run(day, alerts=len(alerts))
        for alert in alerts:
            if alert["action"] != "H":
                continue
            provider = str(alert["provider_id"])
            if alert["subject_kind"] == "booking":
                run.held.setdefault(provider, set()).add(str(alert["subject_id"]))
            else:
                run.wider.add(provider)
                run.touched.setdefault(provider, set()).update(_bookings(alert))
        run.wider.update(provider for provider, held in run.held.items() if len(held) >= 3)
        ranked = sorted(cases, key=lambda case: -float(case["score"]))
        run.cases = [Scored(str(case["provider_id"]), float(case["score"])) for case in ranked]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(
            f"{home}: not as the contract says ({type(error).__name__}: {error})"
        ) from error
    return run


def _bookings(alert: dict[str, Any]) -> set[str]:
    """The bookings that an alert's evidence names."""
    named = (str(row).partition(":") for row in alert.get("evidence") or ())
    return {identity for table, _colon, identity in named if table in OF_BOOKINGS}


def _day_of(home: Path, cases: list[dict[str, Any]]) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(home.name)
    if not cases:
        return None
    year, week = str(cases[0]["week"]).split("-W")
    return date.fromisocalendar(int(year), int(week), 1) + timedelta(days=6)


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UnreadableError(f"{path}:{number}: no JSON") from error
        if not isinstance(row, dict):
            raise UnreadableError(f"{path}:{number}: no object")
        found.append(row)
    return found
