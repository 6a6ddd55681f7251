"""Grants from windows: each from its own window, in its time and budget, once for a person, and counted (4, 5, 10)."""

from funding.audit.checks import Group, SqlCheck

APPLICATIONS = """
    WITH granted AS (
        SELECT booking_id, sum(amount_cents) AS amount, min(budget_id) AS budget, max(budget_id) AS other
          FROM funding_allocation WHERE source = 'grant' GROUP BY booking_id
    ), part AS (
        SELECT id AS window_id, budget_id FROM funding_window
         UNION ALL SELECT window_id, budget_id FROM funding_budgetslice
    )
    SELECT fault.code, 'booking:' || coalesce(application.booking_id, granted.booking_id),
           concat_ws(' ', 'window', application.window_id, 'granted', application.grant_cents)
      FROM funding_application AS application
      FULL JOIN granted ON granted.booking_id = application.booking_id
      LEFT JOIN funding_window AS one ON one.id = application.window_id
      LEFT JOIN funding_booking AS booking ON booking.id = application.booking_id
      CROSS JOIN LATERAL (VALUES
        ('grant_without_application', application.booking_id IS NULL),
        ('grant_differs', application.booking_id IS NOT NULL
            AND granted.amount IS DISTINCT FROM application.grant_cents),
        ('grant_of_other_budget', granted.budget <> granted.other OR granted.budget IS NOT NULL AND one.id IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM part WHERE part.window_id = one.id AND part.budget_id = granted.budget)),
        ('granted_before_its_turn', one.admissions_per_s IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM funding_place AS place
             WHERE place.window_id = one.id AND place.account_id = application.account_id
               AND place.turn_at <= application.applied_at)),
        ('granted_outside_window', application.applied_at < one.opens_at
            OR application.applied_at >= one.closes_at),
        ('grant_of_somebody_else', application.account_id <> booking.account_id)
      ) AS fault (code, found)
     WHERE fault.found
"""

COUNTS = """
    WITH given AS (
        SELECT scheme_id, credential_id, year, count(*) AS grants
          FROM (
            SELECT account.scheme_id, booking.credential_id, application.year
              FROM funding_application AS application
              JOIN funding_booking AS booking ON booking.id = application.booking_id
              JOIN funding_learningaccount AS account ON account.id = application.account_id
             UNION ALL
            -- A grant is kept while its learner pays their own part.
            SELECT payment.scheme_id, booking.credential_id, reservation.year
              FROM funding_reservation AS reservation
              JOIN funding_cardpayment AS payment ON payment.id = reservation.payment_id
              JOIN funding_booking AS booking ON booking.id = payment.booking_id
             WHERE reservation.ended_at IS NULL AND reservation.window_id IS NOT NULL
          ) AS counting
         GROUP BY 1, 2, 3
    )
    SELECT 'grants_miscounted', 'microcredential:' || credential_id,
           format('%s: counted %s, given %s', year, coalesce(counted.granted, 0), coalesce(given.grants, 0))
      FROM funding_grantcount AS counted FULL JOIN given USING (scheme_id, credential_id, year)
     WHERE coalesce(counted.granted, 0) <> coalesce(given.grants, 0)
     UNION ALL
    SELECT 'granted_twice', 'learningaccount:' || account_id, once_key
      FROM funding_application WHERE once_key IS NOT NULL GROUP BY account_id, once_key HAVING count(*) > 1
"""

# What a learner pays themselves goes to the provider, or came in here by card or transfer: only that may be claimed.
OWN_PARTS = """
    SELECT fault.code, 'booking:' || allocation.booking_id,
           format('own part %s, came %s', allocation.amount_cents, coalesce(paid.cents, 0))
      FROM funding_allocation AS allocation
      LEFT JOIN (
        SELECT booking_id, sum(applied_cents) AS cents
          FROM (
            SELECT booking_id, applied_cents FROM funding_cardpayment WHERE booking_id IS NOT NULL
             UNION ALL
            SELECT booking_id, applied_cents FROM funding_owntransfer
          ) AS came
         GROUP BY booking_id
      ) AS paid ON paid.booking_id = allocation.booking_id
     CROSS JOIN LATERAL (VALUES
        ('direct_part_claimed', allocation.direct AND EXISTS (
            SELECT 1 FROM funding_claimline AS line JOIN funding_claim AS claim ON claim.id = line.claim_id
             WHERE line.allocation_id = allocation.id AND claim.state <> 'rejected')),
        ('direct_part_paid_here', allocation.direct AND paid.cents > 0),
        -- Where nothing came by card or transfer at all, it counts as paid here: a replay's.
        ('own_part_differs', NOT allocation.direct AND paid.cents > 0 AND paid.cents <> allocation.amount_cents)
      ) AS fault (code, found)
     WHERE allocation.source = 'learner' AND fault.found
"""

GROUP = Group(
    checks=[
        SqlCheck(
            "applications",
            {
                "grant_without_application": 5,
                "grant_differs": 5,
                "grant_of_other_budget": 5,
                "granted_outside_window": 4,
                "granted_before_its_turn": 4,
                "grant_of_somebody_else": 8,
            },
            APPLICATIONS,
        ),
        SqlCheck(
            "own parts",
            {"direct_part_claimed": 5, "direct_part_paid_here": 5, "own_part_differs": 5},
            OWN_PARTS,
        ),
        SqlCheck("grants counted", {"grants_miscounted": 4, "granted_twice": 10}, COUNTS),
    ],
    counts=[],
)
