"""The yearly credit of other schemes: flat, once, for citizens or residents, up to a lifetime's sum."""

from django.db import migrations

# As funding/schemes/accrual.py, which tests compare with. Rules that name none of the new conditions are as before.
INSTALL = """
CREATE OR REPLACE FUNCTION ledger_accrue(
    p_scheme bigint, p_year smallint, p_first bigint, p_last bigint, p_budget bigint, p_actor bigint,
    p_at timestamptz, p_expires date, p_rules jsonb, OUT credited bigint, OUT cents bigint
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan
SET work_mem = '32MB'
-- Shorter than deadlock_timeout: whoever books is never the one to give way, the chunk is simply repeated.
SET lock_timeout = '500ms'
AS $$
DECLARE
    v_currency text := (SELECT currency FROM funding_scheme WHERE id = p_scheme);
    v_statuses text[] := ARRAY(SELECT jsonb_array_elements_text(p_rules->'statuses'));
    v_cap_sources text[] := ARRAY(SELECT jsonb_array_elements_text(p_rules->'cap_sources'));
    v_credit bigint := (p_rules->>'credit_cents')::bigint;
    v_cap bigint := (p_rules->>'cap_cents')::bigint;
    v_low_credit bigint := (p_rules->>'low_credit_cents')::bigint;
    v_low_cap bigint := (p_rules->>'low_cap_cents')::bigint;
    v_low_below integer := (p_rules->>'low_below_level')::integer;
    v_low_if_disabled boolean := (p_rules->>'low_if_disabled')::boolean;
    v_full_hours bigint := (p_rules->>'full_year_hours')::bigint;
    v_full_percent bigint := (p_rules->>'full_credit_percent')::bigint;
    v_citizens_of text := p_rules->>'citizens_of';
    v_residents_of text := p_rules->>'residents_of';
    v_lifetime bigint := (p_rules->>'lifetime_cents')::bigint;
    v_once boolean := coalesce((p_rules->>'once')::boolean, false);
    v_wait interval := make_interval(years => (p_rules->>'wait_years')::integer);
    v_zone text := p_rules->>'zone';
    v_as_of date := (p_rules->>'as_of')::date;
BEGIN
    IF p_expires IS NOT NULL THEN
        -- The year may stand on a lot of another expiry: only the account's lock tells two calls apart.
        PERFORM 1 FROM funding_learningaccount
          WHERE scheme_id = p_scheme AND id BETWEEN p_first AND p_last ORDER BY id FOR NO KEY UPDATE;
    END IF;

    WITH worked AS (
        SELECT account.id AS account_id, lots.lot_id, coalesce(lots.balance, 0) AS balance,
               v_lifetime - coalesce(lots.had, 0) AS left_of_lifetime,
               CASE WHEN low.qualified THEN v_low_credit ELSE v_credit END AS full_credit,
               CASE WHEN low.qualified THEN v_low_cap ELSE v_cap END AS cap,
               CASE WHEN citizen.annual_hours IS NULL THEN (citizen.hours_ratio * 10000)::bigint * v_full_hours
                    ELSE (citizen.annual_hours * 10000)::bigint END AS hours
          FROM funding_learningaccount AS account
          JOIN accounts_citizen AS citizen ON citizen.id = account.citizen_id
          CROSS JOIN LATERAL (
            SELECT v_low_credit IS NOT NULL AND (
                coalesce(citizen.qualification_level < v_low_below, false)
                OR (v_low_if_disabled AND citizen.disabled)) AS qualified
          ) AS low
          LEFT JOIN (
            SELECT lot.account_id,
                   max(lot.id) FILTER (WHERE lot.source = 'rights' AND lot.earmark = ''
                                         AND lot.expires_on IS NOT DISTINCT FROM p_expires) AS lot_id,
                   sum(lot.available_cents + lot.held_cents)
                       FILTER (WHERE lot.source = ANY (v_cap_sources))::bigint AS balance,
                   sum(lot.available_cents + lot.held_cents + lot.spent_cents)
                       FILTER (WHERE lot.source = ANY (v_cap_sources))::bigint AS had,
                   sum(lot.available_cents) FILTER (WHERE lot.source = ANY (v_cap_sources)) AS left_over,
                   bool_or(lot.source = 'rights' AND cardinality(lot.accrued_years) > 0) AS credited,
                   bool_or(lot.source = 'rights' AND p_year = ANY (lot.accrued_years)) AS done
              FROM funding_lot AS lot
             WHERE lot.account_id BETWEEN p_first AND p_last
             GROUP BY lot.account_id
          ) AS lots ON lots.account_id = account.id
         WHERE account.scheme_id = p_scheme AND account.id BETWEEN p_first AND p_last
           AND citizen.status = ANY (v_statuses) AND lots.done IS NOT TRUE
           AND (v_citizens_of IS NULL OR citizen.citizenship = v_citizens_of)
           AND (v_residents_of IS NULL OR citizen.residence = v_residents_of)
           -- Once: again only when the years of waiting are over since the acceptance that emptied the account.
           AND (NOT v_once OR lots.credited IS NOT TRUE OR (v_wait IS NOT NULL AND lots.left_over = 0 AND v_as_of >= (
                SELECT (max(booking.accepted_at) AT TIME ZONE v_zone)::date + v_wait
                  FROM funding_booking AS booking
                  JOIN funding_allocation AS share ON share.booking_id = booking.id
                  JOIN funding_lot AS used ON used.id = share.lot_id
                 WHERE booking.account_id = account.id AND used.source = ANY (v_cap_sources)
                   AND share.amount_cents > share.returned_cents)))
        OFFSET 0 -- keeps the columns above from being reckoned once for each of their uses below
    ), due AS MATERIALIZED (
        SELECT account_id, lot_id,
               greatest(0, least(
                   CASE WHEN hours * 100 >= v_full_percent * v_full_hours * 10000 THEN full_credit
                        ELSE (full_credit * hours + v_full_hours * 10000 - 1) / (v_full_hours * 10000) END,
                   cap - balance, left_of_lifetime)) AS credit
          FROM worked
    ), grown AS (
        UPDATE funding_lot AS lot
           SET available_cents = lot.available_cents + due.credit, accrued_years = lot.accrued_years || p_year
          FROM due
         WHERE lot.id = due.lot_id AND lot.account_id BETWEEN p_first AND p_last
           AND NOT p_year = ANY (lot.accrued_years) -- asked again of a row that another call has just changed
        RETURNING lot.id, due.account_id, due.credit
    ), opened AS (
        INSERT INTO funding_lot (account_id, source, fund, currency, expires_on, earmark, available_cents,
                                 held_cents, spent_cents, accrued_years, created_at)
        SELECT account_id, 'rights', 'public', v_currency, p_expires, '', credit, 0, 0, ARRAY[p_year], p_at
          FROM due WHERE lot_id IS NULL
        RETURNING id, account_id, available_cents AS credit
    ), moved AS (
        SELECT * FROM grown UNION ALL SELECT * FROM opened
    ), entry AS (
        -- An account receives a year once, so no other entry of the year can begin with the same account.
        INSERT INTO funding_journalentry (scheme_id, kind, currency, idempotency_key, actor_id, occurred_at)
        SELECT p_scheme, 'accrue', v_currency, format('accrue:%s:%s', p_year, min(account_id)), p_actor, p_at
          FROM moved WHERE credit > 0 HAVING count(*) > 0
        RETURNING id
    ), posted AS (
        INSERT INTO funding_posting (entry_id, bucket, fund, amount_cents, lot_id)
        SELECT entry.id, 'available', 'public', moved.credit, moved.id
          FROM entry CROSS JOIN moved WHERE moved.credit > 0
    ), taken AS (
        INSERT INTO funding_posting (entry_id, bucket, fund, amount_cents, budget_id)
        SELECT entry.id, 'budget', 'public', -(SELECT sum(credit) FROM moved), p_budget FROM entry
    )
    SELECT count(*) FILTER (WHERE credit > 0), coalesce(sum(credit), 0) INTO credited, cents FROM moved;

    -- The budget, which every chunk wants, last.
    IF cents > 0 THEN
        UPDATE funding_budget SET available_cents = available_cents - cents
         WHERE id = p_budget AND scheme_id = p_scheme AND currency = v_currency;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'budget % is none of scheme %', p_budget, p_scheme
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'budget_of_scheme';
        END IF;
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("funding", "0008_add_windows")]
    # The earlier body is a part of this one: going back leaves it in place.
    operations = [migrations.RunSQL(INSTALL, migrations.RunSQL.noop)]
