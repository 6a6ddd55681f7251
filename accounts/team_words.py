"""What roles and steps of teams read like, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.models import OrganisationKind, Role

ROLES: dict[str, object] = {
    Role.MANAGER: _("Manager"),
    Role.STAFF: _("Staff"),
    Role.CASE_WORKER: _("Case worker"),
    Role.PAYMENT_OFFICER: _("Payment officer"),
    Role.AUDITOR: _("Auditor"),
    Role.INVESTIGATOR: _("Investigator"),
}
# What a role may do, by the kind of the organisation.
MAY: dict[str, dict[str, object]] = {
    OrganisationKind.PROVIDER: {
        Role.MANAGER: _("everything: claims, money, bank account and people too"),
        Role.STAFF: _("the daily work: requests, sessions, attendance; no claims, no money, no people"),
    },
    OrganisationKind.EMPLOYER: {
        Role.MANAGER: _("order, cancel and manage people"),
        Role.STAFF: _("prepare lists and look"),
    },
    OrganisationKind.COUNSELLING: {
        Role.MANAGER: _("counsel who asked for it, and manage people"),
        Role.STAFF: _("counsel who asked for it"),
    },
    OrganisationKind.AGENCY: {
        Role.MANAGER: _("rules, budgets, decisions, people"),
        Role.CASE_WORKER: _("accreditation, disputes, learners' facts"),
        Role.PAYMENT_OFFICER: _("claims and payment batches"),
        Role.AUDITOR: _("look at everything, change nothing"),
        Role.INVESTIGATOR: _("alerts, cases, holds"),
    },
}
STEPS = {
    "invited": _("Invited"),
    "withdrawn": _("Invitation taken back"),
    "joined": _("Joined"),
    "changed": _("Role changed"),
    "ended": _("Ended"),
}
REFUSALS = {
    "not_allowed": _("Only a manager changes who acts for the organisation."),
    "own_role": _("Nobody gives a role to themselves. Ask another manager."),
    "both_sides": _(
        "Who works for an agency cannot act for those it decides about, nor the other way round. End the other first."
    ),
    "invalid": _("An organisation of this kind has no such role."),
    "too_many": _("As many invitations are open as there may be. Take one back first."),
    "last_manager": _("An organisation keeps a manager. Make somebody else one first."),
    "not_found": _("This does not exist any more. Look at how the team stands now."),
    "link_expired": _("This invitation is over. Ask a manager of the organisation for a new one."),
    "other_address": _(
        "The invitation went to another address. Sign in with it, or add it to your sign-in and confirm it."
    ),
}


def refusal(code: str, reason: object = None) -> str:
    """The sentence for a refused step."""
    return str(REFUSALS.get(str(reason)) or REFUSALS.get(code) or REFUSALS["not_found"])
