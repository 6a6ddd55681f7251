"""Checks of a population's files against the contract: its own list of columns and words, not the generator's."""

import csv
import re
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

COLUMNS = {
    "learners": "learner_id, birth_year, registered_at, email_hash, phone_hash, address_hash, iban_hash, lat, lon",
    "providers": "provider_id, legal_name, incorporated_at, accredited_at, iban_hash, email_hash, phone_hash,"
    " address_hash, lat, lon",
    "persons": "person_id, full_name, birth_date, role, provider_id, employer_id, valid_from, valid_until,"
    " email_hash, phone_hash, address_hash, iban_hash",
    "employers": "employer_id, registered_at, address_hash, iban_hash",
    "venues": "venue_id, capacity, opens, closes",
    "scheme": "utc_offset_minutes, first_claim_days_before_start, advance_percent",
    "surveys": "booking_id, sent_at, answered_at, answer",
    "credentials": "credential_id, provider_id, kind, hours, assessed",
    "prices": "credential_id, price_cents, private_price_cents, valid_from",
    "sessions": "session_id, credential_id, trainer_id, venue_id, mode, lat, lon, seats, private_payers, status",
    "slots": "session_id, starts_at, ends_at",
    "bookings": "booking_id, learner_id, session_id, agent_id, employer_id, amount_cents, actor, created_at,"
    " ip_hash, device_hash, consent_at, consent_ip_hash, consent_device_hash, own_cents",
    "booking_events": "booking_id, event, at, amount_cents, percent, reason",
    "attendance": "booking_id, slot_starts_at, signed_at, device_hash",
    "contact_changes": "subject_kind, subject_id, field, old_hash, new_hash, at, device_hash",
    "logins": "subject_kind, subject_id, at, ip_hash, device_hash",
    "places": "ip_hash, kind",
    "blacklist": "entry_id, person_name, birth_date, entity_name, listed_at, until",
    "credits": "learner_id, source, amount_cents, at, expires_at",
    "limits": "kind, cap_cents, yearly_credit_cents, approval_limit_cents, valid_from",
    "labels": "subject_kind, subject_id, archetype, started_at, amount_cents",
}
WORDS = {
    ("persons", "role"): {"director", "shareholder", "trainer", "agent", "staff"},
    ("surveys", "answer"): {"confirmed", "denied", "not_taught", "other", ""},
    ("sessions", "mode"): {"in_person", "online", "blended"},
    ("sessions", "status"): {"planned", "held", "cancelled"},
    ("bookings", "actor"): {"learner", "provider", "agent", "employer"},
    ("booking_events", "event"): {
        "entry",
        "exit",
        "service_declared",
        "assessment",
        "certificate",
        "claim",
        "paid",
        "cancelled",
        "refunded",
        "denied",
        "complaint",
    },
    ("contact_changes", "subject_kind"): {"learner", "provider"},
    ("contact_changes", "field"): {"email", "phone", "address", "iban"},
    ("places", "kind"): {"library", "employer", "prison", "training_centre"},
    ("credentials", "assessed"): {"true", "false"},
    ("labels", "subject_kind"): {"provider", "booking"},
}
LOOKALIKES = {
    "library_kiosk",
    "employer_bulk",
    "prison",
    "family_chain",
    "bootcamp",
    "launch_spike",
    "cap_price",
    "merged_company",
    "namesake",
}
ARCHETYPES = {"A1", "A2", "A3", "A4", "A5", "A6"}
REFERENCES = {
    "learner_id": "learners",
    "provider_id": "providers",
    "credential_id": "credentials",
    "session_id": "sessions",
    "booking_id": "bookings",
    "venue_id": "venues",
    "employer_id": "employers",
}
MAY_BE_BLANK = {
    ("bookings", "employer_id"),
    ("persons", "provider_id"),
    ("persons", "employer_id"),
    ("sessions", "venue_id"),
}
ORDERED = (("entry", "exit"), ("exit", "service_declared"), ("exit", "certificate"), ("claim", "paid"))
DATES = {"birth_date", "valid_from", "valid_until", "until"}
COUNTS = {"capacity", "seats", "private_payers", "hours"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
Row = dict[str, str]


class Population:
    """The files of a folder, and of each key the row recorded last."""

    def __init__(self, folder: Path) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.heads: dict[str, list[str]] = {}
        for name in COLUMNS:
            with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                self.rows[name] = list(reader)
                self.heads[name] = list(reader.fieldnames or [])
        self.honest = self.misuse_of("honest:")

    def last(self, table: str, key: str) -> dict[str, Row]:
        return {row[key]: row for row in sorted(self.rows[table], key=lambda row: row["recorded_at"])}

    def misuse_of(self, prefix: str) -> set[str]:
        return {row["subject_id"] for row in self.rows["labels"] if row["archetype"].startswith(prefix)}

    @property
    def misused(self) -> set[str]:
        return self.misuse_of("A")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def faults_of_form(people: Population) -> list[str]:
    """Columns, words, times, numbers and references."""
    found = []
    for table, columns in COLUMNS.items():
        if people.heads[table] != [*columns.split(", "), "recorded_at"]:
            found.append(f"{table}: {people.heads[table]}")
        for row in people.rows[table]:
            found += [
                f"{table}.{name}: {value!r}" for name, value in row.items() if not _good(table, name, value)
            ]
    return found + _faults_of_references(people) + _faults_of_labels(people)


def _faults_of_references(people: Population) -> list[str]:
    found = []
    keys = {name: {row[name] for row in people.rows[table]} for name, table in REFERENCES.items()}
    natural = {row["person_id"] for row in people.rows["persons"]}
    for table, rows in people.rows.items():
        for row in rows:
            for name in REFERENCES.keys() & row.keys():
                blank = row[name] == "" and (table, name) in MAY_BE_BLANK
                if not blank and row[name] not in keys[name]:
                    found.append(f"{table}.{name}: {row[name]!r} is unknown")
            for name in {"agent_id", "trainer_id"} & row.keys():
                known = row[name] == "" or row[name] in natural
                found += [] if known else [f"{table}.{name}: {row[name]!r} is nobody"]
    return found


def _faults_of_labels(people: Population) -> list[str]:
    found = []
    providers = {row["provider_id"] for row in people.rows["providers"]}
    bookings = {row["booking_id"] for row in people.rows["bookings"]}
    for row in people.rows["labels"]:
        known = providers if row["subject_kind"] == "provider" else bookings
        if row["subject_id"] not in known:
            found.append(f"labels: {row['subject_id']} is unknown")
        name = row["archetype"]
        if name not in ARCHETYPES and name.removeprefix("honest:") not in LOOKALIKES:
            found.append(f"labels: {name}")
        if name.startswith("honest:") and row["amount_cents"] != "0":
            found.append(f"labels: {name} with {row['amount_cents']}")
    return found


def _good(table: str, name: str, value: str | None) -> bool:
    if value is None or (table, name) in WORDS:
        return value in WORDS.get((table, name), ())
    if value == "":
        return name not in {"recorded_at", f"{table[:-1]}_id"}
    checks = (
        (name == "at" or name.endswith("_at"), lambda: _TIME.fullmatch(value) is not None),
        (name in DATES, lambda: bool(date.fromisoformat(value))),
        (name.endswith("_cents") or name in COUNTS, lambda: int(value) >= 0),
        (name == "percent", lambda: 0 <= int(value) <= 100),
        (name in {"lat", "lon"}, lambda: -180 <= float(value) <= 180),
    )
    return all(check() for wanted, check in checks if wanted)


def faults_of_life(people: Population) -> list[str]:
    """What honest life never does, and what nobody can do."""
    bookings = people.last("bookings", "booking_id")
    return [
        *_faults_of_times(people, bookings),
        *_faults_of_places(people, bookings),
        *_faults_of_money(people, bookings),
        *_faults_of_events(people, bookings),
    ]


def _faults_of_times(people: Population, bookings: dict[str, Row]) -> list[str]:
    sessions, credentials = people.last("sessions", "session_id"), people.last("credentials", "credential_id")
    learners, providers = people.last("learners", "learner_id"), people.last("providers", "provider_id")
    first: dict[str, str] = {}
    found = []
    for row in people.rows["slots"]:
        first[row["session_id"]] = min(row["starts_at"], first.get(row["session_id"], "9"))
        if not row["starts_at"] < row["ends_at"]:
            found.append(f"slot of {row['session_id']} ends before it starts")
    for code, row in bookings.items():
        provider = providers[credentials[sessions[row["session_id"]]["credential_id"]]["provider_id"]]
        since = (learners[row["learner_id"]]["registered_at"], provider["accredited_at"])
        if not max(since) < row["created_at"] < first[row["session_id"]]:
            found.append(f"{code}: booked outside of its time")
        if row["consent_at"] and row["consent_at"] < row["created_at"]:
            found.append(f"{code}: consent before the booking")
    return found


def _faults_of_places(people: Population, bookings: dict[str, Row]) -> list[str]:
    sessions = people.last("sessions", "session_id")
    days: dict[str, set[str]] = defaultdict(set)
    for row in people.rows["slots"]:
        days[row["session_id"]].add(row["starts_at"][:10])
    seats: dict[str, int] = defaultdict(int)
    sits: dict[tuple[str, str], str] = {}
    found = []
    for code, row in bookings.items():
        if code in people.misused:
            continue
        seats[row["session_id"]] += 1
        found += [
            f"{code}: learner sits elsewhere on {day}"
            for day in days[row["session_id"]]
            if sits.setdefault((row["learner_id"], day), code) != code
        ]
    full = [code for code, count in seats.items() if count > int(sessions[code]["seats"])]
    return found + [f"{code}: more seats than there are" for code in full]


def _faults_of_money(people: Population, bookings: dict[str, Row]) -> list[str]:
    sessions, credentials = people.last("sessions", "session_id"), people.last("credentials", "credential_id")
    caps: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in people.rows["limits"]:
        caps[row["kind"]].append((row["valid_from"], int(row["cap_cents"])))
    credited, spent = defaultdict(list), defaultdict(list)
    for row in people.rows["credits"]:
        credited[row["learner_id"]].append((row["at"], int(row["amount_cents"])))
    found = []
    for code, row in bookings.items():
        created = row["created_at"]
        kind = credentials[sessions[row["session_id"]]["credential_id"]]["kind"]
        if int(row["amount_cents"]) > max(pair for pair in caps[kind] if pair[0] <= created[:10])[1]:
            found.append(f"{code}: above the cap")
        spent[row["learner_id"]].append((created, int(row["amount_cents"])))
    for learner, some in spent.items():
        for at, _cents in some:
            gone = sum(cents for when, cents in some if when <= at)
            if gone > sum(cents for when, cents in credited[learner] if when <= at):
                found.append(f"{learner}: more spent than credited by {at}")
    return found


def _faults_of_events(people: Population, bookings: dict[str, Row]) -> list[str]:
    found = []
    events: dict[str, list[Row]] = defaultdict(list)
    for row in people.rows["booking_events"]:
        events[row["booking_id"]].append(row)
        if row["at"] < bookings[row["booking_id"]]["created_at"]:
            found.append(f"{row['booking_id']}: {row['event']} before the booking")
        if row["recorded_at"] < row["at"]:
            found.append(f"{row['booking_id']}: {row['event']} recorded before it was")
    for code, rows in events.items():
        amount = int(bookings[code]["amount_cents"])
        sums: dict[str, int] = defaultdict(int)
        at: dict[str, str] = {}
        for row in sorted(rows, key=lambda row: row["at"]):
            sums[row["event"]] += int(row["amount_cents"] or 0)
            at.setdefault(row["event"], row["at"])
        if sums["claim"] > amount or sums["paid"] > sums["claim"] or sums["refunded"] > sums["paid"]:
            found.append(f"{code}: {dict(sums)} of {amount}")
        honest = code not in people.misused
        for earlier, later in (
            ("entry", "exit"),
            ("exit", "service_declared"),
            ("exit", "certificate"),
            ("claim", "paid"),
        ):
            if honest and later in at and earlier in at and at[earlier] > at[later]:
                found.append(f"{code}: {later} before {earlier}")
        if honest and "paid" in at and "claim" not in at:
            found.append(f"{code}: paid without a claim")
        if honest and "claim" in at and not bookings[code]["consent_at"]:
            found.append(f"{code}: claimed without consent")
    return found
