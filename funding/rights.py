"""Which role at an agency sees and does what: one table, as an auditor reads it. A test holds it to the predicates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from accounts.permissions import (
    FACT_ROLES,
    may_decide_identities,
    may_preregister,
    may_see_employers,
    may_verify_employers,
)
from catalogue.permissions import AUTHORITY_ROLES, WATCHING_ROLES, is_authority, may_see_providers
from funding import permissions as may

EVERYBODY = tuple(Role)


@dataclass(frozen=True, slots=True)
class Right:
    """Something that is seen or done at an agency. by_scheme: a role limited to schemes has it for theirs alone."""

    label: Promise
    group: str
    roles: tuple[Role, ...]
    allows: Callable[[Any], bool]
    by_scheme: bool = False


GROUPS: dict[str, Promise] = {
    "money": _("Money"),
    "rules": _("Rules"),
    "catalogue": _("Catalogue"),
    "people": _("People"),
    "control": _("Control"),
}

RIGHTS: tuple[Right, ...] = (
    Right(_("See providers' claims"), "money", may.CLAIM_ROLES, may.may_see_claims, by_scheme=True),
    Right(
        _("Approve and reject claims; draw up, release and send payment batches"),
        "money",
        may.PAYMENT_ROLES,
        lambda actor: may.may_pay(None, actor),
        by_scheme=True,
    ),
    Right(
        _("See payment batches and the bank's messages"), "money", may.BATCH_ROLES, may.may_see_batches, True
    ),
    Right(_("See budgets"), "money", EVERYBODY, may.may_see_budgets, by_scheme=True),
    Right(
        _("Propose appropriations"),
        "money",
        may.PAYMENT_ROLES,
        lambda actor: may.may_propose_appropriation(None, actor),
        by_scheme=True,
    ),
    Right(
        _("Approve appropriations of others"),
        "money",
        (Role.MANAGER,),
        lambda actor: may.has_agency_role(actor, Role.MANAGER),
        by_scheme=True,
    ),
    Right(_("Register citizens in advance"), "people", FACT_ROLES, may_preregister),
    Right(_("See schemes and their drafts"), "rules", EVERYBODY, may.may_see_schemes, by_scheme=True),
    Right(
        _("Write rules, and approve those of others"),
        "rules",
        (Role.MANAGER,),
        may.may_draft_schemes,
        by_scheme=True,
    ),
    Right(_("Set windows"), "rules", may.FUNDER_ROLES, may.may_open_windows, by_scheme=True),
    Right(_("Read the laboratory's results"), "rules", may.LABORATORY_ROLES, may.may_see_laboratory),
    Right(_("Try changed rules in the laboratory"), "rules", may.FUNDER_ROLES, may.may_run_laboratory),
    Right(
        _("See providers, accreditations and the register"),
        "catalogue",
        (*AUTHORITY_ROLES, *WATCHING_ROLES),
        may_see_providers,
    ),
    Right(
        _("Decide on applications, entries and changes of providers; import catalogues"),
        "catalogue",
        AUTHORITY_ROLES,
        lambda actor: is_authority(None, actor),
    ),
    Right(
        _("See bookings"),
        "people",
        EVERYBODY,
        lambda actor: may.has_agency_role(actor, *Role),
        by_scheme=True,
    ),
    Right(
        _("Decide disputes and close reviews; cancel for the funder"),
        "people",
        may.FUNDER_ROLES,
        lambda actor: may.may_end_dispute(None, actor),
        by_scheme=True,
    ),
    Right(
        _("Suspend learning accounts"),
        "people",
        may.FUNDER_ROLES,
        lambda actor: may.may_suspend(None, actor),
        by_scheme=True,
    ),
    Right(_("Read statements of accounts"), "people", may.LABORATORY_ROLES, may.may_see_statements),
    Right(_("Say whose an e-identity is"), "people", FACT_ROLES, may_decide_identities),
    Right(_("See employers"), "people", EVERYBODY, may_see_employers),
    Right(_("Verify employers"), "people", FACT_ROLES, lambda actor: may_verify_employers(None, actor)),
    Right(_("Place and release holds"), "control", may.HOLD_ROLES, may.may_hold, by_scheme=True),
    Right(_("Read the audit of the books"), "control", EVERYBODY, may.may_audit),
    Right(_("See operations"), "control", EVERYBODY, may.may_see_operations),
    Right(_("Have failed jobs done again"), "control", (Role.MANAGER,), may.may_retry_jobs),
    Right(_("See roles at the agency"), "control", EVERYBODY, may.may_see_roles),
    Right(
        _("Limit roles of others to schemes"),
        "control",
        (Role.MANAGER,),
        lambda actor: may.has_agency_role(actor, Role.MANAGER),
    ),
)
