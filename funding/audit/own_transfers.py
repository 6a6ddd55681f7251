"""Own parts by bank transfer: what came, was taken and goes back, against receipts, postings and refunds (3, 5, 10)."""

from funding.audit.checks import Count, Group, SqlCheck

TRANSFERS = """
    WITH moved AS (
        SELECT split_part(entry.idempotency_key, ':', 2) AS transfer,
               sum(posting.amount_cents) FILTER (WHERE entry.kind = 'own_received') AS received,
               -sum(posting.amount_cents) FILTER (WHERE entry.kind = 'own_applied') AS applied,
               -sum(posting.amount_cents) FILTER (WHERE entry.kind = 'own_refund_due') AS due
          FROM funding_journalentry AS entry
          JOIN funding_posting AS posting ON posting.entry_id = entry.id AND posting.bucket = 'deposit'
         WHERE starts_with(entry.kind, 'own_') AND starts_with(entry.idempotency_key, 'transfer:')
         GROUP BY 1
    ), receipts AS (
        SELECT transfer_id, sum(amount_cents) AS cents FROM funding_owntransferreceipt GROUP BY transfer_id
    )
    SELECT fault.code, 'owntransfer:' || coalesce(transfer.id::text, moved.transfer),
           format('stored %s received, %s applied, %s due; posted %s, %s, %s; receipts %s', transfer.received_cents,
                  transfer.applied_cents, transfer.due_cents, moved.received, moved.applied, moved.due, receipts.cents)
      FROM funding_owntransfer AS transfer
      FULL JOIN moved ON moved.transfer = transfer.id::text
      LEFT JOIN receipts ON receipts.transfer_id = transfer.id
      LEFT JOIN funding_reservation AS kept ON kept.transfer_id = transfer.id
     CROSS JOIN LATERAL (VALUES
        ('own_transfer_differs', transfer.id IS NULL OR transfer.received_cents <> coalesce(moved.received, 0)
            OR transfer.applied_cents <> coalesce(moved.applied, 0) OR transfer.due_cents <> coalesce(moved.due, 0)),
        ('own_transfer_uncounted', transfer.received_cents <> coalesce(receipts.cents, 0)),
        ('own_transfer_keeps_nothing', transfer.state = 'opened' AND (kept.id IS NULL OR kept.ended_at IS NOT NULL)),
        ('own_transfer_keeps_on', transfer.state <> 'opened' AND kept.id IS NOT NULL AND kept.ended_at IS NULL)
      ) AS fault (code, found)
     WHERE fault.found
"""

# A refund gives back of a price what its allocations say, and beside it no more than came in vain.
BESIDE = """
    WITH asked AS (
        SELECT claim.booking_id, sum(claim.amount_cents - coalesce(lines.cents, 0)) AS cents
          FROM funding_claim AS claim
          LEFT JOIN (
            SELECT claim_id, sum(amount_cents) AS cents FROM funding_claimline GROUP BY claim_id
          ) AS lines ON lines.claim_id = claim.id
         WHERE claim.kind = 'refund' AND claim.state <> 'rejected' GROUP BY claim.booking_id
    ), due AS (
        SELECT booking_id, sum(due_cents) AS cents FROM funding_owntransfer GROUP BY booking_id
    )
    SELECT 'refund_beside_price', 'booking:' || asked.booking_id,
           format('refunds ask for %s beside the price, %s are due', asked.cents, coalesce(due.cents, 0))
      FROM asked LEFT JOIN due ON due.booking_id = asked.booking_id
     WHERE asked.cents < 0 OR asked.cents > coalesce(due.cents, 0)
"""

GROUP = Group(
    checks=[
        SqlCheck(
            "own transfers",
            {
                "own_transfer_differs": 3,
                "own_transfer_uncounted": 10,
                "own_transfer_keeps_nothing": 5,
                "own_transfer_keeps_on": 5,
            },
            TRANSFERS,
        ),
        SqlCheck("refunds beside the price", {"refund_beside_price": 7}, BESIDE),
    ],
    counts=[
        Count(3, "SELECT count(*) FROM funding_owntransfer"),
        Count(10, "SELECT count(*) FROM funding_owntransferreceipt"),
    ],
)
