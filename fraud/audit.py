"""What `manage.py audit` checks of fraud's work: its files, its steps, its measures, holds, and who comes first."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from django.apps import apps
from django.utils.translation import gettext_lazy as _

from fraud.models import Alert, AlertSighting, Case, CaseLog, CaseRecord, KnownPlace, Letter, PlaceState
from fraud.models.cases import OUTCOMES
from fraud.models.measures import OPEN_STATES, PRECAUTIONS, STANDING, MeasureState
from fraud.services import case_file, places, subjects
from fraud.services.rights import WRONGED
from funding.audit.checks import Count, Group, PythonCheck, SqlCheck, faults_of
from funding.audit.further import Further
from funding.audit.guards import find_constraints, find_rights, find_triggers
from funding.audit.machines import log_check
from funding.audit.report import Finding
from funding.models.bookings import OPEN_STATES as OPEN_BOOKINGS
from ila.core import clock, fsm

FILES, STEPS, MEASURES, HOLDS, RIGHTS, GUARDS = 101, 102, 103, 104, 105, 106
RULES = {
    FILES: "Every case's file is whole, and letters, evidence and known places are as they were",
    STEPS: "Alerts, cases, measures and known places moved by allowed steps only",
    MEASURES: "Nothing is in force without notice or two persons, and what was overturned is undone",
    HOLDS: "Every hold of a case has a measure that stands, and ends with it",
    RIGHTS: "Learners had their rights back before anything was asked of a provider",
    GUARDS: "Nobody can change what was found, written or decided",
}
WORDS = {
    FILES: _("Every fraud case's file is whole, and letters, evidence and known places are as they were."),
    STEPS: _("Alerts, cases, measures and known places moved by allowed steps only."),
    MEASURES: _("Nothing is in force without notice or two persons, and what was overturned is undone."),
    HOLDS: _("Every hold of a case has a measure that stands, and ends with it."),
    RIGHTS: _("Learners had their rights back before anything was asked of a provider."),
    GUARDS: _("Nobody can change what was found, written or decided in a fraud case."),
}
# A job ends terms every ten minutes; what is this much later was forgotten.
LATE = "interval '1 day'"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(f"'{value}'" for value in values)


_MEASURE_FAULTS = {
    "in_force_unannounced": "measure.in_force_at IS NOT NULL AND (measure.notified_at IS NULL"
    " OR measure.notified_at > measure.in_force_at OR NOT letter.sent)",
    "in_force_too_early": "measure.in_force_at IS NOT NULL AND measure.urgency = ''"
    " AND (measure.answer_due_at IS NULL OR measure.in_force_at < measure.answer_due_at"
    " OR measure.answer_due_at < measure.notified_at + interval '10 days')",
    "urgency_signed_by_one": "measure.urgency <> '' AND (measure.urgent_by_id IS NULL OR measure.signed_by_id IS NULL"
    " OR measure.urgent_by_id = measure.signed_by_id OR measure.hearing_due_at IS NULL)",
    "not_four_eyes": "measure.in_force_by_id = measure.proposed_by_id"
    " OR measure.appeal_decided_by_id IN (measure.proposed_by_id, measure.in_force_by_id)",
    "in_force_by_nobody": f"measure.state IN ({_listed(STANDING)}) AND measure.in_force_by_id IS NULL",
    "overturned_and_not_undone": f"measure.state = '{MeasureState.OVERTURNED}' AND effect.standing > 0",
    "ended_and_still_listed": "measure.state IN ('lifted', 'expired', 'overturned') AND effect.listed > 0",
    "never_ended": f"measure.expires_at < {{now}} - {LATE}"
    " AND measure.state IN ('notified', 'rebuttal', 'in_force', 'upheld', 'varied')",
}


def measures_sql() -> str:
    """Measures at fault."""
    return f"""
    SELECT fault.code, 'measure:' || measure.id, format('%s is %s', measure.kind, measure.state)
      FROM fraud_measure AS measure
     CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT 1 FROM fraud_letter WHERE measure_id = measure.id
                          AND sent_at <= measure.in_force_at) AS sent
     ) AS letter
     CROSS JOIN LATERAL (
        SELECT count(*) AS standing,
               count(*) FILTER (WHERE entry.id IS NOT NULL AND entry.ended_at IS NULL) AS listed
          FROM fraud_measureeffect AS done
          LEFT JOIN fraud_blacklistentry AS entry ON entry.id = done.entry_id
         WHERE done.measure_id = measure.id AND done.undoes_id IS NULL
           AND NOT EXISTS (SELECT 1 FROM fraud_measureeffect AS undo WHERE undo.undoes_id = done.id)
     ) AS effect
    {faults_of(_MEASURE_FAULTS)}
    """.replace("{now}", _now())


_CASE_FAULTS = {
    "decided_alone": "subject.decided_by_id IN (subject.investigator_id, subject.proposed_by_id)"
    " OR subject.decided_by_id = ANY (subject.rule_author_ids)"
    " OR subject.investigator_id = ANY (subject.rule_author_ids)",
    "decided_by_nobody": f"subject.state IN ({_listed(OUTCOMES)}) AND subject.decided_by_id IS NULL",
    "two_open_cases": "subject.state <> 'closed' AND EXISTS (SELECT 1 FROM fraud_case AS other"
    " WHERE other.id < subject.id AND other.provider_id = subject.provider_id"
    " AND other.typology = subject.typology AND other.state <> 'closed')",
    "refuted_and_still_held": "subject.outcome = 'refuted' AND subject.state = 'refuted' AND EXISTS ("
    "SELECT 1 FROM fraud_measure AS measure WHERE measure.case_id = subject.id AND measure.state IN"
    f" ({_listed(OPEN_STATES)}) AND measure.proposed_at < subject.decided_at)",
}
CASES = f"""
    SELECT fault.code, 'case:' || subject.id, subject.state FROM fraud_case AS subject {faults_of(_CASE_FAULTS)}
