"""What may be booked: providers, their accreditation, micro-credentials, offers and sessions."""

from catalogue.models.accreditations import Accreditation, AccreditationLog, AccreditationState
from catalogue.models.listings import Listing, ListingPlace, ListingWord, Place
from catalogue.models.micro_credentials import (
    CredentialKind,
    CredentialState,
    MicroCredential,
    MicroCredentialLog,
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

__all__ = [
    "Accreditation",
    "AccreditationLog",
    "AccreditationState",
    "ChangeKind",
    "CredentialKind",
    "CredentialState",
    "DeliveryMode",
    "Listing",
    "ListingPlace",
    "ListingWord",
    "MicroCredential",
    "MicroCredentialLog",
    "Offer",
    "OutdatedEntry",
    "Place",
    "Provider",
    "SavedSearch",
    "Session",
    "SessionChange",
    "SessionLog",
    "SessionSeats",
    "SessionState",
]
