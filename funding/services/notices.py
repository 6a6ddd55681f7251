"""Telling learners in time that money on their account expires: once for a day of expiry and a time before it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice

from django.db import connection

from accounts.models import Citizen, Message, User
from funding.models import ExpiryNotice, LearningAccount, Lot, Scheme
from funding.services.bookings.context import calendar_of
from ila.core import clock

DAYS_BEFORE = (90, 30, 7)
CHUNK = 1000
"""Accounts of one transaction."""

TEMPLATE = "credit_expires"

# The notice is the row that can be written once; a message goes out for those that this statement wrote.
TELL = f"""
WITH told AS (
    INSERT INTO {ExpiryNotice._meta.db_table} (account_id, expires_on, days_before, amount_cents, noticed_at)
    SELECT lot.account_id, lot.expires_on, %(days)s, sum(lot.available_cents), %(now)s
      FROM {Lot._meta.db_table} AS lot
     WHERE lot.account_id = ANY (%(accounts)s) AND lot.expires_on = %(expires_on)s
       AND lot.available_cents > 0 AND lot.created_at < %(known_before)s
     GROUP BY lot.account_id, lot.expires_on
     ORDER BY lot.account_id
    ON CONFLICT (account_id, expires_on, days_before) DO NOTHING
    RETURNING account_id, amount_cents
)
INSERT INTO {Message._meta.db_table} (recipient_id, template, context, created_at, attempts)
SELECT person.id, %(template)s,
       jsonb_build_object('amount_cents', told.amount_cents, 'currency', %(currency)s::text,
                          'expires_on', %(expires_on)s::text, 'scheme', %(scheme)s::text),
       %(now)s, 0
  FROM told
  JOIN {LearningAccount._meta.db_table} AS account ON account.id = told.account_id
  JOIN {Citizen._meta.db_table} AS citizen ON citizen.id = account.citizen_id
  JOIN {User._meta.db_table} AS person ON person.id = citizen.user_id AND NOT person.is_service
"""


def first_notice_day(expires_on: date, days_before: int) -> date:
    """The day from whose beginning the learner is told, in the scheme's calendar."""
    return expires_on - timedelta(days=days_before)


def next_expiry(scheme: Scheme, first: date, last: date) -> date | None:
    """The first day from `first` to `last` that is the last day of money on the scheme's accounts."""
    lots = Lot.objects.filter(
        account__scheme=scheme, expires_on__gte=first, expires_on__lte=last, available_cents__gt=0
    )
    return lots.order_by("expires_on").values_list("expires_on", flat=True).first()


def tell_before_expiry(*, scheme: Scheme, expires_on: date, days_before: int) -> int:
    """Tell each learner of the scheme with money that expires on that day, once however often it is called.

    Who received the money after the day of the notice is not told by this one. Works in chunks, each in a
    transaction of its own. Returns how many were told now.
    """
    known_before = calendar_of(scheme).end_of_day(first_notice_day(expires_on, days_before))
    told = 0
    waiting = _accounts(scheme, expires_on)
    while accounts := list(islice(waiting, CHUNK)):
        told += _tell(scheme, accounts, expires_on, days_before, known_before)
    return told


def _accounts(scheme: Scheme, expires_on: date) -> Iterator[int]:
    lots = Lot.objects.filter(account__scheme=scheme, expires_on=expires_on, available_cents__gt=0)
    return (
        lots.order_by("account_id").values_list("account_id", flat=True).distinct().iterator(chunk_size=CHUNK)
    )


def _tell(
    scheme: Scheme, accounts: list[int], expires_on: date, days_before: int, known_before: datetime
) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            TELL,
            {
                "accounts": accounts,
                "currency": scheme.currency,
                "days": days_before,
                "expires_on": expires_on,
                "known_before": known_before,
                "now": clock.now(),
                "scheme": scheme.name,
                "template": TEMPLATE,
            },
        )
        return int(cursor.rowcount)
