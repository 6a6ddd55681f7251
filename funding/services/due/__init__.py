"""What falls due by itself: found by index, executed in sets, each once, in the order of the due moments.

A run merges several streams (terms of bookings, last days of money, notices, ends of holds and sanctions,
windows): the stream with the earliest due moment executes one set, in a transaction of its own. Workers share
a stream: rows that one has in hand are passed over by the others. Killed and started again, a run goes on.
"""

from funding.services.due.credits import CreditsFailed, credit_due
from funding.services.due.results import DueResult
from funding.services.due.runs import due_count, next_due_at, run_due
from funding.services.due.terms import CHUNK, overdue, stopped

__all__ = [
    "CHUNK",
    "CreditsFailed",
    "DueResult",
    "credit_due",
    "due_count",
    "next_due_at",
    "overdue",
    "run_due",
    "stopped",
]
