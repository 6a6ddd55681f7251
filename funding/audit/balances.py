"""Stored balances against their postings (3, 4), and each scheme's money as a whole (6)."""

from funding.audit.checks import Count, Group, SqlCheck, faults_of

_LOT_FAULTS = {
    "balance_differs": "lot.id IS NULL OR lot.available_cents <> coalesce(posted.available, 0)"
    " OR lot.held_cents <> coalesce(posted.held, 0) OR lot.spent_cents <> coalesce(posted.spent, 0)",
    "lot_below_zero": "lot.available_cents < 0 OR lot.held_cents < 0 OR lot.spent_cents < 0",
    "lot_fund": "posted.fund <> lot.fund OR posted.other_fund <> lot.fund",
    "lot_currency": "lot.currency <> scheme.currency",
}
LOTS = f"""
    WITH posted AS (
        SELECT lot_id,
               sum(amount_cents) FILTER (WHERE bucket = 'available') AS available,
               sum(amount_cents) FILTER (WHERE bucket IN ('held', 'payable', 'in_transit')) AS held,
               sum(amount_cents) FILTER (WHERE bucket IN ('paid', 'owed')) AS spent,
               min(fund) AS fund, max(fund) AS other_fund
          FROM funding_posting WHERE lot_id IS NOT NULL GROUP BY lot_id
    )
    SELECT fault.code, 'lot:' || coalesce(lot.id, posted.lot_id),
           format('stored %s, %s, %s; posted %s, %s, %s',
                  lot.available_cents, lot.held_cents, lot.spent_cents,
                  coalesce(posted.available, 0), coalesce(posted.held, 0), coalesce(posted.spent, 0))
      FROM funding_lot AS lot
      FULL JOIN posted ON posted.lot_id = lot.id
      LEFT JOIN funding_learningaccount AS account ON account.id = lot.account_id
      LEFT JOIN funding_scheme AS scheme ON scheme.id = account.scheme_id
      {faults_of(_LOT_FAULTS)}
"""

_BUDGET_FAULTS = {
    "balance_differs": "budget.id IS NULL OR budget.available_cents <> coalesce(posted.available, 0)",
    "budget_below_zero": "budget.available_cents < 0",
    "budget_currency": "budget.currency <> scheme.currency",
}
BUDGETS = f"""
    WITH posted AS (
        SELECT budget_id, sum(amount_cents) FILTER (WHERE bucket = 'budget') AS available
          FROM funding_posting WHERE budget_id IS NOT NULL GROUP BY budget_id
    )
    SELECT fault.code, 'budget:' || coalesce(budget.id, posted.budget_id),
           format('stored %s, posted %s', budget.available_cents, coalesce(posted.available, 0))
      FROM funding_budget AS budget
      FULL JOIN posted ON posted.budget_id = budget.id
      LEFT JOIN funding_scheme AS scheme ON scheme.id = budget.scheme_id
      {faults_of(_BUDGET_FAULTS)}
"""

# Where there is one scheme only, nothing can be in another's: the first condition spares the look.
FOREIGNERS = """
    SELECT 'entry_of_another_scheme', 'journalentry:' || entry.id,
           concat_ws(' ', 'lot', posting.lot_id, 'budget', posting.budget_id, 'booking', posting.booking_id)
      FROM funding_posting AS posting
      JOIN funding_journalentry AS entry ON entry.id = posting.entry_id
      LEFT JOIN (funding_lot AS lot JOIN funding_learningaccount AS owner ON owner.id = lot.account_id)
        ON lot.id = posting.lot_id
      LEFT JOIN funding_budget AS budget ON budget.id = posting.budget_id
      LEFT JOIN (funding_booking AS booking JOIN funding_learningaccount AS learner
                    ON learner.id = booking.account_id)
        ON booking.id = posting.booking_id
     WHERE (SELECT count(*) FROM funding_scheme) > 1
       AND (owner.scheme_id <> entry.scheme_id OR budget.scheme_id <> entry.scheme_id
            OR learner.scheme_id <> entry.scheme_id)
"""

