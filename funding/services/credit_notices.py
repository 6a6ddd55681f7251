"""Telling learners of each credit on their account, in bulk: one statement for an entry, however many it credits.

The journal says what was credited, whoever did it. A job sweeps what was written lately, so that an accrual of a
million accounts costs no more for it, and nothing is told twice.
"""

from datetime import timedelta

from django.db import connection, transaction

from accounts.models import Citizen, Message, Organisation, User
from funding.models import CreditNotice, JournalEntry, LearningAccount, Lot, Posting, Scheme, TopUp
from ila.core import clock

# Money that is new on an account. What comes back of a booking is told by the mail of how it ended.
KINDS = ("credit", "accrue", "age_credit", "top_up_allocated")
# An entry that nobody told of in this time is older than the platform's memory for it.
RECENT = timedelta(days=7)
TEMPLATE = "account_credited"

WAITING = f"""
SELECT entry.id FROM {JournalEntry._meta.db_table} AS entry
 WHERE entry.kind IN ({", ".join(f"'{kind}'" for kind in KINDS)})
   AND entry.occurred_at > %(since)s AND entry.reverses_id IS NULL
   AND NOT EXISTS (SELECT FROM {CreditNotice._meta.db_table} AS notice WHERE notice.entry_id = entry.id)
 ORDER BY entry.id LIMIT %(limit)s
"""

# One message for an account and a last day of use; the notice is the row that can be written once.
TELL = f"""
WITH credited AS (
    SELECT lot.account_id, lot.expires_on, sum(posting.amount_cents) AS amount_cents, max(giver.name) AS employer
      FROM {Posting._meta.db_table} AS posting
      JOIN {Lot._meta.db_table} AS lot ON lot.id = posting.lot_id
      LEFT JOIN {TopUp._meta.db_table} AS top_up ON top_up.id = lot.top_up_id
      LEFT JOIN {Organisation._meta.db_table} AS giver ON giver.id = top_up.organisation_id
     WHERE posting.entry_id = %(entry)s AND posting.bucket = 'available' AND posting.amount_cents > 0
     GROUP BY lot.account_id, lot.expires_on
), told AS (
    INSERT INTO {Message._meta.db_table} (recipient_id, address, template, context, created_at, attempts)
    SELECT person.id, '', %(template)s,
           jsonb_build_object('amount_cents', credited.amount_cents, 'currency', scheme.currency,
                              'scheme', scheme.name, 'expires_on', credited.expires_on::text,
                              'employer', credited.employer,
                              'not_me', jsonb_build_object('kind', 'credit', 'reference', '')),
           %(now)s, 0
      FROM credited
      JOIN {LearningAccount._meta.db_table} AS account ON account.id = credited.account_id
      JOIN {Scheme._meta.db_table} AS scheme ON scheme.id = account.scheme_id
      JOIN {Citizen._meta.db_table} AS citizen ON citizen.id = account.citizen_id
      JOIN {User._meta.db_table} AS person ON person.id = citizen.user_id AND NOT person.is_service
    RETURNING 1
)
INSERT INTO {CreditNotice._meta.db_table} (entry_id, messages, told_at)
SELECT %(entry)s, count(*), %(now)s FROM told
RETURNING messages
"""


def tell_credits(*, limit: int = 2000) -> int:
    """Tell the learners of up to `limit` entries that credited accounts and were not told of yet.

    Each entry in a transaction of its own. Returns how many messages were written.
    """
    told = 0
    since = clock.now() - RECENT
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"since": since, "limit": limit})
        entries = [entry_id for (entry_id,) in cursor.fetchall()]
    for entry_id in entries:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(TELL, {"entry": entry_id, "template": TEMPLATE, "now": clock.now()})
            told += cursor.fetchone()[0]
    return told
