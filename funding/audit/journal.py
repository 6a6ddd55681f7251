"""Entries and postings by themselves (1), and against the steps that explain them (10, 11)."""

from funding.audit import kinds
from funding.audit.checks import Count, Group, SqlCheck, faults_of

_BITS = " ".join(f"WHEN '{bucket}' THEN {bit}" for bucket, bit in kinds.BITS.items())
_BIT = f"CASE bucket {_BITS} ELSE {kinds.UNKNOWN} END"

# What the logs say was done, and whose money moved by it: `wanted` names the entry by its key. A payment's
# outcome has no step of its own, so its transaction is left open; executed first and returned later leaves both.
_WANTED = """
    SELECT 'booking:' || log.subject_id || ':accept' AS key, 'hold_booking' AS kind, log.transaction_id,
           NULL::bigint AS amount, 'booking:' || log.subject_id AS row_at_fault
      FROM funding_bookinglog AS log WHERE log.transition IN ('accept', 'grant')
     UNION ALL
    SELECT 'claim:' || claim.id || ':' || log.transition, log.transition || '_claim', log.transaction_id,
           claim.amount_cents, 'claim:' || claim.id
      FROM funding_claimlog AS log JOIN funding_claim AS claim ON claim.id = log.subject_id
     WHERE claim.kind <> 'refund' AND (log.transition = 'approve'
        OR (log.transition IN ('reject', 'call_back') AND log.source = 'approved'))
     UNION ALL
    SELECT 'payment:' || payment.id || ':exported', 'payment_exported', log.transaction_id,
           payment.amount_cents + payment.netted_cents, 'payment:' || payment.id
      FROM funding_paymentbatchlog AS log JOIN funding_payment AS payment ON payment.batch_id = log.subject_id
      JOIN funding_claim AS claim ON claim.id = payment.claim_id AND claim.kind <> 'refund'
     WHERE log.transition = 'export'
     UNION ALL
    SELECT 'payment:' || payment.id || ':' || outcome,
           CASE claim.kind WHEN 'refund' THEN 'refund_' ELSE 'payment_' END || outcome, NULL,
           payment.amount_cents + payment.netted_cents, 'payment:' || payment.id
      FROM funding_payment AS payment JOIN funding_claim AS claim ON claim.id = payment.claim_id
     WHERE outcome = 'executed' OR (outcome IN ('rejected', 'returned') AND claim.kind <> 'refund')
"""

_ENTRY_FAULTS = {
    "entry_without_postings": "sums.entry_id IS NULL AND entry.id IS NOT NULL",
    "postings_without_entry": "entry.id IS NULL AND sums.entry_id IS NOT NULL",
    "entry_unbalanced": "sums.public <> 0 OR sums.employer <> 0 OR sums.own <> 0 OR sums.total <> 0"
    " OR sums.odd_fund",
    "entry_currency": "entry.currency <> scheme.currency",
    "entry_of_unknown_kind": "entry.reverses_id IS NULL AND entry.id IS NOT NULL AND allowed.kind IS NULL",
    "entry_moves_strangely": "sums.takes & ~allowed.takes <> 0 OR sums.gives & ~allowed.gives <> 0",
    "entry_of_many_bookings": "sums.first_booking <> sums.last_booking",
    "entry_missing": "wanted.key IS NOT NULL AND entry.id IS NULL",
    "entry_of_another_step": "wanted.key IS NOT NULL AND entry.id IS NOT NULL AND (entry.kind <> wanted.kind"
    " OR entry.transaction_id <> wanted.transaction_id)",
    "entry_of_other_amount": "sums.gained <> wanted.amount",
    "entry_unexplained": f"wanted.key IS NULL AND entry.kind IN ({kinds.listed(kinds.KEYED)})"
    " AND NOT (entry.kind = 'payment_executed' AND EXISTS (SELECT 1 FROM funding_payment AS payment"
    " WHERE payment.outcome = 'returned'"
    " AND entry.idempotency_key = 'payment:' || payment.id || ':executed'))",
}
ENTRIES = f"""
    WITH allowed (kind, takes, gives) AS (VALUES {kinds.values_sql()}),
    wanted AS ({_WANTED}),
    sums AS (
        SELECT entry_id,
               sum(amount_cents) FILTER (WHERE fund = 'public') AS public,
               sum(amount_cents) FILTER (WHERE fund = 'employer') AS employer,
               sum(amount_cents) FILTER (WHERE fund = 'own') AS own,
               sum(amount_cents) AS total,
               sum(amount_cents) FILTER (WHERE amount_cents > 0) AS gained,
               bool_or(fund NOT IN ('public', 'employer', 'own')) AS odd_fund,
               bit_or({_BIT}) FILTER (WHERE amount_cents < 0) AS takes,
               bit_or({_BIT}) FILTER (WHERE amount_cents > 0) AS gives,
               min(booking_id) AS first_booking, max(booking_id) AS last_booking
          FROM funding_posting GROUP BY entry_id
    )
    SELECT fault.code,
           coalesce('journalentry:' || coalesce(entry.id, sums.entry_id), wanted.row_at_fault),
           concat_ws(' ', entry.kind, coalesce(entry.idempotency_key, wanted.key), 'sum ' || nullif(sums.total, 0))
      FROM funding_journalentry AS entry
      FULL JOIN sums ON sums.entry_id = entry.id
      FULL JOIN wanted ON wanted.key = entry.idempotency_key
      LEFT JOIN funding_scheme AS scheme ON scheme.id = entry.scheme_id
      LEFT JOIN allowed ON allowed.kind = CASE WHEN entry.reverses_id IS NULL THEN entry.kind END
      {faults_of(_ENTRY_FAULTS)}
"""

