"""Cards and direct debits: the way to whoever takes payments for us (Stripe), behind a port."""
