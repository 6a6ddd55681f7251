"""The one function that writes the journal and moves balances.

It runs with its owner's rights: the application role itself may not write postings or balances.
"""

from django.db import migrations

INSTALL = """
CREATE FUNCTION ledger_post(
    p_scheme bigint, p_kind text, p_currency text, p_key text, p_actor bigint, p_at timestamptz, p_reverses bigint,
    p_buckets text[], p_funds text[], p_amounts bigint[], p_lots bigint[], p_budgets bigint[], p_bookings bigint[],
    OUT entry_id bigint, OUT created boolean
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    balanced boolean;
    lots_found boolean;
BEGIN
    INSERT INTO funding_journalentry (scheme_id, kind, currency, idempotency_key, actor_id, occurred_at, reverses_id)
    VALUES (p_scheme, p_kind, p_currency, p_key, p_actor, p_at, p_reverses)
    ON CONFLICT (scheme_id, idempotency_key) DO NOTHING
    RETURNING id INTO entry_id;
    created := entry_id IS NOT NULL;

    IF NOT created THEN
        SELECT id INTO entry_id FROM funding_journalentry WHERE scheme_id = p_scheme AND idempotency_key = p_key;
        IF EXISTS (
            (SELECT bucket::text, fund::text, amount_cents, lot_id, budget_id, booking_id
               FROM funding_posting p WHERE p.entry_id = ledger_post.entry_id
             EXCEPT ALL
             SELECT * FROM unnest(p_buckets, p_funds, p_amounts, p_lots, p_budgets, p_bookings))
            UNION ALL
            (SELECT * FROM unnest(p_buckets, p_funds, p_amounts, p_lots, p_budgets, p_bookings)
             EXCEPT ALL
             SELECT bucket::text, fund::text, amount_cents, lot_id, budget_id, booking_id
               FROM funding_posting p WHERE p.entry_id = ledger_post.entry_id)
        ) THEN
            RAISE EXCEPTION 'key % was used for another entry', p_key
                USING ERRCODE = 'unique_violation', CONSTRAINT = 'journalentry_key_payload';
        END IF;
        RETURN;
    END IF;

    -- Balances: lots in the order of their ids, then budgets, which many want, last. One lot needs no order.
    IF cardinality(array_remove(array_remove(p_lots, NULL), p_lots[1])) > 0 THEN
        PERFORM 1 FROM funding_lot WHERE id = ANY (p_lots) ORDER BY id FOR NO KEY UPDATE;
    END IF;

    WITH line AS MATERIALIZED (
        SELECT * FROM unnest(p_buckets, p_funds, p_amounts, p_lots, p_budgets, p_bookings)
            AS line(bucket, fund, amount, lot, budget, booking)
    ), posted AS (
        INSERT INTO funding_posting (entry_id, bucket, fund, amount_cents, lot_id, budget_id, booking_id)
        SELECT ledger_post.entry_id, line.* FROM line
    ), moved AS (
        SELECT line.lot,
               coalesce(sum(amount) FILTER (WHERE bucket = 'available'), 0) AS available,
               coalesce(sum(amount) FILTER (WHERE bucket IN ('held', 'payable', 'in_transit')), 0) AS held,
               coalesce(sum(amount) FILTER (WHERE bucket IN ('paid', 'owed')), 0) AS spent
          FROM line WHERE line.lot IS NOT NULL GROUP BY line.lot
    ), lots AS (
        UPDATE funding_lot AS lot
           SET available_cents = lot.available_cents + moved.available,
               held_cents = lot.held_cents + moved.held,
               spent_cents = lot.spent_cents + moved.spent
          FROM moved WHERE lot.id = moved.lot
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM line) >= 2
           AND NOT EXISTS (SELECT 1 FROM line GROUP BY fund HAVING sum(amount) <> 0),
           (SELECT count(*) FROM moved) = (SELECT count(*) FROM lots)
      INTO balanced, lots_found;
    IF NOT balanced THEN
        RAISE EXCEPTION 'entry % does not balance', p_key
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journalentry_balanced';
    END IF;
    IF NOT lots_found THEN
        RAISE EXCEPTION 'entry % names a lot that is not there', p_key
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'posting_lot_exists';
    END IF;

    IF 'budget' = ANY (p_buckets) THEN
        UPDATE funding_budget AS budget
           SET available_cents = budget.available_cents + moved.amount
          FROM (
            SELECT line.budget, sum(amount) AS amount
              FROM unnest(p_buckets, p_amounts, p_budgets) AS line(bucket, amount, budget)
             WHERE line.bucket = 'budget' GROUP BY line.budget
          ) AS moved
         WHERE budget.id = moved.budget;
    END IF;
END $$;

REVOKE ALL ON FUNCTION ledger_post FROM PUBLIC;

ALTER TABLE funding_lot SET (fillfactor = 50);
ALTER TABLE funding_budget SET (fillfactor = 50);
ALTER TABLE funding_booking SET (fillfactor = 70);
"""

REMOVE = "DROP FUNCTION ledger_post"


class Migration(migrations.Migration):
    dependencies = [("funding", "0001_initial")]
    operations = [migrations.RunSQL(INSTALL, REMOVE)]
