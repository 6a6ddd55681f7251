"""Everybody behind a provider against the blacklist: as they apply, as they tell of changes, and each night.

What is found is a row that explains itself and an alert of D07. Nobody is refused by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from catalogue.models import Provider
from fraud.detectors.network import BlacklistLink
from fraud.models import BlacklistEntry, BlacklistKind, ScreeningMatch
from fraud.screening.matching import Likeness, Named, find_matches
from ila.core import clock

# Who stands behind a firm, as the facts have it: the latest row of each declaration that has not ended.
_DECLARED = """
SELECT person_id, provider_id, full_name, birth_date FROM (
    SELECT DISTINCT ON (person_id, provider_id, role, valid_from) person_id, provider_id, full_name, birth_date,
           valid_until
      FROM fraud_live_persons WHERE role IN ('director', 'shareholder')
     ORDER BY person_id, provider_id, role, valid_from, recorded_at DESC, id DESC) declared
 WHERE provider_id IS NOT NULL AND coalesce(valid_until >= %s, TRUE)
"""
_FIRMS = """
SELECT DISTINCT ON (provider_id) provider_id, legal_name FROM fraud_live_providers
 WHERE legal_name <> '' ORDER BY provider_id, recorded_at DESC, id DESC
"""


@dataclass
class Screened:
    """What a screening looked at, and found. matched: rows that stand now; new: those that did not before."""

    names: int = 0
    listed: int = 0
    matched: int = 0
    new: int = 0


@dataclass(frozen=True)
class _Found:
    provider: str
    likeness: Likeness
    hops: int = 0
    via: str = ""

    @property
    def score(self) -> float:
        """What is left of the likeness over the hops."""
        return round(self.likeness.score * BlacklistLink().per_hop ** self.hops, 4)


@transaction.atomic
def screen_all() -> Screened:
    """Compare everybody behind every provider with the blacklist; keep what is alike, and note what no longer is.

    Related firms (a director or owner in common) are told too, with what is left of the score.
    """
    today = clock.now().date()
    listed = [_named(entry) for entry in open_entries(today)]
    declared, firms = _read(_DECLARED, [today]), _read(_FIRMS, [])
    firms_of: dict[str, set[str]] = defaultdict(set)
    people: dict[str, Named] = {}
    for person, provider, name, born in declared:
        firms_of[person].add(provider)
        people[person] = Named(person, name or "", born)
    names = [*people.values(), *(Named(provider, name, is_firm=True) for provider, name in firms)]
    result = Screened(names=len(names), listed=len(listed))
    if not listed:
        ScreeningMatch.objects.filter(gone_at__isnull=True).update(gone_at=clock.now())
        return result
    direct = [
        _Found(provider, each)
        for each in find_matches(names, listed)
        for provider in ([each.one.ref] if each.one.is_firm else sorted(firms_of[each.one.ref]))
    ]
    _keep([*direct, *_related(direct, firms_of)], result)
    return result


def open_entries(today: date) -> QuerySet[BlacklistEntry]:
    """Entries in force on a day."""
    return BlacklistEntry.objects.filter(Q(until__isnull=True) | Q(until__gte=today), ended_at__isnull=True)


def matches_of(provider: Provider) -> list[ScreeningMatch]:
    """What stands for a provider, the likeliest first."""
    found = ScreeningMatch.objects.filter(provider=provider, gone_at__isnull=True)
    return list(found.select_related("entry", "via").order_by("-score", "pk"))


def _read(query: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _named(entry: BlacklistEntry) -> Named:
    firm = entry.kind == BlacklistKind.FIRM
    return Named(
        str(entry.pk), entry.entity_name if firm else entry.person_name, entry.birth_date, is_firm=firm
    )


def _related(direct: Iterable[_Found], firms_of: Mapping[str, set[str]]) -> list[_Found]:
    """Firms that share a director or owner with one that matches."""
    people_of: dict[str, set[str]] = defaultdict(set)
    for person, firms in firms_of.items():
        for firm in firms:
            people_of[firm].add(person)
    found = []
    for each in direct:
        near = {firm for person in people_of[each.provider] for firm in firms_of[person]} - {each.provider}
        found += [_Found(firm, each.likeness, 1, each.provider) for firm in sorted(near)]
    least = BlacklistLink().score
    return [each for each in found if each.score >= least]


def _keep(found: Iterable[_Found], result: Screened) -> None:
    best: dict[tuple[str, str, str], _Found] = {}
    for each in found:
        key = (each.provider, each.likeness.listed.ref, each.likeness.one.ref)
        if key not in best or each.score > best[key].score:
            best[key] = each
    known = set(Provider.objects.filter(pk__in={int(key[0]) for key in best}).values_list("pk", flat=True))
    before = {
        (str(row.provider_id), str(row.entry_id), row.subject_ref): row
        for row in ScreeningMatch.objects.all()
    }
    now = clock.now()
    made = []
    for key, each in best.items():
        if int(key[0]) not in known:
            continue
        result.matched += 1
        row = before.pop(key, None)
        if row is None:
            result.new += 1
            made.append(_row(each))
        elif row.gone_at is not None or row.score != each.score:
            row.gone_at, row.score, row.explanation = None, each.score, each.likeness.explanation
            row.save(update_fields=["gone_at", "score", "explanation"])
    ScreeningMatch.objects.bulk_create(made)
    gone = [row.pk for row in before.values() if row.gone_at is None]
    ScreeningMatch.objects.filter(pk__in=gone).update(gone_at=now)


def _row(found: _Found) -> ScreeningMatch:
    return ScreeningMatch(
        provider_id=int(found.provider),
        entry_id=int(found.likeness.listed.ref),
        subject_kind="firm" if found.likeness.one.is_firm else "person",
        subject_ref=found.likeness.one.ref,
        score=found.score,
        hops=found.hops,
        via_id=int(found.via) if found.via else None,
        explanation=found.likeness.explanation,
    )