"""

_TWO_PERSONS_FAULTS = {
    "decided_by_one_person": "subject.decided_by_id = subject.proposed_by_id",
    "in_force_by_nobody": "subject.state = 'in_force' AND subject.decided_by_id IS NULL",
}


def two_persons_sql(kind: str) -> str:
    """Known places, or changed thresholds, that one person alone put into force."""
    return f"""
    SELECT fault.code, '{kind}:' || subject.id, subject.state FROM fraud_{kind} AS subject
    {faults_of(_TWO_PERSONS_FAULTS)}
    """


_HOLD_FAULTS = {
    "hold_without_measure": "NOT link.standing AND NOT link.automatic",
    "hold_outlives_its_measure": "link.standing AND hold.expires_at > link.until",
    "hold_without_reason": "hold.reason = '' OR hold.expires_at IS NULL",
}


def holds_sql() -> str:
    """Holds that fraud placed, open now, and what they rest on; and holds expired whose measure still says it holds."""
    ours = (
        "(hold.owner_id IN (SELECT id FROM accounts_user WHERE is_service AND display_name = 'fraud')"
        " OR EXISTS (SELECT 1 FROM fraud_measureeffect WHERE hold_id = hold.id))"
    )
    return f"""
    SELECT fault.code, 'hold:' || hold.id, format('until %s', hold.expires_at)
      FROM funding_hold AS hold
     CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(measure.state IN ({_listed(OPEN_STATES)})), false) AS standing,
               max(measure.expires_at) AS until,
               EXISTS (SELECT 1 FROM fraud_automatichold WHERE hold_id = hold.id) AND count(*) = 0 AS automatic
          FROM fraud_measureeffect AS done JOIN fraud_measure AS measure ON measure.id = done.measure_id
         WHERE done.hold_id = hold.id AND done.undoes_id IS NULL
           AND NOT EXISTS (SELECT 1 FROM fraud_measureeffect AS undo WHERE undo.undoes_id = done.id)
     ) AS link
    {faults_of(_HOLD_FAULTS)} AND hold.released_at IS NULL AND hold.expires_at > {_now()} AND {ours}
    """


_RIGHTS_FAULTS = {
    "asked_before_rights": "measure.restored_at IS NULL OR measure.restored_at > measure.in_force_at",
}
RIGHTS_FIRST = f"""
    SELECT fault.code, 'measure:' || measure.id, format('%s of case %s', measure.kind, measure.case_id)
      FROM (
        SELECT id, kind, case_id, in_force_at, (
            SELECT min(record.at) FROM fraud_caserecord AS record
             WHERE record.case_id = fraud_measure.case_id AND record.kind = 'rights'
               AND record.data ->> 'all' = 'true') AS restored_at
          FROM fraud_measure WHERE in_force_at IS NOT NULL AND kind NOT IN ({_listed(PRECAUTIONS)})
      ) AS measure
    {faults_of(_RIGHTS_FAULTS)}
"""
_RESTORED_FAULTS = {
    "wronged_and_not_restored": "subject.rights_restored_at IS NOT NULL AND row.restored_at IS NULL"
    f" AND row.found IN ({_listed(WRONGED)}) AND subject.state <> 'investigating'",
    "restored_and_still_held": "row.restored_at IS NOT NULL AND row.undone_at IS NULL"
    f" AND booking.state IN ({_listed(OPEN_BOOKINGS)})",
}
RESTORED = f"""
    SELECT fault.code, 'booking:' || row.booking_id, format('case %s, %s', row.case_id, booking.state)
      FROM fraud_casebooking AS row
      JOIN fraud_case AS subject ON subject.id = row.case_id
      JOIN funding_booking AS booking ON booking.id = row.booking_id
    {faults_of(_RESTORED_FAULTS)}
