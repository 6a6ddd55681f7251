"""Who acts: users, citizens, organisations, sign-ins, consent receipts, messages."""

from accounts.models.alarms import AccountAlarm, NotMeKind, NotMeLink
from accounts.models.citizens import Citizen, CitizenStatus
from accounts.models.consents import Consent, ConsentLog, SignIn
from accounts.models.counselling import Delegation, DelegationLook, Part
from accounts.models.employers import Employer, EmployerLog, EmployerState
from accounts.models.factor_resets import FactorReset
from accounts.models.facts import CitizenFact
from accounts.models.identities import (
    CitizenMark,
    ClaimCandidate,
    ClaimReason,
    Identity,
    IdentityClaim,
    IdentityClaimLog,
    IdentityProof,
    OpenFact,
)
from accounts.models.messages import Message
from accounts.models.organisations import Membership, Organisation, OrganisationKind, Role
from accounts.models.personal_data import (
    ErasureRequest,
    ExportPiece,
    ExportState,
    MutedTopic,
    PersonalExport,
)
from accounts.models.preregistrations import Preregistration, PreregistrationStage
from accounts.models.teams import Invitation, MembershipChange, MembershipStep
from accounts.models.users import User, UserManager

__all__ = [
    "AccountAlarm",
    "Citizen",
    "CitizenFact",
    "CitizenMark",
    "CitizenStatus",
    "ClaimCandidate",
    "ClaimReason",
    "Consent",
    "ConsentLog",
    "Delegation",
    "DelegationLook",
    "Employer",
    "EmployerLog",
    "EmployerState",
    "ErasureRequest",
    "ExportPiece",
    "ExportState",
    "FactorReset",
    "Identity",
    "IdentityClaim",
    "IdentityClaimLog",
    "IdentityProof",
    "Invitation",
    "Membership",
    "MembershipChange",
    "MembershipStep",
    "Message",
    "MutedTopic",
    "NotMeKind",
    "NotMeLink",
    "OpenFact",
    "Organisation",
    "OrganisationKind",
    "Part",
    "PersonalExport",
    "Preregistration",
    "PreregistrationStage",
    "Role",
    "SignIn",
    "User",
    "UserManager",
]
