"""Fraud's own rules in the audit: what the services leave is in order, and what somebody spoils is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection

from fraud import audit as rules
from fraud.models import Case, Letter, Measure
from fraud.services import appeals, cases, places
from funding import audit
from funding.models import Hold
from ila.core import clock
from tests.fraud.casework.office import Office
from tests.support.world import MONDAY

OURS = set(rules.RULES)

TABLES = (
    *("fraud_case", "fraud_caserecord", "fraud_caselog", "fraud_casebooking", "fraud_letter", "fraud_alert"),
    *("fraud_knownplace", "fraud_knownplacelog", "fraud_parameterversion"),
    *("fraud_measure", "fraud_measurelog", "fraud_measureeffect", "fraud_blacklistentry", "funding_hold"),
)


class Books:
    """One case with measures of each sort; ids of what is spoilt."""

    def __init__(self, office: Office) -> None:
        self.office = office
        made = [booking for _, booking in office.house.accepted(2)]
        office.house.validated(made[0])
        office.house.pay(office.house.approved(made[0]))
        self.case = office.case(*made, action="H")
        for booking in made[:1]:
            cases.record_finding(
                actor=office.investigator,
                case_id=self.case.pk,
                booking_id=booking.pk,
                found="not_taught",
                why="Empty.",
            )
        office.decided(self.case)
        office.restored(self.case)
        self.restitution = office.in_force(self.case, "restitution")
        self.listing = office.in_force(self.case, "blacklist_person")
        self.hold = Measure.objects.get(kind="hold")
        self.place = places.propose_place(
            actor=office.investigator,
            kind="library",
            name="Library of Rennes",
            network="8.8.8.0/30",
            reason="Four public computers.",
        )
        places.agree_place(actor=office.other, place_id=self.place.pk)
        self.values = {
            "place": self.place.pk,
            "case": self.case.pk,
            "hold": Hold.objects.get().pk,
            "holding": self.hold.pk,
            "restitution": self.restitution.pk,
            "listing": self.listing.pk,
            "letter": Letter.objects.order_by("pk")[0].public_id,
            "alert": self.case.alerts.get().pk,
            "booking": made[0].pk,
            "investigator": office.investigator.pk,
        }


@pytest.fixture
def books(as_owner: None, db: None) -> Iterator[Books]:
    with clock.at(MONDAY) as hand:
        yield Books(Office(hand))


def found() -> dict[int, set[tuple[str, str]]]:
    """What the audit says of fraud: rule → (row, code)."""
    reports = audit.run(only=OURS - {rules.GUARDS}).further
    return {each.id: {(one.row, one.code) for one in each.findings} for each in reports if not each.ok}


SPOILT = [
    (
        "UPDATE fraud_knownplace SET line_hashes = array_append(line_hashes, 'ffff') WHERE id = {place}",
        101,
        "knownplace:{place}",
        "place_changed",
    ),
    (
        "UPDATE fraud_knownplace SET state = 'proposed' WHERE id = {place}",
        102,
        "knownplace:{place}",
        "knownplace_state_moved",
    ),
    (
        "DELETE FROM fraud_knownplacelog WHERE subject_id = {place} AND target = 'in_force'",
        102,
        "knownplace:{place}",
        "*",
    ),
    (
        "UPDATE fraud_knownplace SET decided_by_id = proposed_by_id WHERE id = {place}",
        103,
        "knownplace:{place}",
        "decided_by_one_person",
    ),
    (
        "UPDATE fraud_knownplace SET decided_by_id = NULL, decided_at = NULL WHERE id = {place}",
        103,
        "knownplace:{place}",
        "in_force_by_nobody",
    ),
    (
        "UPDATE fraud_caserecord SET text = 'x' WHERE case_id = {case} AND number = 2",
        101,
        "case:{case}",
        "file_broken",
    ),
    ("DELETE FROM fraud_caserecord WHERE case_id = {case} AND number = 3", 101, "case:{case}", "file_broken"),
    ("DELETE FROM fraud_caserecord WHERE case_id = {case}", 101, "case:{case}", "file_missing"),
    (
        "UPDATE fraud_letter SET bodies = '{{\"en\": \"x\"}}' WHERE public_id = '{letter}'",
        101,
        "letter:{letter}",
        "letter_changed",
    ),
    ("UPDATE fraud_alert SET evidence = '{{}}' WHERE id = {alert}", 101, "alert:{alert}", "evidence_changed"),
    ("UPDATE fraud_case SET state = 'triage' WHERE id = {case}", 102, "case:{case}", "case_state_moved"),
    (
        "UPDATE fraud_measurelog SET target = 'lifted' WHERE subject_id = {holding}",
        102,
        "measure:{holding}",
        "*",
    ),
    (
        "UPDATE fraud_measure SET answer_due_at = in_force_at + interval '1 day' WHERE id = {listing}",
        103,
        "measure:{listing}",
        "in_force_too_early",
    ),
    (
        "DELETE FROM fraud_letter WHERE measure_id = {listing}",
        103,
        "measure:{listing}",
        "in_force_unannounced",
    ),
    (
        (
            "UPDATE fraud_measure SET urgency = 'now', urgent_by_id = {investigator},"
            " signed_by_id = {investigator} WHERE id = {listing}"
        ),
        103,
        "measure:{listing}",
        "urgency_signed_by_one",
    ),
    (
        "UPDATE fraud_measure SET in_force_by_id = proposed_by_id WHERE id = {listing}",
        103,
        "measure:{listing}",
        "not_four_eyes",
    ),
    (
        "UPDATE fraud_measure SET state = 'overturned' WHERE id = {restitution}",
        103,
        "measure:{restitution}",
        "*",
    ),
    ("UPDATE fraud_measure SET state = 'lifted' WHERE id = {listing}", 103, "measure:{listing}", "*"),
    (
        "UPDATE fraud_case SET decided_by_id = investigator_id WHERE id = {case}",
        103,
        "case:{case}",
        "decided_alone",
    ),
    (
        "UPDATE fraud_measure SET state = 'lifted' WHERE id = {holding}",
        104,
        "hold:{hold}",
        "hold_without_measure",
    ),
    (
        "UPDATE funding_hold SET expires_at = expires_at + interval '9 days' WHERE id = {hold}",
        104,
        "hold:{hold}",
        "hold_outlives_its_measure",
    ),
    (
        "UPDATE fraud_measure SET in_force_at = in_force_at - interval '1 year' WHERE id = {restitution}",
        105,
        "measure:{restitution}",
        "asked_before_rights",
    ),
    (
        "UPDATE fraud_casebooking SET restored_at = NULL, restored_by_way = '' WHERE booking_id = {booking}",
        105,
        "booking:{booking}",
        "wronged_and_not_restored",
    ),
]


def spoil(statement: str) -> None:
    """Run it with the triggers and rules of our tables off, as somebody with the owner's password could."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'c' AND conrelid::regclass::text = ANY (%s)",
            [list(TABLES)],
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(statement)


