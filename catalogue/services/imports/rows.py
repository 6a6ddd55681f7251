"""What a file says of an entry, as rows of the catalogue."""

from datetime import date, datetime
from decimal import Decimal

from catalogue.importing.entries import OfferData, SessionData
from catalogue.importing.registers import STATE_OF_STATUS
from catalogue.importing.spool import Spooled
from catalogue.models import (
    AccreditationState,
    CredentialState,
    EntryDescription,
    MicroCredential,
    Offer,
    Provider,
    Session,
    SessionState,
)
from catalogue.registers import last_second_of_day, start_of_day
from catalogue.services.micro_credentials import search_text_of

CREDENTIAL_STATE = {
    AccreditationState.ACCREDITED: CredentialState.REGISTERED,
    AccreditationState.SUSPENDED: CredentialState.SUSPENDED,
    AccreditationState.SUBMITTED: CredentialState.SUBMITTED,
}
CREDENTIAL_FIELDS = (
    *("title", "kind", "code", "goals_html", "content_html", "language", "has_prerequisites", "currency"),
    *("price_cents", "total_mismatch", "facts", "hours", "digest", "search_text", "updated_at"),
)
# Columns that only some formats tell: what the others leave out stays as it is stored.
TOLD_BY_SOME = ("workload", "workload_scheme", "eqf_level", "national_level", "isced_field", "skills")
OFFER_FIELDS = (
    *("mode", "place", "street", "postcode", "city", "country", "latitude", "longitude", "language"),
    *(
        "hours_centre",
        "hours_company",
        "has_prerequisites",
        "currency",
        "price_cents",
        "net_price",
        "vat_percent",
    ),
    *("facts", "removed_at", "updated_at"),
)
SESSION_FIELDS = (
    *("starts_at", "ends_at", "whole_days", "currency", "price_cents", "recruitment_closed", "removed_at"),
    *("details", "updated_at"),
)


def state_of(status: str) -> CredentialState:
    """The state of a micro-credential that its register gives this status."""
    return CREDENTIAL_STATE[STATE_OF_STATUS[status]]


def credential(provider: Provider, entry: Spooled, at: datetime) -> MicroCredential:
    """A micro-credential as the file has it, unsaved."""
    data = entry.data
    state = state_of(entry.status)
    one = MicroCredential(
        provider=provider,
        external_id=entry.number,
        entry=f"{provider.external_id}/{entry.number}",
        digest=entry.digest,
        hours=Decimal(data.hours) if data.hours is not None else None,
        state=state,
        created_at=at,
        updated_at=at,
        submitted_at=at if state == CredentialState.SUBMITTED else None,
        registered_at=at if state == CredentialState.REGISTERED else None,
        suspended_at=at if state == CredentialState.SUSPENDED else None,
        **data.values,
    )
    told = EntryDescription(**data.description)
    one.search_text = search_text_of(one, provider, [*data.names, *codes_of(told)])
    return one


def codes_of(told: EntryDescription | None) -> list[str]:
    """The codes that an entry is found by, beside its own: FORMACODE and CIP."""
    if told is None:
        return []
    return [*(told.formacodes or ()), *([told.cip_code] if told.cip_code else ())]


def credential_fields(entry: Spooled) -> tuple[str, ...]:
    """The columns that the file tells of an entry."""
    return (*CREDENTIAL_FIELDS, *(name for name in TOLD_BY_SOME if name in entry.data.values))


def offer(micro_credential_id: int, told: OfferData, at: datetime) -> Offer:
    """An offer as the file has it, unsaved."""
    return Offer(
        micro_credential_id=micro_credential_id,
        external_id=told.number,
        created_at=at,
        updated_at=at,
        **told.values,
    )


def session(provider: Provider, of: OfferData, told: SessionData, at: datetime) -> Session:
    """A session as the file has it, unsaved."""
    state = SessionState.GUARANTEED if told.guaranteed else SessionState.OPEN
    zone = provider.time_zone
    return Session(
        external_id=told.number,
        starts_at=start_of_day(date.fromisoformat(told.starts), zone) if told.starts else None,
        ends_at=last_second_of_day(date.fromisoformat(told.ends), zone) if told.ends else None,
        whole_days=True,
        currency=of.values["currency"],
        price_cents=of.values["price_cents"],
        recruitment_closed=told.closed,
        details=told.details,
        state=state,
        opened_at=at,
        guaranteed_at=at if told.guaranteed else None,
        created_at=at,
        updated_at=at,
    )
