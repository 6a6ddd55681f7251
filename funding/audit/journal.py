"""Entries, postings, stored balances (1, 3, 4 and 6), and entries that nobody can explain (11)."""

from funding.audit import kinds
from funding.audit.checks import Count, Group, SqlCheck

_BITS = " ".join(f"WHEN '{bucket}' THEN {bit}" for bucket, bit in kinds.BITS.items())
_BIT = f"CASE bucket {_BITS} ELSE {kinds.UNKNOWN} END"

ENTRIES = f"""
    WITH allowed (kind, takes, gives) AS (VALUES {kinds.values_sql()}),
    sums AS (
        SELECT entry_id, count(*) AS postings,
               sum(amount_cents) FILTER (WHERE fund = 'public') AS public,
               sum(amount_cents) FILTER (WHERE fund = 'employer') AS employer,
               sum(amount_cents) FILTER (WHERE fund = 'own') AS own,
               sum(amount_cents) AS total,
               bool_or(fund NOT IN ('public', 'employer', 'own')) AS odd_fund,
               bit_or({_BIT}) FILTER (WHERE amount_cents < 0) AS takes,
               bit_or({_BIT}) FILTER (WHERE amount_cents > 0) AS gives
          FROM funding_posting GROUP BY entry_id
    )
    SELECT fault.code,
           'journalentry:' || coalesce(entry.id, sums.entry_id),
           concat_ws(' ', entry.kind, entry.idempotency_key, 'sum ' || nullif(sums.total, 0))
      FROM funding_journalentry AS entry
      FULL JOIN sums ON sums.entry_id = entry.id
      LEFT JOIN funding_scheme AS scheme ON scheme.id = entry.scheme_id
      LEFT JOIN allowed ON allowed.kind = CASE WHEN entry.reverses_id IS NULL THEN entry.kind END
      CROSS JOIN LATERAL (VALUES
        ('entry_without_postings', sums.entry_id IS NULL),
        ('postings_without_entry', entry.id IS NULL),
        ('entry_unbalanced', coalesce(sums.public, 0) <> 0 OR coalesce(sums.employer, 0) <> 0
                             OR coalesce(sums.own, 0) <> 0 OR sums.total <> 0 OR sums.odd_fund),
        ('entry_currency', entry.currency IS DISTINCT FROM scheme.currency),
        ('entry_of_unknown_kind',
            entry.id IS NOT NULL AND entry.reverses_id IS NULL AND allowed.kind IS NULL),
        ('entry_moves_strangely', sums.takes & ~allowed.takes <> 0 OR sums.gives & ~allowed.gives <> 0)
      ) AS fault (code, found)
     WHERE fault.found
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

# A booking's money moves with a step of the booking, its claim, batch or receivable, in one transaction.
UNEXPLAINED = """
    WITH steps AS (
        SELECT subject_id AS booking_id, transaction_id FROM funding_bookinglog
         UNION ALL
        SELECT claim.booking_id, log.transaction_id
          FROM funding_claimlog AS log JOIN funding_claim AS claim ON claim.id = log.subject_id
         UNION ALL
        SELECT receivable.booking_id, log.transaction_id
          FROM funding_receivablelog AS log
          JOIN funding_receivable AS receivable ON receivable.id = log.subject_id
         UNION ALL
        SELECT claim.booking_id, log.transaction_id
          FROM funding_paymentbatchlog AS log
          JOIN funding_payment AS payment ON payment.batch_id = log.subject_id
          JOIN funding_claim AS claim ON claim.id = payment.claim_id
    ), moved AS (
        SELECT DISTINCT posting.booking_id, entry.id, entry.transaction_id, entry.kind
          FROM funding_posting AS posting JOIN funding_journalentry AS entry ON entry.id = posting.entry_id
         WHERE posting.booking_id IS NOT NULL
    )
    SELECT 'entry_unexplained', 'journalentry:' || moved.id,
           concat_ws(' ', moved.kind, 'booking', moved.booking_id)
      FROM moved
     WHERE NOT EXISTS (
        SELECT 1 FROM steps
         WHERE steps.booking_id = moved.booking_id AND steps.transaction_id = moved.transaction_id)
