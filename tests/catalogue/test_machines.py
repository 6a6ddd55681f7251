"""The three machines of the catalogue: every allowed and every forbidden move, who may make it, and its log."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Role
from accounts.services import service_users
from catalogue.models import (
    Accreditation,
    AccreditationState,
    CredentialState,
    MicroCredential,
    Session,
    SessionState,
)
from ila.core import fsm, locks
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory, UserFactory
from tests.factories.catalogue import (
    AccreditationFactory,
    MicroCredentialFactory,
    ProviderFactory,
    SessionFactory,
)

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ALLOWED: dict[type[fsm.Machine], dict[tuple[str, str], str]] = {
    Accreditation: {
        ("draft", "submit"): "submitted",
        ("submitted", "review"): "in_review",
        ("in_review", "accredit"): "accredited",
        ("in_review", "refuse"): "refused",
        ("accredited", "suspend"): "suspended",
        ("suspended", "resume"): "accredited",
        ("accredited", "expire"): "expired",
        ("accredited", "withdraw"): "withdrawn",
        ("suspended", "withdraw"): "withdrawn",
    },
    MicroCredential: {
        ("draft", "submit"): "submitted",
        ("submitted", "register"): "registered",
        ("submitted", "send_back"): "draft",
        ("registered", "suspend"): "suspended",
        ("suspended", "resume"): "registered",
        ("submitted", "delist"): "delisted",
        ("registered", "delist"): "delisted",
        ("suspended", "delist"): "delisted",
        ("delisted", "relist"): "registered",
    },
    Session: {
        ("planned", "open"): "open",
        ("open", "guarantee"): "guaranteed",
        ("guaranteed", "start"): "running",
        ("running", "hold"): "held",
        ("planned", "cancel"): "cancelled",
        ("open", "cancel"): "cancelled",
        ("guaranteed", "cancel"): "cancelled",
        ("running", "mark_never_held"): "never_held",
    },
}
STATES: dict[type[fsm.Machine], Any] = {
    Accreditation: AccreditationState,
    MicroCredential: CredentialState,
    Session: SessionState,
}
FACTORIES: dict[type[fsm.Machine], Any] = {
    Accreditation: AccreditationFactory,
    MicroCredential: MicroCredentialFactory,
    Session: SessionFactory,
}
STAMPS: dict[type[fsm.Machine], dict[str, str]] = {
    Accreditation: {
        "submitted": "submitted_at",
        "in_review": "review_started_at",
        "accredited": "accredited_at",
        "refused": "refused_at",
        "suspended": "suspended_at",
        "expired": "expired_at",
        "withdrawn": "withdrawn_at",
    },
    MicroCredential: {
        "submitted": "submitted_at",
        "registered": "registered_at",
        "suspended": "suspended_at",
        "delisted": "delisted_at",
    },
    Session: {
        "open": "opened_at",
        "guaranteed": "guaranteed_at",
        "running": "started_at",
        "held": "held_at",
        "cancelled": "cancelled_at",
        "never_held": "never_held_at",
    },
}
PAIRS = [
    (model, state, transition)
    for model, states in STATES.items()
    for state in states.values
    for transition in sorted({name for _, name in ALLOWED[model]})
]
# Who may make each transition besides the platform's services: the provider's people, the authority's, or both.
MAKERS: dict[tuple[type[fsm.Machine], str], set[str]] = {
    (Accreditation, "submit"): {"provider"},
    (MicroCredential, "submit"): {"provider"},
    (MicroCredential, "delist"): {"provider", "authority"},
    (Session, "cancel"): {"provider", "authority"},
    (Session, "mark_never_held"): {"provider", "authority"},
    **{(Session, name): {"provider"} for name in ("open", "guarantee", "start", "hold")},
}


def made(model: type[fsm.Machine], state: str) -> Any:
    stamps = dict.fromkeys(STAMPS[model].values())
    if state in STAMPS[model]:
        stamps[STAMPS[model][state]] = NOW
    return FACTORIES[model].create(state=state, **stamps)


def arguments(transition: str) -> dict[str, Any]:
    return {"at": NOW, **({"valid_from": None, "valid_until": None} if transition == "accredit" else {})}


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "state", "transition"), PAIRS, ids=str)
def test_every_pair_of_state_and_transition(model, state, transition) -> None:
    target = ALLOWED[model].get((state, transition))
    one = made(model, state)
    actor = service_users.get("demo")
    if target is None:
        with pytest.raises(DomainError, match="not_allowed"):
            fsm.apply(one, transition, actor=actor, **arguments(transition))
        one.refresh_from_db()
        assert one.state == state
        assert one.log.count() == 1
        return
    fsm.apply(one, transition, actor=actor, reason="why", **arguments(transition))
    (stored,) = locks.acquire(locks.lock(model, one.pk))
    assert stored.state == target
    assert target not in STAMPS[model] or getattr(stored, STAMPS[model][target]) is not None
    row = stored.log.latest("pk")
    assert (row.source, row.target, row.transition, row.reason, row.actor) == (
        state,
        target,
        transition,
        "why",
        actor,
    )


@pytest.mark.parametrize("model", STATES, ids=str)
def test_no_transition_is_left_out(model) -> None:
    declared = {
        (str(one.source), str(one.name)): str(one.target)
        for one in fsm.machine_field(model).get_all_transitions(model)
    }
    assert declared == ALLOWED[model]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "state", "transition"), [(m, *pair) for m, pairs in ALLOWED.items() for pair in pairs], ids=str
)
def test_who_may_move(model, state, transition) -> None:
    one = made(model, state)
    provider = getattr(one, "provider", None) or one.micro_credential.provider
    people = {
        "provider": MembershipFactory.create(organisation=provider.organisation, role=Role.STAFF).user,
        "authority": MembershipFactory.create(role=Role.CASE_WORKER).user,
        "auditor": MembershipFactory.create(role=Role.AUDITOR).user,
        "rival": MembershipFactory.create(organisation=ProviderFactory.create().organisation).user,
        "nobody": UserFactory.create(),
    }
    method = fsm.transitions_of(model)[transition]._django_fsm.get_transition(state)
    allowed = {name for name, user in people.items() if method.has_perm(one, user)}
    assert allowed == MAKERS.get((model, transition), {"authority"})
    service = service_users.get("catalogue-import")
    assert method.has_perm(one, service)
    service.is_active = False
    assert not method.has_perm(one, service)
    service.is_active = True


@pytest.mark.django_db
@pytest.mark.parametrize("model", STATES, ids=str)
def test_no_state_moves_without_its_log_row(model) -> None:
    (state, _), target = next(iter(ALLOWED[model].items()))
    one = made(model, state)
    stamps = {STAMPS[model][target]: NOW}
    with pytest.raises(IntegrityError, match="without its log row"), transaction.atomic():
        model._base_manager.filter(pk=one.pk).update(state=target, **stamps)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "state"), [(m, state) for m, stamps in STAMPS.items() for state in stamps], ids=str
)
def test_a_state_without_its_time_is_refused(model, state) -> None:
    stamps = dict.fromkeys(STAMPS[model].values())
    with pytest.raises(DomainError, match="invalid"):
        FACTORIES[model].create(state=state, **stamps)
