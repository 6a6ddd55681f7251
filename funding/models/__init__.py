"""The money: schemes, accounts and lots, the journal, bookings, claims, batches, the bank, holds, receivables."""

from funding.models.accounts import Fund, LearningAccount, Lot, Source, fund_of
from funding.models.appropriations import Appropriation, AppropriationLog, AppropriationState
from funding.models.attendance import CertificateFile, Presence, PresenceProof
from funding.models.bank import BankLine, BankMessage, BankStatement, MessageState
from funding.models.batches import (
    BatchState,
    Payment,
    PaymentBatch,
    PaymentBatchLog,
    PaymentFile,
    PaymentOutcome,
)
from funding.models.bookings import (
    Allocation,
    Attendance,
    Booking,
    BookingLog,
    BookingReview,
    BookingState,
    Certificate,
    ExitReason,
)
from funding.models.claims import Claim, ClaimKind, ClaimLine, ClaimLog, ClaimState
from funding.models.credits import AgeCreditGiven, Suspension, SuspensionEnd
from funding.models.deadlines import DueMark, ExpiryNotice
from funding.models.delegations import SchemeLimit, SchemeLimitLog
from funding.models.holds import Hold
from funding.models.laboratory import LaboratoryOutcome, LaboratoryRun
from funding.models.learner_pages import (
    CorrectionRequest,
    CorrectionState,
    LearnerDocument,
    Reader,
    RefundAccount,
    Suggestion,
)
from funding.models.ledger import Bucket, JournalEntry, Posting, Seal, SealedLeaves, SealEpoch
from funding.models.receivables import Receivable, ReceivableLog, ReceivableState
from funding.models.scheme_drafts import DraftKind, DraftState, SchemeDraft, SchemeDraftLog
from funding.models.schemes import Budget, Scheme, SchemeVersion, version_on
from funding.models.statements import CreditNotice, Statement
from funding.models.top_ups import (
    DraftStage,
    TopUp,
    TopUpDraft,
    TopUpLine,
    TopUpLog,
    TopUpReceipt,
    TopUpReference,
    TopUpRefund,
    TopUpRefundLog,
    TopUpRefundState,
    TopUpState,
)
from funding.models.windows import Application, BudgetSlice, GrantCount, Place, WaitingRoom, Window

__all__ = [
    "AgeCreditGiven",
    "Allocation",
    "Application",
    "Appropriation",
    "AppropriationLog",
    "AppropriationState",
    "Attendance",
    "BankLine",
    "BankMessage",
    "BankStatement",
    "BatchState",
    "Booking",
    "BookingLog",
    "BookingReview",
    "BookingState",
    "Bucket",
    "Budget",
    "BudgetSlice",
    "Certificate",
    "CertificateFile",
    "Claim",
    "ClaimKind",
    "ClaimLine",
    "ClaimLog",
    "ClaimState",
    "CorrectionRequest",
    "CorrectionState",
    "CreditNotice",
    "DraftKind",
    "DraftStage",
    "DraftState",
    "DueMark",
    "ExitReason",
    "ExpiryNotice",
    "Fund",
    "GrantCount",
    "Hold",
    "JournalEntry",
    "LaboratoryOutcome",
    "LaboratoryRun",
    "LearnerDocument",
    "LearningAccount",
    "Lot",
    "MessageState",
    "Payment",
    "PaymentBatch",
    "PaymentBatchLog",
    "PaymentFile",
    "PaymentOutcome",
    "Place",
    "Posting",
    "Presence",
    "PresenceProof",
    "Reader",
    "Receivable",
    "ReceivableLog",
    "ReceivableState",
    "RefundAccount",
    "Scheme",
    "SchemeDraft",
    "SchemeDraftLog",
    "SchemeLimit",
    "SchemeLimitLog",
    "SchemeVersion",
    "Seal",
    "SealEpoch",
    "SealedLeaves",
    "Source",
    "Statement",
    "Suggestion",
    "Suspension",
    "SuspensionEnd",
    "TopUp",
    "TopUpDraft",
    "TopUpLine",
    "TopUpLog",
    "TopUpReceipt",
    "TopUpReference",
    "TopUpRefund",
    "TopUpRefundLog",
    "TopUpRefundState",
    "TopUpState",
    "WaitingRoom",
    "Window",
    "fund_of",
    "version_on",
]
