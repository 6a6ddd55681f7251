"""Writes of an organisation on its own application: saved step by step, then handed in."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Organisation, User
from accounts.services import messages
from catalogue import payees, permissions, regimes
from catalogue.identities import checked_number
from catalogue.models import (
    Accreditation,
    AccreditationLog,
    AccreditationState,
    Application,
    ApplicationKind,
    ApplicationPerson,
    Document,
    Establishment,
    Partner,
    Provider,
    Trainer,
)
from catalogue.models.accreditations import LIVE_STATES
from catalogue.registers import register_of
from catalogue.selectors import applications as selected
from catalogue.services.providers import checked_iban
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError
from ila.core.lazy import lazy_module

documents = lazy_module("catalogue.documents")
STEPS = (
    *("identity", "contact", "establishments", "persons", "account"),
    *("partners", "trainers", "documents", "declaration"),
)
# Of a claim: what the accreditation has looked at already is not asked again.
CLAIM_STEPS = ("identity", "contact", "persons", "account", "documents", "declaration")
FIELDS: dict[str, tuple[str, ...]] = {
    "identity": ("register", "country", "number", "legal_name", "trade_name"),
    "contact": ("email", "phone", "website", "turnover_cents", "currency"),
    "partners": ("subcontracts",),
}
ROWS: dict[str, type[Any]] = {
    "establishments": Establishment,
    "persons": ApplicationPerson,
    "partners": Partner,
    "trainers": Trainer,
}
MAX_ROWS = 200


def steps_of(application: Application) -> tuple[str, ...]:
    """The steps of an application of its kind, in order."""
    return CLAIM_STEPS if application.is_claim else STEPS


@transaction.atomic
def start_application(
    *, actor: User, organisation: Organisation, kind: str = ApplicationKind.ACCREDITATION
) -> Application:
    """The organisation's draft of that kind: a new one, or the one that it has.

    Raises: DomainError `not_allowed` for who is no member of it, or where it is no provider.
    """
    if not permissions.acts_for_organisation(organisation, actor):
        raise DomainError("not_allowed", status=403, what="start_application")
    draft, _ = Application.objects.get_or_create(
        organisation=organisation,
        kind=kind,
        accreditation=None,
        claim=None,
        defaults={
            "started_by": actor,
            "legal_name": organisation.name,
            "created_at": clock.now(),
            "updated_at": clock.now(),
        },
    )
    return draft


@transaction.atomic
def save_step(*, actor: User, application_id: int, step: str, values: dict[str, Any]) -> Application:
    """Keep the answers of a step; the step counts as done.

    Locks: application. Raises: DomainError `not_allowed` once it is handed in; `duplicate` for a number under which
    somebody else is accredited or has applied; `invalid` for a number that is none, or under which nothing is listed
    that could be claimed.
    """
    application = open_draft(actor, application_id)
    if step == "identity":
        register = register_of(values["register"])
        country = values["country"] if register.code == "ila" else register.country
        number = checked_number(values["register"], country, values["number"])
        if application.is_claim:
            listed_provider(register.code, number)
        else:
            _check_duplicate(application, register.code, number)
        values = {**values, "number": number, "country": country}
    for name in FIELDS.get(step, ()):
        setattr(application, name, values[name])
    if step == "declaration":
        application.declared_at, application.declared_by = clock.now(), actor
    _done(application, step)
    return application


def save_account(*, actor: User, application_id: int, iban: str, holder: str) -> Application:
    """Keep the bank account, with what its bank says of the holder's name. The bank is asked before anything is kept.

    Locks: application. Raises: DomainError `invalid` for an IBAN that is none, `not_allowed`, also for who is no
    manager of the organisation (`managers_alone`).
    """
    checked = checked_iban(iban)
    if not checked:
        raise DomainError("invalid", status=422, what="iban")
    # Somebody who may not write is not told anything about an account either.
    with transaction.atomic():
        _require_manager(open_draft(actor, application_id), actor)
    told = payees.open_payees().verify(iban=checked, name=holder)
    with transaction.atomic():
        application = open_draft(actor, application_id)
        _require_manager(application, actor)
        application.iban, application.account_holder = checked, holder
        application.payee_answer, application.payee_name = told.answer, told.name
        application.payee_asked_at = clock.now()
        _done(application, "account")
    return application


def _require_manager(application: Application, actor: User) -> None:
    if not permissions.manages_organisation(application.organisation, actor):
        raise DomainError("not_allowed", status=403, what="account", reason="managers_alone")


@transaction.atomic
def add_row(*, actor: User, application_id: int, step: str, values: dict[str, Any]) -> Any:
    """Add a place, person, partner or trainer.

    Locks: application. Raises: DomainError `not_allowed`, also for a subcontractor that was delisted (F-35);
    `invalid`.
    """
    application = open_draft(actor, application_id)
    if step == "partners" and selected.is_delisted(values["number"]):
        raise DomainError("not_allowed", rule="F-35", reason="delisted")
    model = ROWS[step]
    if model.objects.filter(application=application).count() >= MAX_ROWS:
        raise DomainError("invalid", status=422, what="rows", reason="too_many")
    row = model(application=application, **values)
    try:
        row.full_clean()
    except ValidationError as error:
        raise DomainError("invalid", status=422, what=step, faults="; ".join(error.messages)) from error
    row.save(force_insert=True)
    if step == "partners":
        application.subcontracts = True
    _touch(application)
    return row


@transaction.atomic
def remove_row(*, actor: User, application_id: int, step: str, row_id: int) -> None:
    """Take a place, person, partner or trainer back.

    Locks: application. Raises: DomainError `not_allowed`, `not_found`.
    """
    application = open_draft(actor, application_id)
    gone, _ = ROWS[step].objects.filter(application=application, pk=row_id).delete()
    if not gone:
        raise DomainError("not_found", status=404, kind=step)
    _touch(application)


@transaction.atomic
def finish_step(*, actor: User, application_id: int, step: str) -> Application:
    """Say that a step with a list is complete. Locks: application. Raises: DomainError `incomplete`, `not_allowed`."""
    application = open_draft(actor, application_id)
    missing = [code for where, code in selected.missing(application) if where == step]
    if missing:
        raise DomainError("incomplete", status=422, what=step, missing=missing[0])
    _done(application, step)
    return application


@transaction.atomic
def add_document(*, actor: User, application_id: int, kind: str, name: str, content: bytes) -> Document:
    """Keep a file of the application, if its content may be kept; handing in the same twice keeps it once.

    A question that is not answered yet opens the documents again after the submission.
    Locks: application. Raises: DomainError `bad_file`, `not_allowed`.
    """
    file = documents.checked_file(name, content)
    application = open_draft(actor, application_id, questions=True)
    if application.documents.count() >= MAX_ROWS:
        raise DomainError("invalid", status=422, what="rows", reason="too_many")
    documents.keep(file)
    document, _ = Document.objects.get_or_create(
        application=application,
        kind=kind,
        sha256=file.sha256,
        defaults={
            "name": file.name,
            "media_type": file.media_type,
            "size": len(file.content),
            "uploaded_by": actor,
            "uploaded_at": clock.now(),
        },
    )
    _touch(application)
    return document


@transaction.atomic
def remove_document(*, actor: User, application_id: int, document_id: int) -> None:
    """Take a file back before the submission. Locks: application. Raises: DomainError `not_allowed`, `not_found`."""
    application = open_draft(actor, application_id)
    gone, _ = application.documents.filter(pk=document_id).delete()
    if not gone:
        raise DomainError("not_found", status=404, kind="document")
    _touch(application)


@transaction.atomic
def hand_in(*, actor: User, application_id: int) -> Application:
    """Hand an application for accreditation in: its terms begin (F-34), and what a person has to look at is noted.

    Locks: application, provider, accreditation. Logs: accreditation `create`, `submit`.
    Raises: DomainError `incomplete` naming the step; `duplicate`; `too_early` inside the waiting time after a refusal
    or a withdrawal (S-17); `not_allowed` for subcontracting that may not be (F-35).
    """
    application = open_draft(actor, application_id)
    if application.is_claim:
        raise DomainError("not_allowed", what="hand_in", kind=application.kind)
    refuse_incomplete(application)
    register = register_of(application.register)
    regime = regimes.regime_of(register.code)
    _check_partners(application, regime)
    found, _ = Provider.objects.get_or_create(
        register=register.code,
        external_id=application.number,
        defaults={"country": application.country, "time_zone": register.time_zone},
    )
    (provider,) = locks.acquire(locks.lock(Provider, found.pk))
    _check_duplicate(application, register.code, application.number)
    _check_waiting(provider, regime)
    now = clock.now()
    accreditation = _draft_of(provider, regime.authority, actor)
    application.provider, application.accreditation = provider, accreditation
    begin_terms(application)
    assert application.admissibility_due_at is not None
    fsm.apply(accreditation, "submit", actor=actor, at=now)
    tell_applicant(
        application, template="application_received", until=application.admissibility_due_at.isoformat()
    )
    return application


def refuse_incomplete(application: Application) -> None:
    """Raise DomainError `incomplete` naming the step where something is missing."""
    if missing := selected.missing(application):
        raise DomainError("incomplete", status=422, what=missing[0][0], missing=missing[0][1])


def begin_terms(application: Application) -> None:
    """Note what a person has to look at, and until when (F-34); keep the application."""
    register, now = register_of(application.register), clock.now()
    application.flags = selected.flags(application)
    application.admissibility_due_at = regimes.admissibility_due(register, now)
    application.decision_due_at = regimes.decision_due(register, now)
    _touch(application)


def listed_provider(register: str, number: str) -> Provider:
    """The provider that a register lists under a number; who acts for it is told to nobody here.

    Raises: DomainError `invalid` with the reason `not_listed`.
    """
    found = Provider.objects.filter(register=register, external_id=number).first()
    if found is None:
        raise DomainError("invalid", status=422, what="number", reason="not_listed")
    return found


def tell_applicant(application: Application, *, template: str, **context: Any) -> None:
    """Write to everybody who acts for the organisation."""
    for user in selected.members(application.organisation_id):
        messages.queue(
            recipient=user,
            template=template,
            application=str(application.public_id),
            name=application.legal_name,
            **context,
        )


def open_draft(actor: User, application_id: int, *, questions: bool = False) -> Application:
    """The application, locked, if the actor may write in it now."""
    (application,) = locks.acquire(locks.lock(Application, application_id))
    if not permissions.acts_for_organisation(application.organisation, actor):
        raise DomainError("not_allowed", status=403, what="application")
    reopened = questions and application.waiting_since is not None
    if not application.is_draft and not reopened:
        raise DomainError("not_allowed", what="application", reason="handed_in")
    return application  # type: ignore[no-any-return]


def _done(application: Application, step: str) -> None:
    if step not in application.steps_done:
        application.steps_done = [
            one for one in steps_of(application) if one in {*application.steps_done, step}
        ]
    _touch(application)


def _touch(application: Application) -> None:
    application.updated_at = clock.now()
    application.save()


def _check_duplicate(application: Application, register: str, number: str) -> None:
    provider = Provider.objects.filter(register=register, external_id=number).first()
    if provider is None:
        return
    if provider.organisation_id not in (None, application.organisation_id):
        raise DomainError("duplicate", what="number")
    standing = Accreditation.objects.filter(provider=provider, state__in=LIVE_STATES).exclude(
        state=AccreditationState.DRAFT
    )
    if standing.exists():
        raise DomainError("duplicate", what="number", own=provider.organisation_id is not None)


def _check_waiting(provider: Provider, regime: regimes.Regime) -> None:
    """S-17: after a withdrawal, or a refusal on the merits, one waits; an incomplete file is no refusal."""
    ended = AccreditationLog.objects.filter(
        subject__provider=provider,
        subject__authority=regime.authority,
        target__in=(AccreditationState.WITHDRAWN, AccreditationState.REFUSED),
    ).exclude(subject__application__inadmissible=True)
    latest = ended.order_by("-at").values_list("at", flat=True).first()
    if latest is None:
        return
    calendar = provider.namespace.calendar
    free: date = regimes.free_again_on(regime, calendar.local_date(latest))
    if calendar.local_date(clock.now()) < free:
        raise DomainError("too_early", rule="S-17", until=free.isoformat())


def _check_partners(application: Application, regime: regimes.Regime) -> None:
    partners = list(application.partners.all())
    if not partners:
        return
    regimes.check_subcontracting(
        regime,
        turnover_cents=application.turnover_cents or 0,
        subcontracted_cents=sum(one.amount_cents for one in partners if one.kind == "subcontractor"),
        delisted=any(selected.is_delisted(one.number) for one in partners),
    )


def _draft_of(provider: Provider, authority: str, actor: User) -> Accreditation:
    """The accreditation that is applied for: the draft that an import left, or a new one."""
    left = Accreditation.objects.filter(
        provider=provider, authority=authority, state=AccreditationState.DRAFT
    ).first()
    if left is not None:
        (locked,) = locks.acquire(locks.lock(Accreditation, left.pk))
        return locked  # type: ignore[no-any-return]
    accreditation = Accreditation(provider=provider, authority=authority, created_at=clock.now())
    fsm.start(accreditation, actor=actor)
    return accreditation
