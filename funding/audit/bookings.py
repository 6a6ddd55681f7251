"""Bookings: seats (4), what each holds (5), and the learner's consent (8)."""

from django.conf import settings

from funding.audit.checks import Count, Group, SqlCheck, faults_of
from funding.models import BookingState
from funding.models.bookings import (
    ALL_BACK_STATES,
    CONSENTED_STATES,
    PERHAPS_OWED_STATES,
    SEATED_STATES,
)

S = BookingState


def _listed(states: tuple[BookingState, ...]) -> str:
    return ", ".join(f"'{state.value}'" for state in states)


_SEAT_FAULTS = {
    "seats_differ": "coalesce(seats.taken, -1) <> coalesce(live.bookings, 0)",
    "seats_overbooked": "seats.taken > seats.seats OR seats.taken < 0 OR live.bookings > seats.seats",
}
SEATS = f"""
    WITH live AS (
        SELECT session_id, count(*) AS bookings
          FROM (
            SELECT session_id FROM funding_booking
             WHERE state IN ({_listed(SEATED_STATES)})
                OR (state = '{S.DISPUTED.value}' AND state_before_dispute IN ({_listed(SEATED_STATES)}))
             UNION ALL
            -- A seat is kept while its learner pays.
            SELECT session_id FROM funding_reservation WHERE ended_at IS NULL
          ) AS seated
         GROUP BY session_id
    )
    SELECT fault.code, 'session:' || coalesce(seats.session_id, live.session_id),
           format('%s taken, %s live bookings, %s seats',
                  seats.taken, coalesce(live.bookings, 0), seats.seats)
      FROM catalogue_sessionseats AS seats FULL JOIN live ON live.session_id = seats.session_id
      {faults_of(_SEAT_FAULTS)}
"""

_HELD_FAULTS = {
    "held_differs": "coalesce(shares.outstanding, 0) <> coalesce(sums.outstanding, 0)",
    "paid_differs": "coalesce(shares.paid, 0) <> coalesce(sums.paid, 0)",
    "held_below_zero": "sums.held < 0 OR sums.payable < 0 OR sums.in_transit < 0 OR sums.paid_out < 0",
    # Own money: what came in is what is held, paid or to be refunded.
    "own_money_unequal": "lot = 0 AND budget = 0 AND sums.total <> 0",
}
_BOOKING_FAULTS = {
    "price_not_allocated": "coalesce(total.amount, 0)"
    " <> CASE WHEN booking.accepted_at IS NULL THEN 0 ELSE booking.price_cents END",
    # What the bank sent back is to be paid again; what is with the bank comes back with its word. What the
    # learner is given back of the price is kept beside it.
    "ended_and_still_holds": f"""coalesce(total.outstanding, 0) > CASE
        WHEN booking.state = '{S.SETTLED.value}' THEN coalesce(claim.unpaid, 0)
        WHEN booking.state IN ({_listed(ALL_BACK_STATES)})
            OR (booking.state IN ({_listed(PERHAPS_OWED_STATES)}) AND booking.realised_percent IS NULL)
        THEN coalesce(claim.away, 0)
        ELSE booking.price_cents + total.to_reimburse END""",
    "booking_currency": "booking.currency <> scheme.currency",
}
# shares: what each source was to pay, by the allocations; sums: where its money stands, by the postings.
HELD = f"""
    WITH shares AS MATERIALIZED (
        SELECT booking_id, coalesce(lot_id, 0) AS lot, coalesce(budget_id, 0) AS budget,
               sum(amount_cents) FILTER (WHERE NOT reimburses) AS amount, sum(paid_cents) AS paid,
               sum(amount_cents) FILTER (WHERE reimburses) AS to_reimburse,
               sum(amount_cents - returned_cents - paid_cents) AS outstanding
          FROM funding_allocation GROUP BY 1, 2, 3
    ), sums AS (
        SELECT booking_id, coalesce(lot_id, 0) AS lot, coalesce(budget_id, 0) AS budget,
               sum(amount_cents) FILTER (WHERE bucket IN ('held', 'payable', 'in_transit')) AS outstanding,
               sum(amount_cents) FILTER (WHERE bucket IN ('paid', 'owed')) AS paid,
               sum(amount_cents) FILTER (WHERE bucket = 'held') AS held,
               sum(amount_cents) FILTER (WHERE bucket = 'payable') AS payable,
               sum(amount_cents) FILTER (WHERE bucket = 'in_transit') AS in_transit,
               sum(amount_cents) FILTER (WHERE bucket = 'paid') AS paid_out,
               sum(amount_cents) AS total
          FROM funding_posting WHERE booking_id IS NOT NULL GROUP BY 1, 2, 3
    )
    SELECT fault.code, 'booking:' || booking_id,
           format('lot %s: allocated %s outstanding and %s paid; posted %s and %s', lot,
                  coalesce(shares.outstanding, 0), coalesce(shares.paid, 0), coalesce(sums.outstanding, 0),
                  coalesce(sums.paid, 0))
      FROM shares FULL JOIN sums USING (booking_id, lot, budget)
      {faults_of(_HELD_FAULTS)}
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
          FROM funding_claim
         WHERE state IN ('approved', 'in_batch', 'returned') AND kind <> 'refund' GROUP BY booking_id
      ) AS claim ON claim.booking_id = booking.id
      JOIN funding_learningaccount AS account ON account.id = booking.account_id
      JOIN funding_scheme AS scheme ON scheme.id = account.scheme_id
      {faults_of(_BOOKING_FAULTS)}
"""

