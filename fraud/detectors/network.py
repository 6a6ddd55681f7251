"""Who stands behind it? Blacklisted people and firms, nominees, agents that bring everybody, rings."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

import networkx as nx
from django.utils.translation import gettext_lazy as _
from psycopg import Cursor
from rapidfuzz import fuzz, process

from fraud.detection.detector import (
    Detector,
    Deviations,
    Finding,
    NotBelow,
    Number,
    Parameters,
    Pattern,
    Percent,
    Share,
    Term,
    asked_in_sql,
    banded,
)
from fraud.detection.peers import excess
from fraud.detectors.names import birth_date_factor, name_score, plain


class BlacklistLink(Parameters):
    """D07. name_score from which two names are alike; score: from which a link is looked at; per_hop: what is left.

    firm_name_alone: what a firm's name is worth, firm_name_alike with other letters, and usual_name if so many firms
    would be called so by_chance.
    """

    name_score: Share = 0.88
    firm_score: Share = 0.92
    firm_name_alone: Annotated[Share, NotBelow("firm_name_alike"), NotBelow("usual_name")] = 0.75
    firm_name_alike: Share = 0.65
    usual_name: Share = 0.5
    by_chance: Share = 0.5
    score: Share = 0.6
    per_hop: Share = 0.8


# Names that are compared at once: what is read of them does not grow with their number.
_CHUNK = 2_000
# Below both of these (rapidfuzz, 0 to 100) no two names reach the scores asked for: they differ, or one is not in the
# other.
_NEAR, _WITHIN = 45, 80

_Listed = list[tuple[str, tuple[str, ...], date | None, tuple[str, ...]]]
_PEOPLE = """
SELECT DISTINCT person_id, provider_id FROM persons
 WHERE role IN ('director', 'shareholder') AND provider_id IS NOT NULL
