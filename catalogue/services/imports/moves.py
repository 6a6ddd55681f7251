"""Moving many states at once, each step logged before it is made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, Value
from django.db.models.functions import Coalesce

from accounts.models import User
from catalogue.models import Accreditation, AccreditationState, CredentialState, MicroCredential
from ila.core import fsm

A = AccreditationState
C = CredentialState

# What a register's word asks of what is stored. No path means: it stays as it is.
ACCREDITATION_PATHS: Mapping[tuple[str, str], tuple[str, ...]] = {
    (A.DRAFT, A.SUBMITTED): ("submit",),
    (A.DRAFT, A.ACCREDITED): ("submit", "review", "accredit"),
    (A.DRAFT, A.SUSPENDED): ("submit", "review", "accredit", "suspend"),
    (A.SUBMITTED, A.ACCREDITED): ("review", "accredit"),
    (A.SUBMITTED, A.SUSPENDED): ("review", "accredit", "suspend"),
    (A.IN_REVIEW, A.ACCREDITED): ("accredit",),
    (A.IN_REVIEW, A.SUSPENDED): ("accredit", "suspend"),
    (A.ACCREDITED, A.SUSPENDED): ("suspend",),
    (A.ACCREDITED, A.SUBMITTED): ("suspend",),
    (A.SUSPENDED, A.ACCREDITED): ("resume",),
}
CREDENTIAL_PATHS: Mapping[tuple[str, str], tuple[str, ...]] = {
    (C.DRAFT, C.SUBMITTED): ("submit",),
    (C.DRAFT, C.REGISTERED): ("submit", "register"),
    (C.DRAFT, C.SUSPENDED): ("submit", "register", "suspend"),
    (C.SUBMITTED, C.REGISTERED): ("register",),
    (C.SUBMITTED, C.SUSPENDED): ("register", "suspend"),
    (C.REGISTERED, C.SUSPENDED): ("suspend",),
    (C.REGISTERED, C.SUBMITTED): ("suspend",),
    (C.SUSPENDED, C.REGISTERED): ("resume",),
    (C.DELISTED, C.REGISTERED): ("relist",),
    (C.DELISTED, C.SUSPENDED): ("relist", "suspend"),
    (C.DELISTED, C.SUBMITTED): ("relist", "suspend"),
}


@dataclass(frozen=True, slots=True)
class Walk:
    """One object's way through its machine. state: where it stands before the first step."""

    pk: int
    state: str
    steps: tuple[str, ...]


def targets(model: type[fsm.Machine]) -> dict[tuple[str, str], str]:
    """(state, transition) → target of a machine."""
    transitions = fsm.machine_field(model).get_all_transitions(model)
    return {(str(one.source), str(one.name)): str(one.target) for one in transitions}


def move_many(
    model: type[fsm.Machine], walks: Iterable[Walk], *, actor: User, at: datetime, reason: str
) -> None:
    """Make the steps of all walks, set by set, each with its log row.

    The rows are locked by the caller. Raises: KeyError for a step the machine does not have.
    """
    target_of = targets(model)
    rounds: dict[int, dict[tuple[str, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for walk in walks:
        state = walk.state
        for number, step in enumerate(walk.steps):
            rounds[number][state, step].append(walk.pk)
            state = target_of[state, step]
    for number in sorted(rounds):
        for (source, step), ids in sorted(rounds[number].items()):
            target = target_of[source, step]
            log_moves(model, ids, step, source=source, target=target, actor=actor, at=at, reason=reason)
            fsm.set_states(ids, model=model, source=source, target=target, **_stamps(model, step, at))


def log_moves(
    model: type[fsm.Machine],
    ids: Iterable[int],
    transition: str,
    *,
    source: str,
    target: str,
    actor: User,
    at: datetime,
    reason: str,
) -> None:
    """Write one log row for each of the objects."""
    log_model: Any = model.log_model
    rows = [
        log_model(
            subject_id=pk,
            actor=actor,
            transition=transition,
            source=source,
            target=target,
            reason=reason,
            at=at,
        )
        for pk in ids
    ]
    fsm.bulk_log(rows, model=log_model)


def last_moved_by(model: type[fsm.Machine], ids: Iterable[int], target: str) -> dict[int, int]:
    """Who last moved each of the objects into that state."""
    log: Any = model.log_model
    rows = log.objects.filter(subject_id__in=list(ids), target=target).exclude(source=target)
    return dict(
        rows.order_by("subject_id", "-pk").distinct("subject_id").values_list("subject_id", "actor_id")
    )


def _stamps(model: type[fsm.Machine], transition: str, at: datetime) -> dict[str, Any]:
    """The fields that a transition's body sets, for many rows at once."""
    if transition == "resume":
        first = "accredited_at" if model is Accreditation else "registered_at"
        ended: dict[str, Any] = {"suspended_at": None}
        if model is MicroCredential:
            ended["suspended_until"] = None
        return {**ended, first: Coalesce(first, Value(at), output_field=DateTimeField())}
    if model is Accreditation:
        names = {
            "submit": "submitted_at",
            "review": "review_started_at",
            "accredit": "accredited_at",
            "suspend": "suspended_at",
        }
        return {names[transition]: at}
    if model is MicroCredential:
        stamps: dict[str, dict[str, Any]] = {
            "submit": {"submitted_at": at},
            "register": {"registered_at": at},
            "suspend": {"suspended_at": at},
            "delist": {"delisted_at": at, "suspended_at": None, "suspended_until": None},
            "relist": {"delisted_at": None, "registered_at": at},
        }
        return stamps[transition]
    return {"guarantee": {"guaranteed_at": at}}[transition]
