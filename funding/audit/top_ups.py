"""Employers' orders: what came, what was allocated and what went back, each cent by its own entry (3, 4, 7, 10, 11)."""

from funding.audit.checks import Count, Group, SqlCheck

# `topup:<order>:<what>:<which>` is the key of every entry of an order.
_KINDS = (
    "'top_up_received', 'top_up_allocated', 'top_up_ended', 'top_up_refunded', 'top_up_refund_undone',"
    " 'top_up_card_refund',"
    " 'top_up_card_refund_undone', 'top_up_taken_back', 'top_up_reinstated', 'top_up_clawed_back',"
    " 'top_up_given_again'"
)
# What was taken from accounts for a payer's debt came back from them and went to the payer at once.
_MOVED = f"""
    SELECT split_part(entry.idempotency_key, ':', 2) AS top_up,
           coalesce(sum(posting.amount_cents) FILTER (
               WHERE posting.bucket = 'deposit' AND entry.kind = 'top_up_received'), 0) AS received,
           coalesce(-sum(posting.amount_cents) FILTER (
               WHERE posting.bucket = 'deposit' AND entry.kind = 'top_up_allocated'), 0) AS allocated,
           coalesce(-sum(posting.amount_cents) FILTER (WHERE posting.bucket = 'available'
               AND entry.kind IN ('top_up_ended', 'top_up_clawed_back', 'top_up_given_again')), 0) AS ended,
           coalesce(-sum(posting.amount_cents) FILTER (
               WHERE (posting.bucket = 'deposit' AND entry.kind IN ('top_up_refunded', 'top_up_card_refund',
                          'top_up_refund_undone', 'top_up_card_refund_undone', 'top_up_taken_back',
                          'top_up_reinstated'))
                  OR (posting.bucket = 'available' AND entry.kind = 'top_up_clawed_back')), 0) AS refunded,
           count(DISTINCT entry.scheme_id) AS schemes, min(entry.scheme_id) AS scheme_id
      FROM funding_journalentry AS entry
      JOIN funding_posting AS posting
        ON posting.entry_id = entry.id AND posting.bucket IN ('deposit', 'available')
     WHERE entry.kind IN ({_KINDS})
     GROUP BY 1
"""

BALANCES = f"""
    WITH moved AS ({_MOVED})
    SELECT fault.code, 'topup:' || coalesce(top_up.id::text, moved.top_up),
           format('stored %s, %s, %s, %s; posted %s, %s, %s, %s', top_up.received_cents, top_up.allocated_cents,
                  top_up.ended_cents, top_up.refunded_cents, moved.received, moved.allocated, moved.ended,
                  moved.refunded)
      FROM funding_topup AS top_up
      FULL JOIN moved ON moved.top_up = top_up.id::text
     CROSS JOIN LATERAL (VALUES
        ('top_up_balance_differs', top_up.id IS NULL
            OR top_up.received_cents <> coalesce(moved.received, 0)
            OR top_up.allocated_cents <> coalesce(moved.allocated, 0)
            OR top_up.ended_cents <> coalesce(moved.ended, 0)
            OR top_up.refunded_cents <> coalesce(moved.refunded, 0)),
        ('top_up_below_zero',
            moved.received - moved.allocated + moved.ended - moved.refunded < 0),
        ('top_up_of_other_scheme', moved.schemes > 1 OR moved.scheme_id <> top_up.scheme_id)
      ) AS fault (code, found)
     WHERE fault.found
"""

LINES = """
    SELECT fault.code, 'topup:' || top_up.id, format('ordered %s, lines %s, allocated %s, on lots %s',
           top_up.total_cents, lines.amount, top_up.allocated_cents, lines.allocated)
      FROM funding_topup AS top_up
      JOIN (
        SELECT line.top_up_id, count(*) AS number, sum(line.amount_cents) AS amount,
               coalesce(sum(line.amount_cents) FILTER (WHERE line.lot_id IS NOT NULL), 0) AS allocated,
               bool_or(line.lot_id IS NOT NULL AND (lot.top_up_id IS DISTINCT FROM line.top_up_id
                   OR lot.account_id <> line.account_id
                   OR posted.amount IS DISTINCT FROM line.amount_cents)) AS strange
          FROM funding_topupline AS line
          LEFT JOIN funding_lot AS lot ON lot.id = line.lot_id
          LEFT JOIN (
            SELECT posting.lot_id, sum(posting.amount_cents) AS amount
              FROM funding_posting AS posting JOIN funding_journalentry AS entry ON entry.id = posting.entry_id
             WHERE entry.kind = 'top_up_allocated' AND posting.lot_id IS NOT NULL GROUP BY posting.lot_id
          ) AS posted ON posted.lot_id = line.lot_id
         GROUP BY line.top_up_id
      ) AS lines ON lines.top_up_id = top_up.id
     CROSS JOIN LATERAL (VALUES
        ('top_up_lines_differ', lines.number <> top_up.line_count OR lines.amount <> top_up.total_cents),
        ('top_up_allocated_otherwise', lines.allocated <> top_up.allocated_cents OR lines.strange),
        ('top_up_credited_unpaid', lines.allocated > 0 AND top_up.received_cents < top_up.total_cents)
      ) AS fault (code, found)
     WHERE fault.found
"""