"""


def find_blacklisted(cursor: Cursor[Any], day: date, parameters: BlacklistLink) -> Iterable[Finding]:
    """Providers whose directors or shareholders, or those of a firm they share one with, are on the blacklist."""
    cursor.execute(
        "SELECT entry_id, person_name, birth_date, entity_name FROM blacklist WHERE coalesce(until >= %s, true)",
        [day],
    )
    listed = [
        (entry, plain(person or ""), born, plain(entity or ""))
        for entry, person, born, entity in cursor.fetchall()
    ]
    direct = _listed_firms(cursor, listed, parameters)
    _listed_people(cursor, listed, parameters, direct)
    linked = dict(direct)
    cursor.execute(
        f"WITH behind AS ({_PEOPLE}) SELECT DISTINCT a.provider_id, b.provider_id"
        "  FROM behind a JOIN behind b ON b.person_id = a.person_id AND b.provider_id <> a.provider_id"
        " WHERE a.provider_id = ANY(%s)".encode(),
        [sorted(direct)],
    )
    for provider_id, other in cursor:
        score, entry = direct[provider_id]
        _keep(linked, other, score * parameters.per_hop, entry)
    for provider_id, (score, entry) in linked.items():
        if score >= parameters.score:
            rows = (f"blacklist:{entry}", f"providers:{provider_id}")
            yield Finding(provider_id, "provider", provider_id, banded(score), "R", rows)


def _listed_people(
    cursor: Cursor[Any], listed: _Listed, parameters: BlacklistLink, found: dict[str, tuple[float, str]]
) -> None:
    """Keep the providers with a director or shareholder of a listed name; names are read in parts."""
    with cursor.connection.cursor(name="people") as names:
        names.execute(
            "SELECT full_name, birth_date, array_agg(DISTINCT provider_id) FROM persons"
            " WHERE role IN ('director', 'shareholder') AND provider_id IS NOT NULL AND full_name <> ''"
            " GROUP BY full_name, birth_date"
        )
        while part := names.fetchmany(_CHUNK):
            words = [plain(full_name) for full_name, _born, _providers in part]
            for place, near in enumerate(
                near_names(words, [person for _entry, person, _born, _entity in listed])
            ):
                _name, born, providers = part[place]
                score, entry = _best_entry(words[place], born, [listed[k] for k in near], parameters)
                for provider_id in providers if score else ():
                    _keep(found, provider_id, score, entry)


def near_names(names: list[tuple[str, ...]], listed: list[tuple[str, ...]]) -> list[list[int]]:
    """For each name the places of those listed that it may be like at all: the rest is not looked at closely."""
    if not names or not listed:
        return [[] for _name in names]
    mine, theirs = ([" ".join(words) for words in side] for side in (names, listed))
    alike = process.cdist(mine, theirs, scorer=fuzz.token_sort_ratio, score_cutoff=_NEAR, workers=1)
    within = process.cdist(mine, theirs, scorer=fuzz.token_set_ratio, score_cutoff=_WITHIN, workers=1)
    return [row.nonzero()[0].tolist() for row in alike + within]


def _listed_firms(
    cursor: Cursor[Any], listed: _Listed, parameters: BlacklistLink
) -> dict[str, tuple[float, str]]:
    """Providers whose own name is that of a listed firm; a name alone is a little less than a person."""
    found: dict[str, tuple[float, str]] = {}
    cursor.execute("SELECT provider_id, legal_name FROM providers")
    firms = [(provider_id, plain(legal_name or "")) for provider_id, legal_name in cursor.fetchall()]
    common = Counter(word for _provider_id, words in firms for word in set(words))
    entities = sum(bool(entity) for _entry, _person, _born, entity in listed)
    for start in range(0, len(firms), _CHUNK):
        part = firms[start : start + _CHUNK]
        near = near_names(
            [words for _id, words in part], [entity for _entry, _person, _born, entity in listed]
        )
        for (provider_id, words), places in zip(part, near, strict=True):
            # How many firms would be called so by chance: of usual words a name says little about whose it is.
            chance = len(firms) * entities * math.prod(common[word] / len(firms) for word in set(words))
            told = parameters.firm_name_alone if chance <= parameters.by_chance else parameters.usual_name
            for entry, _person, _born, entity in (listed[place] for place in places):
                score = name_score(words, entity)
                if score >= parameters.firm_score:
                    worth = told if words == entity else min(told, parameters.firm_name_alike)
                    _keep(found, provider_id, score * worth, entry)
    return found


def _keep(found: dict[str, tuple[float, str]], provider_id: str, score: float, entry: str) -> None:
    found[provider_id] = max(found.get(provider_id, (0.0, "")), (score, entry))


def _best_entry(
    words: tuple[str, ...],
    born: date | None,
    listed: _Listed,
    parameters: BlacklistLink,
) -> tuple[float, str]:
    best = (0.0, "")
    for entry, person, birth, _entity in listed:
        score = name_score(words, person)
        if score >= parameters.name_score:
            best = max(best, (score * birth_date_factor(born, birth), entry))
    return best


class NomineeHub(Parameters):
    """D08. entities behind one person, sign-in device or account within days.

    quiet_days: without a booking, before a firm got another director or shareholder; known_days: at least, of facts
    without any. turn_days: in which its account, its contact data, its devices or more of its people changed too, at
    least turn_signs of these. named_days: from then on.
    """

    entities: Number = 3
    days: Term = 90
    old_days: Term = 365
    quiet_days: Term = 180
    known_days: Term = 60
    turn_days: Term = 30
    turn_signs: Number = 2
    named_days: Term = 45


# A director who has been declared at two of them for a year explains that they share things.
NOMINEE_HUB = """
WITH head AS (
    SELECT DISTINCT person_id, provider_id, valid_from IS NOT NULL AS dated FROM persons
     WHERE role = 'director' AND coalesce(valid_from <= %(day)s::date - %(old_days)s::int, true)
), common AS (
    SELECT DISTINCT a.provider_id AS one, b.provider_id AS two
      FROM head a JOIN head b ON a.person_id = b.person_id AND a.provider_id <> b.provider_id
     WHERE a.dated OR b.dated
), link AS (
    SELECT 'person' AS kind, p.person_id AS key, p.provider_id, p.valid_from::timestamptz AS at FROM persons p
     WHERE p.role IN ('director', 'shareholder', 'staff') AND p.provider_id IS NOT NULL AND p.valid_from IS NOT NULL
    UNION SELECT 'device', device_hash, subject_id, min(at) FROM logins
           WHERE subject_kind = 'provider' AND device_hash <> '' GROUP BY device_hash, subject_id
    UNION SELECT 'account', iban_hash, provider_id, accredited_at FROM providers WHERE iban_hash <> ''
    UNION SELECT 'account', new_hash, subject_id, min(at) FROM contact_changes
           WHERE subject_kind = 'provider' AND field = 'iban' AND new_hash <> '' GROUP BY new_hash, subject_id
), free AS (
    SELECT l.* FROM link l
     WHERE NOT EXISTS (SELECT FROM link o JOIN common c ON c.two = o.provider_id
                        WHERE o.kind = l.kind AND o.key = l.key AND c.one = l.provider_id)
), hub AS (
    SELECT kind, key, count(DISTINCT provider_id) AS entities FROM (
        SELECT f.*, f.at - min(f.at) OVER w AS since
          FROM free f WINDOW w AS (PARTITION BY f.kind, f.key ORDER BY f.at
                                   RANGE BETWEEN make_interval(days => %(days)s) PRECEDING AND CURRENT ROW)) x
     GROUP BY kind, key HAVING count(DISTINCT provider_id) >= %(entities)s
        AND count(*) FILTER (WHERE since > interval '0') > 0
)
SELECT f.provider_id, h.kind, h.key, least(0.9, 0.5 + 0.1 * (h.entities - %(entities)s + 1)), 'R',
       array_agg(DISTINCT 'providers:' || f.provider_id)
       || coalesce((SELECT array_agg('bookings:' || b.booking_id) FROM bk b
                     WHERE b.provider_id = f.provider_id), '{}')
  FROM hub h JOIN free f USING (kind, key) GROUP BY f.provider_id, h.kind, h.key, h.entities
