"""Bookings: seats (4), what each holds (5), and the learner's consent (8)."""

from funding.audit.checks import Count, Group, SqlCheck
from funding.models import BookingState
from funding.models.bookings import CONSENTED_STATES, SEATED_STATES

S = BookingState


def _listed(states: tuple[BookingState, ...]) -> str:
    return ", ".join(f"'{state.value}'" for state in states)


SEATS = f"""
    WITH live AS (
        SELECT session_id, count(*) AS bookings FROM funding_booking
         WHERE state IN ({_listed(SEATED_STATES)})
            OR (state = '{S.DISPUTED.value}' AND state_before_dispute IN ({_listed(SEATED_STATES)}))
         GROUP BY session_id
    )
    SELECT fault.code, 'session:' || coalesce(seats.session_id, live.session_id),
           format('%s taken, %s live bookings, %s seats',
                  seats.taken, coalesce(live.bookings, 0), seats.seats)
      FROM catalogue_sessionseats AS seats FULL JOIN live ON live.session_id = seats.session_id
      CROSS JOIN LATERAL (VALUES
        ('seats_differ', seats.taken IS DISTINCT FROM coalesce(live.bookings, 0)),
        ('seats_overbooked', seats.taken > seats.seats OR seats.taken < 0 OR live.bookings > seats.seats)
      ) AS fault (code, found)
     WHERE fault.found
"""

# shares: what each source was to pay, by the allocations; sums: where its money stands, by the postings.
HELD = f"""
    WITH shares AS (
        SELECT booking_id, coalesce(lot_id, 0) AS lot, coalesce(budget_id, 0) AS budget, fund,
               sum(amount_cents) FILTER (WHERE NOT reimburses) AS amount, sum(paid_cents) AS paid,
               sum(amount_cents) FILTER (WHERE reimburses) AS to_reimburse,
               sum(amount_cents - returned_cents - paid_cents) AS outstanding
          FROM funding_allocation GROUP BY 1, 2, 3, 4
    ), sums AS (
        SELECT booking_id, coalesce(lot_id, 0) AS lot, coalesce(budget_id, 0) AS budget, fund,
               coalesce(sum(amount_cents) FILTER (WHERE bucket IN ('held', 'payable', 'in_transit')), 0)
                   AS outstanding,
               coalesce(sum(amount_cents) FILTER (WHERE bucket IN ('paid', 'owed')), 0) AS paid,
               coalesce(least(
                   sum(amount_cents) FILTER (WHERE bucket = 'held'),
                   sum(amount_cents) FILTER (WHERE bucket = 'payable'),
                   sum(amount_cents) FILTER (WHERE bucket = 'in_transit'),
                   sum(amount_cents) FILTER (WHERE bucket = 'paid')), 0) AS lowest,
               coalesce(sum(amount_cents) FILTER (WHERE fund = 'own'), 0) AS own
          FROM funding_posting WHERE booking_id IS NOT NULL GROUP BY 1, 2, 3, 4
    )
    SELECT fault.code, 'booking:' || booking_id,
           format('%s %s: allocated %s outstanding and %s paid; posted %s and %s', fund, nullif(lot, 0),
                  coalesce(shares.outstanding, 0), coalesce(shares.paid, 0), coalesce(sums.outstanding, 0),
                  coalesce(sums.paid, 0))
      FROM shares FULL JOIN sums USING (booking_id, lot, budget, fund)
      CROSS JOIN LATERAL (VALUES
        ('held_differs', coalesce(shares.outstanding, 0) <> coalesce(sums.outstanding, 0)),
        ('paid_differs', coalesce(shares.paid, 0) <> coalesce(sums.paid, 0)),
        ('held_below_zero', sums.lowest < 0),
        ('own_money_unequal', sums.own <> 0)
      ) AS fault (code, found)
     WHERE fault.found
     UNION ALL
    SELECT fault.code, 'booking:' || booking.id,
           format('%s: price %s, allocated %s, outstanding %s', booking.state, booking.price_cents,
                  coalesce(total.amount, 0), coalesce(total.outstanding, 0))
      FROM funding_booking AS booking
      LEFT JOIN (
        SELECT booking_id, sum(amount) AS amount, sum(outstanding) AS outstanding,
               coalesce(sum(to_reimburse), 0) AS to_reimburse
          FROM shares GROUP BY booking_id
      ) AS total ON total.booking_id = booking.id
      LEFT JOIN (
        SELECT booking_id, sum(amount_cents) AS unpaid,
               sum(amount_cents) FILTER (WHERE state = 'in_batch') AS away
          FROM funding_claim WHERE state IN ('approved', 'in_batch', 'returned') GROUP BY booking_id
      ) AS claim ON claim.booking_id = booking.id
      JOIN funding_learningaccount AS account ON account.id = booking.account_id
      JOIN funding_scheme AS scheme ON scheme.id = account.scheme_id
      CROSS JOIN LATERAL (VALUES
        ('price_not_allocated',
         coalesce(total.amount, 0)
            <> CASE WHEN booking.accepted_at IS NULL THEN 0 ELSE booking.price_cents END),
        ('ended_and_still_holds',
         coalesce(total.outstanding, 0) > CASE
            -- What the bank sent back is to be paid again.
            WHEN booking.state = '{S.SETTLED.value}' THEN coalesce(claim.unpaid, 0)
            WHEN booking.state IN ({_listed((S.WITHDRAWN, S.CANCELLED_BY_PROVIDER, S.CANCELLED_BY_FUNDER))})
                OR (booking.state IN ({_listed((S.CANCELLED_BY_LEARNER, S.NO_SHOW))})
                    AND booking.realised_percent IS NULL)
            THEN coalesce(claim.away, 0)
            -- What the learner is given back of the price is kept beside it.
            ELSE booking.price_cents + coalesce(total.to_reimburse, 0) END),
        ('booking_currency', booking.currency <> scheme.currency)
      ) AS fault (code, found)
     WHERE fault.found
"""

