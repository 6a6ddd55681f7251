"""What learners pay themselves where no card is taken never comes in here (decision 205). It can run again."""

from django.db import migrations

MARK = """
    UPDATE funding_allocation AS allocation SET direct = true
      FROM funding_booking AS booking
      JOIN funding_schemeversion AS version ON version.id = booking.scheme_version_id
     WHERE booking.id = allocation.booking_id AND allocation.source = 'learner' AND NOT allocation.direct
       AND allocation.paid_cents = 0 AND allocation.returned_cents = 0
       AND booking.state IN ('accepted', 'in_training', 'left', 'service_declared')
       AND coalesce(version.rules ->> 'funding', '') <> 'reimbursement'
       AND NOT EXISTS (SELECT 1 FROM funding_cardpayment AS payment
                        WHERE payment.booking_id = booking.id AND payment.applied_cents > 0)
       AND NOT EXISTS (
           SELECT 1 FROM funding_claimline AS line JOIN funding_claim AS claim ON claim.id = line.claim_id
            WHERE line.allocation_id = allocation.id AND claim.state <> 'rejected'
       )
"""


class Migration(migrations.Migration):
    dependencies = [("funding", "0033_note_refunds_by_two_persons")]

    operations = [migrations.RunSQL(MARK, migrations.RunSQL.noop)]
