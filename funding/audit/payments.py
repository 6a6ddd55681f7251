"""Payments: who approved them and for what (7), and that nothing counts twice (10)."""

from funding.audit.checks import Count, Group, SqlCheck

PAYMENTS = """
    WITH lines AS (
        SELECT line.claim_id, sum(line.amount_cents) AS amount,
               bool_and(allocation.booking_id = claim.booking_id) AS own_booking
          FROM funding_claimline AS line
          JOIN funding_claim AS claim ON claim.id = line.claim_id
          JOIN funding_allocation AS allocation ON allocation.id = line.allocation_id
         GROUP BY line.claim_id
    ), approvals AS (
        SELECT subject_id AS claim_id, array_agg(actor_id) AS actors
          FROM funding_claimlog WHERE transition = 'approve' GROUP BY subject_id
    ), releases AS (
        SELECT subject_id AS batch_id, array_agg(actor_id) AS actors
          FROM funding_paymentbatchlog WHERE transition = 'approve' GROUP BY subject_id
    )
    SELECT fault.code, 'payment:' || payment.id,
           format('claim %s of %s (%s), batch %s', claim.id, claim.amount_cents, claim.state, batch.id)
      FROM funding_payment AS payment
      LEFT JOIN funding_claim AS claim ON claim.id = payment.claim_id
      LEFT JOIN funding_paymentbatch AS batch ON batch.id = payment.batch_id
      LEFT JOIN funding_booking AS booking ON booking.id = claim.booking_id
      LEFT JOIN funding_learningaccount AS account ON account.id = booking.account_id
      LEFT JOIN lines ON lines.claim_id = claim.id
      LEFT JOIN approvals ON approvals.claim_id = claim.id
      LEFT JOIN releases ON releases.batch_id = batch.id
      CROSS JOIN LATERAL (VALUES
        ('payment_without_claim', claim.id IS NULL OR batch.id IS NULL),
        ('claim_not_approved', claim.approver_id IS NULL OR claim.approved_at IS NULL
            OR claim.state IN ('draft', 'submitted')
            OR NOT claim.approver_id = ANY (coalesce(approvals.actors, '{}'))),
        ('claim_approved_by_its_author', claim.approver_id = claim.author_id),
        ('claim_approver_wrote_batch', claim.approver_id = batch.author_id),
        ('batch_approved_by_author_of_either', batch.approver_id IN (batch.author_id, claim.author_id)),
        ('batch_approver_approved_claim', batch.approver_id = claim.approver_id),
        ('batch_not_approved', batch.state <> 'draft'
            AND NOT batch.approver_id = ANY (coalesce(releases.actors, '{}'))),
        ('payment_amount_differs', payment.amount_cents <> claim.amount_cents
            OR claim.amount_cents IS DISTINCT FROM lines.amount OR NOT lines.own_booking),
        ('payment_currency', claim.currency <> batch.currency OR claim.currency <> booking.currency
            OR batch.scheme_id <> account.scheme_id),
        ('payment_to_another_provider', claim.provider_id <> booking.provider_id),
        ('payment_and_claim_disagree', CASE payment.outcome
            WHEN 'executed' THEN claim.state <> 'paid' WHEN 'pending' THEN claim.state <> 'in_batch' END)
      ) AS fault (code, found)
     WHERE fault.found
"""

CLAIMS = """
    SELECT fault.code, 'claim:' || claim.id, claim.state
      FROM funding_claim AS claim
      LEFT JOIN (
        SELECT claim_id, count(*) FILTER (WHERE outcome = 'executed') AS executed,
               count(*) FILTER (WHERE outcome = 'pending') AS pending
          FROM funding_payment GROUP BY claim_id
      ) AS payment ON payment.claim_id = claim.id
      CROSS JOIN LATERAL (VALUES
        ('claim_paid_without_payment', claim.state = 'paid' AND payment.executed IS DISTINCT FROM 1),
        ('claim_in_batch_without_payment', claim.state = 'in_batch' AND payment.pending IS DISTINCT FROM 1)
      ) AS fault (code, found)
     WHERE fault.found
     UNION ALL
    SELECT 'file_altered', 'paymentbatch:' || batch_id, sha256
      FROM funding_paymentfile WHERE sha256 <> encode(sha256(content), 'hex')
     UNION ALL
    SELECT 'file_missing', 'paymentbatch:' || batch.id, batch.state
      FROM funding_paymentbatch AS batch
     WHERE batch.state NOT IN ('draft', 'approved')
       AND NOT EXISTS (SELECT 1 FROM funding_paymentfile AS file WHERE file.batch_id = batch.id)
"""