"""

# A firm that was bought for its accreditation: nobody learnt there, then it has other heads and, within weeks, another
# account, other contact data or other hands. What went before the first facts is not known: no silence is counted
# from before them.
CHANGED_HANDS = """
WITH head AS (
    SELECT p.provider_id, min(p.valid_from) AS at, array_agg(DISTINCT 'persons:' || p.person_id) AS rows
      FROM persons p JOIN providers f USING (provider_id)
     WHERE p.role IN ('director', 'shareholder')
       AND p.valid_from BETWEEN %(day)s::date - %(named_days)s::int AND %(day)s::date
       AND f.accredited_at::date <= p.valid_from - %(turn_days)s::int
       AND NOT EXISTS (SELECT FROM persons o WHERE o.provider_id = p.provider_id AND o.person_id = p.person_id
                                               AND o.valid_from < p.valid_from)
     GROUP BY p.provider_id
), quiet AS (
    SELECT h.* FROM head h JOIN providers f USING (provider_id), (SELECT min(created_at) AS since FROM bk) k
     WHERE h.at - greatest(f.accredited_at, k.since)::date >= %(known_days)s
       AND NOT EXISTS (SELECT FROM bk b WHERE b.provider_id = h.provider_id AND b.created_at < h.at::timestamptz
                                          AND b.created_at >= h.at - %(quiet_days)s::int)
), device AS (
    SELECT subject_id AS provider_id, device_hash, min(at) AS at FROM logins
     WHERE subject_kind = 'provider' AND device_hash <> '' GROUP BY subject_id, device_hash
), sign AS (
    SELECT q.provider_id, 'account' AS what FROM quiet q JOIN contact_changes c ON c.subject_id = q.provider_id
     WHERE c.subject_kind = 'provider' AND c.field = 'iban' AND abs(c.at::date - q.at) <= %(turn_days)s
    UNION SELECT q.provider_id, 'contact' FROM quiet q JOIN contact_changes c ON c.subject_id = q.provider_id
     WHERE c.subject_kind = 'provider' AND c.field <> 'iban' AND abs(c.at::date - q.at) <= %(turn_days)s
    UNION SELECT q.provider_id, 'hands' FROM quiet q JOIN device d USING (provider_id)
     WHERE d.at::date BETWEEN q.at AND q.at + %(turn_days)s::int
    UNION SELECT q.provider_id, 'people' FROM quiet q JOIN persons p USING (provider_id)
     WHERE p.role IN ('director', 'shareholder', 'staff') AND abs(p.valid_from - q.at) <= %(turn_days)s
     GROUP BY q.provider_id HAVING count(DISTINCT p.person_id) > 1
)
SELECT q.provider_id, 'provider', q.provider_id, least(0.45, 0.3 + 0.05 * count(s.what)), 'R',
       q.rows || ('providers:' || q.provider_id)
       || coalesce((SELECT array_agg('bookings:' || b.booking_id) FROM bk b
                     WHERE b.provider_id = q.provider_id AND b.created_at >= q.at), '{}')
  FROM quiet q JOIN sign s USING (provider_id)
 GROUP BY q.provider_id, q.rows, q.at HAVING count(s.what) >= %(turn_signs)s
