"""Payments: who approved them and for what (7), and that nothing counts twice (10)."""

from funding.audit import kinds
from funding.audit.checks import Count, Group, SqlCheck, faults_of

_PAYMENT_FAULTS = {
    "payment_without_claim": "claim.id IS NULL OR batch.id IS NULL",
    "claim_not_approved": "claim.approver_id IS NULL OR claim.approved_at IS NULL"
    " OR claim.state IN ('draft', 'submitted')"
    " OR NOT claim.approver_id = ANY (coalesce(approvals.actors, '{}'))",
    "claim_approved_by_its_author": "claim.approver_id = claim.author_id",
    "claim_approver_wrote_batch": "claim.approver_id = batch.author_id",
    "batch_approved_by_author_of_either": "batch.approver_id IN (batch.author_id, claim.author_id)",
    "batch_approver_approved_claim": "batch.approver_id = claim.approver_id",
    "claim_lacks_its_second_approval": "claim.kind <> 'refund'"
    " AND claimed.cents > ceiling.cents"
    " AND (first.approver_id IS NULL OR first.approver_id IN (claim.approver_id, claim.author_id))",
    "batch_not_approved": "batch.state <> 'draft'"
    " AND NOT batch.approver_id = ANY (coalesce(releases.actors, '{}'))",
    "payment_amount_differs": "payment.amount_cents + payment.netted_cents <> claim.amount_cents"
    # A refund may also give back a transfer that no acceptance took (`refund_beside_price`).
    " OR claim.kind <> 'refund' AND claim.amount_cents <> coalesce(lines.amount, 0)"
    " OR claim.amount_cents < lines.amount OR NOT lines.own_booking",
    "payment_currency": "claim.currency <> batch.currency OR claim.currency <> booking.currency"
    " OR batch.scheme_id <> account.scheme_id",
    "payment_by_another_rail": "(batch.rail = 'stripe') <> starts_with(payment.iban, 'acct_')",
    "payment_to_another_provider": "claim.provider_id <> booking.provider_id",
    "payment_and_claim_disagree": "(payment.outcome = 'executed' AND claim.state <> 'paid')"
    " OR (payment.outcome = 'pending' AND claim.state <> 'in_batch')",
}
PAYMENTS = f"""
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
    ), ceilings AS MATERIALIZED (
        SELECT id AS version_id, (rules ->> 'second_approval_above_cents')::bigint AS cents
          FROM funding_schemeversion WHERE rules ->> 'second_approval_above_cents' IS NOT NULL
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
      LEFT JOIN ceilings AS ceiling ON ceiling.version_id = booking.scheme_version_id
      LEFT JOIN funding_claimapproval AS first ON first.claim_id = claim.id
      LEFT JOIN LATERAL (
        SELECT sum(part.amount_cents) AS cents FROM funding_claim AS part
         WHERE part.booking_id = claim.booking_id AND part.id <= claim.id AND part.kind <> 'refund'
           AND part.state <> 'rejected' AND ceiling.cents IS NOT NULL
      ) AS claimed ON TRUE
      LEFT JOIN lines ON lines.claim_id = claim.id
      LEFT JOIN approvals ON approvals.claim_id = claim.id
      LEFT JOIN releases ON releases.batch_id = batch.id
      {faults_of(_PAYMENT_FAULTS)}
"""

_CLAIM_FAULTS = {
    "claim_paid_without_payment": "claim.state = 'paid' AND coalesce(payment.executed, 0) <> 1",
    "claim_in_batch_without_payment": "claim.state = 'in_batch' AND coalesce(payment.pending, 0) <> 1",
}
CLAIMS = f"""
    SELECT fault.code, 'claim:' || claim.id, claim.state
      FROM funding_claim AS claim
      LEFT JOIN (
        SELECT claim_id, count(*) FILTER (WHERE outcome = 'executed') AS executed,
               count(*) FILTER (WHERE outcome = 'pending') AS pending
          FROM funding_payment GROUP BY claim_id
      ) AS payment ON payment.claim_id = claim.id
      {faults_of(_CLAIM_FAULTS)}
     UNION ALL
    SELECT 'file_altered', 'paymentbatch:' || batch_id, sha256
      FROM funding_paymentfile WHERE sha256 <> encode(sha256(content), 'hex')
     UNION ALL
    SELECT 'file_missing', 'paymentbatch:' || batch.id, batch.state
      FROM funding_paymentbatch AS batch
     WHERE batch.state NOT IN ('draft', 'approved', 'dropped')
       AND NOT EXISTS (SELECT 1 FROM funding_paymentfile AS file WHERE file.batch_id = batch.id)
"""

ONCE = f"""
    SELECT 'key_twice', 'journalentry:' || entry.id, entry.idempotency_key
      FROM (
        SELECT idempotency_key, count(DISTINCT scheme_id) AS schemes, count(*) AS entries
          FROM funding_journalentry GROUP BY idempotency_key HAVING count(*) > 1
      ) AS twice JOIN funding_journalentry AS entry ON entry.idempotency_key = twice.idempotency_key
     -- A step belongs to one scheme; keys that people chose may recur in another.
     WHERE twice.entries > twice.schemes OR entry.kind IN ({kinds.listed(kinds.KEYED)})
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
                    "claim_lacks_its_second_approval",
                    "batch_not_approved",
                    "payment_amount_differs",
                    "payment_currency",
                    "payment_by_another_rail",
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
