"""Who may do what with money and bookings. What no predicate allows is denied."""

from typing import Any

from accounts.models import Membership, OrganisationKind, Role

FUNDER_ROLES = (Role.CASE_WORKER, Role.MANAGER)
PAYMENT_ROLES = (Role.PAYMENT_OFFICER, Role.MANAGER)
# A hold stops money and pays none: who follows a suspicion may place one.
HOLD_ROLES = (*FUNDER_ROLES, Role.PAYMENT_OFFICER, Role.INVESTIGATOR)
# Batches name bank accounts: who pays and who audits sees them.
BATCH_ROLES = (*PAYMENT_ROLES, Role.AUDITOR)
# Results of the laboratory are sums in which nobody can be told apart.
LABORATORY_ROLES = (*FUNDER_ROLES, Role.AUDITOR)


def is_learner(booking: Any, actor: Any) -> bool:
    """The booking's own learner, and nobody on their behalf."""
    return bool(actor.is_active and not actor.is_service and booking.account.citizen.user_id == actor.pk)


def acts_for_provider(booking: Any, actor: Any) -> bool:
    """A member of the organisation that gives the training."""
    organisation_id = booking.provider.organisation_id
    return organisation_id is not None and _is_member(actor, organisation_id=organisation_id)


def acts_for_funder(_subject: Any, actor: Any) -> bool:
    """A case worker or manager of a funding agency, or one of the platform's own services."""
    return _is_service(actor) or has_agency_role(actor, *FUNDER_ROLES)


def is_clock(_subject: Any, actor: Any) -> bool:
    """Only a service lets a term lapse: no person does."""
    return _is_service(actor)


def may_end_dispute(_subject: Any, actor: Any) -> bool:
    """A case worker or manager of the agency decides a dispute; no service does."""
    return has_agency_role(actor, *FUNDER_ROLES)


def may_see_statements(actor: Any) -> bool:
    """A case worker, manager or auditor of the agency reads what accounts were told."""
    return has_agency_role(actor, *LABORATORY_ROLES)


def may_pay(_subject: Any, actor: Any) -> bool:
    """A payment officer or manager of the agency."""
    return has_agency_role(actor, *PAYMENT_ROLES)


def may_settle(_subject: Any, actor: Any) -> bool:
    """The bank's messages, read by the named service, or a payment officer."""
    return _is_service(actor) or may_pay(_subject, actor)


def may_hold(actor: Any) -> bool:
    """Who stops money and lets it go again: the agency's people, but its auditors, and the platform's services."""
    return _is_service(actor) or has_agency_role(actor, *HOLD_ROLES)


def may_see_batches(actor: Any) -> bool:
    """A payment officer, manager or auditor of the agency."""
    return has_agency_role(actor, *BATCH_ROLES)


def may_review(actor: Any) -> bool:
    """A case worker or manager of the agency closes what was to be looked at; no service does."""
    return has_agency_role(actor, *FUNDER_ROLES)


def may_see_operations(actor: Any) -> bool:
    """Everybody who works for an agency sees what fell due, what waits and what failed."""
    return has_agency_role(actor, *Role)


def may_retry_jobs(actor: Any) -> bool:
    """A manager of the agency has a failed job done again."""
    return has_agency_role(actor, Role.MANAGER)


def may_see_schemes(actor: Any) -> bool:
    """Everybody who works for an agency sees its schemes with their drafts."""
    return has_agency_role(actor, *Role)


def may_draft_schemes(actor: Any) -> bool:
    """A manager of the agency writes rules down; no service does."""
    return has_agency_role(actor, Role.MANAGER)


def is_draft_author(draft: Any, actor: Any) -> bool:
    """Who wrote the draft, as long as they are a manager of the agency."""
    return bool(draft.author_id == actor.pk and may_draft_schemes(actor))


def may_decide_draft(draft: Any, actor: Any) -> bool:
    """Another manager than the author puts rules into force, or says no."""
    return bool(draft.author_id != actor.pk and may_draft_schemes(actor))


def may_open_windows(actor: Any) -> bool:
    """A case worker or manager of the agency, or one of the platform's own services."""
    return acts_for_funder(None, actor)


def may_see_windows(actor: Any) -> bool:
    """Everybody who works for an agency sees how a window goes."""
    return has_agency_role(actor, *Role)


def may_audit(actor: Any) -> bool:
    """Everybody who works for an agency may read the books."""
    return has_agency_role(actor, *Role)


def may_see_laboratory(actor: Any) -> bool:
    """A case worker, manager or auditor of the agency reads what rules would do."""
    return has_agency_role(actor, *LABORATORY_ROLES)


def may_run_laboratory(actor: Any) -> bool:
    """A case worker or manager of the agency tries rules on a population."""
    return has_agency_role(actor, *FUNDER_ROLES)


def may_end_laboratory_run(run: Any, actor: Any) -> bool:
    """Who asked for a run cancels and deletes it, or a manager of the agency."""
    if has_agency_role(actor, Role.MANAGER):
        return True
    return run.asked_by_id == actor.pk and may_run_laboratory(actor)


def has_agency_role(actor: Any, *roles: Role) -> bool:
    """Whether the actor holds one of the roles in a funding agency today."""
    return _is_member(actor, organisation__kind=OrganisationKind.AGENCY, role__in=roles)


def _is_service(actor: Any) -> bool:
    return bool(actor.is_active and actor.is_service)


def _is_member(actor: Any, **conditions: Any) -> bool:
    if not actor.is_active or actor.is_service:
        return False
    return Membership.objects.filter(user=actor, ended_at__isnull=True, **conditions).exists()
