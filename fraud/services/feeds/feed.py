"""What a feed is: one query over the platform's tables that tells all facts of one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Feed:
    """One table of facts. query: gives `columns` and `changed_at`, and `fed_from` where the table has no key.

    `{scope}` in the query stands for the rows to look at: `scope` when only some of them changed, else all;
    `{learner_scope}` likewise, where facts of learners and of others meet.
    match: the columns by which a row told before is found (the table's key unless said). keeps: columns that keep
    the first value they had. compares: columns whose difference makes a new row (all others unless said).
    values: more parameters of the query.
    """

    table: str
    columns: tuple[str, ...]
    query: str
    scope: str = "TRUE"
    match: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    learner_scope: str = ""
    compares: tuple[str, ...] = ()
    values: Values | None = field(default=None, compare=False)

    @property
    def is_small(self) -> bool:
        """Whether all of it is compared each time, because no row of a source leads to it."""
        return self.scope == "TRUE"

    def over(self, *, everything: bool) -> str:
        """The query over everything, or over what changed."""
        narrowed = self.query
        for place, scope in (("{scope}", self.scope), ("{learner_scope}", self.learner_scope)):
            narrowed = narrowed.replace(place, "TRUE" if everything else f"({scope})")
        return narrowed


def words(text: str) -> tuple[str, ...]:
    """Column names in a row."""
    return tuple(text.split())


def sign_in_of(user: str, moment: str, name: str) -> str:
    """A lateral join: the sign-in that the user acted under at a moment, the latest one before it."""
    return (
        f"LEFT JOIN LATERAL (SELECT ip_hash, device_hash FROM accounts_signin"
        f" WHERE user_id = {user} AND at <= {moment} ORDER BY at DESC, id DESC LIMIT 1) {name} ON TRUE"
    )