_SCHEME_FAULTS = {
    "appropriation_unaccounted": "together.appropriated <> together.accounted",
    "bucket_of_wrong_sign": "together.must_not_be_positive > 0 OR together.must_not_be_negative < 0",
}
# The stored balances stand for their postings here, so that a wrong one shows in the scheme's sum too.
SCHEMES = f"""
    WITH sums AS (
        SELECT entry.scheme_id, posting.fund, posting.bucket, posting.lot_id IS NULL AS elsewhere,
               sum(posting.amount_cents) AS amount
          FROM funding_posting AS posting JOIN funding_journalentry AS entry ON entry.id = posting.entry_id
         GROUP BY 1, 2, 3, 4
    ), posted AS (
        SELECT scheme_id, fund,
               sum(amount) FILTER (WHERE bucket = 'appropriation') AS appropriated,
               sum(amount) FILTER (
                   WHERE bucket IN ('expired', 'refund_due', 'returned', 'deposit', 'reserved', 'debt')
                      OR (elsewhere AND bucket IN ('available', 'held', 'payable', 'in_transit', 'paid', 'owed'))
               ) AS elsewhere,
               sum(amount) FILTER (WHERE bucket = 'expired') AS expired,
               sum(amount) FILTER (WHERE bucket = 'refund_due') AS refund_due,
               sum(amount) FILTER (WHERE bucket = 'returned') AS returned,
               sum(amount) FILTER (WHERE bucket = 'deposit') AS deposit,
               sum(amount) FILTER (WHERE bucket = 'reserved') AS reserved,
               sum(amount) FILTER (WHERE bucket = 'debt') AS debt,
               sum(amount) FILTER (WHERE bucket = 'held') AS held,
               sum(amount) FILTER (WHERE bucket = 'payable') AS payable,
               sum(amount) FILTER (WHERE bucket = 'in_transit') AS in_transit,
               sum(amount) FILTER (WHERE bucket = 'paid') AS paid,
               sum(amount) FILTER (WHERE bucket = 'owed') AS owed
          FROM sums GROUP BY scheme_id, fund
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
               greatest(posted.appropriated, posted.owed, posted.debt) AS must_not_be_positive,
               least(posted.expired, posted.refund_due, posted.returned, posted.held, posted.payable,
                     posted.in_transit, posted.paid, posted.deposit, posted.reserved) AS must_not_be_negative
          FROM posted
          FULL JOIN lots USING (scheme_id, fund)
          FULL JOIN budgets USING (scheme_id, fund)
    )
    SELECT fault.code, format('scheme:%s:%s', together.scheme_id, together.fund),
           format('appropriated %s, accounted for %s', together.appropriated, together.accounted)
      FROM together
      {faults_of(_SCHEME_FAULTS)}
"""

GROUP = Group(
    checks=[
        SqlCheck("lots", {"balance_differs": 3, "lot_below_zero": 4, "lot_fund": 6, "lot_currency": 1}, LOTS),
        SqlCheck("budgets", {"balance_differs": 3, "budget_below_zero": 4, "budget_currency": 1}, BUDGETS),
        SqlCheck("other schemes", {"entry_of_another_scheme": 6}, FOREIGNERS),
        SqlCheck("schemes", {"appropriation_unaccounted": 6, "bucket_of_wrong_sign": 6}, SCHEMES),
    ],
    counts=[
        Count(3, "SELECT (SELECT 3 * count(*) FROM funding_lot) + (SELECT count(*) FROM funding_budget)"),
        Count(
            4,
            "SELECT (SELECT count(*) FROM funding_lot) + (SELECT count(*) FROM funding_budget)"
            " + (SELECT count(*) FROM catalogue_sessionseats)",
        ),
        Count(6, "SELECT count(*) * 3 FROM funding_scheme"),
    ],
)
