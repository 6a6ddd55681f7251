"""Correcting the facts about citizens that rules ask for. What was decided on an earlier value stays decided."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Citizen, CitizenFact, OpenFact, User
from accounts.permissions import may_correct_facts
from ila.core import clock
from ila.core.errors import DomainError

MAX_EVIDENCE = 500

FACTS = (
    "birth_date",
    "status",
    "qualification_level",
    "disabled",
    "hours_ratio",
    "annual_hours",
    "driving_licences",
    "residence",
    "citizenship",
    "work_incapacity_percent",
    "prevention_account",
    "income_cents",
    "student_finance",
    "insured_months",
)


@transaction.atomic
def correct_facts(*, actor: User, citizen_id: int, evidence: str, **facts: Any) -> list[CitizenFact]:
    """Correct facts about a citizen, on evidence; values before and after are kept for good.

    facts: new values by the names of `FACTS`. Nothing that was decided before changes; funding looks for open
    bookings that would have been decided otherwise, and opens a review of each. Returns what was written:
    nothing for a value that stood already. Locks: the citizen.
    Raises: DomainError `not_allowed`; `incomplete` without evidence or facts; `invalid` for an unknown name or
    an impossible value; `not_found` (404).
    """
    if not may_correct_facts(actor):
        raise DomainError("not_allowed", status=403, what="correct_facts")
    if not evidence.strip() or not facts:
        raise DomainError("incomplete", status=422, what="evidence" if facts else "facts")
    if len(evidence) > MAX_EVIDENCE:
        raise DomainError("invalid", status=422, what="evidence", at_most=MAX_EVIDENCE)
    if unknown := sorted(set(facts) - set(FACTS)):
        raise DomainError("invalid", status=422, fact=", ".join(unknown))
    citizen = Citizen.objects.select_for_update(no_key=True).filter(pk=citizen_id).first()
    if citizen is None:
        raise DomainError("not_found", status=404, kind="citizen")
    before = {name: getattr(citizen, name) for name in facts}
    _set(citizen, facts)
    # What was open is established now, also where it stood so already.
    OpenFact.objects.filter(citizen=citizen, fact__in=list(facts)).delete()
    now = clock.now()
    written = CitizenFact.objects.bulk_create(
        CitizenFact(
            citizen=citizen,
            fact=name,
            before=as_json(earlier),
            after=as_json(getattr(citizen, name)),
            evidence=evidence.strip(),
            recorded_by=actor,
            recorded_at=now,
        )
        for name, earlier in before.items()
        if earlier != getattr(citizen, name)
    )
    if written:
        citizen.save(update_fields=[row.fact for row in written])
    return written


def facts_at(citizen: Citizen, moment: datetime) -> Citizen:
    """The citizen as the facts stood at that moment, unsaved: what was corrected since is undone."""
    earlier = Citizen.objects.get(pk=citizen.pk)
    since = citizen.corrections.filter(recorded_at__gt=moment).order_by("-pk")
    for row in since:
        setattr(earlier, row.fact, _from_json(row.fact, row.before))
    return earlier


def as_json(value: Any) -> Any:
    """A fact as it is kept in the history."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return list(value) if isinstance(value, list | tuple) else value


def _from_json(name: str, value: Any) -> Any:
    field: Any = Citizen._meta.get_field(name)
    return field.to_python(value)


def _set(citizen: Citizen, facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        setattr(citizen, name, value)
    others = {field.name for field in Citizen._meta.concrete_fields} - set(facts)
    try:
        citizen.clean_fields(exclude=others)
        citizen.validate_constraints(exclude=others)
    except ValidationError as error:
        raise DomainError("invalid", status=422, faults="; ".join(error.messages)) from error
    if citizen.birth_date > clock.now().date():
        raise DomainError("invalid", status=422, fact="birth_date")
