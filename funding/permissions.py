"""Who may do what with money and bookings. What no predicate allows is denied."""

from typing import Any, cast

from accounts.models import Membership, OrganisationKind, Role

FUNDER_ROLES = (Role.CASE_WORKER, Role.MANAGER)
PAYMENT_ROLES = (Role.PAYMENT_OFFICER, Role.MANAGER)
# A hold stops money and pays none: who follows a suspicion may place one.
HOLD_ROLES = (*FUNDER_ROLES, Role.PAYMENT_OFFICER, Role.INVESTIGATOR)
# Batches name bank accounts: who pays and who audits sees them.
BATCH_ROLES = (*PAYMENT_ROLES, Role.AUDITOR)
# What providers claim is seen by whoever pays, decides on bookings, audits or follows a suspicion.
CLAIM_ROLES = (*FUNDER_ROLES, Role.PAYMENT_OFFICER, Role.AUDITOR, Role.INVESTIGATOR)
# A case of fraud names people: who pays, and plain staff, have no business in it.
FRAUD_ROLES = (*FUNDER_ROLES, Role.INVESTIGATOR, Role.AUDITOR)
# Results of the laboratory are sums in which nobody can be told apart.
LABORATORY_ROLES = (*FUNDER_ROLES, Role.AUDITOR)


def is_learner(booking: Any, actor: Any) -> bool:
    """The booking's own learner, and nobody on their behalf."""
    return bool(actor.is_active and not actor.is_service and booking.account.citizen.user_id == actor.pk)


def acts_for_provider(booking: Any, actor: Any) -> bool:
    """A member of the organisation that gives the training."""
    organisation_id = booking.provider.organisation_id
    return organisation_id is not None and _is_member(actor, organisation_id=organisation_id)


def manages_provider(booking: Any, actor: Any) -> bool:
    """A manager of the organisation that gives the training: its claims and its money are theirs alone."""
    organisation_id = booking.provider.organisation_id
    return organisation_id is not None and _is_member(
        actor, organisation_id=organisation_id, role=Role.MANAGER
    )


def acts_for_funder(subject: Any, actor: Any) -> bool:
    """A case worker or manager of a funding agency, or one of the platform's own services."""
    return _is_service(actor) or has_agency_role(actor, *FUNDER_ROLES, subject=subject)


def is_clock(_subject: Any, actor: Any) -> bool:
    """Only a service lets a term lapse: no person does."""
    return _is_service(actor)


def may_end_dispute(subject: Any, actor: Any) -> bool:
    """A case worker or manager of the agency decides a dispute; no service does."""
    return has_agency_role(actor, *FUNDER_ROLES, subject=subject)


def may_see_statements(actor: Any) -> bool:
    """A case worker, manager or auditor of the agency reads what accounts were told."""
    return has_agency_role(actor, *LABORATORY_ROLES)


def may_pay(subject: Any, actor: Any) -> bool:
    """A payment officer or manager of the agency."""
    return has_agency_role(actor, *PAYMENT_ROLES, subject=subject)


def may_note_refund(refund: Any, actor: Any) -> bool:
    """A payment officer or manager says that a refund was paid by a transfer of ours; never who asked for it."""
    return bool(refund.requested_by_id != actor.pk and may_pay(refund, actor))


def may_confirm_refund(refund: Any, actor: Any) -> bool:
    """Another one than who noted the transfer confirms it."""
    return bool(refund.noted_by_id != actor.pk and may_note_refund(refund, actor))


def may_settle(subject: Any, actor: Any) -> bool:
    """The bank's messages, read by the named service, or a payment officer."""
    return _is_service(actor) or may_pay(subject, actor)


def may_hold(actor: Any, subject: Any = None) -> bool:
    """Who stops money and lets it go again: the agency's people, but its auditors, and the platform's services."""
    return _is_service(actor) or has_agency_role(actor, *HOLD_ROLES, subject=subject)


def may_see_claims(actor: Any) -> bool:
    """Everybody who works for an agency, but plain staff, sees what providers ask to be paid."""
    return has_agency_role(actor, *CLAIM_ROLES)


def may_see_budgets(actor: Any) -> bool:
    """Everybody who works for an agency sees its budgets."""
    return has_agency_role(actor, *Role)


def may_propose_appropriation(subject: Any, actor: Any) -> bool:
    """A payment officer or manager of the agency proposes money for a budget; no service does."""
    return has_agency_role(actor, *PAYMENT_ROLES, subject=subject)


def is_proposer(appropriation: Any, actor: Any) -> bool:
    """Who proposed an appropriation, as long as they may."""
    return bool(appropriation.author_id == actor.pk and may_propose_appropriation(appropriation, actor))


def may_decide_appropriation(appropriation: Any, actor: Any) -> bool:
    """A manager of the agency who did not propose it gives the money, or says no."""
    return bool(
        appropriation.author_id != actor.pk and has_agency_role(actor, Role.MANAGER, subject=appropriation)
    )


