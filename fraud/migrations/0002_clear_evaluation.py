"""How the application empties the tables of an evaluated population, and only those: it may not TRUNCATE by itself."""

from django.db import migrations

TABLES = [
    "fraud_evaluation_learners",
    "fraud_evaluation_providers",
    "fraud_evaluation_employers",
    "fraud_evaluation_persons",
    "fraud_evaluation_venues",
    "fraud_evaluation_scheme",
    "fraud_evaluation_credentials",
    "fraud_evaluation_prices",
    "fraud_evaluation_sessions",
    "fraud_evaluation_slots",
    "fraud_evaluation_bookings",
    "fraud_evaluation_booking_events",
    "fraud_evaluation_attendance",
    "fraud_evaluation_surveys",
    "fraud_evaluation_contact_changes",
    "fraud_evaluation_logins",
    "fraud_evaluation_places",
    "fraud_evaluation_blacklist",
    "fraud_evaluation_credits",
    "fraud_evaluation_limits",
]

INSTALL = f"""
CREATE FUNCTION fraud_clear_evaluation() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    TRUNCATE {", ".join(TABLES)};
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("fraud", "0001_add_facts")]

    operations = [migrations.RunSQL(INSTALL, "DROP FUNCTION fraud_clear_evaluation();")]
