"""Every kind of journal entry there is, and between which buckets it may move money.

An entry of a kind that is not listed, or that moves money otherwise, was written by nobody of ours.
"""

from funding.models import Bucket

B = Bucket
BITS = {bucket.value: 1 << place for place, bucket in enumerate(Bucket)}
UNKNOWN = 1 << len(BITS)

# What comes back of a window's grant is given back to the funder.
_ORIGIN = (B.AVAILABLE, B.BUDGET, B.REFUND_DUE, B.RETURNED)

# kind: (buckets it takes from, buckets it gives to)
KINDS: dict[str, tuple[tuple[Bucket, ...], tuple[Bucket, ...]]] = {
    "appropriate": ((B.APPROPRIATION,), (B.BUDGET,)),
    "credit": ((B.BUDGET, B.APPROPRIATION), (B.AVAILABLE,)),
    "accrue": ((B.BUDGET,), (B.AVAILABLE,)),
    "gather_budget": ((B.BUDGET,), (B.BUDGET,)),
    "age_credit": ((B.BUDGET,), (B.AVAILABLE,)),
    "merge_credit": ((B.AVAILABLE,), (B.AVAILABLE,)),
    "expire": ((B.AVAILABLE,), (B.EXPIRED,)),
    # What a window kept for who paid their own part is granted as it lies.
    "hold_booking": ((B.AVAILABLE, B.BUDGET, B.APPROPRIATION, B.RESERVED), (B.HELD,)),
    "partial_service_booking": ((B.HELD,), _ORIGIN),
    "unwind_booking": ((B.HELD,), _ORIGIN),
    "restore_booking": ((B.OWED,), _ORIGIN),
    # A cancellation was wrong: what its sources have no more the funder makes good, before they pay again.
    "made_good": ((B.APPROPRIATION,), (B.AVAILABLE, B.BUDGET, B.REFUND_DUE)),
    "not_reimbursed_booking": ((B.HELD,), _ORIGIN),
    "paid_directly": ((B.HELD,), (B.PAID,)),
    "approve_claim": ((B.HELD,), (B.PAYABLE,)),
    "reject_claim": ((B.PAYABLE,), (B.HELD,)),
    "call_back_claim": ((B.PAYABLE,), (B.HELD,)),
    "payment_exported": ((B.PAYABLE,), (B.IN_TRANSIT,)),
    "payment_executed": ((B.IN_TRANSIT,), (B.PAID,)),
    "payment_rejected": ((B.IN_TRANSIT,), (B.PAYABLE,)),
    "payment_returned": ((B.IN_TRANSIT, B.PAID), (B.PAYABLE,)),
    "recover": ((B.PAID,), (B.OWED,)),
    "recovery_received": ((B.PAID,), (B.OWED,)),
    "net_receivable": ((B.PAID,), (B.OWED,)),
    # A debt was wrong: what came back of it is the provider's again, until a person sends it back.
    "recovery_undone": ((B.OWED,), (B.PAID,)),
    # What is given up the funder makes good, in the fund that it was owed to, and it is gone.
    "write_off": ((B.PAID, B.APPROPRIATION), (B.OWED, B.RETURNED)),
    "interest_received": ((B.APPROPRIATION,), (B.RETURNED,)),
    "refund_executed": ((B.REFUND_DUE,), (B.RETURNED,)),
    "refund_returned": ((B.RETURNED,), (B.REFUND_DUE,)),
    "top_up_received": ((B.APPROPRIATION,), (B.DEPOSIT,)),
    "top_up_allocated": ((B.DEPOSIT,), (B.AVAILABLE,)),
    "top_up_ended": ((B.AVAILABLE,), (B.DEPOSIT,)),
    "top_up_refunded": ((B.DEPOSIT,), (B.RETURNED,)),
    "top_up_refund_undone": ((B.RETURNED,), (B.DEPOSIT,)),
    "top_up_card_refund": ((B.DEPOSIT, B.DEBT), (B.RETURNED,)),
    "top_up_card_refund_undone": ((B.RETURNED,), (B.DEPOSIT, B.DEBT)),
    "top_up_taken_back": ((B.DEPOSIT, B.DEBT), (B.RETURNED,)),
    "top_up_reinstated": ((B.RETURNED,), (B.DEPOSIT, B.DEBT)),
    "top_up_clawed_back": ((B.AVAILABLE,), (B.DEBT,)),
    "top_up_given_again": ((B.DEPOSIT,), (B.AVAILABLE,)),
    "reserve_booking": ((B.AVAILABLE, B.BUDGET), (B.RESERVED,)),
    "own_received": ((B.APPROPRIATION,), (B.DEPOSIT,)),
    "own_applied": ((B.DEPOSIT,), (B.APPROPRIATION,)),
    # A transfer that nothing was accepted with, or that came late, twice or over: the learner's again.
    "own_refund_due": ((B.DEPOSIT, B.APPROPRIATION), (B.APPROPRIATION, B.REFUND_DUE)),
    "own_card_refund": ((B.DEPOSIT, B.REFUND_DUE, B.DEBT), (B.RETURNED,)),
    "own_card_refund_undone": ((B.RETURNED,), (B.DEPOSIT, B.DEBT)),
    "own_taken_back": ((B.DEPOSIT, B.REFUND_DUE, B.DEBT), (B.RETURNED,)),
    "own_reinstated": ((B.RETURNED,), (B.DEPOSIT, B.DEBT)),
    "own_debt_paid": ((B.RETURNED,), (B.DEBT,)),
    "top_up_debt_paid": ((B.RETURNED,), (B.DEBT,)),
    "own_debt_repaid": ((B.DEPOSIT, B.RETURNED), (B.DEBT, B.RETURNED)),
    "own_debt_netted": ((B.REFUND_DUE,), (B.DEBT,)),
}


def values_sql() -> str:
    """The table as rows of (kind, mask of what it takes from, mask of what it gives to)."""
    return ", ".join(
        f"('{kind}', {_mask(takes)}, {_mask(gives)})" for kind, (takes, gives) in sorted(KINDS.items())
    )


def _mask(buckets: tuple[Bucket, ...]) -> int:
    return sum(BITS[bucket.value] for bucket in set(buckets))


# These are named by the step that caused them: `booking:7:accept`, `claim:7:approve`, `payment:7:executed`.
KEYED = (
    "hold_booking",
    "approve_claim",
    "reject_claim",
    "call_back_claim",
    "payment_exported",
    "payment_executed",
    "payment_rejected",
    "payment_returned",
)


def listed(words: tuple[str, ...]) -> str:
    """The words as SQL literals."""
    return ", ".join(f"'{word}'" for word in words)