"""

# What the log says was done, and whose money therefore moved.
MISSING = """
    WITH wanted (key, row_at_fault, transaction_id) AS (
        SELECT 'booking:' || subject_id || ':accept', 'booking:' || subject_id, transaction_id
          FROM funding_bookinglog WHERE transition IN ('accept', 'grant')
         UNION ALL
        SELECT 'claim:' || subject_id || ':approve', 'claim:' || subject_id, transaction_id
          FROM funding_claimlog WHERE transition = 'approve'
         UNION ALL
        SELECT 'claim:' || subject_id || ':' || transition, 'claim:' || subject_id, transaction_id
          FROM funding_claimlog WHERE transition IN ('reject', 'call_back') AND source = 'approved'
         UNION ALL
        SELECT 'payment:' || payment.id || ':exported', 'payment:' || payment.id, log.transaction_id
          FROM funding_paymentbatchlog AS log
          JOIN funding_payment AS payment ON payment.batch_id = log.subject_id
         WHERE log.transition = 'export'
    )
    SELECT 'entry_missing', wanted.row_at_fault, 'no entry ' || wanted.key
      FROM wanted LEFT JOIN funding_journalentry AS entry
        ON entry.idempotency_key = wanted.key AND entry.transaction_id = wanted.transaction_id
     WHERE entry.id IS NULL
"""

LOTS = """
    WITH sums AS (
        SELECT posting.lot_id,
               coalesce(sum(amount_cents) FILTER (WHERE bucket = 'available'), 0) AS available,
               coalesce(sum(amount_cents) FILTER (WHERE bucket IN ('held', 'payable', 'in_transit')), 0)
                   AS held,
               coalesce(sum(amount_cents) FILTER (WHERE bucket IN ('paid', 'owed')), 0) AS spent,
               min(fund) AS fund, max(fund) AS other_fund,
               min(entry.scheme_id) AS scheme_id, max(entry.scheme_id) AS other_scheme_id
          FROM funding_posting AS posting JOIN funding_journalentry AS entry ON entry.id = posting.entry_id
         WHERE posting.lot_id IS NOT NULL GROUP BY posting.lot_id
    )
    SELECT fault.code, 'lot:' || coalesce(lot.id, sums.lot_id),
           format('stored %s, %s, %s; posted %s, %s, %s',
                  lot.available_cents, lot.held_cents, lot.spent_cents,
                  coalesce(sums.available, 0), coalesce(sums.held, 0), coalesce(sums.spent, 0))
      FROM funding_lot AS lot
      FULL JOIN sums ON sums.lot_id = lot.id
      LEFT JOIN funding_learningaccount AS account ON account.id = lot.account_id
      LEFT JOIN funding_scheme AS scheme ON scheme.id = account.scheme_id
      CROSS JOIN LATERAL (VALUES
        ('balance_differs', (lot.available_cents, lot.held_cents, lot.spent_cents) IS DISTINCT FROM
                            (coalesce(sums.available, 0), coalesce(sums.held, 0), coalesce(sums.spent, 0))),
        ('lot_below_zero', least(lot.available_cents, lot.held_cents, lot.spent_cents) < 0),
        ('lot_fund', sums.fund <> lot.fund OR sums.other_fund <> lot.fund),
        ('lot_scheme', sums.scheme_id <> account.scheme_id OR sums.other_scheme_id <> account.scheme_id),
        ('lot_currency', lot.currency <> scheme.currency)
      ) AS fault (code, found)
     WHERE fault.found
"""

BUDGETS = """
    WITH sums AS (
        SELECT posting.budget_id,
               coalesce(sum(amount_cents) FILTER (WHERE bucket = 'budget'), 0) AS available,
               min(entry.scheme_id) AS scheme_id, max(entry.scheme_id) AS other_scheme_id
          FROM funding_posting AS posting JOIN funding_journalentry AS entry ON entry.id = posting.entry_id
         WHERE posting.budget_id IS NOT NULL GROUP BY posting.budget_id
    )
    SELECT fault.code, 'budget:' || coalesce(budget.id, sums.budget_id),
           format('stored %s, posted %s', budget.available_cents, coalesce(sums.available, 0))
      FROM funding_budget AS budget
      FULL JOIN sums ON sums.budget_id = budget.id
      LEFT JOIN funding_scheme AS scheme ON scheme.id = budget.scheme_id
      CROSS JOIN LATERAL (VALUES
        ('balance_differs', budget.available_cents IS DISTINCT FROM coalesce(sums.available, 0)),
        ('budget_below_zero', budget.available_cents < 0),
        ('budget_scheme', sums.scheme_id <> budget.scheme_id OR sums.other_scheme_id <> budget.scheme_id),
        ('budget_currency', budget.currency <> scheme.currency)
      ) AS fault (code, found)
     WHERE fault.found
