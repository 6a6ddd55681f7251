"""The files of a population and their columns, in the order of the contract."""

RECORDED = "recorded_at"

_PLAIN = {
    "learners": "learner_id birth_year registered_at email_hash phone_hash address_hash iban_hash lat lon",
    "providers": "provider_id legal_name incorporated_at accredited_at iban_hash email_hash phone_hash"
    " address_hash lat lon",
    "persons": "person_id full_name birth_date role provider_id employer_id valid_from valid_until email_hash"
    " phone_hash address_hash iban_hash",
    "employers": "employer_id registered_at address_hash iban_hash",
    "venues": "venue_id capacity opens closes",
    "scheme": "utc_offset_minutes first_claim_days_before_start advance_percent",
    "surveys": "booking_id sent_at answered_at answer",
    "credentials": "credential_id provider_id kind hours assessed",
    "prices": "credential_id price_cents private_price_cents valid_from",
    "sessions": "session_id credential_id trainer_id venue_id mode lat lon seats private_payers status",
    "slots": "session_id starts_at ends_at",
    "bookings": "booking_id learner_id session_id agent_id employer_id amount_cents actor created_at ip_hash"
    " device_hash consent_at consent_ip_hash consent_device_hash own_cents",
    "booking_events": "booking_id event at amount_cents percent reason",
    "attendance": "booking_id slot_starts_at signed_at device_hash",
    "contact_changes": "subject_kind subject_id field old_hash new_hash at device_hash",
    "logins": "subject_kind subject_id at ip_hash device_hash",
    "places": "ip_hash kind",
    "blacklist": "entry_id person_name birth_date entity_name listed_at until",
    "credits": "learner_id source amount_cents at expires_at",
    "limits": "kind cap_cents yearly_credit_cents approval_limit_cents valid_from",
    "labels": "subject_kind subject_id archetype started_at amount_cents",
}
FILES: dict[str, tuple[str, ...]] = {name: (*words.split(), RECORDED) for name, words in _PLAIN.items()}

DATES = frozenset({"birth_date", "valid_from", "valid_until", "until"})
TEXTS = frozenset(
    [
        "legal_name",
        "full_name",
        "role",
        "kind",
        "mode",
        "status",
        "actor",
        "event",
        "reason",
        "subject_kind",
        "field",
        "answer",
        "person_name",
        "entity_name",
        "source",
        "opens",
        "closes",
        "assessed",
        "archetype",
    ]
)
NUMBERS = frozenset(
    [
        "birth_year",
        "capacity",
        "utc_offset_minutes",
        "first_claim_days_before_start",
        "advance_percent",
        "hours",
        "price_cents",
        "private_price_cents",
        "seats",
        "private_payers",
        "amount_cents",
        "own_cents",
        "percent",
        "cap_cents",
        "yearly_credit_cents",
        "approval_limit_cents",
    ]
)
PLACES = frozenset({"lat", "lon"})


def is_time(column: str) -> bool:
    """Whether the column holds a moment (ISO 8601, UTC)."""
    return column == "at" or column.endswith("_at")


def is_name(column: str) -> bool:
    """Whether the column holds an opaque id or hash."""
    return column.endswith(("_id", "_hash"))
