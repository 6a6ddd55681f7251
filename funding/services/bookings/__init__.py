"""The life of a booking: one function per verb; each owns its transaction, locks, money and log."""

from funding.services.bookings.acceptance import accept
from funding.services.bookings.context import facts_of_credential, facts_of_learner, read_booking
from funding.services.bookings.disputes import deny_consent, resolve_dispute
from funding.services.bookings.endings import (
    annul,
    cancel_by_funder,
    cancel_by_learner,
    cancel_by_provider,
    cancel_session,
    declare_no_show,
    finish_cancelled_sessions,
    lapse,
    withdraw,
)
from funding.services.bookings.not_held import find_never_held, finish_never_held_sessions, reduce_service
from funding.services.bookings.reinstating import reinstate
from funding.services.bookings.requests import (
    acknowledge_request,
    propose,
    refuse_by_learner,
    refuse_by_provider,
    request_booking,
)
from funding.services.bookings.training import (
    declare_entry,
    declare_exit,
    declare_service,
    record_attendance,
    record_certificate,
    validate_service,
)

__all__ = [
    "accept",
    "acknowledge_request",
    "annul",
    "cancel_by_funder",
    "cancel_by_learner",
    "cancel_by_provider",
    "cancel_session",
    "declare_entry",
    "declare_exit",
    "declare_no_show",
    "declare_service",
    "deny_consent",
    "facts_of_credential",
    "facts_of_learner",
    "find_never_held",
    "finish_cancelled_sessions",
    "finish_never_held_sessions",
    "lapse",
    "propose",
    "read_booking",
    "record_attendance",
    "record_certificate",
    "reduce_service",
    "refuse_by_learner",
    "refuse_by_provider",
    "reinstate",
    "request_booking",
    "resolve_dispute",
    "validate_service",
    "withdraw",
]
