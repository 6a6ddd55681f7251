"""Monthly statements of learning accounts: made in bulk, numbered without a gap, never altered.

One goes out for an account with movements since its last one, and once a year in any case.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice

import structlog
from django.db import connection, transaction

from accounts.models import Citizen, Message, User
from funding.models import (
    Booking,
    JournalEntry,
    LearningAccount,
    Lot,
    Posting,
    Scheme,
    Statement,
)
from funding.schemes.deadlines import add_months
from funding.services.bookings.context import calendar_of
from ila.core import clock

log = structlog.get_logger(__name__)

CHUNK = 1000
"""Accounts of one transaction."""

YEARLY_MONTHS = 12
EXPIRY_MONTHS = 6
# What was written in the last minutes of a month is committed by now: statements wait for the second day.
FIRST_DAY, LAST_DAY = 2, 7
TEMPLATE = "statement_ready"

# before: the statement before this one; moves: what moved since; balance: what the postings say in all.
# `day` of a movement is where the scheme is. An account whose books do not add up gets none.
MAKE = f"""
WITH before AS MATERIALIZED (
    SELECT account.id AS account_id, account.public_id, account.citizen_id,
           coalesce(earlier.number, 0) AS number, coalesce(earlier.closing_cents, 0) AS opening_cents,
           coalesce(earlier.last_day + 1, (account.opened_at AT TIME ZONE %(zone)s)::date) AS opened_on,
           earlier.last_day
      FROM {LearningAccount._meta.db_table} AS account
      LEFT JOIN LATERAL (
        SELECT number, last_day, closing_cents FROM {Statement._meta.db_table} AS statement
         WHERE statement.account_id = account.id ORDER BY number DESC LIMIT 1
      ) AS earlier ON true
     WHERE account.id = ANY (%(accounts)s)
       AND (earlier.last_day IS NULL OR earlier.last_day < %(last_day)s)
), posted AS MATERIALIZED (
    SELECT before.account_id, before.last_day, lot.id AS lot_id, lot.source, lot.expires_on, entry.id AS entry_id,
           entry.kind, (entry.occurred_at AT TIME ZONE %(zone)s)::date AS day, posting.amount_cents
      FROM before
      JOIN {Lot._meta.db_table} AS lot ON lot.account_id = before.account_id
      JOIN {Posting._meta.db_table} AS posting ON posting.lot_id = lot.id AND posting.bucket = 'available'
      JOIN {JournalEntry._meta.db_table} AS entry ON entry.id = posting.entry_id
     WHERE entry.occurred_at < %(until)s
), moves AS (
    SELECT posted.account_id, posted.entry_id, posted.day, posted.kind, posted.source,
           sum(posted.amount_cents) AS cents, min(booking.public_id::text) AS booking
      FROM posted
      LEFT JOIN LATERAL (
        SELECT other.booking_id FROM {Posting._meta.db_table} AS other
         WHERE other.entry_id = posted.entry_id AND other.lot_id = posted.lot_id AND other.booking_id IS NOT NULL
         LIMIT 1
      ) AS counterpart ON true
      LEFT JOIN {Booking._meta.db_table} AS booking ON booking.id = counterpart.booking_id
     WHERE posted.last_day IS NULL OR posted.day > posted.last_day
     GROUP BY posted.account_id, posted.entry_id, posted.day, posted.kind, posted.source
), lines AS (
    SELECT account_id, sum(cents)::bigint AS moved_cents, min(day) AS first_move,
           jsonb_agg(jsonb_build_object('day', day::text, 'kind', kind, 'source', source, 'cents', cents,
                                        'booking', booking) ORDER BY entry_id, source) AS lines
      FROM moves GROUP BY account_id
), lots AS (
    SELECT account_id, lot_id, source, expires_on, sum(amount_cents)::bigint AS cents
      FROM posted GROUP BY account_id, lot_id, source, expires_on
), balance AS (
    SELECT account_id, sum(cents)::bigint AS cents,
           coalesce(jsonb_agg(jsonb_build_object('day', expires_on::text, 'source', source, 'cents', cents)
                              ORDER BY expires_on, lot_id)
                    FILTER (WHERE cents > 0 AND expires_on <= %(expiring)s), '[]'::jsonb) AS expiries
      FROM lots GROUP BY account_id
), content AS (
    SELECT before.*, coalesce(lines.moved_cents, 0) AS moved_cents,
           least(before.opened_on, lines.first_move) AS first_day,
           coalesce(balance.cents, 0) AS balance_cents,
           jsonb_build_object(
               'account', before.public_id::text, 'scheme', %(scheme)s::text, 'currency', %(currency)s::text,
               'number', before.number + 1, 'first_day', least(before.opened_on, lines.first_move)::text,
               'last_day', %(last_day)s::text, 'opening_cents', before.opening_cents,
               'closing_cents', before.opening_cents + coalesce(lines.moved_cents, 0),
               'lines', coalesce(lines.lines, '[]'::jsonb), 'expiries', coalesce(balance.expiries, '[]'::jsonb)
           ) AS content
      FROM before
      LEFT JOIN lines ON lines.account_id = before.account_id
      LEFT JOIN balance ON balance.account_id = before.account_id
     WHERE before.opened_on <= %(last_day)s
       AND (lines.account_id IS NOT NULL OR before.opened_on <= %(year_before)s)
), made AS (
    INSERT INTO {Statement._meta.db_table} (public_id, account_id, number, first_day, last_day, opening_cents,
                                            moved_cents, closing_cents, content, sha256, made_at)
    SELECT gen_random_uuid(), account_id, number + 1, first_day, %(last_day)s, opening_cents, moved_cents,
           opening_cents + moved_cents, content, encode(sha256(convert_to(content::text, 'UTF8')), 'hex'), %(now)s
      FROM content WHERE opening_cents + moved_cents = balance_cents
    ON CONFLICT DO NOTHING
    RETURNING public_id, account_id, number, first_day, opening_cents, closing_cents
), told AS (
    INSERT INTO {Message._meta.db_table} (recipient_id, address, template, context, created_at, attempts)
    SELECT person.id, '', %(template)s,
           jsonb_build_object('statement', made.public_id::text, 'number', made.number, 'scheme', %(scheme)s::text,
                              'currency', %(currency)s::text, 'first_day', made.first_day::text,
                              'last_day', %(last_day)s::text, 'opening_cents', made.opening_cents,
                              'closing_cents', made.closing_cents),
           %(now)s, 0
      FROM made
      JOIN {LearningAccount._meta.db_table} AS account ON account.id = made.account_id
      JOIN {Citizen._meta.db_table} AS citizen ON citizen.id = account.citizen_id
      JOIN {User._meta.db_table} AS person ON person.id = citizen.user_id AND NOT person.is_service
)
SELECT (SELECT count(*) FROM made),
       (SELECT count(*) FROM content WHERE opening_cents + moved_cents <> balance_cents)