"""

# The stored balances stand for their postings here, so that a wrong one shows in the scheme's sum too.
SCHEMES = """
    WITH posted AS (
        SELECT entry.scheme_id, posting.fund,
               sum(amount_cents) FILTER (WHERE bucket = 'appropriation') AS appropriated,
               sum(amount_cents) FILTER (
                   WHERE bucket IN ('expired', 'refund_due', 'returned')
                      OR (lot_id IS NULL
                          AND bucket IN ('available', 'held', 'payable', 'in_transit', 'paid', 'owed'))
               ) AS elsewhere,
               sum(amount_cents) FILTER (WHERE bucket = 'expired') AS expired,
               sum(amount_cents) FILTER (WHERE bucket = 'refund_due') AS refund_due,
               sum(amount_cents) FILTER (WHERE bucket = 'returned') AS returned,
               sum(amount_cents) FILTER (WHERE bucket = 'held') AS held,
               sum(amount_cents) FILTER (WHERE bucket = 'payable') AS payable,
               sum(amount_cents) FILTER (WHERE bucket = 'in_transit') AS in_transit,
               sum(amount_cents) FILTER (WHERE bucket = 'paid') AS paid,
               sum(amount_cents) FILTER (WHERE bucket = 'owed') AS owed
          FROM funding_posting AS posting JOIN funding_journalentry AS entry ON entry.id = posting.entry_id
         GROUP BY entry.scheme_id, posting.fund
    ), lots AS (
        SELECT account.scheme_id, lot.fund, sum(available_cents + held_cents + spent_cents) AS stored
          FROM funding_lot AS lot JOIN funding_learningaccount AS account ON account.id = lot.account_id
         GROUP BY account.scheme_id, lot.fund
    ), budgets AS (
        SELECT scheme_id, 'public'::text AS fund, sum(available_cents) AS stored
          FROM funding_budget GROUP BY scheme_id
    ), together AS (
        SELECT scheme_id, fund, coalesce(-posted.appropriated, 0) AS appropriated,
               coalesce(lots.stored, 0) + coalesce(budgets.stored, 0) + coalesce(posted.elsewhere, 0)
                   AS accounted,
               greatest(posted.appropriated, posted.owed) AS must_not_be_positive,
               least(posted.expired, posted.refund_due, posted.returned, posted.held, posted.payable,
                     posted.in_transit, posted.paid) AS must_not_be_negative
          FROM posted
          FULL JOIN lots USING (scheme_id, fund)
          FULL JOIN budgets USING (scheme_id, fund)
    )
    SELECT fault.code, format('scheme:%s:%s', together.scheme_id, together.fund),
           format('appropriated %s, accounted for %s', together.appropriated, together.accounted)
      FROM together
      CROSS JOIN LATERAL (VALUES
        ('appropriation_unaccounted', together.appropriated <> together.accounted),
        ('bucket_of_wrong_sign', together.must_not_be_positive > 0 OR together.must_not_be_negative < 0)
      ) AS fault (code, found)
     WHERE fault.found
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
            },
            ENTRIES,
        ),
        SqlCheck("reversals", {"reversal_differs": 1}, REVERSALS),
        SqlCheck("transaction ids", {"entry_of_no_transaction": 11}, TRANSACTION_IDS),
        SqlCheck("entries without a step", {"entry_unexplained": 11}, UNEXPLAINED),
        SqlCheck("steps without an entry", {"entry_missing": 11}, MISSING),
        SqlCheck(
            "lots",
            {"balance_differs": 3, "lot_below_zero": 4, "lot_fund": 6, "lot_scheme": 6, "lot_currency": 1},
            LOTS,
        ),
        SqlCheck(
            "budgets",
            {"balance_differs": 3, "budget_below_zero": 4, "budget_scheme": 6, "budget_currency": 1},
            BUDGETS,
        ),
        SqlCheck("schemes", {"appropriation_unaccounted": 6, "bucket_of_wrong_sign": 6}, SCHEMES),
    ],
    counts=[
        Count(1, "SELECT count(*) FROM funding_journalentry"),
        Count(3, "SELECT (SELECT 3 * count(*) FROM funding_lot) + (SELECT count(*) FROM funding_budget)"),
        Count(
            4,
            "SELECT (SELECT count(*) FROM funding_lot) + (SELECT count(*) FROM funding_budget)"
            " + (SELECT count(*) FROM catalogue_sessionseats)",
        ),
        Count(6, "SELECT count(*) * 3 FROM funding_scheme"),
    ],
)
