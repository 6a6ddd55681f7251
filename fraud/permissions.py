"""Who may look into what looks wrong, and who may decide on it. What no predicate allows is denied.

A case is about a provider, whatever schemes paid it: a role that is limited to schemes does not count here.
"""

from typing import Any

from accounts.models import Role
from funding.permissions import FRAUD_ROLES, has_agency_role, is_for_every_scheme, manages_provider

INVESTIGATOR_ROLES = (Role.INVESTIGATOR, Role.MANAGER)


def may_see_cases(actor: Any) -> bool:
    """An investigator, case worker, manager or auditor of an agency, for every scheme."""
    return _holds(actor, *FRAUD_ROLES)


def may_investigate(_subject: Any, actor: Any) -> bool:
    """An investigator or manager of an agency; no service judges anybody."""
    return _holds(actor, *INVESTIGATOR_ROLES)


def may_sort(_subject: Any, actor: Any) -> bool:
    """What is only put in order, nobody decides on: investigators, and the platform's own services."""
    return _is_service(actor) or _holds(actor, *INVESTIGATOR_ROLES)


def may_settle(alert: Any, actor: Any) -> bool:
    """To dismiss or snooze an alert is to decide on it: nobody does so who wrote the rule that found it."""
    return may_sort(alert, actor) and actor.pk not in alert.rule_author_ids


def may_decide_rule(version: Any, actor: Any) -> bool:
    """Four eyes: another person than who proposed changed parameters puts them in force, or refuses them."""
    return may_investigate(version, actor) and actor.pk != version.proposed_by_id


def proposed_it(version: Any, actor: Any) -> bool:
    """Who proposed changed parameters takes them back."""
    return may_investigate(version, actor) and actor.pk == version.proposed_by_id


def may_manage(_subject: Any, actor: Any) -> bool:
    """A manager of an agency, for every scheme."""
    return _holds(actor, Role.MANAGER)


def works_on(case: Any, actor: Any) -> bool:
    """The case's own investigator."""
    return case.investigator_id == actor.pk and may_investigate(case, actor)


def may_decide(case: Any, actor: Any) -> bool:
    """Four eyes: neither its investigator, nor who proposed the decision, nor the author of a rule that led to it."""
    return (
        may_investigate(case, actor)
        and actor.pk not in (case.investigator_id, case.proposed_by_id)
        and actor.pk not in case.rule_author_ids
    )


def may_reopen(case: Any, actor: Any) -> bool:
    """Another person than who asked for it opens a closed case again."""
    return may_investigate(case, actor) and actor.pk != case.reopen_asked_by_id


def may_enforce(measure: Any, actor: Any) -> bool:
    """A manager of the agency who did not propose the measure puts it into force."""
    return may_manage(measure, actor) and actor.pk != measure.proposed_by_id


def may_decide_appeal(measure: Any, actor: Any) -> bool:
    """A manager who neither proposed the measure, nor put it into force, nor investigated or decided its case."""
    case = measure.case
    involved = (measure.proposed_by_id, measure.in_force_by_id, measure.urgent_by_id, measure.signed_by_id)
    return may_manage(measure, actor) and actor.pk not in (
        *involved,
        case.investigator_id,
        case.decided_by_id,
    )


def is_clock(_subject: Any, actor: Any) -> bool:
    """Only a service lets a term end by itself."""
    return _is_service(actor)


def may_let_go(_subject: Any, actor: Any) -> bool:
    """Letting go harms nobody: managers and investigators, and the services that watch the terms."""
    return _is_service(actor) or _holds(actor, *INVESTIGATOR_ROLES)


def is_place_proposer(place: Any, actor: Any) -> bool:
    """Who proposed a known place, as long as they investigate."""
    return bool(place.proposed_by_id == actor.pk and may_investigate(place, actor))


def may_decide_place(place: Any, actor: Any) -> bool:
    """Another investigator or manager than who proposed it: a known place silences detectors."""
    return bool(place.proposed_by_id != actor.pk and may_investigate(place, actor))


def answers_for(case: Any, actor: Any) -> bool:
    """A manager of the provider that the case is about."""
    return manages_provider(case, actor)


def _holds(actor: Any, *roles: Role) -> bool:
    return has_agency_role(actor, *roles) and is_for_every_scheme(actor, *roles)


def _is_service(actor: Any) -> bool:
    return bool(actor.is_active and actor.is_service)
