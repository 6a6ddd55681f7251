"""A citizen says that a fact about them is wrong, with a document; a case worker looks at it and decides."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from accounts.models import Citizen, User
from accounts.permissions import FACT_ROLES, may_decide_identities
from accounts.services import messages
from accounts.services.citizens import FACTS, correct_facts
from funding.models import CorrectionRequest, CorrectionState, LearnerDocument, Reader
from funding.permissions import schemes_of
from funding.services import learner_documents
from ila.core import clock
from ila.core.errors import DomainError
from ila.core.money import parse_cents

S = CorrectionState
MAX_SAYS = 300


@transaction.atomic
def ask_correction(
    *, actor: User, fact: str, says: str, name: str = "", content: bytes = b""
) -> CorrectionRequest:
    """Ask for a correction of a fact about oneself; one of a fact at a time.

    Raises: DomainError `not_found` for who is no citizen or no known fact, `incomplete` without words, `bad_file`,
    `already_waiting`.
    """
    citizen = Citizen.objects.filter(user_id=actor.pk).first()
    if citizen is None or fact not in FACTS:
        raise DomainError("not_found", status=404, kind="fact")
    if not says.strip() or len(says) > MAX_SAYS:
        raise DomainError("incomplete", status=422, what="says")
    document = None
    if content:
        document = LearnerDocument(
            citizen=citizen, reader=Reader.AGENCY, asked=fact, asked_by=actor, asked_at=clock.now()
        )
        learner_documents.keep_with(document, name, content)
    try:
        with transaction.atomic():
            return CorrectionRequest.objects.create(
                citizen=citizen, fact=fact, says=says.strip(), document=document, asked_at=clock.now()
            )
    except IntegrityError as error:
        raise DomainError("already_waiting", status=409) from error


@transaction.atomic
def take_back(*, actor: User, public_id: UUID) -> CorrectionRequest:
    """The citizen does not want it any more. Locks: the request. Raises: DomainError `not_found` (404)."""
    found = CorrectionRequest.objects.select_for_update(no_key=True).filter(
        public_id=public_id, citizen__user=actor
    )
    request = found.first()
    if request is None:
        raise DomainError("not_found", status=404, kind="correction")
    if request.state == S.ASKED:
        _decide(request, S.TAKEN_BACK, actor, "")
    return request


@transaction.atomic
def decide(*, actor: User, public_id: UUID, value: str | None, answer: str) -> CorrectionRequest:
    """A case worker corrects the fact to `value`, as text, or refuses (None) with a reason. The citizen is told.

    Nobody decides on their own. Locks: the request, then the citizen. Raises: DomainError `not_allowed`, `not_found`
    (404), `already_answered`, `incomplete` without a reason, `invalid` for an impossible value.
    """
    if not may_decide_identities(actor):
        raise DomainError("not_allowed", status=403, what="correct_facts")
    schemes = schemes_of(actor, *FACT_ROLES)
    request = (
        CorrectionRequest.objects.select_related("citizen__user", "document")
        .select_for_update(of=("self",), no_key=True)
        .filter(public_id=public_id)
        .first()
    )
    theirs = schemes is None or (
        request is not None and request.citizen.learning_accounts.filter(scheme__in=schemes).exists()
    )
    if request is None or not theirs:
        raise DomainError("not_found", status=404, kind="correction")
    if request.citizen.user_id == actor.pk:
        raise DomainError("not_allowed", status=403, what="own_request")
    if request.state != S.ASKED:
        raise DomainError("already_answered", status=409)
    if not answer.strip():
        raise DomainError("incomplete", status=422, what="answer")
    if value is None:
        _decide(request, S.REFUSED, actor, answer)
    else:
        facts: dict[str, Any] = {request.fact: read_fact(request.fact, value)}
        correct_facts(actor=actor, citizen_id=request.citizen_id, evidence=answer.strip(), **facts)
        _decide(request, S.CORRECTED, actor, answer)
    messages.queue(
        recipient=request.citizen.user,
        template="correction_decided",
        corrected=request.state == S.CORRECTED,
        answer=request.answer,
    )
    return request


def read_fact(fact: str, text: str) -> Any:
    """A fact from what a case worker typed; empty is unknown where a fact may be. Raises: DomainError `invalid`."""
    field: Any = Citizen._meta.get_field(fact)
    said = text.strip()
    if isinstance(field, ArrayField):
        return [each.strip() for each in said.split(",") if each.strip()]
    if not said:
        if field.null:
            return None
        raise DomainError("invalid", status=422, fact=fact)
    if isinstance(field, models.BooleanField):
        if said.lower() not in ("yes", "no"):
            raise DomainError("invalid", status=422, fact=fact)
        return said.lower() == "yes"
    try:
        return parse_cents(said) if fact == "income_cents" else field.to_python(said)
    except (ValidationError, ValueError) as error:
        raise DomainError("invalid", status=422, fact=fact) from error


def _decide(request: CorrectionRequest, state: CorrectionState, actor: User, answer: str) -> None:
    request.state, request.decided_by, request.decided_at = state, actor, clock.now()
    request.answer = answer.strip()[:500]
    request.save(update_fields=["state", "decided_by", "decided_at", "answer"])
