"""A Stripe to test against: a process of its own that remembers, speaks HTTP and signs its webhooks."""