def test_what_the_services_leave_is_in_order_and_whatever_is_spoilt_is_named(books: Books) -> None:
    assert found() == {}
    with connection.cursor() as cursor:
        for statement, rule, row, code in SPOILT:
            cursor.execute("SAVEPOINT before; SET CONSTRAINTS ALL IMMEDIATE")
            spoil(statement.format(**books.values))
            wanted = row.format(**books.values)
            named = {one for one in found().get(rule, set()) if one[0] == wanted and code in ("*", one[1])}
            assert named, f"{statement}: {found()}"
            cursor.execute("ROLLBACK TO SAVEPOINT before")


def test_a_measure_that_nobody_ended_is_named(books: Books) -> None:
    assert books.hold.expires_at is not None
    with clock.at(books.hold.expires_at + timedelta(days=2)):
        assert (f"measure:{books.hold.pk}", "never_ended") in found()[rules.MEASURES]


def test_what_an_appeal_undid_is_in_order(books: Books) -> None:
    office, measure = books.office, books.restitution
    appeals.lodge_appeal(actor=office.provider_user, measure_id=measure.pk, appeal="Wrong.")
    appeals.overturn(actor=office.second_manager, measure_id=measure.pk, reason="Sorry.")
    assert found() == {}


@pytest.mark.django_db
def test_guards_are_as_the_models_say(app_dsn: str) -> None:
    (report,) = audit.run(only={rules.GUARDS}).further
    assert report.findings == []
    everything = audit.run().as_json()
    assert [each["id"] for each in everything["invariants"]] == list(range(1, 12))
    assert [each["id"] for each in everything["further"]] == sorted(OURS)


def test_a_guard_that_is_off_is_named(as_owner: None, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fraud_caserecord DISABLE TRIGGER USER")
    (report,) = audit.run(only={rules.GUARDS}).further
    assert {one.code for one in report.findings if "fraud_caserecord" in one.row} >= {"trigger_disabled"}
    assert Case.objects.count() == 0
