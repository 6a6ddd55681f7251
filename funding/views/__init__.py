"""Pages of bookings, payment batches and the audit."""
