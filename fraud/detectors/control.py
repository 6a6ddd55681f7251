"""A random sample that no suspicion chose: what it finds tells what the others miss."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fraud.detection.detector import Detector, Parameters, asked_in_sql


class RandomAudit(Parameters):
    """D26. percent of the bookings of the latest days, of every kind of course."""

    percent: int = 2
    days: int = 7


# Chosen by the content of the row, never by its id: other ids would choose the same bookings.
RANDOM_AUDIT = """
WITH drawn AS (
    SELECT provider_id, booking_id, kind,
           row_number() OVER (PARTITION BY kind
                              ORDER BY md5(created_at::text || amount_cents || %(day)s::text), created_at) AS n,
           count(*) OVER (PARTITION BY kind) AS all_of
      FROM bk WHERE (created_at AT TIME ZONE 'UTC')::date > %(day)s::date - %(days)s::int
)
SELECT provider_id, 'booking', booking_id, 0.0, 'N', array['bookings:' || booking_id]
  FROM drawn WHERE n * 100 <= all_of * %(percent)s
"""

DETECTORS = (
    Detector(
        id="D26",
        name="random_audit",
        version=1,
        family="control",
        explanation=_("Drawn by lot: nothing speaks against this booking."),
        needs="credentials(kind)",
        parameters=RandomAudit(),
        find=asked_in_sql(RANDOM_AUDIT),
    ),
)
