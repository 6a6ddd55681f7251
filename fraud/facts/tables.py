"""The tables of facts as data: their columns, keys, and what each id means. The exchange format is the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds. MINUTES: a time of the day, kept in minutes after midnight (24:00 is 1,440)."""

    TEXT = "text"
    TIME = "time"
    DATE = "date"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DEGREES = "degrees"
    BOOLEAN = "boolean"
    MINUTES = "minutes"


@dataclass(frozen=True)
class Column:
    """One column. refers: the table whose first column the value must be in; choices: the only words allowed."""

    name: str
    kind: Kind = Kind.TEXT
    refers: str = ""
    choices: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True)
class Table:
    """One table. key: of rows that share it the one recorded last counts; none: every row counts.

    required: columns of the key that may not be blank.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> list[str]:
        """The names of all columns, in order."""
        return [column.name for column in self.columns]


RECORDED_AT = Column("recorded_at", Kind.TIME)
# Which table an id of a subject belongs to; other kinds of subjects are kept as they are.
SUBJECTS = {"learner": "learners", "provider": "providers", "person": "persons", "employer": "employers"}


# The running platform's word for a place that is none any more: facts are never taken back.
ENDED_PLACE = "ended"


_DEGREES = {"lat": 90, "lon": 180}


def _column(word: str) -> Column:
    """`name`, `name:kind`, `name>table` or `name=a|b`."""
    name, _, choices = word.partition("=")
    name, _, table = name.partition(">")
    name, _, kind = name.partition(":")
    if kind == "percent":
        return Column(name, Kind.DECIMAL, lowest=0, highest=100)
    if name in _DEGREES:
        return Column(name, Kind.DEGREES, lowest=-_DEGREES[name], highest=_DEGREES[name])
    if not kind and (name.endswith("_at") or name == "at"):
        kind = Kind.TIME
    elif not kind and name.endswith("_cents"):
        kind = Kind.INTEGER
    return Column(
        name, Kind(kind or Kind.TEXT), refers=table, choices=tuple(choices.split("|")) if choices else ()
    )


def _table(name: str, words: str, *, key: str = "", required: str = "") -> Table:
    columns = (*(_column(word) for word in words.split()), RECORDED_AT)
    keys = tuple(key.split())
    return Table(name, columns, keys, tuple(required.split()) or keys)


_IN_ORDER = (
    _table(
        "learners",
        "learner_id birth_year:integer registered_at email_hash phone_hash address_hash iban_hash lat lon",
        key="learner_id",
    ),
    _table(
        "providers",
        "provider_id legal_name incorporated_at accredited_at iban_hash email_hash phone_hash address_hash lat lon",
        key="provider_id",
    ),
    _table("employers", "employer_id registered_at address_hash iban_hash", key="employer_id"),
    _table(
        "persons",
        "person_id full_name birth_date:date role=director|shareholder|trainer|agent|staff provider_id>providers"
        " employer_id>employers valid_from:date valid_until:date email_hash phone_hash address_hash iban_hash",
        key="person_id provider_id role valid_from",
        required="person_id",
    ),
    _table("venues", "venue_id capacity:integer opens:minutes closes:minutes", key="venue_id"),
    _table(
        "scheme", "utc_offset_minutes:integer first_claim_days_before_start:integer advance_percent:percent"
    ),
    _table(
        "credentials",
        "credential_id provider_id>providers kind hours:decimal assessed:boolean",
        key="credential_id",
    ),
    _table(
        "prices",
        "credential_id>credentials price_cents private_price_cents valid_from:date",
        key="credential_id valid_from",
        required="credential_id",
    ),
    _table(
        "sessions",
        "session_id credential_id>credentials trainer_id>persons venue_id>venues mode=in_person|online|blended"
        " lat lon seats:integer private_payers:integer status=planned|held|cancelled",
        key="session_id",
    ),
    _table("slots", "session_id>sessions starts_at ends_at", key="session_id starts_at"),
    _table(
        "bookings",
        "booking_id learner_id>learners session_id>sessions agent_id>persons employer_id>employers amount_cents"
        " actor=learner|provider|agent|employer created_at ip_hash device_hash consent_at consent_ip_hash"
        " consent_device_hash own_cents",
        key="booking_id",
    ),
    _table(
        "booking_events",
        "booking_id>bookings event=entry|exit|service_declared|assessment|certificate|claim|paid|cancelled|refunded"
        "|denied|complaint at amount_cents percent:percent reason",
        required="booking_id event",
    ),
    _table(
        "attendance",
        "booking_id>bookings slot_starts_at signed_at device_hash",
        key="booking_id slot_starts_at",
    ),
    _table(
        "surveys",
        "booking_id>bookings sent_at answered_at answer=confirmed|denied|not_taught|other",
        key="booking_id",
    ),
    _table(
        "contact_changes",
        "subject_kind=learner|provider subject_id field=email|phone|address|iban old_hash new_hash at device_hash",
        required="subject_kind subject_id field",
    ),
    _table("logins", "subject_kind subject_id at ip_hash device_hash", required="subject_kind subject_id"),
    _table("places", "ip_hash kind=library|employer|prison|training_centre", key="ip_hash"),
    _table(
        "blacklist",
        "entry_id person_name birth_date:date entity_name listed_at until:date",
        key="entry_id",
    ),
    _table("credits", "learner_id>learners source amount_cents at expires_at", required="learner_id"),
    _table(
        "limits",
        "kind cap_cents yearly_credit_cents approval_limit_cents valid_from:date",
        key="kind valid_from",
        required="kind",
    ),
)

# A table comes after those that its ids refer to.
TABLES: dict[str, Table] = {table.name: table for table in _IN_ORDER}
