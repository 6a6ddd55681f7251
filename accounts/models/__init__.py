"""Who acts: users, citizens, organisations, sign-ins, consent receipts, messages."""

from accounts.models.citizens import Citizen, CitizenStatus
from accounts.models.consents import Consent, ConsentLog, SignIn
from accounts.models.facts import CitizenFact
from accounts.models.messages import Message
from accounts.models.organisations import Membership, Organisation, OrganisationKind, Role
from accounts.models.users import User, UserManager

__all__ = [
    "Citizen",
    "CitizenFact",
    "CitizenStatus",
    "Consent",
    "ConsentLog",
    "Membership",
    "Message",
    "Organisation",
    "OrganisationKind",
    "Role",
    "SignIn",
    "User",
    "UserManager",
]
