"""What the facts hold and how far they are, for whoever asks whether detection sees everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fraud.facts.tables import TABLES
from fraud.models import LIVE, FeedState
from fraud.services.feeds.registry import FEEDS
from ila.core import clock

# The feed runs each minute; what is older than this is behind.
BEHIND_AFTER = timedelta(minutes=15)
# Detector → the column without which its whole question falls away.
_BLIND = {"D22": "learners.lat"}
# Detector → the column that is known only where somebody has set it.
_BLIND_WITHOUT = {"D20": "limits.approval_limit_cents"}


@dataclass(frozen=True)
class Standing:
    """One table of facts. lag: since it last followed; None: never, or nothing of the platform feeds it."""

    table: str
    fed_at: datetime | None
    lag: timedelta | None
    is_behind: bool
    rows: int
    last_rows: int
    found_late: int
    compared_at: datetime | None
    failed_at: datetime | None
    error: str
    blank: tuple[str, ...]


def standings() -> list[Standing]:
    """Every table of facts with how far it is, in the order of the format."""
    now = clock.now()
    known = {state.table: state for state in FeedState.objects.all()}
    fed = {feed.table for feed in FEEDS}
    blank = blank_columns()
    found = []
    for name in TABLES:
        state = known.get(name) or FeedState(table=name)
        lag = now - state.fed_at if state.fed_at is not None else None
        behind = name in fed and (lag is None or lag > BEHIND_AFTER or bool(state.error))
        found.append(
            Standing(
                name,
                state.fed_at,
                lag,
                behind,
                state.rows,
                state.last_rows,
                state.found_late,
                state.compared_at,
                state.failed_at,
                state.error,
                blank.get(name, ()),
            )
        )
    return found


def blank_columns() -> dict[str, tuple[str, ...]]:
    """Table → columns that the platform does not know: they are blank in every row."""
    known = {feed.table: feed.columns for feed in FEEDS}
    blank = {
        name: tuple(each for each in table.names if each not in (*known.get(name, ()), "recorded_at"))
        for name, table in TABLES.items()
    }
    return {name: columns for name, columns in blank.items() if columns}


def blind_detectors() -> dict[str, str]:
    """Detector → why it can say nothing of the running platform."""
    blind = dict(_BLIND)
    for detector, column in _BLIND_WITHOUT.items():
        table, _, name = column.partition(".")
        if not LIVE[table]._default_manager.filter(**{f"{name}__isnull": False}).exists():
            blind[detector] = column
    return {detector: f"{column} is not known here" for detector, column in sorted(blind.items())}
