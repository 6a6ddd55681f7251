"""Payments by card and debit: what came, lies there, is kept and is owed, against the postings (3, 10)."""

from funding.audit.checks import Count, Group, SqlCheck

# Each payment moved its money in once: an order's by a receipt, a learner's by an entry; what lies there is stored.
PAYMENTS = """
    WITH moved AS (
        SELECT split_part(entry.idempotency_key, ':', 2) AS payment,
               sum(posting.amount_cents) AS deposit,
               sum(posting.amount_cents) FILTER (WHERE entry.kind = 'own_received') AS received,
               -sum(posting.amount_cents) FILTER (WHERE entry.kind IN ('own_applied', 'own_debt_repaid')) AS applied
          FROM funding_journalentry AS entry
          JOIN funding_posting AS posting ON posting.entry_id = entry.id AND posting.bucket = 'deposit'
         WHERE starts_with(entry.kind, 'own_') AND starts_with(entry.idempotency_key, 'card:')
         GROUP BY 1
    )
    SELECT fault.code, 'cardpayment:' || coalesce(payment.id::text, moved.payment),
           format('stored %s lying, %s applied; posted %s, %s, of %s', payment.deposit_cents, payment.applied_cents,
                  moved.deposit, moved.applied, moved.received)
      FROM funding_cardpayment AS payment
      FULL JOIN moved ON moved.payment = payment.id::text
      LEFT JOIN funding_topupreceipt AS receipt ON receipt.key = 'stripe:' || payment.intent_id
     CROSS JOIN LATERAL (VALUES
        ('card_balance_differs', payment.id IS NULL OR (payment.top_up_id IS NULL
            AND (payment.deposit_cents <> coalesce(moved.deposit, 0)
                 OR payment.applied_cents <> coalesce(moved.applied, 0)))),
        ('card_payment_uncounted', payment.state = 'succeeded'
            AND (CASE WHEN payment.top_up_id IS NULL THEN moved.received ELSE receipt.amount_cents END)
                IS DISTINCT FROM payment.amount_cents),
        ('card_payment_unpaid', payment.state <> 'succeeded' AND (moved.received IS NOT NULL OR receipt.id IS NOT NULL))
      ) AS fault (code, found)
     WHERE fault.found
"""

# What refunds and disputes took of a payment is what it stores, and an entry tells of each.
GONE = """
    SELECT 'card_refunds_differ', 'cardpayment:' || payment.id,
           format('stored %s refunded, %s taken back; rows say %s, %s', payment.refunded_cents,
                  payment.taken_back_cents, refunds.cents, disputes.cents)
      FROM funding_cardpayment AS payment
      LEFT JOIN (
        SELECT payment_id, sum(amount_cents) AS cents FROM funding_cardrefund
         WHERE status NOT IN ('failed', 'canceled', 'refused') GROUP BY payment_id
      ) AS refunds ON refunds.payment_id = payment.id
      LEFT JOIN (
        SELECT payment_id, sum(taken_cents) AS cents FROM funding_carddispute GROUP BY payment_id
      ) AS disputes ON disputes.payment_id = payment.id
     WHERE payment.refunded_cents <> coalesce(refunds.cents, 0)
        OR payment.taken_back_cents <> coalesce(disputes.cents, 0)
"""

# Per scheme and fund: what payers owe, and what is kept while learners pay.
TOGETHER = """
    WITH posted AS (
        SELECT entry.scheme_id, sum(posting.amount_cents) FILTER (WHERE posting.bucket = 'debt') AS debt,
               sum(posting.amount_cents) FILTER (WHERE posting.bucket = 'reserved') AS reserved
          FROM funding_posting AS posting JOIN funding_journalentry AS entry ON entry.id = posting.entry_id
         WHERE posting.bucket IN ('debt', 'reserved') GROUP BY entry.scheme_id
    ), debts AS (
        SELECT payment.scheme_id, sum(debt.amount_cents - debt.recovered_cents) AS cents
          FROM funding_payerdebt AS debt JOIN funding_cardpayment AS payment ON payment.id = debt.payment_id
         GROUP BY payment.scheme_id
    ), kept AS (
        SELECT coalesce(payment.scheme_id, transfer.scheme_id) AS scheme_id, sum(reservation.reserved_cents) AS cents
          FROM funding_reservation AS reservation
          LEFT JOIN funding_cardpayment AS payment ON payment.id = reservation.payment_id
          LEFT JOIN funding_owntransfer AS transfer ON transfer.id = reservation.transfer_id
         WHERE reservation.ended_at IS NULL GROUP BY 1
    )
    SELECT fault.code, 'scheme:' || scheme.id,
           format('owed %s, kept %s; posted %s, %s', debts.cents, kept.cents, posted.debt, posted.reserved)
      FROM funding_scheme AS scheme
      LEFT JOIN posted ON posted.scheme_id = scheme.id
      LEFT JOIN debts ON debts.scheme_id = scheme.id
      LEFT JOIN kept ON kept.scheme_id = scheme.id
     CROSS JOIN LATERAL (VALUES
        ('debts_differ', coalesce(debts.cents, 0) <> -coalesce(posted.debt, 0)),
        ('reserved_differs', coalesce(kept.cents, 0) <> coalesce(posted.reserved, 0))
      ) AS fault (code, found)
     WHERE fault.found
"""

GROUP = Group(
    checks=[
        SqlCheck(
            "card payments",
            {"card_balance_differs": 3, "card_payment_uncounted": 10, "card_payment_unpaid": 10},
            PAYMENTS,
        ),
        SqlCheck("card refunds and disputes", {"card_refunds_differ": 10}, GONE),
        SqlCheck("debts and reservations", {"debts_differ": 3, "reserved_differs": 3}, TOGETHER),
    ],
    counts=[
        Count(3, "SELECT count(*) FROM funding_cardpayment"),
        Count(10, "SELECT count(*) FROM funding_cardpayment"),
    ],
)