"""


def _now() -> str:
    return f"'{clock.now().isoformat()}'::timestamptz"


def find_files(_cursor: Any) -> Iterator[tuple[int, Finding]]:
    """Records that are missing, changed or inserted; letters and steps that the file does not have as they are."""
    letters = {
        str(each.public_id): {
            language: hashlib.sha256(body.encode()).hexdigest() for language, body in each.bodies.items()
        }
        for each in Letter.objects.only("public_id", "bodies").iterator()
    }
    steps: dict[int, int] = defaultdict(int)
    for case_id in CaseLog.objects.exclude(source="").values_list("subject_id", flat=True):
        steps[case_id] += 1
    cases = {each.pk: each for each in Case.objects.all()}
    rows = CaseRecord.objects.order_by("case_id", "number").iterator()
    with_file = set()
    for case_id, theirs in groupby(rows, key=lambda row: row.case_id):
        with_file.add(case_id)
        for fault in _file_faults(cases[case_id], list(theirs), letters, steps[case_id]):
            yield FILES, fault
    for case_id in sorted(cases.keys() - with_file):
        yield FILES, Finding(f"case:{case_id}", "file_missing")
    for public_id in sorted(letters):
        yield FILES, Finding(f"letter:{public_id}", "letter_without_record")


def _file_faults(
    case: Case, records: list[CaseRecord], letters: dict[str, dict[str, str]], steps: int
) -> Iterator[Finding]:
    """letters: what is not known from a record yet; what a record names is taken out of it."""
    for said in case_file.faults_in(case, records):
        yield Finding(f"case:{case.pk}", "file_broken", said)
    for record in records:
        if record.kind == "letter":
            name = str(record.data["letter"])
            if letters.pop(name, None) != record.data["sha256"]:
                yield Finding(f"letter:{name}", "letter_changed", case.number)
    told = sum(record.kind == "state" for record in records)
    if told < steps:
        yield Finding(f"case:{case.pk}", "step_not_in_file", f"{steps} steps, {told} records")


def find_evidence(_cursor: Any) -> Iterator[tuple[int, Finding]]:
    """Alerts and sightings whose evidence is not what was hashed when it was found."""
    for model, name in ((Alert, "alert"), (AlertSighting, "alertsighting")):
        rows: Any = model._base_manager.values_list("pk", "evidence", "evidence_rows", "evidence_hash")
        for pk, evidence, frozen, hashed in rows.iterator():
            if subjects.hash_of(evidence, frozen) != hashed:
                yield FILES, Finding(f"{name}:{pk}", "evidence_changed")


def find_places(_cursor: Any) -> Iterator[tuple[int, Finding]]:
    """Known places that silence detectors for other lines than those of the network that two persons agreed on."""
    for place in KnownPlace.objects.filter(state=PlaceState.IN_FORCE).iterator():
        if sorted(place.line_hashes) != sorted(places.line_hashes_of(place.network)):
            yield FILES, Finding(f"knownplace:{place.pk}", "place_changed", place.network)


def find_guards(cursor: Any) -> Iterator[tuple[int, Finding]]:
    """Triggers, rights and constraints of fraud's tables that are not as the models say."""
    for find in (find_triggers, find_rights, find_constraints):
        for _number, finding in find(cursor, ("fraud",)):
            yield GUARDS, finding


def _codes(rule: int, *conditions: Iterable[str]) -> dict[str, int]:
    return {code: rule for each in conditions for code in each}


MACHINES = [each for each in apps.get_app_config("fraud").get_models() if issubclass(each, fsm.Machine)]
FURTHER = Further(
    rules=RULES,
    words=WORDS,
    group=Group(
        checks=[
            PythonCheck("files of cases", {FILES}, find_files, by_models=True),
            PythonCheck("evidence of alerts", {FILES}, find_evidence, by_models=True),
            PythonCheck("lines of known places", {FILES}, find_places, by_models=True),
            PythonCheck("guards of fraud", {GUARDS}, find_guards),
            *(log_check(model, STEPS) for model in MACHINES),
            SqlCheck("measures", _codes(MEASURES, _MEASURE_FAULTS), measures_sql),
            SqlCheck("decisions on cases", _codes(MEASURES, _CASE_FAULTS), CASES),
            *(
                SqlCheck(f"persons of {kind}", _codes(MEASURES, _TWO_PERSONS_FAULTS), two_persons_sql(kind))
                for kind in ("knownplace", "parameterversion")
            ),
            SqlCheck("holds of cases", _codes(HOLDS, _HOLD_FAULTS), holds_sql),
            SqlCheck("rights first", _codes(RIGHTS, _RIGHTS_FAULTS), RIGHTS_FIRST),
            SqlCheck("rights restored", _codes(RIGHTS, _RESTORED_FAULTS), RESTORED),
        ],
        counts=[
            Count(FILES, "SELECT count(*) FROM fraud_caserecord"),
            Count(STEPS, "SELECT count(*) FROM fraud_caselog"),
            Count(MEASURES, "SELECT count(*) FROM fraud_measure"),
            Count(HOLDS, "SELECT count(*) FROM fraud_measureeffect WHERE hold_id IS NOT NULL"),
            Count(RIGHTS, "SELECT count(*) FROM fraud_casebooking"),
        ],
    ),
)
