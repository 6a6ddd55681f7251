"""What is known of people, table by table: what a copy holds of it (GDPR Art. 15, 20), what an erasure does to it (17).

Every app says so of its own models, in its `personal_data.py`. A test walks all models with a way to a person and fails
on one that is neither told of here nor left out with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.apps import apps
from django.db.models import BinaryField, Field, ForeignKey, Model, Q, QuerySet
from django.utils.module_loading import autodiscover_modules

from accounts.models import User

# What would let somebody in, or what only tells machines things apart, is nobody's to take away.
SECRET = re.compile(r"^(password|secret|token|stop_token|private_.*|data|index|.*_index|.*_hash)$")
_USER = User._meta.label

Erase = Callable[[User], int]


@dataclass(frozen=True)
class Table:
    """One table of a copy. file: its plain name. paths: ways from a row to the person's user.

    also: more columns, as name: lookup. shown: columns that look like secrets and are none. stays: why an erasure
    leaves it alone; empty where `erase` deletes or empties it.
    """

    label: str
    file: str
    paths: tuple[str, ...]
    also: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    stays: str = ""
    erase: Erase | None = None

    @property
    def model(self) -> type[Model]:
        return apps.get_model(self.label)

    def rows_of(self, user: User) -> QuerySet[Any]:
        """The rows about this person."""
        return self.model._base_manager.filter(_whose(self.paths, user)).order_by("pk").distinct()

    def columns(self) -> list[Field[Any, Any]]:
        """What a copy says of each row."""
        return [
            each
            for each in self.model._meta.concrete_fields
            if not isinstance(each, BinaryField)
            and each.name not in self.hidden
            and (each.name in self.shown or not SECRET.match(each.name))
        ]

    def export(self, user: User) -> Iterator[dict[str, Any]]:
        """The rows as a person reads them; other people are said to be others, not who they are."""
        columns = self.columns()
        to_users = {
            each.attname
            for each in columns
            if isinstance(each, ForeignKey) and each.related_model._meta.label == _USER
        }
        names = [each.attname for each in columns]
        lookups = list(self.also.values())
        for row in self.rows_of(user).values_list(*names, *lookups).iterator(chunk_size=500):
            said = dict(zip([*names, *self.also], row, strict=True))
            for name in to_users:
                said[name] = None if said[name] is None else "you" if said[name] == user.pk else "another"
            yield said


@dataclass(frozen=True)
class Person:
    """Whose files go into a copy."""

    user: User


Files = Callable[[Person], Iterable[tuple[str, bytes]]]
Obstacles = Callable[[User], Iterable[str]]
LastDay = Callable[[User], date | None]

_tables: dict[str, Table] = {}
_left_out: dict[str, str] = {}
_files: list[Files] = []
_obstacles: list[Obstacles] = []
_kept_until: list[LastDay] = []


def about(
    label: str,
    file: str,
    *paths: str,
    also: Mapping[str, str] | None = None,
    hidden: Iterable[str] = (),
    shown: Iterable[str] = (),
    stays: str = "",
    erase: Erase | None = None,
) -> None:
    """Tell of a table. Erasures go in the order told, the apps above first: rows before what they stand on."""
    if bool(stays) == (erase is not None):
        raise ValueError(f"{label}: it either stays for a reason or is erased")
    _tables[label] = Table(label, file, paths, also or {}, frozenset(hidden), frozenset(shown), stays, erase)


def left_out(reason: str, *labels: str) -> None:
    """Say why tables with a way to a person are in no copy and in no erasure."""
    _left_out.update(dict.fromkeys(labels, reason))


def with_files(make: Files) -> Files:
    """Let a function add files to copies: names with their contents."""
    _files.append(make)
    return make


def with_obstacles(find: Obstacles) -> Obstacles:
    """Let a function say, as codes, why a person cannot be erased now."""
    _obstacles.append(find)
    return find


def with_last_day(find: LastDay) -> LastDay:
    """Let a function say until which day the law obliges to keep who was paid for what; None: nothing."""
    _kept_until.append(find)
    return find


def discover() -> None:
    """Read what every app tells, once the apps are there."""
    autodiscover_modules("personal_data")


def tables() -> list[Table]:
    """All tables that copies hold, those of the apps above first."""
    rank = {"fraud": 0, "funding": 1, "catalogue": 2}
    return sorted(_tables.values(), key=lambda one: rank.get(one.label.split(".")[0], 3))


def reasons_left_out() -> dict[str, str]:
    """Tables that are in no copy, each with its reason."""
    return dict(sorted(_left_out.items()))


def files_of(person: Person) -> Iterator[tuple[str, bytes]]:
    """The other files of a copy."""
    for make in _files:
        yield from make(person)


def obstacles(user: User) -> list[str]:
    """Why this person cannot be erased now: nothing when they can."""
    return [code for find in _obstacles for code in find(user)]


def kept_until(user: User) -> date | None:
    """The last day on which what the law obliges to keep is kept."""
    days = [day for find in _kept_until if (day := find(user)) is not None]
    return max(days, default=None)


def deleting(label: str, *paths: str, but: Callable[[QuerySet[Any]], QuerySet[Any]] | None = None) -> Erase:
    """Delete the rows about a person; but: leaves out those that something kept stands on."""

    def erase(user: User) -> int:
        rows = apps.get_model(label)._base_manager.filter(_whose(paths, user))
        deleted, _by_model = (rows if but is None else but(rows)).delete()
        return deleted

    return erase


def emptying(label: str, *paths: str, **values: Any) -> Erase:
    """Empty columns of the rows about a person, which stay without them."""

    def erase(user: User) -> int:
        rows = apps.get_model(label)._base_manager.filter(_whose(paths, user))
        return int(rows.exclude(**values).update(**values))

    return erase


def _whose(paths: Iterable[str], user: User) -> Q:
    found = Q(pk__in=[])
    for path in paths:
        found |= Q(**{path: user.pk})
    return found