"""
_hubs, _changed_hands = asked_in_sql(NOMINEE_HUB), asked_in_sql(CHANGED_HANDS)


def find_nominees(cursor: Cursor[Any], day: date, parameters: NomineeHub) -> Iterable[Finding]:
    """Who stands behind several firms since a short time, and quiet firms that came into other hands."""
    yield from _hubs(cursor, day, parameters)
    yield from _changed_hands(cursor, day, parameters)


class AgentKickback(Parameters):
    """D23. An agent's bookings at a provider: at least so many, and so many percent of the provider's or the agent's.

    completion_of_peers: presence of the agent's learners against everybody's. gift_words: of what complaints tell.
    """

    least: Number = 10
    percent_of_provider: Percent = 25
    percent_of_agent: Percent = 60
    completion_of_peers: Share = 0.6
    gift_words: Pattern = "gift|cash|kickback|voucher|reward|bribe|cadeau|geschenk|argent|money"


AGENT_KICKBACK = """
WITH done AS (
    SELECT b.*, CASE WHEN b.slots > 0 THEN least(1, coalesce(b.attended, 0)::numeric / b.slots) ELSE 0 END AS rate,
           EXISTS (SELECT FROM booking_events e WHERE e.booking_id = b.booking_id AND e.event = 'complaint'
                                                 AND e.reason ~* %(gift_words)s) AS gift
      FROM bk b WHERE b.cancelled_at IS NULL AND b.status IS DISTINCT FROM 'cancelled'
), past AS (
    SELECT provider_id, agent_id, rate FROM done WHERE ends_at < %(day)s::date - 7
), peers AS (
    SELECT avg(rate) AS rate FROM past
), gone AS (
    SELECT provider_id, agent_id, avg(rate) AS rate, count(*) AS n FROM past WHERE agent_id <> '' GROUP BY 1, 2
), per AS (
    SELECT provider_id, agent_id, count(*) AS n, count(*) FILTER (WHERE gift) AS gifts,
           array_agg('bookings:' || booking_id) AS rows
      FROM done WHERE agent_id <> '' GROUP BY provider_id, agent_id
), size AS (
    SELECT provider_id, count(*) AS n FROM done GROUP BY provider_id
), agent AS (
    SELECT agent_id, count(*) AS n FROM done WHERE agent_id <> '' GROUP BY agent_id
), sign AS (
    SELECT p.*, coalesce(g.n >= %(least)s AND g.rate < e.rate * %(completion_of_peers)s, false) AS absent
      FROM per p JOIN size s USING (provider_id) JOIN agent a USING (agent_id)
      LEFT JOIN gone g USING (provider_id, agent_id), peers e
     WHERE p.n >= %(least)s
       AND (p.n * 100 >= s.n * %(percent_of_provider)s OR p.n * 100 >= a.n * %(percent_of_agent)s)
)
SELECT provider_id, 'agent', agent_id,
       0.3 + CASE WHEN gifts > 1 THEN 0.3 WHEN gifts > 0 THEN 0.05 ELSE 0 END + CASE WHEN absent THEN 0.3 ELSE 0 END,
       'R', rows
  FROM sign WHERE gifts > 0 OR absent
