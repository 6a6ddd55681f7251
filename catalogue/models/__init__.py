"""What may be booked: providers, their accreditation, micro-credentials, offers and sessions."""

from catalogue.models.accreditations import Accreditation, AccreditationLog, AccreditationState
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
from catalogue.models.listings import Listing, ListingPlace, ListingWord, Place
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
from catalogue.models.uploads import CatalogueFile, FilePiece, ImportFormat, ImportRun, ImportStage

__all__ = [
    "STATUS_LIST_BITS",
    "Accreditation",
    "AccreditationLog",
    "AccreditationState",
    "Award",
    "AwardKind",
    "AwardLog",
    "AwardState",
    "CatalogueFile",
    "ChangeKind",
    "CredentialKind",
    "CredentialState",
    "DeliveryMode",
    "EmploymentOutcome",
    "FilePiece",
    "ImportFormat",
    "ImportRun",
    "ImportStage",
    "KeyState",
    "Listing",
    "ListingPlace",
    "ListingWord",
    "MicroCredential",
    "MicroCredentialLog",
    "Offer",
    "OutdatedEntry",
    "Place",
    "PortfolioShare",
    "Provider",
    "RevocationReason",
    "SavedSearch",
    "Session",
    "SessionChange",
    "SessionLog",
    "SessionSeats",
    "SessionState",
    "SharedAward",
    "SigningKey",
    "Situation",
    "StackDirection",
    "StackKind",
    "StackMember",
    "StackRule",
    "StatusList",
    "SurveyAnswer",
    "SurveyInvitation",
    "SurveyKind",
    "SurveyResult",
    "WorkloadScheme",
]
