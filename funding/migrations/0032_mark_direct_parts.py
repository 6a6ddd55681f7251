"""What learners pay above grants given so far never came in here (decision 204). It can run again."""

from django.db import migrations

MARK = """
    UPDATE funding_allocation AS allocation SET direct = true
      FROM funding_application AS application
     WHERE application.booking_id = allocation.booking_id AND allocation.source = 'learner' AND NOT allocation.direct
       AND allocation.paid_cents = 0
       AND NOT EXISTS (
           SELECT 1 FROM funding_claimline AS line JOIN funding_claim AS claim ON claim.id = line.claim_id
            WHERE line.allocation_id = allocation.id AND claim.state <> 'rejected'
       )
"""


class Migration(migrations.Migration):
    dependencies = [("funding", "0031_keep_grants")]

    operations = [migrations.RunSQL(MARK, migrations.RunSQL.noop)]
