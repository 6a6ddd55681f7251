"""What may be booked: providers, their accreditation, micro-credentials, offers and sessions."""

from catalogue.models.account_changes import OPEN_CHANGES, AccountChange, AccountChangeLog, AccountChangeState
from catalogue.models.accreditations import Accreditation, AccreditationLog, AccreditationState
from catalogue.models.applications import (
    Application,
    ApplicationKind,
    ApplicationPerson,
    ChecklistMark,
    CheckOutcome,
    Document,
    DocumentKind,
    Establishment,
    Partner,
    PartnerKind,
    PayeeAnswer,
    PersonRole,
    Question,
    Trainer,
)
from catalogue.models.audits import Audit, AuditKind, AuditOutcome, EndNotice
from catalogue.models.awards import (
    STATUS_LIST_BITS,
    Award,
    AwardKind,
    AwardLog,
    AwardState,
    KeyState,
    PortfolioShare,
    RevocationReason,
    SharedAward,
    SigningKey,
    StatusList,
)
from catalogue.models.connected_accounts import ConnectedAccount
from catalogue.models.descriptions import Certifies, EntryDescription, Participation, PriceChange
from catalogue.models.details import DetailKind, DetailReview, ProviderDetail
from catalogue.models.listing_claims import ListingClaim, ListingClaimLog, ListingClaimState
from catalogue.models.listings import Listing, ListingWord, Place, Spot
from catalogue.models.micro_credentials import (
    CredentialKind,
    CredentialState,
    MicroCredential,
    MicroCredentialLog,
    WorkloadScheme,
)
from catalogue.models.offers import DeliveryMode, Offer
from catalogue.models.outdated import OutdatedEntry
from catalogue.models.providers import Provider
from catalogue.models.revisions import EntryVersion
from catalogue.models.searches import SavedSearch
from catalogue.models.sessions import (
    ChangeKind,
    Session,
    SessionChange,
    SessionLog,
    SessionSeats,
    SessionState,
)
from catalogue.models.stacks import (
    StackDirection,
    StackKind,
    StackMember,
    StackRule,
)
from catalogue.models.surveys import (
    EmploymentOutcome,
    Situation,
    SurveyAnswer,
    SurveyInvitation,
    SurveyKind,
    SurveyResult,
)
from catalogue.models.teaching import SessionTeaching
from catalogue.models.uploads import CatalogueFile, FilePiece, ImportFormat, ImportRun, ImportStage

__all__ = [
    "OPEN_CHANGES",
    "STATUS_LIST_BITS",
    "AccountChange",
    "AccountChangeLog",
    "AccountChangeState",
    "Accreditation",
    "AccreditationLog",
    "AccreditationState",
    "Application",
    "ApplicationKind",
    "ApplicationPerson",
    "Audit",
    "AuditKind",
    "AuditOutcome",
    "Award",
    "AwardKind",
    "AwardLog",
    "AwardState",
    "CatalogueFile",
    "Certifies",
    "ChangeKind",
    "CheckOutcome",
    "ChecklistMark",
    "ConnectedAccount",
    "CredentialKind",
    "CredentialState",
    "DeliveryMode",
    "DetailKind",
    "DetailReview",
    "Document",
    "DocumentKind",
    "EmploymentOutcome",
    "EndNotice",
    "EntryDescription",
    "EntryVersion",
    "Establishment",
    "FilePiece",
    "ImportFormat",
    "ImportRun",
    "ImportStage",
    "KeyState",
    "Listing",
    "ListingClaim",
    "ListingClaimLog",
    "ListingClaimState",
    "ListingWord",
    "MicroCredential",
    "MicroCredentialLog",
    "Offer",
    "OutdatedEntry",
    "Participation",
    "Partner",
    "PartnerKind",
    "PayeeAnswer",
    "PersonRole",
    "Place",
    "PortfolioShare",
    "PriceChange",
    "Provider",
    "ProviderDetail",
    "Question",
    "RevocationReason",
    "SavedSearch",
    "Session",
    "SessionChange",
    "SessionLog",
    "SessionSeats",
    "SessionState",
    "SessionTeaching",
    "SharedAward",
    "SigningKey",
    "Situation",
    "Spot",
    "StackDirection",
    "StackKind",
    "StackMember",
    "StackRule",
    "StatusList",
    "SurveyAnswer",
    "SurveyInvitation",
    "SurveyKind",
    "SurveyResult",
    "Trainer",
    "WorkloadScheme",
]
