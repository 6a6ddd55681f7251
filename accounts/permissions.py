"""Who may do what with the facts about people. What no predicate allows is denied."""

from typing import Any

from accounts.models.organisations import Membership, OrganisationKind, Role

FACT_ROLES = (Role.CASE_WORKER, Role.MANAGER)


def may_correct_facts(actor: Any) -> bool:
    """A case worker or manager of an agency, or one of the platform's own services; never the citizen alone."""
    return bool(actor.is_active and actor.is_service) or _works_for_agency(actor, *FACT_ROLES)


def may_verify_employers(_subject: Any, actor: Any) -> bool:
    """A case worker or manager of an agency; no service does."""
    return _works_for_agency(actor, *FACT_ROLES)


def may_see_employers(actor: Any) -> bool:
    """Everybody who works for an agency sees which employers there are."""
    return _works_for_agency(actor, *Role)


def manages_organisation(subject: Any, actor: Any) -> bool:
    """A manager of the organisation that the subject belongs to."""
    if not actor.is_active or actor.is_service:
        return False
    return Membership.objects.filter(
        user=actor, organisation=subject.organisation_id, role=Role.MANAGER, ended_at__isnull=True
    ).exists()


def works_for_organisation(subject: Any, actor: Any) -> bool:
    """A manager or a member of the staff of the organisation that the subject belongs to."""
    if not actor.is_active or actor.is_service:
        return False
    return Membership.objects.filter(
        user=actor,
        organisation=subject.organisation_id,
        role__in=[Role.MANAGER, Role.STAFF],
        ended_at__isnull=True,
    ).exists()


def may_found(actor: Any) -> bool:
    """Whoever signs in, but nobody who works for an agency: there they would decide about their own."""
    return bool(actor.is_active and not actor.is_service) and not _works_for_agency(actor, *Role)


def may_close_alarms(actor: Any) -> bool:
    """A case worker or manager of an agency; no service does."""
    return _works_for_agency(actor, *FACT_ROLES)


def may_decide_identities(actor: Any) -> bool:
    """Who says which citizen a proved person is: a case worker or manager of an agency; no service does."""
    return _works_for_agency(actor, *FACT_ROLES)


def may_preregister(actor: Any) -> bool:
    """Who registers citizens in advance: a case worker or manager of an agency; no service does on a page."""
    return _works_for_agency(actor, *FACT_ROLES)


def may_see_erasures(actor: Any) -> bool:
    """A case worker, manager or auditor of an agency sees how requests to be erased stand, not whose they are."""
    return _works_for_agency(actor, *FACT_ROLES, Role.AUDITOR)


def _works_for_agency(actor: Any, *roles: Role) -> bool:
    if not actor.is_active or actor.is_service:
        return False
    return Membership.objects.filter(
        user=actor, organisation__kind=OrganisationKind.AGENCY, role__in=roles, ended_at__isnull=True
    ).exists()
