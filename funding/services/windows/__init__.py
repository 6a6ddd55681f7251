"""Windows with a budget of their own: opened by the agency, granted first come first served (N-01 to N-06, N-11)."""

from funding.services.windows.applying import apply
from funding.services.windows.keeping import grant_paid, keep, waiting_payments
from funding.services.windows.opening import open_window
from funding.services.windows.places import leave_place, take_place

__all__ = ["apply", "grant_paid", "keep", "leave_place", "open_window", "take_place", "waiting_payments"]