# A receipt moves money once, an entry of a receipt has one, and a refund that was paid has its entry.
EVENTS = """
    WITH wanted AS (
        SELECT format('topup:%s:received:%s', top_up_id, id) AS key, 'top_up_received' AS kind, amount_cents,
               'topupreceipt:' || id AS row_at_fault
          FROM funding_topupreceipt WHERE top_up_id IS NOT NULL
         UNION ALL
        SELECT format('topup:%s:refunded:%s', top_up_id, id), 'top_up_refunded', amount_cents,
               'topuprefund:' || id
          FROM funding_topuprefund WHERE state = 'paid' OR (state = 'failed' AND outcome = 'returned')
         UNION ALL
        SELECT format('topup:%s:refund_undone:%s', top_up_id, id), 'top_up_refund_undone', amount_cents,
               'topuprefund:' || id
          FROM funding_topuprefund WHERE state = 'failed' AND outcome = 'returned'
    ), entry AS (
        SELECT entry.id, entry.idempotency_key AS key, entry.kind,
               sum(posting.amount_cents) FILTER (WHERE posting.amount_cents > 0) AS amount
          FROM funding_journalentry AS entry JOIN funding_posting AS posting ON posting.entry_id = entry.id
         WHERE entry.kind IN ('top_up_received', 'top_up_refunded', 'top_up_refund_undone')
         GROUP BY entry.id
    )
    SELECT fault.code, coalesce(wanted.row_at_fault, 'journalentry:' || entry.id),
           coalesce(wanted.key, entry.key)
      FROM wanted FULL JOIN entry ON entry.key = wanted.key
     CROSS JOIN LATERAL (VALUES
        ('top_up_event_missing', entry.id IS NULL),
        ('top_up_event_unexplained', wanted.key IS NULL),
        ('top_up_event_differs', entry.kind <> wanted.kind OR entry.amount <> wanted.amount_cents)
      ) AS fault (code, found)
     WHERE fault.found
"""

# What went back by a transfer outside of the platform was noted by one person and confirmed by another, neither of
# whom asked for it: the row and its log say the same (decision 213).
CONFIRMED = """
    SELECT 'refund_paid_by_one_person', 'topuprefund:' || refund.id,
           format('noted by %s, confirmed by %s, asked for by %s', noted.actor_id, confirmed.actor_id,
                  refund.requested_by_id)
      FROM funding_topuprefund AS refund
      LEFT JOIN LATERAL (
        SELECT actor_id FROM funding_topuprefundlog
         WHERE subject_id = refund.id AND transition = 'note' ORDER BY id DESC LIMIT 1) AS noted ON true
      LEFT JOIN LATERAL (
        SELECT actor_id FROM funding_topuprefundlog
         WHERE subject_id = refund.id AND transition = 'pay' ORDER BY id DESC LIMIT 1) AS confirmed ON true
     WHERE refund.state = 'paid' AND refund.outcome = ''
       AND (noted.actor_id IS DISTINCT FROM refund.noted_by_id
            OR confirmed.actor_id IS DISTINCT FROM refund.confirmed_by_id
            OR refund.noted_by_id IS NULL OR refund.confirmed_by_id IS NULL
            OR refund.noted_by_id = refund.confirmed_by_id
            OR refund.requested_by_id IN (refund.noted_by_id, refund.confirmed_by_id))
"""

GROUP = Group(
    checks=[
        SqlCheck(
            "top-ups",
            {"top_up_balance_differs": 3, "top_up_below_zero": 4, "top_up_of_other_scheme": 6},
            BALANCES,
        ),
        SqlCheck(
            "lines of top-ups",
            {"top_up_lines_differ": 5, "top_up_allocated_otherwise": 5, "top_up_credited_unpaid": 5},
            LINES,
        ),
        SqlCheck(
            "receipts of top-ups",
            {"top_up_event_missing": 10, "top_up_event_unexplained": 10, "top_up_event_differs": 10},
            EVENTS,
        ),
        SqlCheck("refunds outside of the platform", {"refund_paid_by_one_person": 7}, CONFIRMED),
    ],
    counts=[
        Count(3, "SELECT count(*) FROM funding_topup"),
        Count(10, "SELECT count(*) FROM funding_topupreceipt"),
    ],
)
