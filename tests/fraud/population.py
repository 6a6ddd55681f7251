"""A small population for one test: honest unless the test says otherwise, every row with its time of record."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from fraud.detection.registry import DETECTORS
from fraud.detection.runs import DayResult, detect_evaluated
from fraud.facts.tables import TABLES
from fraud.services.loads import load_population

DAY = date(2026, 3, 31)
START = datetime(2025, 3, 3, 9, tzinfo=UTC)


def moment(days: float, hours: float = 0) -> datetime:
    """So many days (and hours) before the evening of DAY."""
    return datetime(DAY.year, DAY.month, DAY.day, 20, tzinfo=UTC) - timedelta(days=days, hours=hours)


class Population:
    """Rows by file. Every method that adds something gives its id."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._number = 0
        self.add(
            "scheme", utc_offset_minutes=60, first_claim_days_before_start=0, advance_percent=0, at=START
        )

    def add(self, table: str, *, at: datetime | None = None, **values: Any) -> dict[str, Any]:
        """One row, recorded `at` (at the start of time unless told)."""
        if "at" in TABLES[table].names:
            values["at"] = at
        row = {**values, "recorded_at": values.get("recorded_at", at or START)}
        self.rows[table].append(row)
        return row

    def name(self, prefix: str) -> str:
        """An id that is new."""
        self._number += 1
        return f"{prefix}{self._number}"

    def learner(self, **values: Any) -> str:
        """A learner with contact data of their own, registered long ago."""
        id_ = self.name("L")
        own = {f"{field}_hash": f"{field}-{id_}" for field in ("email", "phone", "address", "iban")}
        given = {"learner_id": id_, "birth_year": 1985, "registered_at": START, "lat": 48.8, "lon": 2.3}
        self.add("learners", **{**given, **own, **values})
        self.add("credits", at=START, learner_id=id_, source="rights", amount_cents=500_000)
        return id_

    def provider(self, **values: Any) -> str:
        """A provider with an account of its own, accredited long ago."""
        id_ = self.name("P")
        own = {f"{field}_hash": f"{field}-{id_}" for field in ("email", "phone", "address", "iban")}
        given = {"provider_id": id_, "legal_name": f"School {id_}", "incorporated_at": START}
        self.add("providers", **{**given, "accredited_at": START, "lat": 48.8, "lon": 2.3, **own, **values})
        return id_

    def person(self, provider: str | None, role: str, **values: Any) -> str:
        """A person with a role at a provider, for years."""
        id_ = values.pop("person_id", None) or self.name("N")
        given = {"person_id": id_, "full_name": f"Ana Person {id_}", "birth_date": date(1970, 1, 1)}
        self.add(
            "persons",
            **{**given, "role": role, "provider_id": provider, "valid_from": "2020-01-01", **values},
        )
        return id_

    def credential(self, provider: str, **values: Any) -> str:
        """A course of the provider."""
        id_ = self.name("C")
        price = {"price_cents": values.pop("price_cents", 90_000), "private_price_cents": None}
        price["private_price_cents"] = values.pop("private_price_cents", None)
        given = {
            "credential_id": id_,
            "provider_id": provider,
            "kind": "rs",
            "hours": 14,
            "assessed": "false",
        }
        self.add("credentials", **{**given, **values})
        self.add("prices", credential_id=id_, valid_from="2025-01-01", **price)
        return id_

    def session(
        self, credential: str, *, starts: datetime, days: int = 2, hours: float = 7, **values: Any
    ) -> str:
        """A session of so many days in a row, one slot a day, in a venue and with a trainer of its own."""
        id_ = self.name("S")
        if "venue_id" not in values:
            values["venue_id"] = self.name("V")
            self.add("venues", venue_id=values["venue_id"], capacity=40, opens="07:00", closes="22:00")
        if "trainer_id" not in values:
            values["trainer_id"] = self.person(None, "trainer")
        given = {"session_id": id_, "credential_id": credential, "mode": "in_person", "lat": 48.8, "lon": 2.3}
        self.add("sessions", **{**given, "seats": 20, "private_payers": 3, "status": "held", **values})
        for day in range(days):
            at = starts + timedelta(days=day)
            self.add("slots", session_id=id_, starts_at=at, ends_at=at + timedelta(hours=hours))
        return id_

    def book(self, learner: str, session: str, *, created: datetime, **values: Any) -> str:
        """A booking of the learner's own, from their own device, with consent."""
        id_ = self.name("B")
        given = {
            "booking_id": id_,
            "learner_id": learner,
            "session_id": session,
            "amount_cents": 90_000,
            "actor": "learner",
            "created_at": created,
            "ip_hash": f"ip-{learner}",
            "device_hash": f"device-{learner}",
            "consent_at": created + timedelta(minutes=5),
            "consent_ip_hash": f"ip-{learner}",
            "consent_device_hash": f"device-{learner}",
            "own_cents": 10_000,
        }
        self.add("bookings", at=created, **{**given, **values})
        return id_

    def event(self, booking: str, event: str, at: datetime, **values: Any) -> None:
        """Something that happened to a booking."""
        self.add("booking_events", booking_id=booking, event=event, at=at, **values)

    def attend(self, booking: str, session: str, *, device: str = "kiosk") -> None:
        """Signatures in every slot of the session, a few minutes after it began."""
        for number, slot in enumerate(row for row in self.rows["slots"] if row["session_id"] == session):
            signed = slot["starts_at"] + timedelta(
                minutes=3 + number, seconds=7 * len(self.rows["attendance"])
            )
            self.add(
                "attendance",
                at=signed,
                booking_id=booking,
                slot_starts_at=slot["starts_at"],
                signed_at=signed,
                device_hash=device,
            )

    def honest(self, providers: int = 4, learners: int = 6) -> list[str]:
        """Providers with a held, paid and attended session each, for comparison."""
        made = []
        for number in range(providers):
            provider = self.provider()
            made.append(provider)
            starts = moment(60 + 7 * number, 11)
            session = self.session(self.credential(provider), starts=starts)
            for seat in range(learners):
                booking = self.book(
                    self.learner(), session, created=starts - timedelta(days=20, hours=5 * seat)
                )
                self.attend(booking, session)
                self.event(booking, "claim", starts + timedelta(days=5), amount_cents=90_000)
                self.event(booking, "paid", starts + timedelta(days=10), amount_cents=90_000)
        return made

    def write(self, directory: Path, *, without: Iterable[str] = (), shuffle: int | None = None) -> Path:
        """The CSV files, all of them, in `directory`. shuffle: a seed for another order of rows and columns."""
        directory.mkdir(parents=True, exist_ok=True)
        order = random.Random(shuffle)
        for table in TABLES.values():
            names, rows = list(table.names), list(self.rows[table.name])
            if shuffle is not None:
                order.shuffle(names)
                order.shuffle(rows)
            names = [name for name in names if f"{table.name}.{name}" not in without]
            if table.name in without:
                continue
            with (directory / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(names)
                writer.writerows([_word(row.get(name)) for name in names] for row in rows)
        return directory

    def detect(self, directory: Path, *ids: str, day: date = DAY, **options: Any) -> DayResult:
        """Written, loaded and looked at with these detectors (all of them unless told)."""
        load_population(directory=self.write(directory, **options))
        result = detect_evaluated(day=day, detectors=[DETECTORS[id_] for id_ in ids or DETECTORS])
        assert not result.failed
        return result


def _word(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)


def found(result: DayResult, detector: str) -> set[tuple[str, str, str]]:
    """(provider, kind of subject, action) of each alert of a detector."""
    return {
        (alert.finding.provider_id, alert.finding.subject_kind, alert.action)
        for alert in result.alerts
        if alert.detector.id == detector
    }