"""


def make_due() -> dict[str, int]:
    """In the first days of a month: the statements of the month before, of every scheme; again, it changes nothing."""
    made = unequal = 0
    for scheme in Scheme.objects.order_by("pk"):
        today = calendar_of(scheme).local_date(clock.now())
        if not FIRST_DAY <= today.day <= LAST_DAY:
            continue
        counts = make_statements(scheme=scheme, last_day=today.replace(day=1) - timedelta(days=1))
        made, unequal = made + counts[0], unequal + counts[1]
    return {"made": made, "unequal": unequal}


def make_statements(*, scheme: Scheme, last_day: date) -> tuple[int, int]:
    """Make the statements of a scheme's accounts up to that day, where one is due, and tell their learners.

    Works in chunks, each one statement to the database and a transaction of its own; two runs at once make each
    statement once. Returns how many were made, and how many accounts have books that do not add up, which get none.
    """
    made = unequal = 0
    accounts = _accounts(scheme)
    while chunk := list(islice(accounts, CHUNK)):
        counts = _make(scheme, chunk, last_day)
        made, unequal = made + counts[0], unequal + counts[1]
    if unequal:
        log.error("statements_do_not_add_up", scheme=scheme.code, accounts=unequal)
    return made, unequal


def is_whole(statement: Statement) -> bool:
    """Whether a statement is as it was made: its content has its fingerprint, and its figures are its own."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT sha256 = encode(sha256(convert_to(content::text, 'UTF8')), 'hex')"
            f" FROM {Statement._meta.db_table} WHERE id = %s",
            [statement.pk],
        )
        (same,) = cursor.fetchone()
    moved = sum(line["cents"] for line in statement.content["lines"])
    return bool(same) and statement.opening_cents + moved == statement.closing_cents


def _accounts(scheme: Scheme) -> Iterator[int]:
    found = LearningAccount.objects.filter(scheme=scheme).order_by("pk")
    return found.values_list("pk", flat=True).iterator(chunk_size=CHUNK)


@transaction.atomic
def _make(scheme: Scheme, accounts: list[int], last_day: date) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            MAKE,
            {
                "accounts": accounts,
                "currency": scheme.currency,
                "expiring": add_months(last_day, EXPIRY_MONTHS),
                "last_day": last_day,
                "now": clock.now(),
                "scheme": scheme.name,
                "template": TEMPLATE,
                "until": calendar_of(scheme).end_of_day(last_day),
                "year_before": add_months(last_day, -YEARLY_MONTHS) + timedelta(days=1),
                "zone": scheme.timezone,
            },
        )
        made, unequal = cursor.fetchone()
    return int(made), int(unequal)
