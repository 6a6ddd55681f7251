"""Who may do what with the catalogue. What no predicate allows is denied."""

from typing import Any

from accounts.models import Membership, OrganisationKind, Role, User

AUTHORITY_ROLES = (Role.CASE_WORKER, Role.MANAGER)
WATCHING_ROLES = (Role.AUDITOR, Role.INVESTIGATOR)


def is_authority(_subject: Any, actor: User) -> bool:
    """A case worker or manager of an agency, or one of the platform's own services (imports, jobs)."""
    if not actor.is_active:
        return False
    return actor.is_service or _is_member(
        actor, organisation__kind=OrganisationKind.AGENCY, role__in=AUTHORITY_ROLES
    )


def acts_for_provider(subject: Any, actor: User) -> bool:
    """A member of the organisation that the thing belongs to, or one of the platform's own services."""
    if not actor.is_active:
        return False
    if actor.is_service:
        return True
    organisation_id = provider_of(subject).organisation_id
    return organisation_id is not None and _is_member(actor, organisation_id=organisation_id)


def acts_for_organisation(organisation: Any, actor: User) -> bool:
    """A member of a provider's organisation; no service speaks for one."""
    return bool(
        actor.is_active
        and not actor.is_service
        and organisation.kind == OrganisationKind.PROVIDER
        and _is_member(actor, organisation_id=organisation.pk)
    )


def manages_organisation(organisation: Any, actor: User) -> bool:
    """A manager of a provider's organisation: into which account it is paid is theirs to change."""
    return acts_for_organisation(organisation, actor) and _is_member(
        actor, organisation_id=organisation.pk, role=Role.MANAGER
    )


def applies_for(accreditation: Any, actor: User) -> bool:
    """Who acts for the provider; or, of one that nobody acts for yet, the organisation that applies."""
    if acts_for_provider(accreditation, actor):
        return True
    application = getattr(accreditation, "application", None)
    return application is not None and acts_for_organisation(application.organisation, actor)


def claims_listing(claim: Any, actor: User) -> bool:
    """A member of the organisation that claims the listing."""
    application = getattr(claim, "application", None)
    return application is not None and acts_for_organisation(application.organisation, actor)


def may_see_providers(actor: User) -> bool:
    """Who in an agency reads applications, which name people and accounts: all but who pays."""
    return actor.is_active and _is_member(
        actor, organisation__kind=OrganisationKind.AGENCY, role__in=(*AUTHORITY_ROLES, *WATCHING_ROLES)
    )


def provider_or_authority(subject: Any, actor: User) -> bool:
    """Whoever acts for the provider, or the authority."""
    return acts_for_provider(subject, actor) or is_authority(subject, actor)


def provider_of(subject: Any) -> Any:
    """The provider that a session, micro-credential or accreditation belongs to; a provider itself."""
    for name in ("micro_credential", "provider"):
        owner = getattr(subject, name, None)
        if owner is not None:
            return provider_of(owner)
    return subject


def _is_member(actor: User, **conditions: Any) -> bool:
    return Membership.objects.filter(user=actor, ended_at__isnull=True, **conditions).exists()