# A reversal is the mirror of what it reverses: the two together move nothing.
REVERSALS = """
    SELECT 'reversal_differs', 'journalentry:' || pair.reversal, 'reverses ' || pair.reversed
      FROM (
        SELECT reversal.id AS reversal, reversal.reverses_id AS reversed, posting.bucket, posting.fund,
               posting.lot_id, posting.budget_id, posting.booking_id
          FROM funding_journalentry AS reversal
          JOIN funding_posting AS posting ON posting.entry_id IN (reversal.id, reversal.reverses_id)
         WHERE reversal.reverses_id IS NOT NULL
         GROUP BY 1, 2, 3, 4, 5, 6, 7
        HAVING sum(posting.amount_cents) <> 0
      ) AS pair
     GROUP BY pair.reversal, pair.reversed
"""

# A transaction id is given by the database: none is below the first or above the newest.
TRANSACTION_IDS = """
    SELECT 'entry_of_no_transaction', 'journalentry:' || id, 'transaction ' || transaction_id
      FROM funding_journalentry
     WHERE transaction_id < 1 OR (
        transaction_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        AND transaction_id <> coalesce(pg_current_xact_id_if_assigned()::text::bigint, 0)
        AND id > (SELECT coalesce(max(after_entry), 0) FROM funding_sealepoch))
"""

# All other money of a booking moves with a step of the booking, a claim or a receivable, in one transaction.
UNEXPLAINED = f"""
    SELECT DISTINCT 'entry_unexplained', 'journalentry:' || entry.id,
           concat_ws(' ', entry.kind, 'booking', posting.booking_id)
      FROM funding_journalentry AS entry JOIN funding_posting AS posting ON posting.entry_id = entry.id
     WHERE posting.booking_id IS NOT NULL AND entry.kind NOT IN ({kinds.listed(kinds.KEYED)})
       AND NOT EXISTS (
        SELECT 1 FROM funding_bookinglog AS log
         WHERE log.subject_id = posting.booking_id AND log.transaction_id = entry.transaction_id
         UNION ALL
        SELECT 1 FROM funding_claimlog AS log JOIN funding_claim AS claim ON claim.id = log.subject_id
         WHERE claim.booking_id = posting.booking_id AND log.transaction_id = entry.transaction_id
         UNION ALL
        SELECT 1
          FROM funding_receivablelog AS log JOIN funding_receivable AS receivable ON receivable.id = log.subject_id
         WHERE receivable.booking_id = posting.booking_id AND log.transaction_id = entry.transaction_id
         UNION ALL
        -- What came in vain by a learner's transfer may come long after: the transfer counts each (own transfers).
        SELECT 1 FROM funding_owntransfer AS transfer
         WHERE transfer.booking_id = posting.booking_id AND entry.kind = 'own_refund_due'
           AND starts_with(entry.idempotency_key, 'transfer:' || transfer.id || ':due:')
         UNION ALL
        -- So may refunds to a card, disputes and what repays them: the payment counts each (card payments).
        SELECT 1 FROM funding_cardpayment AS payment
          LEFT JOIN funding_payerdebt AS debt ON debt.id = payment.repays_id
          LEFT JOIN funding_cardpayment AS repaid ON repaid.id = debt.payment_id
         WHERE coalesce(payment.booking_id, repaid.booking_id) = posting.booking_id AND starts_with(entry.kind, 'own_')
           AND starts_with(entry.idempotency_key, 'card:' || payment.id || ':'))
"""

GROUP = Group(
    checks=[
        SqlCheck(
            "entries",
            {
                "entry_without_postings": 1,
                "postings_without_entry": 1,
                "entry_unbalanced": 1,
                "entry_currency": 1,
                "entry_of_unknown_kind": 11,
                "entry_moves_strangely": 11,
                "entry_of_many_bookings": 11,
                "entry_missing": 11,
                "entry_of_another_step": 11,
                "entry_of_other_amount": 10,
                "entry_unexplained": 11,
            },
            ENTRIES,
        ),
        SqlCheck("reversals", {"reversal_differs": 1}, REVERSALS),
        SqlCheck("transaction ids", {"entry_of_no_transaction": 11}, TRANSACTION_IDS),
        SqlCheck("other entries' steps", {"entry_unexplained": 11}, UNEXPLAINED),
    ],
    counts=[Count(1, "SELECT count(*) FROM funding_journalentry")],
)
