"""Who stands behind it? Blacklisted people and firms, nominees, agents that bring everybody, rings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

import networkx as nx
from django.utils.translation import gettext_lazy as _
from psycopg import Cursor

from fraud.detection.detector import Detector, Finding, Parameters, asked_in_sql, banded
from fraud.detectors.names import birth_date_factor, name_score, plain


class BlacklistLink(Parameters):
    """D07. name_score from which two names are alike; score: from which a link is looked at; per_hop: what is left."""

    name_score: float = 0.88
    firm_score: float = 0.92
    score: float = 0.6
    per_hop: float = 0.8


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
    cursor.execute(
        "SELECT DISTINCT person_id, full_name, birth_date, provider_id FROM persons"
        " WHERE role IN ('director', 'shareholder') AND provider_id IS NOT NULL"
    )
    graph: nx.Graph[tuple[str, str]] = nx.Graph()
    seen: dict[tuple[str, date | None], tuple[float, str]] = {}
    for person_id, full_name, born, provider_id in cursor.fetchall():
        graph.add_edge(("person", person_id), ("provider", provider_id))
        key = (full_name or "", born)
        if key not in seen:
            seen[key] = _best_entry(plain(full_name or ""), born, listed, parameters)
        score, entry = seen[key]
        if score:
            _keep(direct, provider_id, score, entry)
    linked = dict(direct)
    for provider_id, (score, entry) in direct.items():
        node = ("provider", provider_id)
        if node in graph:
            near = nx.single_source_shortest_path_length(graph, node, cutoff=2)
            for (side, other), steps in near.items():
                if side == "provider" and steps:
                    _keep(linked, other, score * parameters.per_hop, entry)
    for provider_id, (score, entry) in linked.items():
        if score >= parameters.score:
            rows = (f"blacklist:{entry}", f"providers:{provider_id}")
            yield Finding(provider_id, "provider", provider_id, banded(score), "R", rows)


def _listed_firms(
    cursor: Cursor[Any],
    listed: list[tuple[str, tuple[str, ...], date | None, tuple[str, ...]]],
    parameters: BlacklistLink,
) -> dict[str, tuple[float, str]]:
    """Providers whose own name is that of a listed firm; a name alone is a little less than a person."""
    found: dict[str, tuple[float, str]] = {}
    cursor.execute("SELECT provider_id, legal_name FROM providers")
    for provider_id, legal_name in cursor.fetchall():
        words = plain(legal_name or "")
        for entry, _person, _born, entity in listed:
            score = name_score(words, entity)
            if score >= parameters.firm_score:
                _keep(found, provider_id, score * 0.9, entry)
    return found


def _keep(found: dict[str, tuple[float, str]], provider_id: str, score: float, entry: str) -> None:
    if score > found.get(provider_id, (0.0, ""))[0]:
        found[provider_id] = (score, entry)


def _best_entry(
    words: tuple[str, ...],
    born: date | None,
    listed: list[tuple[str, tuple[str, ...], date | None, tuple[str, ...]]],
    parameters: BlacklistLink,
) -> tuple[float, str]:
    best = (0.0, "")
    for entry, person, birth, _entity in listed:
        score = name_score(words, person)
        if score >= parameters.name_score:
            best = max(best, (score * birth_date_factor(born, birth), entry))
    return best


class NomineeHub(Parameters):
    """D08. entities behind one person, sign-in device or account within days."""

    entities: int = 3
    days: int = 90
    old_days: int = 365


# A director who has been declared at two of them for a year explains that they share things.
NOMINEE_HUB = """
WITH common AS (
    SELECT DISTINCT a.provider_id AS one, b.provider_id AS two
      FROM persons a JOIN persons b ON a.person_id = b.person_id AND a.provider_id <> b.provider_id
     WHERE a.role = 'director' AND b.role = 'director'
       AND greatest(a.valid_from, b.valid_from) <= %(day)s::date - %(old_days)s::int
), link AS (
    SELECT 'person' AS kind, p.person_id AS key, p.provider_id, p.valid_from::timestamptz AS at FROM persons p
     WHERE p.role = 'director' AND p.provider_id IS NOT NULL AND p.valid_from IS NOT NULL
    UNION SELECT 'device', device_hash, subject_id, min(at) FROM logins
           WHERE subject_kind = 'provider' AND device_hash <> '' GROUP BY device_hash, subject_id
    UNION SELECT 'account', iban_hash, provider_id, accredited_at FROM providers WHERE iban_hash <> ''
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
SELECT f.provider_id, h.kind, h.key, least(0.9, 0.4 + 0.1 * (h.entities - %(entities)s + 1)), 'R',
       array_agg(DISTINCT 'providers:' || f.provider_id)
       || coalesce((SELECT array_agg('bookings:' || b.booking_id) FROM bk b
                     WHERE b.provider_id = f.provider_id), '{}')
  FROM hub h JOIN free f USING (kind, key) GROUP BY f.provider_id, h.kind, h.key, h.entities
"""


class AgentKickback(Parameters):
    """D23. percent of a provider's bookings by one agent, completion against peers, complaints of gifts."""

    least: int = 15
    percent: int = 60
    completion_of_peers: float = 0.7


AGENT_KICKBACK = """
WITH done AS (
    SELECT b.*, CASE WHEN b.slots > 0 THEN least(1, coalesce(b.attended, 0)::numeric / b.slots) ELSE 0 END AS rate
      FROM bk b WHERE b.ends_at < %(day)s::date
), peers AS (
    SELECT avg(rate) AS rate FROM done
), per AS (
    SELECT provider_id, agent_id, count(*) AS n, avg(rate) AS rate,
           count(*) FILTER (WHERE complaints > 0) AS complaints, array_agg('bookings:' || booking_id) AS rows
      FROM done WHERE agent_id <> '' GROUP BY provider_id, agent_id
), size AS (
    SELECT provider_id, count(*) AS n FROM done GROUP BY provider_id
)
SELECT p.provider_id, 'agent', p.agent_id,
       0.4 + CASE WHEN p.complaints > 0 THEN 0.2 ELSE 0 END
           + CASE WHEN p.rate < e.rate * %(completion_of_peers)s THEN 0.2 ELSE 0 END, 'R', p.rows
  FROM per p JOIN size s USING (provider_id), peers e
 WHERE p.n >= %(least)s AND p.n * 100 >= s.n * %(percent)s
   AND (p.complaints > 0 OR p.rate < e.rate * %(completion_of_peers)s)
"""


class Ring(Parameters):
    """D24. learners joined by shared devices or contact data, most_sharing per value, percent at one provider."""

    learners: int = 6
    most_sharing: int = 60
    percent: int = 70


def find_rings(cursor: Cursor[Any], _day: date, parameters: Ring) -> Iterable[Finding]:
    """Groups of learners who are joined by shared attributes and learn at one provider; towns and employers aside."""
    cursor.execute(
        """
        SELECT DISTINCT k.kind, k.key, b.learner_id FROM bk b JOIN learners l USING (learner_id),
               LATERAL (VALUES ('device', b.device_hash), ('device', b.consent_device_hash), ('iban', l.iban_hash),
                               ('phone', l.phone_hash), ('email', l.email_hash)) k(kind, key)
         WHERE k.key <> '' AND b.actor IS DISTINCT FROM 'employer'
           AND NOT EXISTS (SELECT FROM places p WHERE p.ip_hash IN (b.ip_hash, b.consent_ip_hash))
        """
    )
    sharing: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind, key, learner_id in cursor.fetchall():
        sharing[kind, key].add(learner_id)
    graph: nx.Graph[str] = nx.Graph()
    for people in sharing.values():
        if 1 < len(people) <= parameters.most_sharing:
            first, *others = sorted(people)
            graph.add_edges_from((first, other) for other in others)
    cursor.execute("SELECT learner_id, provider_id, booking_id FROM bk")
    booked: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for learner_id, provider_id, booking_id in cursor.fetchall():
        booked[learner_id].append((provider_id, booking_id))
    found: dict[str, tuple[float, set[str]]] = {}
    for group in nx.connected_components(graph):
        if len(group) < parameters.learners:
            continue
        here: dict[str, set[str]] = defaultdict(set)
        rows: dict[str, set[str]] = defaultdict(set)
        for learner_id in group:
            for provider_id, booking_id in booked[learner_id]:
                here[provider_id].add(learner_id)
                rows[provider_id].add(f"bookings:{booking_id}")
        for provider_id, people in here.items():
            if len(people) >= parameters.learners and len(people) * 100 >= len(group) * parameters.percent:
                score, earlier = found.get(provider_id, (0.0, set()))
                new = min(0.8, 0.4 + 0.02 * len(people))
                found[provider_id] = (max(score, new), earlier | rows[provider_id])
    for provider_id, (score, evidence) in found.items():
        yield Finding(provider_id, "provider", provider_id, banded(score), "R", tuple(sorted(evidence)))


DETECTORS = (
    Detector(
        id="D07",
        name="blacklist_link",
        version=1,
        family="network",
        explanation=_("A director, a shareholder or the firm itself is much like one that is blacklisted."),
        needs="blacklist(person_name birth_date entity_name until) providers(legal_name)"
        " persons(full_name birth_date role)",
        parameters=BlacklistLink(),
        find=find_blacklisted,
    ),
    Detector(
        id="D08",
        name="nominee_hub",
        version=1,
        family="network",
        explanation=_(
            "One person, sign-in device or account stands behind several firms since a short time."
        ),
        needs="persons(role provider_id valid_from) logins(at device_hash) providers(iban_hash accredited_at)",
        parameters=NomineeHub(),
        find=asked_in_sql(NOMINEE_HUB),
    ),
    Detector(
        id="D23",
        name="agent_kickback",
        version=1,
        family="network",
        explanation=_("One agent brings most learners, and they complain of gifts or do not finish."),
        needs="slots bookings(agent_id) booking_events(event reason) attendance",
        parameters=AgentKickback(),
        find=asked_in_sql(AGENT_KICKBACK),
    ),
    Detector(
        id="D24",
        name="ring",
        version=1,
        family="network",
        explanation=_("A group of learners who share devices or contact data learn at this provider."),
        needs="learners(iban_hash phone_hash email_hash) places bookings(actor ip_hash device_hash consent_ip_hash"
        " consent_device_hash)",
        parameters=Ring(),
        find=find_rings,
        weight=0.8,
    ),
)
