"""A random sample that no suspicion chose: what it finds tells what the others miss."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fraud.detection.detector import Detector, Number, Parameters, Term, asked_in_sql


class RandomAudit(Parameters):
    """D26. one_in: of so many bookings of a kind of course one is drawn; days: for how long a drawn one is shown."""

    one_in: Number = 50
    days: Term = 7


# In every kind of course one of each fifty bookings in a row, once the fifty are there: a share that holds for rare
# kinds too. Drawn by the content of the row, never by its id: other ids would choose the same bookings.
RANDOM_AUDIT = """
WITH turn AS (
    SELECT provider_id, booking_id, kind, created_at,
           md5(created_at::text || amount_cents || coalesce(kind, '')) AS lot,
           (row_number() OVER w - 1) / %(one_in)s AS block
      FROM bk WINDOW w AS (PARTITION BY kind
                           ORDER BY created_at, md5(created_at::text || amount_cents), starts_at, booking_id)
), drawn AS (
    SELECT provider_id, booking_id, row_number() OVER b AS place, count(*) OVER s AS size,
           max(created_at) OVER s AS full_at
      FROM turn WINDOW b AS (PARTITION BY kind, block ORDER BY lot, created_at, booking_id),
                       s AS (PARTITION BY kind, block)
)
SELECT provider_id, 'booking', booking_id, 0.0, 'N', array['bookings:' || booking_id]
  FROM drawn
 WHERE place = 1 AND size = %(one_in)s AND (full_at AT TIME ZONE 'UTC')::date > %(day)s::date - %(days)s::int
"""

DETECTORS = (
    Detector(
        id="D26",
        name="random_audit",
        version=2,
        family="control",
        explanation=_("Drawn by lot: nothing speaks against this booking."),
        needs="credentials(kind)",
        parameters=RandomAudit(),
        find=asked_in_sql(RANDOM_AUDIT),
    ),
)