"""


class Ring(Parameters):
    """D24. learners joined by shared devices or contact data, most_sharing per value, percent at one provider.

    z: bookings of such groups beyond the other providers' rate. two_kinds: more where two kinds of data are shared.
    """

    learners: Number = 6
    most_sharing: Number = 60
    percent: Percent = 70
    z: Deviations = 4.0
    two_kinds: Share = 0.15


# Whom an agent or a provider helps to book uses their device, and whoever sits in a known place uses its devices.
# What an employer enters for its people is its own; that they consent on one device is not.
_SHARED = """
SELECT kind, key, array_agg(learner_id ORDER BY learner_id) FROM (
SELECT DISTINCT k.kind, k.key, b.learner_id
  FROM bk b JOIN learners l USING (learner_id),
       LATERAL (VALUES ('device', CASE WHEN b.actor = 'learner' THEN b.device_hash END),
                       ('device', CASE WHEN b.actor IN ('learner', 'employer') THEN b.consent_device_hash END),
                       ('iban', l.iban_hash), ('phone', l.phone_hash), ('email', l.email_hash)) k(kind, key)
 WHERE k.key <> '' AND NOT b.known_place
UNION
SELECT DISTINCT c.field, c.new_hash, c.subject_id FROM contact_changes c
 WHERE c.subject_kind = 'learner' AND c.field IN ('iban', 'phone', 'email') AND c.new_hash <> ''
   AND NOT EXISTS (SELECT FROM bk b WHERE b.learner_id = c.subject_id AND b.known_place)
) shared GROUP BY kind, key HAVING count(*) BETWEEN 2 AND %(most_sharing)s
"""


def find_rings(cursor: Cursor[Any], _day: date, parameters: Ring) -> Iterable[Finding]:
    """Groups of learners who are joined by shared attributes and learn at one provider, more than elsewhere."""
    graph, kinds = _joined(cursor, parameters)
    groups = [group for group in nx.connected_components(graph) if len(group) >= parameters.learners]
    cursor.execute(
        "SELECT learner_id, provider_id, booking_id FROM bk WHERE learner_id = ANY(%s)",
        [sorted(frozenset[str]().union(*groups))],
    )
    booked: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for learner_id, provider_id, booking_id in cursor:
        booked[learner_id].append((provider_id, booking_id))
    cursor.execute("SELECT provider_id, count(*) FROM bk GROUP BY provider_id")
    sizes: dict[str, int] = dict(cursor.fetchall())
    people_of: dict[str, set[str]] = defaultdict(set)
    rows_of: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        for provider_id, people, rows in _blocks(group, booked, parameters):
            people_of[provider_id] |= people
            rows_of[provider_id] |= rows
    everywhere, size = sum(map(len, rows_of.values())), sum(sizes.values())
    for provider_id in sorted(rows_of):
        evidence, people = rows_of[provider_id], people_of[provider_id]
        if excess(len(evidence), sizes[provider_id], everywhere, size) < parameters.z:
            continue
        mixed = sum(len(kinds[learner_id]) > 1 for learner_id in people) * 2 >= len(people)
        score = min(0.8, 0.4 + 0.01 * len(people)) + (parameters.two_kinds if mixed else 0)
        yield Finding(provider_id, "provider", provider_id, banded(score), "R", tuple(sorted(evidence)))


def _joined(cursor: Cursor[Any], parameters: Ring) -> tuple[nx.Graph[str], dict[str, set[str]]]:
    """Learners joined by what they share, and for each by which kinds of data."""
    cursor.execute(_SHARED.encode(), parameters.model_dump())
    graph: nx.Graph[str] = nx.Graph()
    kinds: dict[str, set[str]] = defaultdict(set)
    for kind, _key, (first, *others) in cursor:
        graph.add_edges_from((first, other) for other in others)
        for learner_id in (first, *others):
            kinds[learner_id].add(kind)
    return graph, kinds


def _blocks(
    group: set[str], booked: dict[str, list[tuple[str, str]]], parameters: Ring
) -> Iterable[tuple[str, set[str], set[str]]]:
    """Providers at which most of a group learn, with its people there and their bookings."""
    here: dict[str, set[str]] = defaultdict(set)
    rows: dict[str, set[str]] = defaultdict(set)
    for learner_id in group:
        for provider_id, booking_id in booked.get(learner_id, ()):
            here[provider_id].add(learner_id)
            rows[provider_id].add(f"bookings:{booking_id}")
    busy = len(frozenset[str]().union(*here.values()))
    for provider_id, people in here.items():
        if len(people) >= parameters.learners and len(people) * 100 >= busy * parameters.percent:
            yield provider_id, people, rows[provider_id]


DETECTORS = (
    Detector(
        id="D07",
        name="blacklist_link",
        version=2,
        family="network",
        explanation=_("A director, a shareholder or the firm itself is much like one that is blacklisted."),
        needs="blacklist(person_name birth_date entity_name until) providers(legal_name)"
        " persons(full_name birth_date role)",
        parameters=BlacklistLink(),
        find=find_blacklisted,
        # A likeness of names says nothing of when or what: it supports what else is found.
        weight=0.45,
    ),
    Detector(
        id="D08",
        name="nominee_hub",
        version=3,
        family="network",
        explanation=_(
            "One person, device or account is behind several firms since a short time, or a quiet firm changed hands."
        ),
        needs="persons(role provider_id valid_from) logins(at device_hash) providers(iban_hash accredited_at)"
        " contact_changes(new_hash at)",
        parameters=NomineeHub(),
        find=find_nominees,
        weight=1.2,
    ),
    Detector(
        id="D23",
        name="agent_kickback",
        version=2,
        family="network",
        explanation=_("One agent brings most learners, and they complain of gifts or do not finish."),
        needs="slots bookings(agent_id) booking_events(event reason) attendance",
        parameters=AgentKickback(),
        find=asked_in_sql(AGENT_KICKBACK),
    ),
    Detector(
        id="D24",
        name="ring",
        version=2,
        family="network",
        explanation=_("A group of learners who share devices or contact data learn at this provider."),
        needs="learners(iban_hash phone_hash email_hash) places contact_changes(new_hash)"
        " bookings(actor ip_hash device_hash consent_ip_hash"
        " consent_device_hash)",
        parameters=Ring(),
        find=find_rings,
        weight=0.8,
    ),
)
