"""Which rows of the platform are new since the last look, and whose facts they touch.

Every source grows by its id and is never rewritten. A row may appear below others that were read already: its
transaction was open then. So a range is read again until every transaction that was open is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Cursor, sql

from fraud.models import FeedCursor

# Rows of one source that one round looks at: a round is one transaction.
CHUNK = 50_000

SETS = (
    *("learners", "providers", "employers", "sign_ins"),
    *("credentials", "sessions", "bookings", "postings", "places"),
)


@dataclass(frozen=True)
class Source:
    """A table of the platform. touches: the set of ids that its new rows lead to, with the query of those ids.

    `{new}` in the query stands for the condition on the source's id, which is called `x.id`.
    """

    table: str
    touches: str
    query: str


def _own(table: str, touches: str, column: str) -> Source:
    return Source(table, touches, f"SELECT x.{column} FROM {table} x WHERE {{new}}")


SOURCES = (
    _own("accounts_citizen", "learners", "id"),
    _own("funding_refundaccount", "learners", "citizen_id"),
    Source(
        "accounts_message",
        "learners",
        "SELECT c.id FROM accounts_message x JOIN accounts_citizen c ON c.user_id = x.recipient_id"
        " WHERE x.template = 'contact_changed' AND {new}",
    ),
    _own("accounts_signin", "sign_ins", "id"),
    _own("accounts_employerlog", "employers", "subject_id"),
    _own("catalogue_provider", "providers", "id"),
    _own("catalogue_providerdetail", "providers", "provider_id"),
    Source(
        "catalogue_accreditationlog",
        "providers",
        "SELECT a.provider_id FROM catalogue_accreditationlog x JOIN catalogue_accreditation a"
        " ON a.id = x.subject_id WHERE a.provider_id IS NOT NULL AND {new}",
    ),
    Source(
        "catalogue_listingclaimlog",
        "providers",
        "SELECT a.provider_id FROM catalogue_listingclaimlog x JOIN catalogue_listingclaim a ON a.id = x.subject_id"
        " WHERE {new}",
    ),
    Source(
        "catalogue_accountchangelog",
        "providers",
        "SELECT a.provider_id FROM catalogue_accountchangelog x JOIN catalogue_accountchange a"
        " ON a.id = x.subject_id WHERE {new}",
    ),
    Source(
        "accounts_membershipchange",
        "providers",
        "SELECT p.id FROM accounts_membershipchange x JOIN catalogue_provider p"
        " ON p.organisation_id = x.organisation_id WHERE {new}",
    ),
    _own("catalogue_microcredentiallog", "credentials", "subject_id"),
    _own("catalogue_sessionlog", "sessions", "subject_id"),
    _own("catalogue_sessionchange", "sessions", "session_id"),
    _own("funding_bookinglog", "bookings", "subject_id"),
    Source(
        "accounts_consentlog",
        "bookings",
        "SELECT b.id FROM accounts_consentlog x JOIN funding_booking b ON b.consent_id = x.subject_id WHERE {new}",
    ),
    _own("funding_attendance", "bookings", "booking_id"),
    _own("funding_presence", "bookings", "booking_id"),
    _own("funding_certificate", "bookings", "booking_id"),
    Source(
        "funding_claimlog",
        "bookings",
        "SELECT c.booking_id FROM funding_claimlog x JOIN funding_claim c ON c.id = x.subject_id WHERE {new}",
    ),
    Source(
        "funding_receivablelog",
        "bookings",
        "SELECT r.booking_id FROM funding_receivablelog x JOIN funding_receivable r ON r.id = x.subject_id"
        " WHERE {new}",
    ),
    _own("funding_introduction", "bookings", "booking_id"),
    _own("funding_posting", "postings", "id"),
    _own("catalogue_sessionteaching", "sessions", "session_id"),
    _own("fraud_learnerreport", "bookings", "booking_id"),
    _own("fraud_knownplacelog", "places", "subject_id"),
)

_LEARNERS_OF_BOOKINGS = """
SELECT a.citizen_id FROM funding_booking b JOIN feed_bookings f ON f.id = b.id
  JOIN funding_learningaccount a ON a.id = b.account_id
"""
# What a changed booking, session or credential stands on is looked at with it.
_CLOSURE = (
    ("sessions", "SELECT b.session_id FROM funding_booking b JOIN feed_bookings f ON f.id = b.id"),
    (
        "credentials",
        "SELECT s.micro_credential_id FROM catalogue_session s JOIN feed_sessions f ON f.id = s.id",
    ),
    (
        "providers",
        "SELECT m.provider_id FROM catalogue_microcredential m JOIN feed_credentials f ON f.id = m.id",
    ),
    (
        "learners",
        _LEARNERS_OF_BOOKINGS,
    ),
)


@dataclass
class Round:
    """What one round reads. behind: whether there is more to read in the next one."""

    cursors: list[FeedCursor]
    behind: bool
    touched: int


def gather(cursor: Cursor[Any]) -> Round:
    """Fill the sets of what changed, as temporary tables until the transaction ends; cursors are moved, not saved."""
    for name in SETS:
        cursor.execute(f"CREATE TEMP TABLE feed_{name} (id bigint PRIMARY KEY) ON COMMIT DROP".encode())
    known = {row.source: row for row in FeedCursor.objects.all()}
    oldest, following, highest = _look(cursor)
    moved, behind = [], False
    for source in SOURCES:
        mark = known.get(source.table) or FeedCursor(source=source.table)
        upto = min(highest[source.table], max(mark.read_id, mark.settled_id) + CHUNK)
        if upto > mark.settled_id:
            query = source.query.replace("{new}", "x.id > %(after)s AND x.id <= %(upto)s")
            _put(cursor, source.touches, query, {"after": mark.settled_id, "upto": upto})
        if mark.pending_xid <= oldest or mark.pending_xid > following:
            # Whatever was open when the pending mark was made is over, and was read just now. (A restored database
            # counts its transactions anew: then all that was committed before is there.)
            mark.settled_id = max(mark.settled_id, mark.pending_id)
            mark.pending_id, mark.pending_xid = upto, following
        mark.read_id = upto
        behind = behind or upto < highest[source.table]
        moved.append(mark)
    for name, query in _CLOSURE:
        _put(cursor, name, query, {})
    touched = 0
    for name in SETS:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier("pg_temp", f"feed_{name}")))
        cursor.execute(f"SELECT count(*) FROM feed_{name}".encode())
        touched += int((cursor.fetchone() or (0,))[0])
    return Round(moved, behind, touched)


def _look(cursor: Cursor[Any]) -> tuple[int, int, Mapping[str, int]]:
    """The oldest transaction still open, the next one to come, and the highest id of each source, all at one moment."""
    highest = ", ".join(f"(SELECT coalesce(max(id), 0) FROM {source.table})" for source in SOURCES)
    cursor.execute(
        f"SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint, {highest}"
        " FROM pg_current_snapshot() s".encode()
    )
    row = cursor.fetchone()
    assert row is not None
    return row[0], row[1], {source.table: each for source, each in zip(SOURCES, row[2:], strict=True)}


def _put(cursor: Cursor[Any], name: str, query: str, values: Mapping[str, Any]) -> None:
    statement = (
        f"INSERT INTO feed_{name} (id) SELECT DISTINCT q.id FROM ({query}) AS q(id) ON CONFLICT DO NOTHING"
    )
    cursor.execute(statement.encode(), values)
