"""Who acts: users, citizens, organisations, sign-ins, consent receipts, messages."""

from accounts.models.alarms import AccountAlarm, NotMeKind, NotMeLink
from accounts.models.citizens import Citizen, CitizenStatus
from accounts.models.consents import Consent, ConsentLog, SignIn
from accounts.models.facts import CitizenFact
from accounts.models.messages import Message
from accounts.models.organisations import Membership, Organisation, OrganisationKind, Role
from accounts.models.users import User, UserManager

__all__ = [
    "AccountAlarm",
    "Citizen",
    "CitizenFact",
    "CitizenStatus",
    "Consent",
    "ConsentLog",
    "Membership",
    "Message",
    "NotMeKind",
    "NotMeLink",
    "Organisation",
    "OrganisationKind",
    "Role",
    "SignIn",
    "User",
    "UserManager",
]