# Every outcome of a payment is one entry of its amount, and every such entry is an outcome of a payment.
OUTCOMES = """
    WITH entries AS (
        SELECT entry.id, entry.kind, entry.idempotency_key,
               sum(posting.amount_cents) FILTER (WHERE posting.amount_cents > 0) AS amount
          FROM funding_journalentry AS entry JOIN funding_posting AS posting ON posting.entry_id = entry.id
         WHERE entry.kind IN ('payment_exported', 'payment_executed', 'payment_rejected', 'payment_returned')
         GROUP BY entry.id
    ), wanted AS (
        SELECT payment.id, payment.amount_cents, 'payment_' || step.word AS kind,
               'payment:' || payment.id || ':' || step.word AS key
          FROM funding_payment AS payment
          JOIN funding_paymentbatch AS batch ON batch.id = payment.batch_id
          CROSS JOIN LATERAL (VALUES
            ('exported', batch.state NOT IN ('draft', 'approved')),
            ('executed', payment.outcome = 'executed'),
            ('rejected', payment.outcome = 'rejected'),
            ('returned', payment.outcome = 'returned')
          ) AS step (word, taken)
         WHERE step.taken
    )
    SELECT CASE WHEN entries.id IS NULL THEN 'outcome_without_entry'
                WHEN wanted.id IS NULL THEN 'entry_without_outcome' ELSE 'entry_of_other_amount' END,
           CASE WHEN wanted.id IS NULL THEN 'journalentry:' || entries.id ELSE 'payment:' || wanted.id END,
           concat_ws(' ', coalesce(wanted.key, entries.idempotency_key), wanted.amount_cents, entries.amount)
      FROM wanted FULL JOIN entries ON entries.idempotency_key = wanted.key AND entries.kind = wanted.kind
     WHERE entries.id IS NULL OR entries.amount <> wanted.amount_cents
        OR (wanted.id IS NULL AND NOT (
            -- Executed first and returned later, it leaves both entries.
            entries.kind = 'payment_executed' AND EXISTS (
                SELECT 1 FROM funding_payment AS payment
                 WHERE payment.outcome = 'returned'
                   AND entries.idempotency_key = 'payment:' || payment.id || ':executed')))
"""

ONCE = """
    SELECT 'key_twice', 'journalentry:' || unnest(array_agg(id)), idempotency_key
      FROM funding_journalentry GROUP BY scheme_id, idempotency_key HAVING count(*) > 1
     UNION ALL
    SELECT 'reversed_twice', 'journalentry:' || reverses_id, NULL
      FROM funding_journalentry WHERE reverses_id IS NOT NULL GROUP BY reverses_id HAVING count(*) > 1
     UNION ALL
    SELECT 'request_twice', 'bookinglog:' || unnest(array_agg(id)), idempotency_key
      FROM funding_bookinglog WHERE idempotency_key IS NOT NULL
     GROUP BY actor_id, idempotency_key HAVING count(*) > 1
     UNION ALL
    SELECT 'message_twice', 'bankmessage:' || unnest(array_agg(id)), sha256
      FROM funding_bankmessage GROUP BY sha256 HAVING count(*) > 1
     UNION ALL
    SELECT 'message_processed_twice', 'bankmessage:' || unnest(array_agg(id)), message_id
      FROM funding_bankmessage WHERE state = 'processed' GROUP BY kind, message_id HAVING count(*) > 1
     UNION ALL
    SELECT 'message_altered', 'bankmessage:' || id, sha256
      FROM funding_bankmessage WHERE sha256 <> encode(sha256(content), 'hex')
     UNION ALL
    SELECT 'claim_paid_twice', 'claim:' || claim_id, NULL
      FROM funding_payment WHERE outcome IN ('pending', 'executed') GROUP BY claim_id HAVING count(*) > 1
     UNION ALL
    SELECT 'reference_twice', 'payment:' || unnest(array_agg(id)), end_to_end_id
      FROM funding_payment GROUP BY end_to_end_id HAVING count(*) > 1
     UNION ALL
    SELECT 'year_accrued_twice', 'learningaccount:' || account_id, year::text
      FROM funding_lot CROSS JOIN LATERAL unnest(accrued_years) AS year
     GROUP BY account_id, year HAVING count(*) > 1
"""

GROUP = Group(
    checks=[
        SqlCheck(
            "payments",
            dict.fromkeys(
                (
                    "payment_without_claim",
                    "claim_not_approved",
                    "claim_approved_by_its_author",
                    "claim_approver_wrote_batch",
                    "batch_approved_by_author_of_either",
                    "batch_approver_approved_claim",
                    "batch_not_approved",
                    "payment_amount_differs",
                    "payment_currency",
                    "payment_to_another_provider",
                    "payment_and_claim_disagree",
                ),
                7,
            ),
            PAYMENTS,
        ),
        SqlCheck(
            "claims and files",
            dict.fromkeys(
                (
                    "claim_paid_without_payment",
                    "claim_in_batch_without_payment",
                    "file_altered",
                    "file_missing",
                ),
                7,
            ),
            CLAIMS,
        ),
        SqlCheck(
            "outcomes",
            dict.fromkeys(("outcome_without_entry", "entry_without_outcome", "entry_of_other_amount"), 10),
            OUTCOMES,
        ),
        SqlCheck(
            "once",
            dict.fromkeys(
                (
                    "key_twice",
                    "reversed_twice",
                    "request_twice",
                    "message_twice",
                    "message_processed_twice",
                    "message_altered",
                    "claim_paid_twice",
                    "reference_twice",
                    "year_accrued_twice",
                ),
                10,
            ),
            ONCE,
        ),
    ],
    counts=[
        Count(7, "SELECT count(*) FROM funding_payment"),
        Count(
            10,
            "SELECT (SELECT count(*) FROM funding_journalentry) + (SELECT count(*) FROM funding_bankmessage)"
            " + (SELECT count(*) FROM funding_payment)",
        ),
    ],
)