_CONSENT_FAULTS = {
    "consent_missing": "consent.id IS NULL",
    "consent_of_somebody_else": "consent.citizen_id <> account.citizen_id",
    "consent_not_given": "consent.state NOT IN ('given', 'withdrawn')",
    "consent_withdrawn": "consent.state = 'withdrawn' AND booking.disputed_at IS NULL",
    "consent_without_sign_in": "consent.id IS NOT NULL AND signin.id IS NULL",
    "sign_in_of_somebody_else": "signin.user_id <> coalesce(citizen.user_id, 0)",
    "sign_in_after_consent": "signin.at > consent.answered_at",
    "sign_in_too_weak": "signin.assurance <> 'strong' AND version.strong",
    "sign_in_too_old": "version.strong AND signin.at <= consent.answered_at"
    f" - interval '{settings.CONSENT_SIGN_IN_MINUTES} minutes'",
    "rules_missing": "version.id IS NULL",
    "consent_text_altered": "consent.text_hash <> encode(sha256(convert_to(consent.text, 'UTF8')), 'hex')",
    "consent_not_of_this_act": "consent.id IS NOT NULL"
    " AND coalesce(given.transaction_id, 0) <> coalesce(accepted.transaction_id, -1)",
    "accepted_by_somebody_else": "coalesce(accepted.actor_id, 0) <> coalesce(citizen.user_id, -1)"
    " OR given.actor_id <> coalesce(citizen.user_id, -1)",
}
# Acceptance and consent are one act: one transaction, the learner's own, under the learner's own sign-in.
CONSENTS = f"""
    WITH accepted AS (
        SELECT subject_id AS booking_id, max(transaction_id) AS transaction_id, min(actor_id) AS actor_id
          FROM funding_bookinglog WHERE transition IN ('accept', 'grant') GROUP BY subject_id
    ), given AS (
        SELECT subject_id AS consent_id, max(transaction_id) AS transaction_id, min(actor_id) AS actor_id
          FROM accounts_consentlog WHERE transition = 'give' GROUP BY subject_id
    ), version AS MATERIALIZED (
        SELECT id, coalesce((rules->>'strong_identity_required')::boolean, true) AS strong
          FROM funding_schemeversion
    )
    SELECT fault.code, 'booking:' || booking.id, concat_ws(' ', booking.state, 'consent', booking.consent_id)
      FROM (
        SELECT * FROM funding_booking WHERE accepted_at IS NOT NULL OR state IN ({_listed(CONSENTED_STATES)})
      ) AS booking
      JOIN funding_learningaccount AS account ON account.id = booking.account_id
      JOIN accounts_citizen AS citizen ON citizen.id = account.citizen_id
      LEFT JOIN version ON version.id = booking.scheme_version_id
      LEFT JOIN accounts_consent AS consent ON consent.id = booking.consent_id
      LEFT JOIN accounts_signin AS signin ON signin.id = consent.sign_in_id
      LEFT JOIN accepted ON accepted.booking_id = booking.id
      LEFT JOIN given ON given.consent_id = consent.id
      {faults_of(_CONSENT_FAULTS)}
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
                    "sign_in_too_old",
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
