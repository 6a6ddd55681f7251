"""Employers: registered by whoever speaks for them, verified by the agency, with members who act for them."""

from django.db import IntegrityError, transaction
from stdnum.be import vat as belgian
from stdnum.eu import vat as european
from stdnum.exceptions import ValidationError as NumberError
from stdnum.fr import siret

from accounts.models import Employer, EmployerState, Membership, OrganisationKind, Role, User
from accounts.services import messages
from accounts.services.organisations import found_organisation
from ila.core import fsm, locks
from ila.core.errors import DomainError

# Countries whose employers have a number that says more than a VAT number does.
COUNTRIES = ("FR", "BE", "NL", "LU", "DE", "AT", "ES", "IT", "PT", "IE", "EL", "HR", "LT")


def read_number(country: str, text: str) -> str:
    """The national number of an employer without spaces: SIRET in France, else the VAT number.

    Raises: DomainError `bad_number` (422) when its check digits or its form say that it is none.
    """
    try:
        if country == "FR":
            return str(siret.validate(text))
        if country == "BE":
            return str(belgian.validate(text))
        if country not in COUNTRIES:
            raise DomainError("bad_number", status=422, country=country)
        compact = "".join(text.split()).replace(".", "").replace("-", "").upper()
        return str(european.validate(compact if compact.startswith(country) else country + compact))
    except NumberError as error:
        raise DomainError("bad_number", status=422, country=country) from error


def register_employer(
    *, actor: User, name: str, country: str, number: str, contact_name: str, contact_email: str
) -> Employer:
    """Register an organisation as an employer; whoever does it manages it. The agency verifies it.

    Raises: DomainError `bad_number`, `incomplete` without a name or contact, `already_registered` when the number
    is one of another employer; as `found_organisation`. Logs: employer `create`.
    """
    if not name.strip() or not contact_name.strip() or not contact_email.strip():
        raise DomainError("incomplete", status=422)
    known = read_number(country, number)
    try:
        with transaction.atomic():
            organisation = found_organisation(actor=actor, kind=OrganisationKind.EMPLOYER, name=name)
            employer = Employer(
                organisation=organisation,
                country=country,
                number=known,
                contact_name=contact_name.strip(),
                contact_email=contact_email.strip(),
            )
            fsm.start(employer, actor=actor)
    except IntegrityError as error:
        raise DomainError("already_registered", country=country) from error
    return employer


def decide_employer(*, actor: User, employer_id: int, verified: bool, reason: str = "") -> Employer:
    """Verify an employer that applied, or refuse it with a reason; its managers are told.

    Locks: the employer. Raises: DomainError `not_found` (404), `not_allowed`, `incomplete` without a reason for
    a refusal. Logs: `verify` or `refuse`.
    """
    if not verified and not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        employer = _lock(employer_id)
        if verified:
            fsm.apply(employer, "verify", actor=actor, reason=reason)
        else:
            fsm.apply(employer, "refuse", actor=actor, reason=reason, why=reason.strip())
        _tell(employer)
    return employer


def close_employer(*, actor: User, employer_id: int, reason: str) -> Employer:
    """Close a verified employer: what comes from it is kept aside; what it gave stays with its employees.

    Locks: the employer. Raises: as `decide_employer`. Logs: `close`.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        employer = _lock(employer_id)
        fsm.apply(employer, "close", actor=actor, reason=reason, why=reason.strip())
        _tell(employer)
    return employer


def apply_again(*, actor: User, employer_id: int) -> Employer:
    """A refused employer asks once more. Locks: the employer. Raises: `not_allowed`, `already_registered`."""
    try:
        with transaction.atomic():
            employer = _lock(employer_id)
            fsm.apply(employer, "apply_again", actor=actor)
    except IntegrityError as error:
        raise DomainError("already_registered") from error
    return employer


def _lock(employer_id: int) -> Employer:
    employer: Employer
    (employer,) = locks.acquire(locks.lock(Employer, employer_id))
    return employer


def _tell(employer: Employer) -> None:
    managers = Membership.objects.filter(
        organisation=employer.organisation_id, role=Role.MANAGER, ended_at__isnull=True
    )
    for membership in managers.select_related("user", "organisation"):
        messages.queue(
            recipient=membership.user,
            template="employer_decided",
            employer=membership.organisation.name,
            verified=employer.state == EmployerState.VERIFIED,
            closed=employer.state == EmployerState.CLOSED,
            reason=employer.reason,
        )