# Acceptance and consent are one act: one transaction, the learner's own, under the learner's own sign-in.
CONSENTS = f"""
    WITH accepted AS (
        SELECT subject_id AS booking_id, max(transaction_id) AS transaction_id, min(actor_id) AS actor_id
          FROM funding_bookinglog WHERE transition IN ('accept', 'grant') GROUP BY subject_id
    ), given AS (
        SELECT subject_id AS consent_id, max(transaction_id) AS transaction_id, min(actor_id) AS actor_id
          FROM accounts_consentlog WHERE transition = 'give' GROUP BY subject_id
    )
    SELECT fault.code, 'booking:' || booking.id, concat_ws(' ', booking.state, 'consent', booking.consent_id)
      FROM funding_booking AS booking
      JOIN funding_learningaccount AS account ON account.id = booking.account_id
      JOIN accounts_citizen AS citizen ON citizen.id = account.citizen_id
      LEFT JOIN funding_schemeversion AS version ON version.id = booking.scheme_version_id
      LEFT JOIN accounts_consent AS consent ON consent.id = booking.consent_id
      LEFT JOIN accounts_signin AS signin ON signin.id = consent.sign_in_id
      LEFT JOIN accepted ON accepted.booking_id = booking.id
      LEFT JOIN given ON given.consent_id = consent.id
      CROSS JOIN LATERAL (VALUES
        ('consent_missing', consent.id IS NULL),
        ('consent_of_somebody_else', consent.citizen_id <> account.citizen_id),
        ('consent_not_given', consent.state NOT IN ('given', 'withdrawn')),
        ('consent_withdrawn', consent.state = 'withdrawn' AND booking.disputed_at IS NULL),
        ('consent_without_sign_in', consent.id IS NOT NULL AND signin.id IS NULL),
        ('sign_in_of_somebody_else', signin.id IS NOT NULL
            AND signin.user_id IS DISTINCT FROM citizen.user_id),
        ('sign_in_after_consent', signin.at > consent.answered_at),
        ('sign_in_too_weak', signin.assurance <> 'strong'
            AND coalesce((version.rules->>'strong_identity_required')::boolean, true)),
        ('rules_missing', version.id IS NULL),
        ('consent_text_altered',
            consent.text_hash <> encode(sha256(convert_to(consent.text, 'UTF8')), 'hex')),
        ('consent_not_of_this_act', consent.id IS NOT NULL
            AND given.transaction_id IS DISTINCT FROM accepted.transaction_id),
        ('accepted_by_somebody_else', accepted.actor_id IS DISTINCT FROM citizen.user_id
            OR (given.consent_id IS NOT NULL AND given.actor_id IS DISTINCT FROM citizen.user_id))
      ) AS fault (code, found)
     WHERE (booking.accepted_at IS NOT NULL OR booking.state IN ({_listed(CONSENTED_STATES)})) AND fault.found
"""

_ACCEPTED = "SELECT count(*) FROM funding_booking WHERE accepted_at IS NOT NULL"

GROUP = Group(
    checks=[
        SqlCheck("seats", {"seats_differ": 4, "seats_overbooked": 4}, SEATS),
        SqlCheck(
            "what bookings hold",
            {
                "held_differs": 5,
                "paid_differs": 5,
                "held_below_zero": 5,
                "own_money_unequal": 5,
                "price_not_allocated": 5,
                "ended_and_still_holds": 5,
                "booking_currency": 1,
            },
            HELD,
        ),
        SqlCheck(
            "consents",
            dict.fromkeys(
                (
                    "consent_missing",
                    "consent_of_somebody_else",
                    "consent_not_given",
                    "consent_withdrawn",
                    "consent_without_sign_in",
                    "sign_in_of_somebody_else",
                    "sign_in_after_consent",
                    "sign_in_too_weak",
                    "rules_missing",
                    "consent_text_altered",
                    "consent_not_of_this_act",
                    "accepted_by_somebody_else",
                ),
                8,
            ),
            CONSENTS,
        ),
    ],
    counts=[Count(5, "SELECT count(*) FROM funding_allocation"), Count(8, _ACCEPTED)],
)
