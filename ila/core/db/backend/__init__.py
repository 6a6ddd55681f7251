"""Django's PostgreSQL backend with a transaction counter and lazy addresses."""