def may_suspend(subject: Any, actor: Any) -> bool:
    """A case worker or manager of the agency closes a learning account for a time; no service does."""
    return has_agency_role(actor, *FUNDER_ROLES, subject=subject)


def may_see_roles(actor: Any) -> bool:
    """Everybody who works for an agency sees who works there, in which role and for which schemes."""
    return has_agency_role(actor, *Role)


def may_limit_roles(membership: Any, actor: Any) -> bool:
    """Another manager of the same agency, for every scheme, says for which schemes a role counts."""
    if membership.user_id == actor.pk or schemes_of(actor, Role.MANAGER) is not None:
        return False
    return _is_member(actor, organisation=membership.organisation_id, role=Role.MANAGER)


def may_see_batches(actor: Any) -> bool:
    """A payment officer, manager or auditor of the agency."""
    return has_agency_role(actor, *BATCH_ROLES)


def may_review(actor: Any, subject: Any = None) -> bool:
    """A case worker or manager of the agency closes what was to be looked at; no service does."""
    return has_agency_role(actor, *FUNDER_ROLES, subject=subject)


def may_see_operations(actor: Any) -> bool:
    """Everybody who works for an agency sees what fell due, what waits and what failed."""
    return has_agency_role(actor, *Role)


def may_retry_jobs(actor: Any) -> bool:
    """A manager of the agency has a failed job done again."""
    return has_agency_role(actor, Role.MANAGER)


def may_see_schemes(actor: Any) -> bool:
    """Everybody who works for an agency sees its schemes with their drafts."""
    return has_agency_role(actor, *Role)


def may_draft_schemes(actor: Any, subject: Any = None) -> bool:
    """A manager of the agency writes rules down; no service does. subject: the scheme, or a draft of its rules."""
    return has_agency_role(actor, Role.MANAGER, subject=subject)


def may_draft_new_schemes(actor: Any) -> bool:
    """A manager whose role is not limited to schemes: rules of a new one are nobody's yet."""
    return is_for_every_scheme(actor, Role.MANAGER)


def drafts_for(actor: Any) -> frozenset[int] | None:
    """The ids of the schemes whose drafts somebody of the agency reads; None: every scheme's, and of new ones."""
    return schemes_of(actor, *Role)


def is_draft_author(draft: Any, actor: Any) -> bool:
    """Who wrote the draft, as long as they are a manager of the agency."""
    return bool(draft.author_id == actor.pk and _may_write(draft, actor))


def may_decide_draft(draft: Any, actor: Any) -> bool:
    """Another manager than the author puts rules into force, or says no."""
    return bool(draft.author_id != actor.pk and _may_write(draft, actor))


def _may_write(draft: Any, actor: Any) -> bool:
    return may_draft_new_schemes(actor) if draft.scheme_id is None else may_draft_schemes(actor, draft)


def may_open_windows(actor: Any, scheme: Any = None) -> bool:
    """A case worker or manager of the agency, or one of the platform's own services."""
    return acts_for_funder(scheme, actor)


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


def has_agency_role(actor: Any, *roles: Role, subject: Any = None) -> bool:
    """Whether the actor holds one of the roles in a funding agency today.

    subject: a scheme, or what belongs to one; a role that is limited to schemes counts only for theirs.
    """
    if subject is None:
        return _is_member(actor, organisation__kind=OrganisationKind.AGENCY, role__in=roles)
    schemes = schemes_of(actor, *roles)
    return schemes is None or bool(schemes and scheme_of(subject) in schemes)


def schemes_of(actor: Any, *roles: Role) -> frozenset[int] | None:
    """The ids of the schemes for which the actor holds one of the roles in an agency; None: every scheme."""
    if not actor.is_active or actor.is_service:
        return frozenset()
    held = Membership.objects.filter(
        user=actor, ended_at__isnull=True, organisation__kind=OrganisationKind.AGENCY, role__in=roles
    )
    found = frozenset(held.values_list("scheme_limits__scheme_id", flat=True))
    return None if None in found else found


def is_for_every_scheme(actor: Any, *roles: Role) -> bool:
    """Whether the actor holds one of the roles without a limit: what concerns several schemes asks for it."""
    return schemes_of(actor, *roles) is None


def scheme_of(subject: Any) -> int | None:
    """The id of the scheme that something belongs to; None for what belongs to none."""
    if type(subject).__name__ == "Scheme":
        return int(subject.pk)
    if hasattr(subject, "scheme_id"):
        return cast("int | None", subject.scheme_id)
    for way in ("account", "booking", "batch", "claim", "top_up"):
        owner = getattr(subject, way, None)
        if owner is not None:
            return scheme_of(owner)
    return None


def _is_service(actor: Any) -> bool:
    return bool(actor.is_active and actor.is_service)


def _is_member(actor: Any, **conditions: Any) -> bool:
    if not actor.is_active or actor.is_service:
        return False
    return Membership.objects.filter(user=actor, ended_at__isnull=True, **conditions).exists()
