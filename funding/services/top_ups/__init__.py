"""Employers' top-ups: ordered, paid, put on accounts, and what is unspent given back."""

from funding.services.top_ups.allocation import allocate_top_up, allocate_waiting
from funding.services.top_ups.drafts import (
    check_draft,
    confirm_draft,
    discard_draft,
    fail_draft,
    order_draft,
    request_draft,
)
from funding.services.top_ups.endings import end_top_ups, fail_overdue
from funding.services.top_ups.orders import (
    OrderLine,
    cancel_top_up,
    order_top_up,
    source_of,
)
from funding.services.top_ups.payroll import give_payroll_number, revoke_payroll_number
from funding.services.top_ups.receipts import assign_receipt, put_receipt_aside
from funding.services.top_ups.references import give_reference, revoke_reference
from funding.services.top_ups.refunds import (
    confirm_refund,
    drop_refund_note,
    note_refund,
    refuse_refund,
    request_refund,
)

__all__ = [
    "OrderLine",
    "allocate_top_up",
    "allocate_waiting",
    "assign_receipt",
    "cancel_top_up",
    "check_draft",
    "confirm_draft",
    "confirm_refund",
    "discard_draft",
    "drop_refund_note",
    "end_top_ups",
    "fail_draft",
    "fail_overdue",
    "give_payroll_number",
    "give_reference",
    "note_refund",
    "order_draft",
    "order_top_up",
    "put_receipt_aside",
    "refuse_refund",
    "request_draft",
    "request_refund",
    "revoke_payroll_number",
    "revoke_reference",
    "source_of",
]
